//! Conversations, their messages, and catching up.

use std::fmt::Debug;

use async_trait::async_trait;

use super::Result;
use crate::model::{
    Caller, ConversationId, ConversationView, MessageId, MessageView, ReadState, Seq, UserId,
};
use crate::ports::{Presence, SyncCursor};

/// Conversations as the caller sees them.
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
/// let (view, new) = chat.conversations.open_single(&alice, bob.user).await?;
/// assert!(new);
/// assert_eq!(view.entry.unread(), 0);
/// let id = view.entry.conversation.id;
/// assert_eq!(chat.conversations.open_single(&bob, alice.user).await?.0.entry.conversation.id, id);
///
/// // The world channel, and then the newest activity.
/// let list = chat.conversations.list(&bob).await?;
/// assert_eq!(list.iter().map(|v| v.entry.conversation.id).collect::<Vec<_>>(), [ConversationId::WORLD, id]);
/// # Ok(())
/// # }
/// ```
#[async_trait]
pub trait Conversations: Debug + Send + Sync + 'static {
    /// The caller's list: the world channel first, then the newest activity.
    async fn list(&self, caller: &Caller) -> Result<Vec<ConversationView>>;

    /// Makes the single conversation with `other` exist. Second: whether it is new.
    ///
    /// # Errors
    /// `Validation` (`targetUserId`: oneself), `UserNotFound`, `GuestForbidden`, `Forbidden` (only friends may).
    async fn open_single(&self, caller: &Caller, other: UserId) -> Result<(ConversationView, bool)>;

    /// One conversation.
    ///
    /// # Errors
    /// `ConversationNotFound`, also for a stranger's.
    async fn get(&self, caller: &Caller, id: ConversationId) -> Result<ConversationView>;

    /// Moves the caller's read pointer up to `seq` (default: the head) and tells their devices, but for
    /// [`Caller::session`], which has the answer.
    ///
    /// # Errors
    /// `ConversationNotFound`.
    async fn mark_read(&self, caller: &Caller, id: ConversationId, seq: Option<Seq>) -> Result<ReadState>;

    /// Hides it from the caller's list until something new arrives.
    ///
    /// # Errors
    /// `ConversationNotFound`.
    async fn hide(&self, caller: &Caller, id: ConversationId) -> Result<()>;

    /// What changed for the caller since `cursor`.
    ///
    /// # Errors
    /// `Validation` (`limit`).
    async fn sync(&self, caller: &Caller, cursor: SyncCursor, limit: Option<u32>) -> Result<SyncPage>;
}

/// One page of what changed for a user.
#[derive(Debug, Clone, Default)]
pub struct SyncPage {
    /// Conversations with something new.
    pub conversations: Vec<ConversationView>,
    /// Group memberships that began or ended.
    pub memberships: Vec<(ConversationId, Presence)>,
    /// Friendships that began or ended.
    pub friends: Vec<(UserId, Presence)>,
    /// To be passed next.
    pub cursor: SyncCursor,
    /// Whether there is more now.
    pub has_more: bool,
}

/// Stored messages. (Sending goes through [`Upstream`](crate::ports::Upstream).)
///
/// ```no_run
/// use gochat_core::model::{Caller, ConversationId, Message, Seq};
/// use gochat_core::service::{HistoryQuery, Messages, Result};
///
/// /// Everything above what the caller has, however much it is.
/// async fn catch_up(chat: &dyn Messages, me: &Caller, id: ConversationId, have: Seq) -> Result<usize> {
///     let (mut seq, mut got) = (have, 0);
///     loop {
///         let page = chat.history(me, id, HistoryQuery::After { seq, limit: Some(100) }).await?;
///         got += page.messages.len();
///         seq = page.next_seq;
///         if !page.has_more {
///             return Ok(got);
///         }
///     }
/// }
/// ```
#[async_trait]
pub trait Messages: Debug + Send + Sync + 'static {
    /// One page of a conversation's history.
    ///
    /// # Errors
    /// `ConversationNotFound`, `Validation` (`page`, `size`, `limit`).
    async fn history(&self, caller: &Caller, id: ConversationId, query: HistoryQuery) -> Result<HistoryPage>;

    /// One message.
    ///
    /// # Errors
    /// `MessageNotFound`, also where the caller may not read.
    async fn get(&self, caller: &Caller, id: MessageId) -> Result<MessageView>;

    /// Recalls a message: own within the window, a group's owner and admins any time. Again: the same answer. Everybody
    /// who has the conversation is told.
    ///
    /// # Errors
    /// `MessageNotFound` for strangers, `Forbidden` for members who may not, `RecallExpired`.
    async fn recall(&self, caller: &Caller, id: MessageId) -> Result<MessageView>;

    /// Moves the caller's read pointer up to this message.
    ///
    /// # Errors
    /// `MessageNotFound`.
    async fn mark_read(&self, caller: &Caller, id: MessageId) -> Result<ReadState>;
}

/// Which part of a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistoryQuery {
    /// Pages counted from the newest: page 1 is the newest.
    Page {
        /// From 1.
        page: u32,
        /// Messages a page; the default when absent.
        size: Option<u32>,
    },
    /// Right above a sequence.
    After {
        /// Exclusive.
        seq: Seq,
        /// At most; the default when absent.
        limit: Option<u32>,
    },
    /// Right below a sequence.
    Before {
        /// Exclusive.
        seq: Seq,
        /// At most; the default when absent.
        limit: Option<u32>,
    },
}

/// A page of history.
#[derive(Debug, Clone)]
pub struct HistoryPage {
    /// Ascending by sequence, without holes.
    pub messages: Vec<MessageView>,
    /// The size that was used.
    pub size: u32,
    /// How many messages the caller may read in all.
    pub total: u64,
    /// Whether there is more in the direction of reading.
    pub has_more: bool,
    /// The cursor to pass again.
    pub next_seq: Seq,
}
