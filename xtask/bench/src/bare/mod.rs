//! The bare reference server: what sockets and one core give when a server adds nothing of its own.
//!
//! One epoll loop; a frame is prepared once a message; a socket gets one write a loop turn with everything that
//! the turn has for it. It parses no JSON and knows no accounts: a room is a number in the URL, and a message
//! goes to all others in its room. With `--store` each turn appends its messages to a file and calls
//! `fdatasync` once, before any ack or delivery.

mod room;
mod socket;
mod template;

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token};

use crate::load::CONTENT_FROM_END;
use crate::ws;
use room::Room;
use socket::{Phase, Socket};
use template::{Ack, Delivery};

const LISTENER: Token = Token(usize::MAX);
const READ_BUFFER: usize = 256 * 1024;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Address to listen at; port 0 chooses one, and the choice is printed.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Appends every message to this file, one `fdatasync` a loop turn, before any ack or delivery.
    #[arg(long)]
    store: Option<PathBuf>,
    /// Payload bytes of a delivery; shorter than the template is the template.
    #[arg(long, default_value_t = 0)]
    delivery_bytes: usize,
    /// Payload bytes of an ack.
    #[arg(long, default_value_t = 0)]
    ack_bytes: usize,
    /// A fault on purpose, to see the generator's checks fail: every thousandth delivery of a room.
    #[arg(long, value_enum)]
    fault: Option<Fault>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Fault {
    Drop,
    Double,
    Swap,
}

/// Serves until killed.
pub(crate) fn serve(options: &Options) -> anyhow::Result<()> {
    crate::machine::raise_open_files()?;
    let mut server = Server::new(options)?;
    println!("listening {}", server.listener.local_addr()?);
    server.run()
}

/// What one loop turn gathers.
#[derive(Default)]
struct Turn {
    rooms: Vec<usize>,
    sockets: Vec<usize>,
    log: Vec<u8>,
}

struct Server {
    poll: Poll,
    listener: TcpListener,
    sockets: Vec<Option<Socket>>,
    free: Vec<usize>,
    rooms: Vec<Room>,
    turn: Turn,
    delivery: Delivery,
    ack: Ack,
    hello: Vec<u8>,
    next_id: u64,
    store: Option<File>,
    fault: Option<Fault>,
}

impl Server {
    fn new(options: &Options) -> anyhow::Result<Self> {
        let mut listener = TcpListener::bind(options.listen).context("cannot listen")?;
        let poll = Poll::new()?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        let store = match &options.store {
            Some(path) => Some(OpenOptions::new().create(true).append(true).open(path)?),
            None => None,
        };
        Ok(Self {
            poll,
            listener,
            sockets: Vec::new(),
            free: Vec::new(),
            rooms: Vec::new(),
            turn: Turn::default(),
            delivery: Delivery::new(options.delivery_bytes),
            ack: Ack::new(options.ack_bytes),
            hello: template::connected(),
            next_id: 0,
            store,
            fault: options.fault,
        })
    }

    fn run(&mut self) -> anyhow::Result<()> {
        let mut events = Events::with_capacity(4096);
        let mut buf = vec![0; READ_BUFFER];
        loop {
            if let Err(error) = self.poll.poll(&mut events, None) {
                if error.kind() == ErrorKind::Interrupted {
                    continue;
                }
                return Err(error.into());
            }
            self.delivery.set_time();
            self.ack.set_time(&self.delivery);
            for event in &events {
                if event.token() == LISTENER {
                    self.accept()?;
                    continue;
                }
                let at = event.token().0;
                if event.is_writable() {
                    self.flush(at);
                }
                if event.is_readable() {
                    self.read(at, &mut buf);
                }
            }
            self.finish_turn()?;
        }
    }

    fn accept(&mut self) -> anyhow::Result<()> {
        loop {
            let mut stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            stream.set_nodelay(true)?;
            let at = self.free.pop().unwrap_or_else(|| {
                self.sockets.push(None);
                self.sockets.len() - 1
            });
            self.poll.registry().register(&mut stream, Token(at), Interest::READABLE | Interest::WRITABLE)?;
            self.sockets[at] = Some(Socket::new(stream));
        }
    }

