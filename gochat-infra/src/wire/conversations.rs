//! Conversations, and how their members see them.

use gochat_core::model::{
    Conversation, ConversationEntry, ConversationId, ConversationKind, ConversationView, Group, LastMessage,
    Member, MembersVersion, ReadState, Timestamp, UserId,
};
use gochat_core::ports::Presence;
use gochat_proto::pb::types::v1 as pb;

use super::messages::{kind, kind_number};
use super::users::{presence, presence_number, role, role_number};
use super::{Malformed, Wire, id, millis, nested, optional, optional_shared, part, seq};

impl Wire for Member {
    type Pb = pb::Member;

    fn to_pb(&self) -> pb::Member {
        pb::Member {
            user_id: self.user.get(),
            role: role_number(Some(self.role)),
            muted_until_ms: millis(self.muted_until),
            joined_seq: self.joined_seq.get(),
            read_seq: self.read_seq.get(),
        }
    }

    fn from_pb(pb: pb::Member) -> Result<Self, Malformed> {
        Ok(Self {
            user: id(pb.user_id, "member.user_id")?,
            role: role(pb.role, "member.role")?,
            muted_until: pb.muted_until_ms.map(Timestamp::from_millis),
            joined_seq: seq(pb.joined_seq, "member.joined_seq")?,
            read_seq: seq(pb.read_seq, "member.read_seq")?,
        })
    }
}

impl Wire for Group {
    type Pb = pb::Group;

    fn to_pb(&self) -> pb::Group {
        pb::Group {
            name: self.name.to_string(),
            avatar: self.avatar.to_string(),
            description: self.description.to_string(),
            owner_id: self.owner.get(),
            member_count: self.member_count,
        }
    }

    fn from_pb(pb: pb::Group) -> Result<Self, Malformed> {
        Ok(Self {
            name: pb.name.into(),
            avatar: pb.avatar.into(),
            description: pb.description.into(),
            owner: id(pb.owner_id, "group.owner_id")?,
            member_count: pb.member_count,
        })
    }
}

fn conversation_kind(pb: pb::conversation::Kind) -> Result<ConversationKind, Malformed> {
    use pb::conversation::Kind;
    Ok(match pb {
        Kind::Single(pb) => {
            let low: UserId = id(pb.low_user_id, "single.low_user_id")?;
            let high = id(pb.high_user_id, "single.high_user_id")?;
            // Ascending, and two: what compares conversations relies on it.
            if low >= high {
                return Err(Malformed::new("single.high_user_id"));
            }
            ConversationKind::Single([low, high])
        }
        Kind::Group(pb) => ConversationKind::Group(Group::from_pb(pb)?),
        Kind::World(pb::World {}) => ConversationKind::World,
    })
}

impl Wire for Conversation {
    type Pb = pb::Conversation;

    fn to_pb(&self) -> pb::Conversation {
        use pb::conversation::Kind;
        let kind = match &self.kind {
            ConversationKind::Single([low, high]) => {
                Some(Kind::Single(pb::Single { low_user_id: low.get(), high_user_id: high.get() }))
            }
            ConversationKind::Group(group) => Some(Kind::Group(group.to_pb())),
            ConversationKind::World => Some(Kind::World(pb::World {})),
            _ => None,
        };
        pb::Conversation {
            id: self.id.get(),
            kind,
            last_seq: self.last_seq.get(),
            members_version: self.members_version.get(),
            created_at_ms: self.created_at.as_millis(),
        }
    }

    fn from_pb(pb: pb::Conversation) -> Result<Self, Malformed> {
        Ok(Self {
            id: id(pb.id, "conversation.id")?,
            kind: conversation_kind(part(pb.kind, "conversation.kind")?)?,
            last_seq: seq(pb.last_seq, "conversation.last_seq")?,
            members_version: MembersVersion::new(pb.members_version),
            created_at: Timestamp::from_millis(pb.created_at_ms),
        })
    }
}

