//! The way out: to sessions, wherever they are.

use std::fmt::Debug;

use async_trait::async_trait;

use super::Result;
use crate::model::{Delivery, GatewayId, LoginId, SessionId, Timestamp, UserId};

/// Brings events to sessions.
#[async_trait]
pub trait Deliver: Debug + Send + Sync + 'static {
    /// Hands on a batch. Deliveries that name one conversation reach each session in the order given, across calls too, as
    /// long as one call ends before the next begins.
    ///
    /// Returns when they are beyond a crash of the caller: in the queues of local sessions, or in a durable log on the way
    /// to others. It never waits for a slow client.
    ///
    /// # Errors
    /// Some may not have been handed on; the same batch may be given again (receivers drop what they have).
    async fn deliver(&self, batch: Vec<Delivery>) -> Result<()>;
}

/// Knows which sessions there are, on all gateways.
#[async_trait]
pub trait Sessions: Debug + Send + Sync + 'static {
    /// Registers a session, and names those of the same user that must go to keep within `max`, oldest first.
    async fn register(&self, session: &SessionRecord, max: u32) -> Result<Registered>;

    /// Removes a session; no error when it is gone already.
    async fn unregister(&self, user: UserId, session: SessionId) -> Result<Unregistered>;

    /// Whether each user has a session, by position.
    async fn online(&self, users: &[UserId]) -> Result<Vec<bool>>;

    /// How many users have one.
    async fn online_count(&self) -> Result<u64>;
}

/// A session as the directory knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// Whose.
    pub user: UserId,
    /// Which.
    pub session: SessionId,
    /// At which gateway.
    pub gateway: GatewayId,
    /// Of which login.
    pub login: LoginId,
    /// Whether of a guest.
    pub guest: bool,
    /// Since when.
    pub at: Timestamp,
}

/// What registering found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// Whether it is the user's first session.
    pub first: bool,
    /// Sessions over the limit; they are no longer in the directory.
    pub evicted: Vec<SessionId>,
}

/// What removing left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unregistered {
    /// Whether it was there and was the user's last one.
    pub last: bool,
}
