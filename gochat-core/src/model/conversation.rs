//! Conversations, their members, and a conversation as one member sees it.

use std::sync::Arc;

use super::{ConversationId, MembersVersion, MessageId, MessageKind, Seq, Timestamp, UserId};

/// A conversation, seen from nobody's side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// Which.
    pub id: ConversationId,
    /// What it is, with what only this kind has.
    pub kind: ConversationKind,
    /// Sequence of the newest message; zero when there is none.
    pub last_seq: Seq,
    /// Grows with each change of members or their rights.
    pub members_version: MembersVersion,
    /// Since when.
    pub created_at: Timestamp,
}

/// The kinds of conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConversationKind {
    /// Two people, in ascending order of id.
    Single([UserId; 2]),
    /// A named group.
    Group(Group),
    /// The channel that everybody is in.
    World,
}

/// What a group has beside its conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Name, as shown.
    pub name: Arc<str>,
    /// Address of a picture; empty when there is none.
    pub avatar: Arc<str>,
    /// What it is about; may be empty.
    pub description: Arc<str>,
    /// Who owns it.
    pub owner: UserId,
    /// How many are in it.
    pub member_count: u32,
}

/// A member's rank in a group. Ordered: a higher one is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// No special rights.
    Member,
    /// May add, remove, mute and rename.
    Admin,
    /// May do everything; exactly one in each group.
    Owner,
}

/// One member of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub user: UserId,
    /// Rank; [`Role::Member`] outside groups.
    pub role: Role,
    /// May not send before this time.
    pub muted_until: Option<Timestamp>,
    /// Newest sequence when they joined: what came before never counts as unread.
    pub joined_seq: Seq,
    /// Read up to here; includes their own last send.
    pub read_seq: Seq,
}

/// The newest message of a conversation, as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastMessage {
    /// Which message.
    pub id: MessageId,
    /// Who wrote it.
    pub sender: UserId,
    /// What kind of content.
    pub kind: MessageKind,
    /// The text; empty when it was recalled.
    pub content: Arc<str>,
    /// When.
    pub sent_at: Timestamp,
}

/// A conversation as one of its members sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationEntry {
    /// The conversation.
    pub conversation: Conversation,
    /// The viewer's own membership.
    pub me: Member,
    /// The newest message, when there is one.
    pub last_message: Option<LastMessage>,
    /// The viewer wants no notifications of it.
    pub muted: bool,
    /// The viewer keeps it at the top.
    pub pinned: bool,
}

impl ConversationEntry {
    /// How many messages the viewer has not read. Derived, never counted: head minus the furthest of the read pointer
    /// (which includes their own last send) and the sequence at which they joined.
    #[must_use]
    pub fn unread(&self) -> u64 {
        self.conversation.last_seq.since(self.me.read_seq.max(self.me.joined_seq))
    }

    /// When something last happened in it; lists are sorted by this.
    #[must_use]
    pub fn active_at(&self) -> Timestamp {
        self.last_message.as_ref().map_or(self.conversation.created_at, |m| m.sent_at)
    }
}

/// Result of moving a read pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadState {
    /// Where the pointer stands now; never lower than before.
    pub read_seq: Seq,
    /// Head of the conversation at that time.
    pub last_seq: Seq,
    /// What is left unread.
    pub unread: u64,
    /// Whether this call moved it.
    pub moved: bool,
}

/// What a user may do in a conversation and whom a message in it goes to: all that the send pipeline needs to know.
#[derive(Debug, Clone)]
pub struct Access {
    /// What the conversation is.
    pub kind: AccessKind,
    /// The asked user's membership; `None` for a stranger.
    pub member: Option<Membership>,
    /// Version of the members at reading; an append with an older one is refused.
    pub version: MembersVersion,
    /// All members, when they are no more than the limit that the question named.
    pub members: Option<Arc<[UserId]>>,
}

/// Kind of a conversation, without its particulars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccessKind {
    /// Two people.
    Single,
    /// A group.
    Group,
    /// Everybody.
    World,
}

/// A user's standing in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    /// Rank.
    pub role: Role,
    /// May not send before this time.
    pub muted_until: Option<Timestamp>,
}
