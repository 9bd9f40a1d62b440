//! What is about to change, kept with the change itself, so that others hear of it whatever fails in between.

use std::sync::Arc;

use super::{ConversationId, MembershipAction, MessageId, NoteId, Timestamp, UserId};

/// That something is to be told. Made before the change, kept in its transaction, and done with when others were told.
///
/// It has no content: what is told is read when it is told, so that it is true then, and may be told twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Which.
    pub id: NoteId,
    /// What changed.
    pub subject: Subject,
    /// When the change was asked for.
    pub at: Timestamp,
}

/// What a change is about, as far as it is known before it is made.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Subject {
    /// Two become friends.
    Friends {
        /// The two.
        users: [UserId; 2],
        /// Their conversation, if they had none before.
        conversation: ConversationId,
    },
    /// A single chat or a group is made.
    Opened {
        /// Which.
        conversation: ConversationId,
        /// Who is in it: no repeats.
        users: Arc<[UserId]>,
    },
    /// A group gets another name, picture or description.
    Changed {
        /// Which.
        group: ConversationId,
    },
    /// Users come into a group, go, or have other rights there.
    Members {
        /// Which.
        group: ConversationId,
        /// Whose place it is about: no repeats. All of a group that ends, since afterwards nobody can say who they were.
        users: Arc<[UserId]>,
        /// What happens to them. Of rank and mute any one stands for both.
        action: MembershipAction,
        /// Who does it.
        by: UserId,
    },
    /// A read pointer moves.
    Read {
        /// Whose.
        user: UserId,
        /// Where.
        conversation: ConversationId,
    },
    /// A message is recalled.
    Recalled {
        /// Which.
        message: MessageId,
    },
}
