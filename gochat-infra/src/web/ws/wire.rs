//! The two kinds of connection: a plain socket that whoever delivers writes to, and anything else.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::tcp::OwnedReadHalf;

use crate::hub::{Flushed, Link, Session};

/// A connection as its task sees it.
pub(super) trait Wire: Send + Unpin + 'static {
    /// Reads what has come.
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>>;
    /// Writes what waits for the session; ready when nothing waits, or the connection is gone.
    fn poll_drain(&mut self, cx: &mut Context<'_>, session: &Session) -> Poll<Flushed>;
    /// Says that nothing more will come from us.
    fn poll_finish(&mut self, cx: &mut Context<'_>, session: &Session) -> Poll<()>;
}

/// The reading half of a plain socket; the session holds the other.
#[derive(Debug)]
pub(super) struct Plain(pub(super) OwnedReadHalf);

impl Wire for Plain {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>, session: &Session) -> Poll<Flushed> {
        let Link::Tcp(stream) = session.link() else { return Poll::Ready(Flushed::Broken) };
        loop {
            match session.flush_own() {
                Flushed::Blocked => {
                    if ready!(stream.as_ref().poll_write_ready(cx)).is_err() {
                        return Poll::Ready(Flushed::Broken);
                    }
                }
                end => return Poll::Ready(end),
            }
        }
    }

    fn poll_finish(&mut self, _: &mut Context<'_>, session: &Session) -> Poll<()> {
        if let Link::Tcp(stream) = session.link() {
            let socket = socket2::SockRef::from(stream.as_ref());
            let _gone_already = socket.shutdown(std::net::Shutdown::Write);
        }
        Poll::Ready(())
    }
}

/// A connection that only its task can write to: TLS, or a host program's own server.
pub(super) struct Wrapped {
    io: TokioIo<Upgraded>,
    out: Vec<u8>,
    written: usize,
}

impl Wrapped {
    pub(super) fn new(upgraded: Upgraded) -> Self {
        Self { io: TokioIo::new(upgraded), out: Vec::new(), written: 0 }
    }
}

impl Wire for Wrapped {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>, session: &Session) -> Poll<Flushed> {
        loop {
            if self.written == self.out.len() {
                self.out = Vec::new();
                self.written = 0;
                session.take_pending(&mut self.out);
                if self.out.is_empty() {
                    let flushed = ready!(Pin::new(&mut self.io).poll_flush(cx));
                    return Poll::Ready(flushed.map_or(Flushed::Broken, |()| Flushed::Done));
                }
            }
            match ready!(Pin::new(&mut self.io).poll_write(cx, &self.out[self.written..])) {
                Ok(0) | Err(_) => return Poll::Ready(Flushed::Broken),
                Ok(n) => self.written += n,
            }
        }
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>, _: &Session) -> Poll<()> {
        Pin::new(&mut self.io).poll_shutdown(cx).map(|_gone_already| ())
    }
}
