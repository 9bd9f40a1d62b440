//! Many WebSocket clients on one epoll loop: big shared read buffer, one write a socket and turn.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::scan::{Kind, Scan};
use crate::ws;

const READ_BUFFER: usize = 1024 * 1024;
/// How long connecting may make no progress at all.
const STALLED: Duration = Duration::from_secs(20);

/// Takes what the clients receive.
pub(crate) trait Handler {
    /// A text frame's payload, read at `at`. Answers go to `out`, and are written at the end of the turn.
    fn frame(&mut self, out: &mut Outbox, socket: usize, payload: &[u8], at: Instant);
    /// The server closed the socket.
    fn closed(&mut self, socket: usize, why: String);
}

/// What is to be written, by socket.
#[derive(Default)]
pub(crate) struct Outbox {
    queues: Vec<Vec<u8>>,
    dirty: Vec<usize>,
}

impl Outbox {
    /// The queue of `socket`; what is in it at the end of the turn is written at once.
    pub(crate) fn queue(&mut self, socket: usize) -> &mut Vec<u8> {
        let queue = &mut self.queues[socket];
        if queue.is_empty() {
            self.dirty.push(socket);
        }
        queue
    }
}

enum Phase {
    Connecting { request: String },
    Upgrading,
    Greeting,
    Open,
    Closed,
}

struct Socket {
    stream: Option<TcpStream>,
    phase: Phase,
    rest: Vec<u8>,
}

pub(crate) struct Pool {
    poll: Poll,
    events: Events,
    sockets: Vec<Socket>,
    out: Outbox,
    buf: Vec<u8>,
    scan: Scan,
    open: usize,
    /// Why a connection ended before it was open.
    refused: Option<String>,
}

