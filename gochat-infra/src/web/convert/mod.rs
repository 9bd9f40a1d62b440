//! Domain to wire and back, in one place. Outgoing objects borrow from the domain's.

mod events;
pub mod incoming;

pub use events::{write_event, write_refused, write_sent, write_stored};

use gochat_core::error::{Fault, FieldError};
use gochat_core::model::{
    ConversationEntry, ConversationId, ConversationKind, ConversationView, LoginGrant, MessageView, Role,
    Timestamp, User,
};
use gochat_core::service::{GroupDetail, MemberView};
use gochat_proto as wire;
use gochat_proto::http::WrongField;
use gochat_proto::{ConvId, Id, RawValue, WireTime};

use super::lang::{Lang, fault_name};

/// The world channel's name, in a language that has it: its id is the word itself, so that clients can show their own.
const WORLD_NAME: &str = "世界频道";

/// The id of a conversation.
#[must_use]
pub fn conv_id(id: ConversationId) -> ConvId {
    if id.is_world() { ConvId::World } else { ConvId::Number(id.get()) }
}

/// A point in time.
#[must_use]
pub const fn time(at: Timestamp) -> WireTime {
    WireTime(at.as_millis())
}

/// A user.
#[must_use]
pub fn user(user: &User) -> wire::User<'_> {
    wire::User {
        user_id: Id(user.id.get()),
        username: user.name.as_str(),
        nickname: user.shown_name(),
        avatar: &user.avatar,
        is_guest: user.guest,
        created_at: time(user.created_at),
    }
}

/// A login.
#[must_use]
pub fn login(grant: &LoginGrant) -> wire::http::Login<'_> {
    wire::http::Login {
        token: &grant.access_token,
        access_token: &grant.access_token,
        refresh_token: &grant.refresh_token,
        expires_in: grant.expires_in.as_secs(),
        user: user(&grant.user),
    }
}

/// A message. An attachment that is no JSON (an embedding program may store such) is left out.
#[must_use]
pub fn message(view: &MessageView) -> wire::Message<'_> {
    let m = &*view.message;
    let sender = view.sender.as_deref();
    wire::Message {
        message_id: Id(m.id.get()),
        conversation_id: conv_id(m.conversation),
        sender_id: Id(m.sender.get()),
        sender_name: sender.map_or("", User::shown_name),
        content: &m.body.content,
        r#type: m.body.kind.as_str(),
        send_time: time(m.sent_at),
        status: "sent",
        seq: m.seq.get(),
        client_msg_id: m.client_msg_id.as_str(),
        sender_avatar: sender.map_or("", |s| &s.avatar),
        edited_at: m.edited_at.map(time),
        recalled_at: m.recalled.map(|r| time(r.at)),
        reply_to: m.body.reply_to.map(|id| Id(id.get())),
        mentions: m.body.mentions.iter().map(|id| Id(id.get())).collect(),
        attachment: m.body.attachment.as_deref().and_then(attachment),
    }
}

fn attachment(json: &str) -> Option<&RawValue> {
    serde_json::from_str(json).ok()
}

/// Messages.
#[must_use]
pub fn messages(views: &[MessageView]) -> Vec<wire::Message<'_>> {
    views.iter().map(message).collect()
}

/// A conversation as its viewer sees it.
#[must_use]
pub fn conversation(view: &ConversationView) -> wire::Conversation<'_> {
    let entry = &view.entry;
    wire::Conversation {
        conversation_id: conv_id(entry.conversation.id),
        r#type: match entry.conversation.kind {
            ConversationKind::Single(_) => wire::ConversationType::Single,
            ConversationKind::World => wire::ConversationType::World,
            _ => wire::ConversationType::Group,
        },
        target: target(view),
        last_message: last_text(entry),
        last_message_time: time(entry.active_at()),
        unread_count: entry.unread(),
        last_seq: entry.conversation.last_seq.get(),
        read_seq: entry.me.read_seq.get(),
        muted: entry.muted,
        pinned: entry.pinned,
    }
}

/// Conversations.
#[must_use]
pub fn conversations(views: &[ConversationView]) -> Vec<wire::Conversation<'_>> {
    views.iter().map(conversation).collect()
}

/// Text of the newest message.
fn last_text(entry: &ConversationEntry) -> &str {
    entry.last_message.as_ref().map_or("", |last| &*last.content)
}

/// The other side of a conversation.
fn target(view: &ConversationView) -> wire::Target<'_> {
    let group_id = conv_id(view.entry.conversation.id);
    match &view.entry.conversation.kind {
        ConversationKind::Single(users) => {
            let peer = view.peer.as_deref();
            let other = users.iter().find(|u| **u != view.entry.me.user).unwrap_or(&users[0]);
            wire::Target::Person(wire::Person {
                user_id: Id(other.get()),
                username: peer.map_or("", |p| p.name.as_str()),
                nickname: peer.map_or("", User::shown_name),
                avatar: peer.map_or("", |p| &*p.avatar),
            })
        }
        ConversationKind::Group(group) => wire::Target::Group(wire::GroupTarget {
            group_id,
            group_name: &group.name,
            avatar: &group.avatar,
            member_count: u64::from(group.member_count),
            description: &group.description,
        }),
        _ => wire::Target::Group(wire::GroupTarget {
            group_id,
            group_name: WORLD_NAME,
            avatar: "",
            member_count: view.online.unwrap_or(0),
            description: "",
        }),
    }
}

/// A group's own page.
#[must_use]
pub fn group(detail: &GroupDetail) -> wire::Group<'_> {
    let conversation = &detail.conversation.entry.conversation;
    wire::Group {
        about: wire::GroupTarget {
            group_id: conv_id(conversation.id),
            group_name: &detail.group.name,
            avatar: &detail.group.avatar,
            member_count: u64::from(detail.group.member_count),
            description: &detail.group.description,
        },
        conversation_id: conv_id(conversation.id),
        owner_id: Id(detail.group.owner.get()),
        created_at: time(conversation.created_at),
        members: detail.members.members.iter().map(member).collect(),
        has_more_members: detail.members.has_more,
    }
}

/// A member of a group.
#[must_use]
pub fn member(view: &MemberView) -> wire::Member<'_> {
    let user = view.user.as_deref();
    wire::Member {
        user_id: Id(view.member.user.get()),
        username: user.map_or("", |u| u.name.as_str()),
        nickname: user.map_or("", User::shown_name),
        avatar: user.map_or("", |u| &*u.avatar),
        role: role(view.member.role),
        online: view.online,
        muted_until: view.member.muted_until.map(time),
    }
}

/// The name of a rank.
#[must_use]
pub const fn role(role: Role) -> &'static str {
    match role {
        Role::Owner => "owner",
        Role::Admin => "admin",
        Role::Member => "member",
    }
}

/// Wrong fields, in the language of who sent them.
#[must_use]
pub fn wrong_fields(wrong: &[FieldError], lang: Lang) -> Vec<WrongField<'static>> {
    let one = |e: &FieldError| {
        let (min, max) = match e.fault {
            Fault::TooShort { min } => (Some(min as u64), None),
            Fault::TooLong { max } => (None, Some(max as u64)),
            _ => (None, None),
        };
        WrongField { field: e.field, fault: fault_name(e.fault), message: lang.fault(e.fault), min, max }
    };
    wrong.iter().map(one).collect()
}
