//! A memory of what was sent, in memory.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use async_trait::async_trait;

use super::lock;
use crate::model::{MessageKey, Receipt};
use crate::ports::{Dedup, Result};

/// Remembers the newest so many receipts.
#[derive(Debug)]
pub struct MemoryDedup {
    most: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    receipts: HashMap<MessageKey, Receipt>,
    oldest_first: VecDeque<MessageKey>,
}

impl MemoryDedup {
    /// Remembers up to `most` receipts; with 0 it never remembers anything.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { most, state: Mutex::default() }
    }

    /// Forgets everything.
    pub fn forget(&self) {
        *lock(&self.state) = State::default();
    }

    /// How many it remembers.
    #[must_use]
    pub fn len(&self) -> usize {
        lock(&self.state).receipts.len()
    }

    /// Whether it remembers nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[async_trait]
impl Dedup for MemoryDedup {
    async fn seen(&self, keys: &[MessageKey]) -> Result<Vec<Option<Receipt>>> {
        let state = lock(&self.state);
        Ok(keys.iter().map(|key| state.receipts.get(key).copied()).collect())
    }

    async fn remember(&self, sent: &[(MessageKey, Receipt)]) -> Result<()> {
        let mut state = lock(&self.state);
        for (key, receipt) in sent {
            if state.receipts.insert(key.clone(), *receipt).is_none() {
                state.oldest_first.push_back(key.clone());
            }
            while state.oldest_first.len() > self.most {
                if let Some(oldest) = state.oldest_first.pop_front() {
                    state.receipts.remove(&oldest);
                }
            }
        }
        Ok(())
    }
}
