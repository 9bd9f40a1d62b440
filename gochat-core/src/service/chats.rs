//! Conversations, their messages, and catching up.

use std::fmt::Debug;

use async_trait::async_trait;

use super::Result;
use crate::model::{
    Caller, ConversationId, ConversationView, MessageId, MessageView, ReadState, Seq, UserId,
};
use crate::ports::{Presence, SyncCursor};

/// Conversations as the caller sees them.
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

    /// Moves the caller's read pointer up to `seq` (default: the head) and tells their devices.
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
