//! What is done and not yet committed.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use tokio::sync::Notify;

/// What the tasks of partitions and the client's callbacks tell the loop.
#[derive(Debug, Default)]
pub(super) struct Offsets {
    /// Something is done, or a commit was answered.
    pub(super) changed: Notify,
    /// A commit is on its way. One at a time, so that they arrive in order, and one takes all that was done meanwhile.
    pub(super) committing: AtomicBool,
    /// The last commit failed.
    pub(super) failed: AtomicBool,
}

impl Offsets {
    /// The answer to a commit.
    pub(super) fn answered(&self, ok: bool) {
        self.failed.store(!ok, Ordering::Release);
        self.committing.store(false, Ordering::Release);
        self.changed.notify_one();
    }
}

/// How far one partition is.
#[derive(Debug)]
pub(super) struct Progress {
    reached: AtomicI64,
    waiting: AtomicBool,
}

impl Progress {
    pub(super) const fn new() -> Self {
        Self { reached: AtomicI64::new(-1), waiting: AtomicBool::new(false) }
    }

    /// All below `offset` has had its effect.
    pub(super) fn reach(&self, offset: i64) {
        self.reached.store(offset, Ordering::Release);
    }

    /// The first offset without effect, if anything was done.
    pub(super) fn get(&self) -> Option<i64> {
        let offset = self.reached.load(Ordering::Acquire);
        (offset >= 0).then_some(offset)
    }

    /// Its task waits for records, or has some in hand.
    pub(super) fn set_waiting(&self, waiting: bool) {
        self.waiting.store(waiting, Ordering::Release);
    }

    /// Whether its task has nothing in hand.
    pub(super) fn is_waiting(&self) -> bool {
        self.waiting.load(Ordering::Acquire)
    }
}
