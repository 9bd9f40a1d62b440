//! Where users are: asked by what brings events to gateways. Core never asks it.

use std::fmt::Debug;

use async_trait::async_trait;
use gochat_core::model::{ConversationId, GatewayId, UserId};
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

    /// All gateways that live as of this call, whether anybody is at them or not: a session that was registered before it
    /// is at one of them. One round trip.
    ///
    /// # Errors
    /// As [`gateways_of`](Self::gateways_of).
    async fn gateways(&self) -> Result<Vec<GatewayId>, StoreError>;

    /// How many gateways lived when somebody last asked, without a round trip: a guess, for choosing the cheaper way.
    fn gateways_guess(&self) -> usize;
}

/// Remembers which conversations went by way of the fan-out a moment ago.
///
/// Messages of a conversation go directly to gateways, or through the fan-out when it has many members. One that shrinks in
/// mid-stream would change from the long way to the short one, and its next message would overtake those that are still on
/// the long way. So it stays on the long way for a while after the last that went there.
///
/// A hint: forgotten, or away, the order in which messages arrive may be broken for a moment. Clients see a gap in the
/// sequence then, and ask.
#[async_trait]
pub trait Detours: Debug + Send + Sync + 'static {
    /// Whether each conversation went through the fan-out lately, by position. One round trip however many are asked for.
    ///
    /// # Errors
    /// As [`Routes::gateways_of`].
    async fn lately(&self, conversations: &[ConversationId]) -> Result<Vec<bool>, StoreError>;

    /// Notes that these go through it now.
    ///
    /// # Errors
    /// As [`Routes::gateways_of`].
    async fn note(&self, conversations: &[ConversationId]) -> Result<(), StoreError>;
}
