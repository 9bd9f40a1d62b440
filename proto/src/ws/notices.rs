//! What the server tells without being asked.

use serde::Serialize;

use super::server::{ServerData, frame};
use crate::{ConvId, Conversation, Id, Target, WireTime};

frame! { "friend-online",
    /// A friend came or went.
    FriendOnline {
        /// Who.
        user_id: Id,
        /// Whether they are here.
        online: bool,
    }
}

frame! { "group-member-online",
    /// A member of a small group came or went.
    GroupMemberOnline {
        /// Which group.
        group_id: ConvId,
        /// Who.
        user_id: Id,
        /// Whether they are here.
        online: bool,
    }
}

frame! { "conversation-update",
    /// A conversation changed, or is new to the receiver.
    ConversationUpdate<'a> {
        /// `conversation-update` once more; the existing client looks here.
        r#type: &'static str,
        /// Which.
        conversation_id: ConvId,
        /// What is different now; always absolute values.
        updates: Updates<'a>,
        /// The whole of it, when it is new to the receiver.
        #[serde(skip_serializing_if = "Option::is_none")]
        conversation: Option<Conversation<'a>>,
    }
}

impl<'a> ConversationUpdate<'a> {
    /// An update.
    #[must_use]
    pub const fn new(
        conversation_id: ConvId,
        updates: Updates<'a>,
        conversation: Option<Conversation<'a>>,
    ) -> Self {
        Self { r#type: Self::TYPE, conversation_id, updates, conversation }
    }
}

/// Fields of a conversation that are different now.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "each is the field of that name in `Conversation`")]
pub struct Updates<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Target<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_message_time: Option<WireTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub muted: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned: Option<bool>,
}

frame! { "read",
    /// The receiver's own read pointer moved.
    Read {
        /// Where.
        conversation_id: ConvId,
        /// Up to here.
        seq: u64,
        /// What is left.
        unread_count: u64,
    }
}

frame! { "typing",
    /// Somebody writes, or has stopped.
    TypingNotice<'a> {
        /// Where.
        conversation_id: ConvId,
        /// Who.
        user_id: Id,
        /// What others see of them.
        username: &'a str,
        /// Whether they write now.
        typing: bool,
    }
}

frame! { "message-recalled",
    /// A message was recalled.
    MessageRecalled {
        /// Where.
        conversation_id: ConvId,
        /// Which.
        message_id: Id,
        /// Its position.
        seq: u64,
        /// When.
        recalled_at: WireTime,
        /// By whom.
        by: Id,
    }
}

frame! { "membership",
    /// Somebody joined, left, or has other rights.
    Membership {
        /// The group's conversation.
        conversation_id: ConvId,
        /// The group.
        group_id: ConvId,
        /// Whose membership.
        user_id: Id,
        /// Their rank now; `null` when they are out.
        role: Option<&'static str>,
        /// `joined`, `left`, `removed`, `role-changed`, `muted`, `unmuted` or `dissolved`.
        action: &'static str,
        /// Who did it.
        by: Id,
    }
}
