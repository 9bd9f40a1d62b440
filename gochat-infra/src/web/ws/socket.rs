//! The task of one connection.

use std::cell::RefCell;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use slog::{debug, warn};
use tokio::io::ReadBuf;
use tokio::time::timeout;

use super::codec::{Decoder, Fault};
use super::encode::close_code;
use super::gateway::Gateway;
use super::intake::{Intake, Step};
use super::wire::Wire;
use crate::hub::{CloseReason, Flushed, Session};
use crate::runtime::trace::TraceContext;

/// What a thread reads into; connections have no buffer of their own. Large enough that a burst is one call.
const READ_BUFFER: usize = 64 * 1024;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BUFFER]);
}

/// Code of a connection that ended without a close frame (RFC 6455, 7.1.5).
const NO_CLOSE: u16 = 1006;

/// What a connection's task wakes up for.
enum Next {
    /// The client asked for something.
    Steps(Vec<Step>),
    /// Everything is written, and the session is to end.
    Closed(CloseReason),
    /// The connection is gone.
    Gone,
}

struct Connection<W> {
    gateway: Gateway,
    session: Arc<Session>,
    wire: W,
    decoder: Decoder,
    bad_frames: u32,
    /// The trace that the client named when it connected.
    asked: Option<Box<TraceContext>>,
}

/// Serves a connection to its end. `early` is what came with the handshake, `asked` the trace that was named there.
pub(super) async fn run<W: Wire>(
    gateway: Gateway,
    session: Arc<Session>,
    wire: W,
    early: Vec<u8>,
    asked: Option<Box<TraceContext>>,
) {
    let info = *session.info();
    let (caller, span) = (info.caller(), gateway.span(asked.as_deref(), "ws open"));
    if let Err(e) = span.run(gateway.opened(&caller, info.session)).await {
        warn!(gateway.log, "session not registered"; "session" => info.session.get(), "error" => %e);
        gateway.hub.close(&session, CloseReason::Internal);
    }
    drop(span);
    let decoder = Decoder::new(gateway.config.message_max);
    let mut connection = Connection { gateway, session, wire, decoder, bad_frames: 0, asked };
    if !early.is_empty() {
        let mut early = early;
        let steps = connection.decode(&mut early);
        connection.take(steps).await;
    }
    loop {
        match poll_fn(|cx| connection.poll_next(cx)).await {
            Next::Steps(steps) => connection.take(steps).await,
            Next::Closed(reason) => {
                Box::pin(connection.finish(reason)).await;
                break;
            }
            Next::Gone => break,
        }
    }
    let Connection { gateway, session, asked, .. } = connection;
    gateway.hub.detach(&session);
    let span = gateway.span(asked.as_deref(), "ws close");
    if let Err(e) = span.run(gateway.services.presences.closed(&caller, info.session)).await {
        warn!(gateway.log, "session not unregistered"; "session" => info.session.get(), "error" => %e);
    }
    gateway.hub.metrics().disconnected(session.closing().map_or(NO_CLOSE, close_code));
    debug!(gateway.log, "session ended"; "session" => info.session.get(), "reason" => ?session.closing());
}

impl<W: Wire> Connection<W> {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        self.session.register(cx.waker());
        match self.wire.poll_drain(cx, &self.session) {
            Poll::Ready(Flushed::Broken) => return Poll::Ready(Next::Gone),
            Poll::Ready(_) => {
                if let Some(reason) = self.session.closing() {
                    return Poll::Ready(Next::Closed(reason));
                }
            }
            // A client that is to go and takes nothing any more gets the time to close and no more.
            Poll::Pending => {
                if let Some(reason) = self.session.closing() {
                    return Poll::Ready(Next::Closed(reason));
                }
            }
        }
        BUFFER.with_borrow_mut(|buffer| {
            loop {
                let mut read = ReadBuf::new(buffer);
                match self.wire.poll_read(cx, &mut read) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Err(_)) => return Poll::Ready(Next::Gone),
                    Poll::Ready(Ok(())) if read.filled().is_empty() => return Poll::Ready(Next::Gone),
                    Poll::Ready(Ok(())) => {
                        let steps = self.decode(read.filled_mut());
                        if !steps.is_empty() {
                            return Poll::Ready(Next::Steps(steps));
                        }
                    }
                }
            }
        })
    }

    /// Reads frames and turns them into what is to be done.
    fn decode(&mut self, bytes: &mut [u8]) -> Vec<Step> {
        self.gateway.touch(&self.session);
        self.gateway.hub.metrics().bytes_in.inc_by(bytes.len() as u64);
        let mut intake = Intake::new(&self.gateway, &self.session, &mut self.bad_frames);
        let fault = self.decoder.feed(bytes, |message| intake.take(message)).err();
        let mut steps = intake.into_steps();
        if let Some(fault) = fault {
            steps.push(Step::Close(match fault {
                Fault::TooLarge => CloseReason::TooLarge,
                Fault::Protocol => CloseReason::ProtocolError,
                Fault::InvalidText => CloseReason::InvalidText,
            }));
        }
        steps
    }

    async fn take(&mut self, steps: Vec<Step>) {
        for step in steps {
            match step {
                // What was read at once is one request, however many messages are in it.
                Step::Sends(sends) => {
                    let span = self.gateway.span(self.asked.as_deref(), "ws send-message");
                    span.run(self.gateway.submit(&self.session, sends)).await;
                }
                // Boxed: what is rarely asked must not make every idle connection larger.
                Step::Ask(ask) => {
                    let span = self.gateway.span(self.asked.as_deref(), ask.name());
                    let (gateway, session) = (&self.gateway, &self.session);
                    Box::pin(async move { span.run(gateway.ask(session, ask)).await }).await;
                }
                Step::Frames(frames) => self.gateway.hub.send(&self.session, frames),
                Step::Close(reason) => self.gateway.hub.close(&self.session, reason),
            }
        }
    }

    /// Writes what is left, ends our side, and gives the client a moment to end its own.
    async fn finish(&mut self, reason: CloseReason) {
        let grace = self.gateway.config.close_timeout;
        let all = async {
            if poll_fn(|cx| self.wire.poll_drain(cx, &self.session)).await == Flushed::Broken {
                return;
            }
            poll_fn(|cx| self.wire.poll_finish(cx, &self.session)).await;
            if matches!(reason, CloseReason::Answer(_)) {
                return;
            }
            // Reading on until the client has closed: closing with unread input would reset the connection, and the
            // client might never see the close frame.
            while poll_fn(|cx| poll_discard(&mut self.wire, cx)).await {}
        };
        let _client_took_too_long = timeout(grace, all).await;
    }
}

/// Reads and forgets; ready with whether the connection is still open.
fn poll_discard<W: Wire>(wire: &mut W, cx: &mut Context<'_>) -> Poll<bool> {
    BUFFER.with_borrow_mut(|buffer| {
        let mut read = ReadBuf::new(buffer);
        wire.poll_read(cx, &mut read).map(|outcome| outcome.is_ok() && !read.filled().is_empty())
    })
}