impl Wire for LastMessage {
    type Pb = pb::LastMessage;

    fn to_pb(&self) -> pb::LastMessage {
        pb::LastMessage {
            id: self.id.get(),
            sender_id: self.sender.get(),
            kind: kind_number(self.kind),
            content: self.content.to_string(),
            sent_at_ms: self.sent_at.as_millis(),
        }
    }

    fn from_pb(pb: pb::LastMessage) -> Result<Self, Malformed> {
        Ok(Self {
            id: id(pb.id, "last_message.id")?,
            sender: id(pb.sender_id, "last_message.sender_id")?,
            kind: kind(pb.kind, "last_message.kind")?,
            content: pb.content.into(),
            sent_at: Timestamp::from_millis(pb.sent_at_ms),
        })
    }
}

impl Wire for ConversationEntry {
    type Pb = pb::ConversationEntry;

    fn to_pb(&self) -> pb::ConversationEntry {
        pb::ConversationEntry {
            conversation: Some(self.conversation.to_pb()),
            me: Some(self.me.to_pb()),
            last_message: self.last_message.as_ref().map(Wire::to_pb),
            muted: self.muted,
            pinned: self.pinned,
        }
    }

    fn from_pb(pb: pb::ConversationEntry) -> Result<Self, Malformed> {
        Ok(Self {
            conversation: nested(pb.conversation, "entry.conversation")?,
            me: nested(pb.me, "entry.me")?,
            last_message: optional(pb.last_message)?,
            muted: pb.muted,
            pinned: pb.pinned,
        })
    }
}

impl Wire for ConversationView {
    type Pb = pb::ConversationView;

    fn to_pb(&self) -> pb::ConversationView {
        pb::ConversationView {
            entry: Some(self.entry.to_pb()),
            peer: self.peer.as_ref().map(|user| user.to_pb()),
            online: self.online,
            is_new: self.new,
        }
    }

    fn from_pb(pb: pb::ConversationView) -> Result<Self, Malformed> {
        Ok(Self {
            entry: nested(pb.entry, "view.entry")?,
            peer: optional_shared(pb.peer)?,
            online: pb.online,
            new: pb.is_new,
        })
    }
}

impl Wire for ReadState {
    type Pb = pb::ReadState;

    fn to_pb(&self) -> pb::ReadState {
        pb::ReadState {
            read_seq: self.read_seq.get(),
            last_seq: self.last_seq.get(),
            unread: self.unread,
            moved: self.moved,
        }
    }

    fn from_pb(pb: pb::ReadState) -> Result<Self, Malformed> {
        Ok(Self {
            read_seq: seq(pb.read_seq, "read_state.read_seq")?,
            last_seq: seq(pb.last_seq, "read_state.last_seq")?,
            unread: pb.unread,
            moved: pb.moved,
        })
    }
}

/// A membership that began or ended.
impl Wire for (ConversationId, Presence) {
    type Pb = pb::MembershipChange;

    fn to_pb(&self) -> pb::MembershipChange {
        pb::MembershipChange { conversation_id: self.0.get(), presence: presence_number(self.1) }
    }

    fn from_pb(pb: pb::MembershipChange) -> Result<Self, Malformed> {
        let conversation = id(pb.conversation_id, "membership_change.conversation_id")?;
        Ok((conversation, presence(pb.presence, "membership_change.presence")?))
    }
}

/// A friendship that began or ended.
impl Wire for (UserId, Presence) {
    type Pb = pb::FriendChange;

    fn to_pb(&self) -> pb::FriendChange {
        pb::FriendChange { user_id: self.0.get(), presence: presence_number(self.1) }
    }

    fn from_pb(pb: pb::FriendChange) -> Result<Self, Malformed> {
        Ok((id(pb.user_id, "friend_change.user_id")?, presence(pb.presence, "friend_change.presence")?))
    }
}