    fn read(&mut self, at: usize, buf: &mut [u8]) {
        loop {
            let Some(socket) = self.sockets[at].as_mut() else { return };
            let kept = socket.rest.len();
            buf[..kept].copy_from_slice(&socket.rest);
            socket.rest.clear();
            let got = match socket.stream.read(&mut buf[kept..]) {
                Ok(0) => return self.close(at),
                Ok(got) => got,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    socket.rest.extend_from_slice(&buf[..kept]);
                    return;
                }
                Err(_) => return self.close(at),
            };
            let full = kept + got == buf.len();
            let used = match socket.phase {
                Phase::Request => self.upgrade(at, &buf[..kept + got]),
                Phase::Open { .. } => self.frames(at, &mut buf[..kept + got]),
            };
            let Some(used) = used else { return self.close(at) };
            if let Some(socket) = self.sockets[at].as_mut() {
                socket.rest.extend_from_slice(&buf[used..kept + got]);
            }
            // A short read has emptied the socket (epoll(7), question 9), so the next event is due.
            if !full {
                return;
            }
        }
    }

    /// Answers the upgrade; `None` closes the socket.
    fn upgrade(&mut self, at: usize, request: &[u8]) -> Option<usize> {
        let Some(end) = memchr::memmem::find(request, b"\r\n\r\n") else { return Some(0) };
        let number = &request[memchr::memmem::find(&request[..end], b"room=")? + 5..];
        let digits = number.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let room = std::str::from_utf8(&number[..digits.min(6)]).ok()?.parse().ok()?;
        while self.rooms.len() <= room {
            self.rooms.push(Room::default());
        }
        self.rooms[room].members.push(at);
        let socket = self.sockets[at].as_mut()?;
        socket.phase = Phase::Open { room };
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {}\r\n\r\n",
            ws::ACCEPT
        );
        socket.out.extend_from_slice(answer.as_bytes());
        ws::write(&mut socket.out, ws::TEXT, None, &self.hello);
        socket.mark(at, &mut self.turn.sockets);
        Some(end + 4)
    }

    /// Takes the whole frames at the front of `bytes`; `None` closes the socket.
    fn frames(&mut self, at: usize, bytes: &mut [u8]) -> Option<usize> {
        let socket = self.sockets[at].as_mut()?;
        let Phase::Open { room: number } = socket.phase else { return Some(0) };
        let room = &mut self.rooms[number];
        let mut used = 0;
        while let Some(frame) = ws::parse(&bytes[used..]) {
            let payload = &mut bytes[used + frame.start..used + frame.end];
            used += frame.end;
            match frame.opcode {
                ws::TEXT => {}
                ws::CLOSE => return None,
                _ => continue,
            }
            unmask(payload, frame.mask?);
            self.next_id += 1;
            room.last_seq += 1;
            let start = room.frames.len();
            self.delivery.write(&mut room.frames, self.next_id, room.last_seq, payload)?;
            room.senders.push((at, start));
            if self.store.is_some() {
                self.turn.log.extend_from_slice(&self.next_id.to_le_bytes());
                self.turn.log.extend_from_slice(&room.last_seq.to_le_bytes());
                self.turn.log.extend_from_slice(&payload[payload.len() - CONTENT_FROM_END..]);
            }
            if let Some(fault) = self.fault {
                room.damage(fault, start);
            }
            self.ack.write(&mut socket.out, self.next_id, room.last_seq, payload);
        }
        socket.mark(at, &mut self.turn.sockets);
        if !room.frames.is_empty() && !room.marked {
            room.marked = true;
            self.turn.rooms.push(number);
        }
        Some(used)
    }

    /// Makes the turn durable, then writes to every socket once.
    fn finish_turn(&mut self) -> anyhow::Result<()> {
        if let Some(file) = &mut self.store
            && !self.turn.log.is_empty()
        {
            file.write_all(&self.turn.log)?;
            file.sync_data()?;
            self.turn.log.clear();
        }
        let mut broken = Vec::new();
        while let Some(number) = self.turn.rooms.pop() {
            let room = &mut self.rooms[number];
            for &member in &room.members {
                let Some(socket) = self.sockets[member].as_mut() else { continue };
                let sent = match room.is_sender(member) {
                    true => {
                        room.append_others(member, &mut socket.out);
                        socket.flush()
                    }
                    false if socket.out.is_empty() => socket.send(&room.frames),
                    false => {
                        socket.out.extend_from_slice(&room.frames);
                        socket.flush()
                    }
                };
                if sent.is_err() {
                    broken.push(member);
                }
            }
            room.finish_turn();
        }
        while let Some(at) = self.turn.sockets.pop() {
            if let Some(socket) = self.sockets[at].as_mut() {
                socket.marked = false;
            }
            self.flush(at);
        }
        broken.into_iter().for_each(|at| self.close(at));
        Ok(())
    }

    fn flush(&mut self, at: usize) {
        if let Some(socket) = self.sockets[at].as_mut()
            && socket.flush().is_err()
        {
            self.close(at);
        }
    }

    fn close(&mut self, at: usize) {
        let Some(socket) = self.sockets[at].take() else { return };
        if let Phase::Open { room } = socket.phase {
            self.rooms[room].members.retain(|member| *member != at);
        }
        self.free.push(at);
    }
}

fn unmask(payload: &mut [u8], key: [u8; 4]) {
    let wide = u64::from_ne_bytes([key[0], key[1], key[2], key[3], key[0], key[1], key[2], key[3]]);
    let (chunks, rest) = payload.as_chunks_mut::<8>();
    for chunk in chunks {
        *chunk = (u64::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
    }
    rest.iter_mut().zip(key.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
}

#[cfg(test)]
mod tests;
