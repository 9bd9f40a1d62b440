//! What was sent lately, in memory.

use async_trait::async_trait;
use gochat_core::model::{MessageKey, Receipt};
use gochat_core::ports::{Dedup, Result};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

/// Remembers the newest sends in two generations: when the young one is full it becomes the old one, and the old one is
/// forgotten. So between `max` and half of it are known, without a list to keep in order.
#[derive(Debug)]
pub struct LocalDedup {
    generations: Mutex<Generations>,
    half: usize,
}

#[derive(Debug, Default)]
struct Generations {
    young: FxHashMap<MessageKey, Receipt>,
    old: FxHashMap<MessageKey, Receipt>,
}

impl LocalDedup {
    /// Remembers up to `max` sends.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self { generations: Mutex::default(), half: max.div_ceil(2).max(1) }
    }
}

#[async_trait]
impl Dedup for LocalDedup {
    async fn seen(&self, keys: &[MessageKey]) -> Result<Vec<Option<Receipt>>> {
        let known = self.generations.lock();
        Ok(keys.iter().map(|key| known.young.get(key).or_else(|| known.old.get(key)).copied()).collect())
    }

    async fn remember(&self, sent: &[(MessageKey, Receipt)]) -> Result<()> {
        let mut known = self.generations.lock();
        for (key, receipt) in sent {
            if known.young.len() >= self.half {
                known.old = std::mem::take(&mut known.young);
            }
            known.young.insert(key.clone(), *receipt);
        }
        Ok(())
    }
}
