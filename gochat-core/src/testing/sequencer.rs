//! Counters in memory.

use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;

use super::lock;
use crate::model::{ConversationId, Seq};
use crate::ports::{Result, Sequencer};

/// Counters in memory, which a test can lose.
#[derive(Debug, Default)]
pub struct MemorySequencer(Mutex<HashMap<ConversationId, Seq>>);

impl MemorySequencer {
    /// Knows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Loses all counters.
    pub fn forget(&self) {
        lock(&self.0).clear();
    }

    /// Where a counter stands: the last number handed out.
    #[must_use]
    pub fn head(&self, conversation: ConversationId) -> Option<Seq> {
        lock(&self.0).get(&conversation).copied()
    }
}

#[async_trait]
impl Sequencer for MemorySequencer {
    async fn reserve(&self, wanted: &[(ConversationId, u32)]) -> Result<Vec<Option<Seq>>> {
        let mut heads = lock(&self.0);
        Ok(wanted
            .iter()
            .map(|(conversation, n)| {
                let head = heads.get_mut(conversation)?;
                let first = head.next();
                *head = head.plus(u64::from(*n));
                Some(first)
            })
            .collect())
    }

    async fn restore(&self, heads: &[(ConversationId, Seq)]) -> Result<()> {
        lock(&self.0).extend(heads.iter().copied());
        Ok(())
    }
}
