//! What callers may ask. A gateway, an embedding program and a test all speak these traits; whether the answer comes from
//! the same process or over a network is wiring.
//!
//! Every call names the [`Caller`](crate::model::Caller), checks its rights, and answers only what that caller may see. What
//! a call has made is in everybody's next call once it has returned. Events for others go out before it returns; if they
//! can't, the call still succeeds and the loss is logged: clients find what they missed by `sync`.

mod accounts;
mod chats;
mod groups;
mod presence;

pub use accounts::*;
pub use chats::*;
pub use groups::*;
pub use presence::*;

/// What every service call answers.
pub type Result<T> = std::result::Result<T, crate::Error>;

use std::sync::Arc;

/// All services, as a gateway or an embedding program holds them.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each field is the service of that name")]
pub struct Services {
    pub accounts: Arc<dyn Accounts>,
    pub profiles: Arc<dyn Profiles>,
    pub friends: Arc<dyn Friends>,
    pub conversations: Arc<dyn Conversations>,
    pub messages: Arc<dyn Messages>,
    pub groups: Arc<dyn Groups>,
    pub presences: Arc<dyn Presences>,
}
