//! One session: where its bytes go, and its queue.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Waker;

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use gochat_core::model::{Caller, Event, LoginId, SessionId, Timestamp, UserId};
use parking_lot::Mutex;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::mpsc;

use crate::runtime::metrics::Metrics;

use super::outbox::{CloseReason, Limits, Outbox, Overflow};

/// Whose session it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionInfo {
    /// The user.
    pub user: UserId,
    /// The session.
    pub session: SessionId,
    /// The login that it came with.
    pub login: LoginId,
    /// Whether of a guest.
    pub guest: bool,
    /// When its token ends.
    pub expires_at: Timestamp,
    /// Whether its client reads English; else Chinese.
    pub english: bool,
}

impl SessionInfo {
    /// Who asks when this session asks.
    #[must_use]
    pub fn caller(&self) -> Caller {
        Caller {
            user: self.user,
            guest: self.guest,
            login: self.login,
            expires_at: self.expires_at,
            session: Some(self.session),
        }
    }
}

/// Where a session's bytes go.
pub enum Link {
    /// A plain socket, written to directly by whoever delivers.
    Tcp(OwnedWriteHalf),
    /// Something else that its own task writes to, such as a TLS stream.
    Task,
    /// A subscriber inside the process, which takes events as they are.
    Events(mpsc::Sender<Event>),
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp(_) => "Tcp",
            Self::Task => "Task",
            Self::Events(_) => "Events",
        })
    }
}

/// The receiving end of [`Link::Events`].
pub type EventStream = mpsc::Receiver<Event>;

/// A connected client or subscriber.
#[derive(Debug)]
pub struct Session {
    info: SessionInfo,
    link: Link,
    outbox: Mutex<Outbox>,
    waker: AtomicWaker,
    /// Heartbeat round in which the client last showed life.
    alive: AtomicU32,
    metrics: Metrics,
}

/// How a flush ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flushed {
    /// Nothing waits.
    Done,
    /// The socket is full; go on when it is writable.
    Blocked,
    /// The connection is gone.
    Broken,
}

impl Session {
    pub(super) fn new(info: SessionInfo, link: Link, metrics: Metrics) -> Self {
        let (outbox, waker, alive) = (Mutex::default(), AtomicWaker::new(), AtomicU32::new(0));
        Self { info, link, outbox, waker, alive, metrics }
    }

    /// Whether a client is behind it, not a subscriber in the process.
    #[must_use]
    pub fn is_socket(&self) -> bool {
        !matches!(self.link, Link::Events(_))
    }

    /// Takes what waits out of the count of waiting bytes: nobody will write it any more.
    pub(super) fn forget_queue(&self) {
        self.metrics.queue_bytes.inc_by(self.outbox.lock().forget());
    }

    /// Whose it is.
    #[must_use]
    pub fn info(&self) -> &SessionInfo {
        &self.info
    }

    /// Where its bytes go.
    #[must_use]
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// Why it is ending, if it is.
    #[must_use]
    pub fn closing(&self) -> Option<CloseReason> {
        self.outbox.lock().closing
    }

    /// Whether something waits to be written.
    #[must_use]
    pub fn pending(&self) -> bool {
        !self.outbox.lock().is_empty()
    }

    /// Remembers the task to be woken when something waits that could not be written, or the session is to end.
    pub fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    /// Takes note of a sign of life in a heartbeat round.
    pub fn touch(&self, round: u32) {
        self.alive.store(round, Ordering::Relaxed);
    }

    /// The heartbeat round of the last sign of life.
    #[must_use]
    pub fn last_alive(&self) -> u32 {
        self.alive.load(Ordering::Relaxed)
    }

    /// Queues whole frames. The caller flushes.
    pub(super) fn push(&self, chunk: Bytes, limits: &Limits) -> Result<(), Overflow> {
        self.outbox.lock().push(chunk, limits.queue_bytes)
    }

