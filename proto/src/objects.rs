//! Users, conversations, groups and messages as clients see them.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::{ConvId, Id, WireTime};

/// A user.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct User<'a> {
    /// Who.
    pub user_id: Id,
    /// The unique name.
    pub username: &'a str,
    /// What others see; the username where no nickname was chosen.
    pub nickname: &'a str,
    /// Address of a picture; may be empty.
    pub avatar: &'a str,
    /// Whether a guest.
    pub is_guest: bool,
    /// Since when.
    pub created_at: WireTime,
}

/// A friend: a user, and whether they are here.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Friend<'a> {
    /// Who.
    #[serde(flatten)]
    pub user: User<'a>,
    /// Whether they have a session.
    pub online: bool,
}

/// Kind of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ConversationType {
    /// Two people.
    Single,
    /// A group.
    Group,
    /// Everybody.
    World,
}

/// A conversation as one of its members sees it.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Conversation<'a> {
    /// Which.
    pub conversation_id: ConvId,
    /// Its kind.
    pub r#type: ConversationType,
    /// The other side.
    pub target: Target<'a>,
    /// Text of the newest message; empty when there is none or it was recalled.
    pub last_message: &'a str,
    /// When something last happened.
    pub last_message_time: WireTime,
    /// How many messages are unread.
    pub unread_count: u64,
    /// Sequence of the newest message.
    pub last_seq: u64,
    /// Read up to here.
    pub read_seq: u64,
    /// No notifications wanted.
    pub muted: bool,
    /// Kept at the top.
    pub pinned: bool,
}

/// The other side of a conversation.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(untagged)]
pub enum Target<'a> {
    /// A person.
    Person(Person<'a>),
    /// A group, or the world channel.
    Group(GroupTarget<'a>),
}

/// The other one in a single chat.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Person<'a> {
    /// Who.
    pub user_id: Id,
    /// Their unique name; empty when the account is gone.
    pub username: &'a str,
    /// What others see; the username where no nickname was chosen.
    pub nickname: &'a str,
    /// Address of a picture; may be empty.
    pub avatar: &'a str,
}

/// A group in a list of conversations.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupTarget<'a> {
    /// Which; the same as its conversation's.
    pub group_id: ConvId,
    /// Its name.
    pub group_name: &'a str,
    /// Address of a picture; may be empty.
    pub avatar: &'a str,
    /// How many are in it; of the world channel, how many are online.
    pub member_count: u64,
    /// What it is about; may be empty.
    pub description: &'a str,
}

/// A group's own page.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Group<'a> {
    /// Which, name, picture, size, description.
    #[serde(flatten)]
    pub about: GroupTarget<'a>,
    /// Its conversation.
    pub conversation_id: ConvId,
    /// Who owns it.
    pub owner_id: Id,
    /// Since when.
    pub created_at: WireTime,
    /// The first members, ascending by id.
    pub members: Vec<Member<'a>>,
    /// Whether there are more members than these.
    pub has_more_members: bool,
}

/// A member of a group.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Member<'a> {
    /// Who.
    pub user_id: Id,
    /// Their unique name.
    pub username: &'a str,
    /// What others see.
    pub nickname: &'a str,
    /// Address of a picture; may be empty.
    pub avatar: &'a str,
    /// `owner`, `admin` or `member`.
    pub role: &'static str,
    /// Whether they are here.
    pub online: bool,
    /// May not send before this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub muted_until: Option<WireTime>,
}

/// A message.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Message<'a> {
    /// Which.
    pub message_id: Id,
    /// Where.
    pub conversation_id: ConvId,
    /// Who wrote it.
    pub sender_id: Id,
    /// What others see of the sender; empty when the account is gone.
    pub sender_name: &'a str,
    /// The content; empty once recalled.
    pub content: &'a str,
    /// `text`, `image`, `file`, `audio`, `video`, `system` or `custom`.
    pub r#type: &'static str,
    /// When the server took it.
    pub send_time: WireTime,
    /// Always `sent`.
    pub status: &'static str,
    /// Its position in the conversation: 1, 2, 3, …
    pub seq: u64,
    /// What its client called it.
    pub client_msg_id: &'a str,
    /// The sender's picture; may be empty.
    pub sender_avatar: &'a str,
    /// When it was last edited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<WireTime>,
    /// When it was recalled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recalled_at: Option<WireTime>,
    /// The message it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Id>,
    /// Who is addressed in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<Id>,
    /// Description of an attached object, as its client wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attachment: Option<&'a RawValue>,
}
