//! Limits that several gateways count together.

use std::fmt::Debug;
use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use gochat_core::model::UsernameKey;
use gochat_core::ports::Result;

/// What is counted. Limits of different kinds have nothing to do with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Counted {
    /// Failed logins of a name.
    LoginName,
    /// Failed logins from an address.
    LoginAddress,
    /// Registrations from an address.
    Registrations,
    /// Guests from an address.
    Guests,
}

/// Whose events are counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Whose {
    /// Of a name; it is what a client has typed, and may be a password that went into the wrong field.
    Name(UsernameKey),
    /// Of an address.
    Address(IpAddr),
}

/// A limit, for one name or address.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the part of that name")]
pub struct Limited {
    pub counted: Counted,
    pub whose: Whose,
    /// Most events within any stretch of the window; 1 at least.
    pub max: u32,
    pub window: Duration,
}

/// Counts what happens at all gateways. Each call answers for all that it is asked at once, and soon: a client waits.
///
/// A failure says that nobody knows; then each gateway goes by what it has counted itself.
#[async_trait]
pub trait SharedLimits: Debug + Send + Sync + 'static {
    /// How long until one more of each may happen: the longest of their times, zero when it may now. Nothing is counted.
    async fn wait(&self, limits: &[Limited]) -> Result<Duration>;

    /// Counts one more of each, whether it may happen or not.
    async fn count(&self, limits: &[Limited]) -> Result<()>;

    /// Counts one if it may happen, and else answers how long until it may.
    async fn take(&self, limit: &Limited) -> Result<Duration>;

    /// Forgets what was counted.
    async fn clear(&self, limit: &Limited) -> Result<()>;
}
