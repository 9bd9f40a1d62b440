//! Numbers for messages, counted in memory.

use async_trait::async_trait;
use gochat_core::model::{ConversationId, Seq};
use gochat_core::ports::{Result, Sequencer};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

/// Counters of the conversations that are written in. Bounded: when there are too many all are forgotten, and each is
/// asked of the store again when it is needed.
#[derive(Debug)]
pub struct LocalSequencer {
    heads: Mutex<FxHashMap<ConversationId, Seq>>,
    max: usize,
}

impl LocalSequencer {
    /// Keeps up to `max` counters.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self { heads: Mutex::default(), max }
    }
}

#[async_trait]
impl Sequencer for LocalSequencer {
    async fn reserve(&self, wanted: &[(ConversationId, u32)]) -> Result<Vec<Option<Seq>>> {
        let mut heads = self.heads.lock();
        let mut take = |(id, n): &(ConversationId, u32)| {
            let head = heads.get_mut(id)?;
            let first = head.next();
            *head = head.plus(u64::from(*n));
            Some(first)
        };
        Ok(wanted.iter().map(&mut take).collect())
    }

    async fn restore(&self, set: &[(ConversationId, Seq)]) -> Result<()> {
        let mut heads = self.heads.lock();
        if heads.len() + set.len() > self.max {
            heads.clear();
        }
        heads.extend(set.iter().copied());
        Ok(())
    }
}