impl Pool {
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(4096),
            sockets: Vec::new(),
            out: Outbox::default(),
            buf: vec![0; READ_BUFFER],
            scan: Scan::new(),
            open: 0,
            refused: None,
        })
    }

    pub(crate) fn out(&mut self) -> &mut Outbox {
        &mut self.out
    }

    pub(crate) fn open(&self) -> usize {
        self.open
    }

    /// Connects to each of `paths`, at most `window` at a time, until all have got their `connected` frame.
    /// Sockets are numbered in the order of `paths`, after those that there are.
    pub(crate) fn connect(
        &mut self,
        to: SocketAddr,
        paths: &[String],
        window: usize,
        handler: &mut impl Handler,
    ) -> anyhow::Result<()> {
        self.connect_each(paths.iter().map(|path| (to, path.as_str())).collect(), window, handler)
    }

    /// The same, each to an address of its own.
    pub(crate) fn connect_each(
        &mut self,
        targets: Vec<(SocketAddr, &str)>,
        window: usize,
        handler: &mut impl Handler,
    ) -> anyhow::Result<()> {
        let wanted = self.open + targets.len();
        let mut next = targets.into_iter();
        let (mut begun, mut progress) = (self.open, (self.open, Instant::now()));
        while self.open < wanted {
            while begun - self.open < window {
                let Some((to, path)) = next.next() else { break };
                self.begin(to, path)?;
                begun += 1;
            }
            self.turn(Some(Duration::from_millis(100)), handler)?;
            if let Some(why) = self.refused.take() {
                bail!("a connection ended before it was open: {why}");
            }
            if self.open > progress.0 {
                progress = (self.open, Instant::now());
            } else if progress.1.elapsed() > STALLED {
                bail!("{} of {wanted} sockets got connected, then none for {STALLED:?}", self.open);
            }
        }
        Ok(())
    }

    /// Begins one connection, and returns its number.
    pub(crate) fn begin(&mut self, to: SocketAddr, path: &str) -> anyhow::Result<usize> {
        let mut stream = TcpStream::connect(to).context("cannot connect")?;
        let at = self.sockets.len();
        self.poll.registry().register(&mut stream, Token(at), Interest::READABLE | Interest::WRITABLE)?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {to}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {}\r\n\r\n",
            ws::KEY
        );
        self.sockets.push(Socket {
            stream: Some(stream),
            phase: Phase::Connecting { request },
            rest: Vec::new(),
        });
        self.out.queues.push(Vec::new());
        Ok(at)
    }

    /// Sends a close frame and forgets the socket.
    pub(crate) fn close(&mut self, at: usize) {
        let socket = &mut self.sockets[at];
        if let Some(mut stream) = socket.stream.take() {
            let mut frame = Vec::new();
            ws::write(&mut frame, ws::CLOSE, Some([0; 4]), &1000u16.to_be_bytes());
            let _ = stream.write(&frame);
        }
        if matches!(socket.phase, Phase::Open) {
            self.open -= 1;
        }
        socket.phase = Phase::Closed;
        self.out.queues[at] = Vec::new();
    }

    pub(crate) fn close_all(&mut self) {
        (0..self.sockets.len()).for_each(|at| self.close(at));
        self.sockets.clear();
        self.out = Outbox::default();
    }

    /// Waits for events, handles them and writes what was queued.
    pub(crate) fn turn(
        &mut self,
        timeout: Option<Duration>,
        handler: &mut impl Handler,
    ) -> anyhow::Result<()> {
        self.flush(handler);
        let mut events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        match self.poll.poll(&mut events, timeout) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
            _ => {}
        }
        for event in &events {
            let at = event.token().0;
            if event.is_writable() {
                self.writable(at, handler);
            }
            if event.is_readable() {
                self.readable(at, handler);
            }
        }
        self.events = events;
        self.flush(handler);
        Ok(())
    }

    fn flush(&mut self, handler: &mut impl Handler) {
        let mut dirty = std::mem::take(&mut self.out.dirty);
        for at in dirty.drain(..) {
            self.write(at, handler);
        }
        self.out.dirty = dirty;
    }

    fn writable(&mut self, at: usize, handler: &mut impl Handler) {
        let Some(socket) = self.sockets.get_mut(at) else { return };
        if let Phase::Connecting { request } = &mut socket.phase {
            let request = std::mem::take(request);
            if let Some(stream) = &socket.stream {
                let _ = stream.set_nodelay(true);
            }
            socket.phase = Phase::Upgrading;
            self.out.queues[at].extend_from_slice(request.as_bytes());
        }
        self.write(at, handler);
    }

    fn write(&mut self, at: usize, handler: &mut impl Handler) {
        let Some(stream) = self.sockets.get_mut(at).and_then(|socket| socket.stream.as_mut()) else { return };
        let queue = &mut self.out.queues[at];
        if queue.is_empty() {
            return;
        }
        match stream.write(queue) {
            Ok(taken) if taken == queue.len() => queue.clear(),
            // The rest stays queued, and out of the dirty list: the socket's writable event takes it on.
            Ok(taken) => drop(queue.drain(..taken)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => self.lost(at, error.to_string(), handler),
        }
    }

    fn lost(&mut self, at: usize, why: String, handler: &mut impl Handler) {
        let socket = &mut self.sockets[at];
        socket.stream = None;
        self.out.queues[at].clear();
        match std::mem::replace(&mut socket.phase, Phase::Closed) {
            Phase::Open => self.open -= 1,
            _ => self.refused = Some(why.clone()),
        }
        handler.closed(at, why);
    }

    fn readable(&mut self, at: usize, handler: &mut impl Handler) {
        let mut buf = std::mem::take(&mut self.buf);
        while let Some(Socket { stream: Some(stream), rest, .. }) = self.sockets.get_mut(at) {
            let kept = rest.len();
            buf[..kept].copy_from_slice(rest);
            rest.clear();
            let got = match stream.read(&mut buf[kept..]) {
                Ok(0) => {
                    self.lost(at, "end of stream".into(), handler);
                    break;
                }
                Ok(got) => got,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    rest.extend_from_slice(&buf[..kept]);
                    break;
                }
                Err(error) => {
                    self.lost(at, error.to_string(), handler);
                    break;
                }
            };
            let all = kept + got;
            match self.take(at, &buf[..all], handler) {
                Ok(used) => {
                    if let Some(socket) = self.sockets.get_mut(at) {
                        socket.rest.extend_from_slice(&buf[used..all]);
                    }
                }
                Err(why) => self.lost(at, why, handler),
            }
            // A short read has emptied the socket (epoll(7), question 9), so the next event is due.
            if all < buf.len() {
                break;
            }
        }
        self.buf = buf;
    }

    /// Handles what is whole at the front of `bytes`, and returns how much that was.
    fn take(&mut self, at: usize, bytes: &[u8], handler: &mut impl Handler) -> Result<usize, String> {
        let mut used = 0;
        if matches!(self.sockets[at].phase, Phase::Upgrading) {
            let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n") else { return Ok(0) };
            if !bytes.starts_with(b"HTTP/1.1 101") {
                return Err(format!("no upgrade: {}", String::from_utf8_lossy(&bytes[..end])));
            }
            self.sockets[at].phase = Phase::Greeting;
            used = end + 4;
        }
        let now = Instant::now();
        while let Some(frame) = ws::parse(&bytes[used..]) {
            let payload = &bytes[used + frame.start..used + frame.end];
            used += frame.end;
            match frame.opcode {
                ws::TEXT if matches!(self.sockets[at].phase, Phase::Open) => {
                    handler.frame(&mut self.out, at, payload, now);
                }
                ws::TEXT if self.scan.kind(payload) == Kind::Connected => {
                    self.sockets[at].phase = Phase::Open;
                    self.open += 1;
                }
                ws::PING => ws::write(self.out.queue(at), ws::PONG, Some([0; 4]), payload),
                ws::CLOSE => {
                    let code =
                        payload.first_chunk().map(|code| u16::from_be_bytes(*code)).unwrap_or_default();
                    return Err(format!(
                        "closed with {code} {}",
                        String::from_utf8_lossy(payload.get(2..).unwrap_or(&[]))
                    ));
                }
                _ => {}
            }
        }
        Ok(used)
    }
}
