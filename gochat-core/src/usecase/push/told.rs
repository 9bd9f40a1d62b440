//! Who was told what last.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::model::{ConversationId, Message, Seq, Timestamp, UserId};
use crate::ports::Notification;

type Last = HashMap<(ConversationId, UserId), (Seq, Timestamp)>;

/// The last notification of each user and conversation, bounded.
#[derive(Debug)]
pub(super) struct Told {
    last: Mutex<Last>,
    collapse: Duration,
    max: usize,
}

impl Told {
    pub(super) fn new(collapse: Duration, max: usize) -> Self {
        Self { last: Mutex::default(), collapse, max: max.max(1) }
    }

    fn lock(&self) -> MutexGuard<'_, Last> {
        // What a panic left is whole: each change is one insertion.
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the user may be told of it now.
    pub(super) fn may(&self, user: UserId, message: &Message) -> bool {
        match self.lock().get(&(message.conversation, user)) {
            Some((seq, at)) => message.seq > *seq && message.sent_at >= at.after(self.collapse),
            None => true,
        }
    }

    pub(super) fn remember(&self, told: &[Notification]) {
        let mut last = self.lock();
        for one in told {
            if last.len() >= self.max {
                // Older than the collapse time: they protect from repetitions only.
                last.retain(|_, (_, at)| one.at < at.after(self.collapse));
            }
            if last.len() >= self.max {
                last.clear();
            }
            last.insert((one.conversation, one.user), (one.seq, one.at));
        }
    }
}
