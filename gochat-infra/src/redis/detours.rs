//! Which conversations went by way of the fan-out a moment ago.

use std::time::Duration;

use ::redis::Value;
use async_trait::async_trait;
use gochat_core::model::ConversationId;
use gochat_core::ports::Result;

use super::client::Redis;
use super::command::Command;
use super::error::Call;
use crate::routes::Detours;

/// How long a conversation stays on the long way after the last that went there: far longer than the fan-out is behind, and
/// the fan-out notes again what it works at.
const LATELY: Duration = Duration::from_secs(60);

/// [`Detours`] that several processes share. Each call is one round trip.
#[derive(Debug, Clone)]
pub struct RedisDetours {
    redis: Redis,
}

impl RedisDetours {
    /// Notes under the prefix of `redis`.
    #[must_use]
    pub fn new(redis: Redis) -> Self {
        Self { redis }
    }
}

#[async_trait]
impl Detours for RedisDetours {
    async fn lately(&self, conversations: &[ConversationId]) -> Result<Vec<bool>> {
        let ask = |id: &ConversationId| Command::new("EXISTS", &self.redis.keys().fanout(*id));
        let found =
            self.redis.call("detours.lately", Call::Again, conversations.iter().map(ask).collect()).await?;
        Ok(found.iter().map(|answer| *answer == Value::Int(1)).collect())
    }

    async fn note(&self, conversations: &[ConversationId]) -> Result<()> {
        let note = |id: &ConversationId| {
            Command::new("SET", &self.redis.keys().fanout(*id)).arg("1").arg("EX").arg(LATELY.as_secs())
        };
        self.redis.call("detours.note", Call::Again, conversations.iter().map(note).collect()).await.map(drop)
    }
}
