//! What waits to be written to one session.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::Bytes;

/// Bounds of a session's queue.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Most bytes that wait for one session; one who reads slower is cut off.
    pub queue_bytes: usize,
    /// Most events that wait for one subscriber inside the process.
    pub queue_events: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { queue_bytes: 1 << 20, queue_events: 1024 }
    }
}

/// Why a session ends from our side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// It reads slower than it is written to; it catches up by `sync`.
    TooSlow,
    /// No sign of life.
    HeartbeatMissed,
    /// Its login ended or its token expired.
    LoginEnded,
    /// Over the sessions a user may have; the oldest goes.
    Replaced,
    /// It keeps sending what is no frame of the contract.
    Misuse,
    /// A frame over the limit.
    TooLarge,
    /// A frame that breaks the WebSocket protocol.
    ProtocolError,
    /// Text that is not UTF-8.
    InvalidText,
    /// A fault of ours.
    Internal,
    /// The server restarts; come back after so many milliseconds.
    Restart {
        /// Chosen for each client, so that they don't all come at once.
        retry_after_ms: u32,
    },
    /// The client closed; its close frame is answered with its own code.
    Answer(u16),
}

/// Most slices handed to the kernel in one call; Linux takes 1,024 (UIO_MAXIOV), and gains little beyond a few.
const MAX_SLICES: usize = 64;

/// Queued chunks of whole frames; the first may be written in part.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    queue: VecDeque<Bytes>,
    bytes: usize,
    written: usize,
    /// What of `bytes` is in the count of waiting bytes.
    accounted: usize,
    /// Whether somebody has undertaken to flush it.
    pub(super) dirty: bool,
    pub(super) closing: Option<CloseReason>,
}

/// The queue is over its bound.
#[derive(Debug)]
pub(super) struct Overflow;

impl Outbox {
    pub(super) fn push(&mut self, chunk: Bytes, max: usize) -> Result<(), Overflow> {
        if self.closing.is_some() {
            return Ok(());
        }
        // One chunk larger than the bound is taken when nothing waits: it is what one batch brings, and bounded there.
        if self.bytes > 0 && self.bytes + chunk.len() > max {
            return Err(Overflow);
        }
        self.bytes += chunk.len();
        self.queue.push_back(chunk);
        Ok(())
    }

    /// Queues a chunk whose first `written` bytes have been written, in an idle outbox.
    pub(super) fn begun(&mut self, chunk: Bytes, written: usize) {
        self.bytes = chunk.len() - written;
        self.written = written;
        self.queue.push_back(chunk);
    }

    /// Ends with `frames`; answers how many chunks it threw away before them.
    pub(super) fn close(&mut self, reason: CloseReason, frames: Bytes) -> usize {
        if self.closing.is_some() {
            return 0;
        }
        let before = self.queue.len();
        // A slow client has no use for what it did not read; others get everything that was sent before the end.
        if reason == CloseReason::TooSlow {
            self.queue.truncate(usize::from(self.written > 0));
        }
        let dropped = before - self.queue.len();
        self.queue.push_back(frames);
        self.bytes = self.queue.iter().map(Bytes::len).sum::<usize>() - self.written;
        self.closing = Some(reason);
        dropped
    }

    /// By how much the waiting bytes have changed since this was asked last.
    pub(super) fn unaccounted(&mut self) -> i64 {
        let change = self.bytes as i64 - self.accounted as i64;
        self.accounted = self.bytes;
        change
    }

    /// As [`unaccounted`](Self::unaccounted), when nothing waits any more, for whatever reason.
    pub(super) fn forget(&mut self) -> i64 {
        self.queue = VecDeque::new();
        (self.bytes, self.written) = (0, 0);
        self.unaccounted()
    }

    /// Whether a chunk may be written at once: nothing waits, and it is not over.
    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.closing.is_none()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(super) fn slices<'a>(&'a self, into: &mut Vec<IoSlice<'a>>) {
        into.extend(
            self.queue
                .iter()
                .take(MAX_SLICES)
                .enumerate()
                .map(|(i, chunk)| IoSlice::new(if i == 0 { &chunk[self.written..] } else { chunk })),
        );
    }

    pub(super) fn front(&self) -> Option<&[u8]> {
        self.queue.front().map(|chunk| &chunk[self.written..])
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Takes note that the first `n` bytes are written.
    pub(super) fn advance(&mut self, mut n: usize) {
        self.bytes -= n;
        while let Some(front) = self.queue.front() {
            let left = front.len() - self.written;
            if n < left {
                self.written += n;
                break;
            }
            n -= left;
            self.written = 0;
            self.queue.pop_front();
        }
        // An idle session keeps no room for a burst of long ago.
        if self.queue.is_empty() && self.queue.capacity() > 4 {
            self.queue = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(outbox: &Outbox) -> Vec<u8> {
        let mut slices = Vec::new();
        outbox.slices(&mut slices);
        slices.iter().flat_map(|s| s.to_vec()).collect()
    }

    #[test]
    fn partial_writes_go_on_where_they_stopped() {
        let mut outbox = Outbox::default();
        for chunk in ["abc", "defg", "h"] {
            outbox.push(Bytes::from_static(chunk.as_bytes()), 100).expect("fits");
        }
        outbox.advance(2);
        assert_eq!(contents(&outbox), b"cdefgh");
        outbox.advance(1);
        outbox.advance(4);
        assert_eq!(contents(&outbox), b"h");
        outbox.advance(1);
        assert!(outbox.is_empty() && outbox.bytes == 0);
    }

    #[test]
    fn the_bound_holds_and_a_slow_end_keeps_the_frame_under_way() {
        let mut outbox = Outbox::default();
        outbox.push(Bytes::from_static(b"12345"), 8).expect("fits");
        outbox.push(Bytes::from_static(b"678"), 8).expect("fits");
        assert!(outbox.push(Bytes::from_static(b"9"), 8).is_err());
        outbox.advance(2);
        outbox.close(CloseReason::TooSlow, Bytes::from_static(b"END"));
        outbox.push(Bytes::from_static(b"late"), 8).expect("ignored");
        assert_eq!(contents(&outbox), b"345END");
    }

    #[test]
    fn a_frame_that_was_begun_outside_is_finished_before_the_end() {
        let mut outbox = Outbox::default();
        assert!(outbox.is_idle());
        outbox.begun(Bytes::from_static(b"12345"), 2);
        outbox.push(Bytes::from_static(b"678"), 8).expect("fits");
        assert_eq!(outbox.close(CloseReason::TooSlow, Bytes::from_static(b"END")), 1);
        assert_eq!(contents(&outbox), b"345END");
        assert_eq!(outbox.bytes, 6);
    }

    #[test]
    fn an_ordinary_end_comes_behind_what_waits() {
        let mut outbox = Outbox::default();
        outbox.push(Bytes::from_static(b"12"), 8).expect("fits");
        outbox.close(CloseReason::LoginEnded, Bytes::from_static(b"END"));
        assert_eq!(contents(&outbox), b"12END");
    }
}
