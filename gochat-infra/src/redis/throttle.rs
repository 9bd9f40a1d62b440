//! How often something may happen at all gateways together.

use std::time::Duration;

use gochat_core::ports::Result;

use super::client::Redis;
use super::command::Command;
use super::error::Call;
use super::millis;
use super::{answer, keys::Key};

/// At most `max` events of a key within any stretch of `window`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window<'a> {
    /// What is counted: a word.
    pub kind: &'a str,
    /// Whose events: an identifier or a digest, since whoever may list keys sees it.
    pub whose: &'a str,
    /// Most events; 1 at least.
    pub max: u32,
    /// The stretch of time.
    pub window: Duration,
}

/// Counts events for all processes, each call in one round trip. The window slides: a key is the list of the times of its
/// newest events, as many as may happen, by the server's clock, and ends with the window of the last.
///
/// Counting is never repeated: of a call that failed it is not known whether it counted.
#[derive(Debug, Clone)]
pub struct RedisThrottle {
    redis: Redis,
}

impl RedisThrottle {
    /// Counts under the prefix of `redis`.
    #[must_use]
    pub fn new(redis: Redis) -> Self {
        Self { redis }
    }

    /// How long until one more of each may happen, by position.
    ///
    /// # Errors
    /// Redis does not answer, or a key holds what was not put there by this.
    pub async fn wait(&self, windows: &[Window<'_>]) -> Result<Vec<Duration>> {
        self.run("throttle.wait", Call::Again, windows, [1, 0]).await
    }

    /// Counts one more of each.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub async fn count(&self, windows: &[Window<'_>]) -> Result<()> {
        self.run("throttle.count", Call::Once, windows, [0, 1]).await.map(drop)
    }

    /// Counts one of each that may happen, and answers how long until the others may, by position.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub async fn take(&self, windows: &[Window<'_>]) -> Result<Vec<Duration>> {
        self.run("throttle.take", Call::Once, windows, [1, 1]).await
    }

    /// Forgets what was counted.
    ///
    /// # Errors
    /// Redis does not answer.
    pub async fn clear(&self, window: &Window<'_>) -> Result<()> {
        let del = Command::new("DEL", &self.key(window));
        self.redis.call("throttle.clear", Call::Again, vec![del]).await.map(drop)
    }

    fn key(&self, window: &Window<'_>) -> Key {
        self.redis.keys().throttle(window.kind, window.whose)
    }

    async fn run(
        &self,
        operation: &'static str,
        call: Call,
        windows: &[Window<'_>],
        [asked, counted]: [u8; 2],
    ) -> Result<Vec<Duration>> {
        let script = &self.redis.scripts().throttle;
        let command = |window: &Window<'_>| {
            let Window { max, window: time, .. } = window;
            script.on([&self.key(window)]).arg(max.max(&1)).arg(millis(*time).max(1)).arg(asked).arg(counted)
        };
        let answers = self.redis.call(operation, call, windows.iter().map(command).collect()).await?;
        let read = |answer| {
            answer::number(answer)
                .map(Duration::from_millis)
                .ok_or_else(|| answer::strange(operation, Some(answer)))
        };
        answers.iter().map(read).collect()
    }
}
