//! Where users are: asked by what brings events to gateways. Core never asks it.

use std::fmt::Debug;

use async_trait::async_trait;
use gochat_core::model::{GatewayId, UserId};
use gochat_core::ports::StoreError;
use smallvec::SmallVec;

/// The gateways of one user: two devices are rarely on more.
pub type Gateways = SmallVec<[GatewayId; 2]>;

/// Knows at which gateways users have sessions.
///
/// A hint, never the truth: a gateway that is gone may still be named for as long as its lease lasts, and a session that
/// opens while it is asked for may be missed; such a session reads what it missed from the store when it comes in.
#[async_trait]
pub trait Routes: Debug + Send + Sync + 'static {
    /// The gateways that each user has a session at, by position, without repeats; empty for who is not here. One round trip
    /// however many are asked for.
    ///
    /// # Errors
    /// `Unavailable`, `Timeout` or `Overloaded`; the same may be asked again.
    async fn gateways_of(&self, users: &[UserId]) -> Result<Vec<Gateways>, StoreError>;

    /// All gateways that live, whether anybody is at them or not.
    ///
    /// # Errors
    /// As [`gateways_of`](Self::gateways_of).
    async fn gateways(&self) -> Result<Vec<GatewayId>, StoreError>;
}
