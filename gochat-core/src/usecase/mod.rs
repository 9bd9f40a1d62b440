//! The services, implemented over the ports.
//!
//! Each use case reads, decides by [`rules`](crate::rules), writes, and then tells others. It costs a constant number of
//! port calls, however many members, conversations or messages it is about. Nothing here knows how bytes travel or rest.

mod context;
mod views;

pub mod accounts;
pub mod conversations;
pub mod friends;
pub mod groups;
pub mod messages;
pub mod moderation;
pub mod presences;
pub mod profiles;
pub mod push;
pub mod relay;

use std::sync::Arc;

use crate::Settings;
use crate::ports::Ports;
use crate::service::Services;

/// Makes all services over these ports.
///
/// ```
/// use std::sync::Arc;
/// use gochat_core::model::ConversationId;
/// use gochat_core::testing::TestKit;
/// use gochat_core::{Settings, usecase};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), gochat_core::Error> {
/// let log = slog::Logger::root(slog::Discard, slog::o!());
/// let chat = usecase::services(&TestKit::new().ports, Arc::new(Settings::default()), &log);
///
/// let guest = chat.accounts.guest("").await?;
/// assert!(guest.user.name.as_str().starts_with("guest-"));
/// let caller = chat.accounts.authenticate(&guest.access_token).await?;
/// let list = chat.conversations.list(&caller).await?;
/// assert_eq!(list[0].entry.conversation.id, ConversationId::WORLD);
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn services(ports: &Ports, settings: Arc<Settings>, log: &slog::Logger) -> Services {
    let new = || (ports.clone(), Arc::clone(&settings), log.clone());
    let (p, s, l) = new();
    let accounts = Arc::new(accounts::Accounts::new(p, s, l));
    let (p, s, l) = new();
    let profiles = Arc::new(profiles::Profiles::new(p, s, l));
    let (p, s, l) = new();
    let friends = Arc::new(friends::Friends::new(p, s, l));
    let (p, s, l) = new();
    let conversations = Arc::new(conversations::Conversations::new(p, s, l));
    let (p, s, l) = new();
    let messages = Arc::new(messages::Messages::new(p, s, l));
    let (p, s, l) = new();
    let groups = Arc::new(groups::Groups::new(p, s, l));
    let (p, s, l) = new();
    let presences = Arc::new(presences::Presences::new(p, s, l));
    Services { accounts, profiles, friends, conversations, messages, groups, presences }
}
