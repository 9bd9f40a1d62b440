//! Sessions coming and going, and writing.

use std::fmt::Debug;

use async_trait::async_trait;

use super::Result;
use crate::model::{Caller, ConversationId, GatewayId, SessionId, UserId};

/// What gateways report of their sessions.
///
/// ```
/// # use std::sync::Arc;
/// # use gochat_core::{Settings, usecase};
/// # use gochat_core::model::*;
/// # use gochat_core::service::*;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::result::Result<(), gochat_core::Error> {
/// # let kit = gochat_core::testing::TestKit::new();
/// # let log = slog::Logger::root(slog::Discard, slog::o!());
/// # let chat = usecase::services(&kit.ports, Arc::new(Settings::default()), &log);
/// # let alice = chat.accounts.adopt("1", "alice").await?;
/// # let bob = chat.accounts.adopt("2", "bob").await?;
/// # let [alice, bob] = [
/// #     chat.accounts.authenticate(&alice.access_token).await?,
/// #     chat.accounts.authenticate(&bob.access_token).await?,
/// # ];
/// chat.friends.befriend(&alice, bob.user).await?;
/// let session = SessionId::new(7).expect("above 0");
/// let gateway = GatewayId::new("local").expect("a name");
/// chat.presences.opened(&alice, session, &gateway).await?;
/// assert_eq!(chat.friends.online(&bob).await?, [(alice.user, true)]);
///
/// // The last session is gone: others are told when the grace time has passed.
/// chat.presences.closed(&alice, session).await?;
/// let due = chat.presences.next_due().expect("somebody is on the way out");
/// kit.clock.set(due);
/// chat.presences.tell_departures().await;
/// assert_eq!(chat.presences.next_due(), None);
/// # Ok(())
/// # }
/// ```
#[async_trait]
pub trait Presences: Debug + Send + Sync + 'static {
    /// A session is up at a gateway. Registers it, ends the oldest beyond the limit, and tells friends and small groups if it is the
    /// user's first (not of guests).
    ///
    /// # Errors
    /// When the directory of sessions is away: the session must not go on, since nothing would reach it.
    async fn opened(&self, caller: &Caller, session: SessionId, gateway: &GatewayId) -> Result<()>;

    /// A session is gone. Others are told later, if the user has not come back.
    async fn closed(&self, caller: &Caller, session: SessionId) -> Result<()>;

    /// The caller writes in a conversation, or has stopped. Told to the others who are online, never stored; too often is
    /// dropped silently.
    ///
    /// # Errors
    /// `ConversationNotFound`.
    async fn typing(&self, caller: &Caller, conversation: ConversationId, typing: bool) -> Result<()>;

    /// These users had sessions at a gateway that died the grace time ago or longer, and nobody reported that they closed.
    /// Tells that those are gone who have no other session. What can't be told now is told later, as all departures are.
    ///
    /// Told twice, it does no more harm than that others may hear it twice; so whoever is not sure tells it again.
    async fn lost(&self, users: &[UserId]);

    /// Tells who has been away for the grace time. To be called when [`next_due`](Self::next_due) says so.
    async fn tell_departures(&self);

    /// When the next departure is due, if somebody is on the way out.
    fn next_due(&self) -> Option<crate::model::Timestamp>;
}
