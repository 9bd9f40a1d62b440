//! What an adapter implements.
//!
//! Each trait is narrow and dyn-safe; calls on the hot path take batches and answer by position: `result[i]` belongs to
//! `asked[i]`. Each method says what is durable and visible when it returns. The `testing` feature has a conformance suite
//! for each port; an adapter that passes it will do.

mod auth;
mod conversations;
mod deliver;
mod error;
mod groups;
mod hooks;
mod messages;
mod outbox;
mod people;
mod runtime;

pub use auth::*;
pub use conversations::*;
pub use deliver::*;
pub use error::*;
pub use groups::*;
pub use hooks::*;
pub use messages::*;
pub use outbox::*;
pub use people::*;
pub use runtime::*;

/// What every port call answers.
pub type Result<T> = std::result::Result<T, StoreError>;

use std::sync::Arc;

/// All ports that the use cases and the pipeline stand on.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each field is the port of that name")]
pub struct Ports {
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdGenerator>,
    pub secrets: Arc<dyn Secrets>,
    pub users: Arc<dyn UserStore>,
    pub friends: Arc<dyn FriendStore>,
    pub logins: Arc<dyn LoginStore>,
    pub hasher: Arc<dyn PasswordHasher>,
    pub tokens: Arc<dyn TokenSigner>,
    pub conversations: Arc<dyn ConversationStore>,
    pub directory: Arc<dyn Directory>,
    pub groups: Arc<dyn GroupStore>,
    pub messages: Arc<dyn MessageStore>,
    pub sequencer: Arc<dyn Sequencer>,
    pub dedup: Arc<dyn Dedup>,
    pub deliver: Arc<dyn Deliver>,
    pub sessions: Arc<dyn Sessions>,
    /// Where changes are noted until they are told; `None` where a process that dies takes all who could hear of them along.
    pub tellings: Option<Arc<dyn Tellings>>,
}