    /// Writes whole frames at once, if nothing waits before them, and queues what the socket does not take: the way of a
    /// batch that brings a session one chunk only, without the detour over its queue. Answers as
    /// [`push_batched`](Self::push_batched).
    pub(super) fn write_or_queue(&self, chunk: &Bytes, limits: &Limits) -> Result<bool, Overflow> {
        let mut outbox = self.outbox.lock();
        let Link::Tcp(stream) = &self.link else {
            outbox.push(chunk.clone(), limits.queue_bytes)?;
            return Ok(!std::mem::replace(&mut outbox.dirty, true));
        };
        if !outbox.is_idle() {
            outbox.push(chunk.clone(), limits.queue_bytes)?;
            return Ok(!std::mem::replace(&mut outbox.dirty, true));
        }
        // A connection that is gone is found out by its task, which this wakes.
        let written = stream.try_write(chunk).unwrap_or(0);
        if written < chunk.len() {
            outbox.begun(chunk.clone(), written);
            self.account(&mut outbox);
            drop(outbox);
            self.waker.wake();
        }
        Ok(false)
    }

    /// Queues whole frames; answers whether nobody has undertaken to flush yet, in which case the caller does.
    pub(super) fn push_batched(&self, chunk: Bytes, limits: &Limits) -> Result<bool, Overflow> {
        let mut outbox = self.outbox.lock();
        outbox.push(chunk, limits.queue_bytes)?;
        Ok(!std::mem::replace(&mut outbox.dirty, true))
    }

    pub(super) fn close(&self, reason: CloseReason, frames: Bytes) {
        let dropped = self.outbox.lock().close(reason, frames);
        self.metrics.drops.inc_by(dropped as u64);
        self.flush();
        self.waker.wake();
    }

    /// Writes what waits as far as the socket takes it, and leaves the rest to the session's task.
    pub fn flush(&self) -> Flushed {
        let mut outbox = self.outbox.lock();
        outbox.dirty = false;
        let Link::Tcp(stream) = &self.link else {
            drop(outbox);
            self.waker.wake();
            return Flushed::Blocked;
        };
        let flushed = write_out(stream, &mut outbox);
        self.account(&mut outbox);
        drop(outbox);
        if flushed != Flushed::Done {
            self.waker.wake();
        }
        flushed
    }

    /// As [`flush`](Self::flush), for the session's own task, which needs no waking.
    pub fn flush_own(&self) -> Flushed {
        match &self.link {
            Link::Tcp(stream) => {
                let mut outbox = self.outbox.lock();
                let flushed = write_out(stream, &mut outbox);
                self.account(&mut outbox);
                flushed
            }
            Link::Task | Link::Events(_) => Flushed::Done,
        }
    }

    /// Counts what waits after a write. Mostly nothing waits, and nothing is counted.
    fn account(&self, outbox: &mut Outbox) {
        match outbox.unaccounted() {
            0 => {}
            change => {
                self.metrics.queue_bytes.inc_by(change);
            }
        }
    }

    /// Hands what waits to a task that writes by itself: appends copies of the bytes to `into` and takes them out.
    pub fn take_pending(&self, into: &mut Vec<u8>) {
        let mut outbox = self.outbox.lock();
        outbox.dirty = false;
        while let Some(front) = outbox.front() {
            let n = front.len();
            into.extend_from_slice(front);
            outbox.advance(n);
        }
    }

    /// Gives an event to a subscriber in the process; one who doesn't take them in time loses the stream.
    pub(super) fn push_event(&self, event: &Event) {
        let Link::Events(sender) = &self.link else { return };
        // Held while sending, so that nothing gets in behind the end.
        let mut outbox = self.outbox.lock();
        if outbox.closing.is_none() && sender.try_send(event.clone()).is_err() {
            outbox.closing = Some(CloseReason::TooSlow);
            drop(outbox);
            self.waker.wake();
        }
    }
}

fn write_out(stream: &OwnedWriteHalf, outbox: &mut Outbox) -> Flushed {
    loop {
        let written = match outbox.len() {
            0 => return Flushed::Done,
            1 => stream.try_write(outbox.front().unwrap_or_default()),
            n => {
                let mut slices = Vec::with_capacity(n.min(64));
                outbox.slices(&mut slices);
                stream.try_write_vectored(&slices)
            }
        };
        match written {
            Ok(0) => return Flushed::Broken,
            Ok(n) => outbox.advance(n),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Flushed::Blocked,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Flushed::Broken,
        }
    }
}
