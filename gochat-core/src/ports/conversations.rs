//! Conversations as their members see them, and who may do what in them.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use super::Result;
use crate::model::{
    Access, Conversation, ConversationEntry, ConversationId, Member, Note, PageLimit, ReadState, Seq,
    Timestamp, UserId,
};

/// Conversations and each member's place in them.
#[async_trait]
pub trait ConversationStore: Debug + Send + Sync + 'static {
    /// Makes the single conversation of two users exist, and shows it to both again if hidden by `by`.
    ///
    /// - Replay and concurrency: two users have one, whoever asks and how often; the first id wins.
    async fn open_single(&self, open: &OpenSingle) -> Result<Opened>;

    /// The conversations with these ids, by position; `None` for those that don't exist or are dissolved.
    async fn by_ids(&self, ids: &[ConversationId]) -> Result<Vec<Option<Conversation>>>;

    /// What `user` has in the list: the world channel first, then by [`ConversationEntry::active_at`], newest first; hidden
    /// ones left out until something newer arrives; at most `limit`.
    async fn list(&self, user: UserId, limit: PageLimit) -> Result<Vec<ConversationEntry>>;

    /// How `user` sees these conversations, hidden or not, by position; `None` where they are not a member.
    async fn entries(&self, user: UserId, ids: &[ConversationId]) -> Result<Vec<Option<ConversationEntry>>>;

    /// Moves the read pointer of a member up to `seq`, or to the head without one; it never goes back or past the head.
    ///
    /// # Errors
    /// `NotFound` when not a member.
    async fn mark_read(
        &self,
        user: UserId,
        conversation: ConversationId,
        seq: Option<Seq>,
    ) -> Result<ReadState>;

    /// Hides the conversation from the member's list until something newer than its head of now arrives.
    ///
    /// # Errors
    /// `NotFound` when not a member.
    async fn hide(&self, user: UserId, conversation: ConversationId) -> Result<()>;

    /// What changed for `user` after `cursor`, oldest change first, at most `limit` entries in all.
    ///
    /// - Complete: a change that commits after a page was read is in a page asked for with that page's cursor. Entries may
    ///   repeat.
    /// - [`SyncCursor::START`] gives everything there is, without what is gone.
    async fn changes(&self, user: UserId, cursor: SyncCursor, limit: PageLimit) -> Result<Changes>;

    /// This store, whose next write leaves `note` in its own transaction if it changes anything; `None` where none are kept.
    fn noted(&self, note: &Note) -> Option<Arc<dyn ConversationStore>> {
        let _ = note;
        None
    }
}

/// A single conversation to be opened.
#[derive(Debug, Clone, Copy)]
pub struct OpenSingle {
    /// The two, in any order.
    pub users: [UserId; 2],
    /// Which of them asks.
    pub by: UserId,
    /// Id to use if they have none yet.
    pub id: ConversationId,
    /// Now.
    pub at: Timestamp,
}

/// What opening a conversation found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// Their conversation.
    pub id: ConversationId,
    /// Whether it did not exist before.
    pub new: bool,
}

/// A position in the stream of a user's changes: a number that each change makes grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct SyncCursor(pub u64);

impl SyncCursor {
    /// Before every change.
    pub const START: Self = Self(0);
}

/// One page of changes.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// Conversations that have something new, as the user sees them now.
    pub conversations: Vec<ConversationEntry>,
    /// Group memberships that began or ended.
    pub memberships: Vec<(ConversationId, Presence)>,
    /// Friendships that began or ended.
    pub friends: Vec<(UserId, Presence)>,
    /// Where the next page begins.
    pub cursor: SyncCursor,
    /// Whether there is one now.
    pub has_more: bool,
}

/// Whether something is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It is.
    Here,
    /// It is no longer.
    Gone,
}

/// Who is in which conversation: asked for each batch of messages, so adapters cache it. A cached answer may be old; the
/// store refuses an append that was authorised by an old [`MembersVersion`](crate::model::MembersVersion).
#[async_trait]
pub trait Directory: Debug + Send + Sync + 'static {
    /// What each user may do in each conversation, by position; `None` where there is no such conversation. Names all
    /// members of those that have no more than `members_max`, and never those of the world channel.
    async fn access(
        &self,
        asked: &[(ConversationId, UserId)],
        members_max: u32,
        freshness: Freshness,
    ) -> Result<Vec<Option<Access>>>;

    /// Members of a conversation, ascending by user id, those above `after`, at most `limit`.
    async fn member_ids(
        &self,
        conversation: ConversationId,
        after: Option<UserId>,
        limit: PageLimit,
    ) -> Result<Vec<UserId>>;

    /// These members of a conversation, by position; `None` for who is not in it. Never from a cache.
    async fn members(&self, conversation: ConversationId, users: &[UserId]) -> Result<Vec<Option<Member>>>;

    /// The groups of at most `members_max` members that each user is in, by position; for telling presence.
    async fn small_groups(&self, users: &[UserId], members_max: u32) -> Result<Vec<Vec<ConversationId>>>;
}

/// Whether an answer may come from a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// It may.
    Cached,
    /// It must be read from the store, and replaces what is cached.
    Fresh,
}
