//! The limits of accounts, counted in Redis for all gateways.

use std::fmt::Write as _;
use std::time::Duration;

use async_trait::async_trait;
use gochat_core::ports::Result;
use sha2::{Digest, Sha256};

use crate::redis::{Redis, RedisThrottle, Window};
use crate::runtime::metrics::{Counter, Metrics};
use crate::web::http::{Counted, Limited, SharedLimits, Whose};

/// [`SharedLimits`] in Redis.
#[derive(Debug)]
pub struct RedisLimits {
    throttle: RedisThrottle,
    failures: Counter,
}

impl RedisLimits {
    /// Counts under the prefix of `redis`; calls that fail are counted in `metrics`.
    #[must_use]
    pub fn new(redis: Redis, metrics: &Metrics) -> Self {
        let failures = Counter::default();
        let shown = failures.clone();
        let help = "Limits that were asked of all gateways and not known: this one went by its own";
        metrics.watch("shared_limits_unknown", help, move || i64::try_from(shown.get()).unwrap_or(i64::MAX));
        Self { throttle: RedisThrottle::new(redis), failures }
    }

    fn seen<T>(&self, done: Result<T>) -> Result<T> {
        done.inspect_err(|_| _ = self.failures.inc())
    }
}

fn kind(counted: Counted) -> &'static str {
    match counted {
        Counted::LoginName => "login-name",
        Counted::LoginAddress => "login-address",
        Counted::Registrations => "registrations",
        Counted::Guests => "guests",
    }
}

/// Names are of any length and characters, and what is typed into the field of a name now and then is a password.
fn digest(whose: &Whose) -> String {
    let hash = match whose {
        Whose::Name(name) => Sha256::new().chain_update("name ").chain_update(name.as_str()).finalize(),
        Whose::Address(address) => {
            Sha256::new().chain_update("address ").chain_update(address.to_string()).finalize()
        }
    };
    hash[..16].iter().fold(String::new(), |mut text, byte| {
        // A string takes all that is written.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn window<'a>(limit: &Limited, digest: &'a str) -> Window<'a> {
    Window { kind: kind(limit.counted), whose: digest, max: limit.max, window: limit.window }
}

#[async_trait]
impl SharedLimits for RedisLimits {
    async fn wait(&self, limits: &[Limited]) -> Result<Duration> {
        let digests: Vec<_> = limits.iter().map(|limit| digest(&limit.whose)).collect();
        let windows: Vec<_> = limits.iter().zip(&digests).map(|(l, d)| window(l, d)).collect();
        let waits = self.seen(self.throttle.wait(&windows).await)?;
        Ok(waits.into_iter().max().unwrap_or_default())
    }

    async fn count(&self, limits: &[Limited]) -> Result<()> {
        let digests: Vec<_> = limits.iter().map(|limit| digest(&limit.whose)).collect();
        let windows: Vec<_> = limits.iter().zip(&digests).map(|(l, d)| window(l, d)).collect();
        self.seen(self.throttle.count(&windows).await)
    }

    async fn take(&self, limit: &Limited) -> Result<Duration> {
        let digest = digest(&limit.whose);
        let waits = self.seen(self.throttle.take(&[window(limit, &digest)]).await)?;
        Ok(waits.into_iter().next().unwrap_or_default())
    }

    async fn clear(&self, limit: &Limited) -> Result<()> {
        let digest = digest(&limit.whose);
        self.seen(self.throttle.clear(&window(limit, &digest)).await)
    }
}
