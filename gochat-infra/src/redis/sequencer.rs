//! Counters of conversations. They propose; the store decides, so losing one costs a look-up and no order.

use ::redis::Value;
use async_trait::async_trait;
use gochat_core::model::{ConversationId, Seq};
use gochat_core::ports::{Result, Sequencer};
use slog::warn;

use super::answer;
use super::client::Redis;
use super::command::Command;
use super::error::Call;

/// A [`Sequencer`] whose counters several processes share. Each call is one round trip.
#[derive(Debug, Clone)]
pub struct RedisSequencer {
    redis: Redis,
}

impl RedisSequencer {
    /// Counters under the prefix of `redis`.
    #[must_use]
    pub fn new(redis: Redis) -> Self {
        Self { redis }
    }
}

#[async_trait]
impl Sequencer for RedisSequencer {
    async fn reserve(&self, wanted: &[(ConversationId, u32)]) -> Result<Vec<Option<Seq>>> {
        let ttl = self.redis.config().sequence_ttl.as_secs().max(1);
        let take = |(conversation, n): &(ConversationId, u32)| {
            let key = self.redis.keys().sequence(*conversation);
            self.redis.scripts().reserve.on([&key]).arg(*n).arg(ttl)
        };
        let taken =
            self.redis.call("sequencer.reserve", Call::Once, wanted.iter().map(take).collect()).await?;
        let first = |(answer, (conversation, n)): (&Value, &(ConversationId, u32))| {
            if *answer == Value::Nil {
                return None;
            }
            let first = answer::number(answer).and_then(|last| (last + 1).checked_sub(u64::from(*n)));
            if first.is_none() {
                // Whatever it is, the store has the right one.
                warn!(self.redis.log(), "a counter is no number"; "conversation" => %conversation);
            }
            first.map(Seq::new)
        };
        Ok(taken.iter().zip(wanted).map(first).collect())
    }

    async fn restore(&self, heads: &[(ConversationId, Seq)]) -> Result<()> {
        let ttl = self.redis.config().sequence_ttl.as_secs().max(1);
        let set = |(conversation, head): &(ConversationId, Seq)| {
            let key = self.redis.keys().sequence(*conversation);
            Command::new("SET", &key).arg(head.get()).arg("EX").arg(ttl)
        };
        self.redis.call("sequencer.restore", Call::Again, heads.iter().map(set).collect()).await.map(drop)
    }
}
