//! Rows as the model's types. What a row says is checked: a message by its checksum, all else by its types and ranges.

use std::rc::Rc;
use std::sync::Arc;

use gochat_core::model::{
    Conversation, ConversationId, ConversationKind, Group, Member, MembersVersion, Message, MessageBody,
    MessageId, MessageKind, Recalled, Role, Seq, Timestamp, User, UserId, Username,
};
use rusqlite::Row;
use rusqlite::types::Value;
use rusqlite::vtab::array::Array;

use super::client_id::ClientKey;
use super::error::{Done, Fail};
use crate::message_row::{checksum, unpack};

/// Bits of a message's place that are its sequence; the others are its conversation's slot.
pub(super) const SEQ_BITS: u32 = 35;
/// The largest sequence that a place can hold.
pub(super) const SEQ_MAX: u64 = (1 << SEQ_BITS) - 1;
/// The largest slot that a place can hold.
pub(super) const SLOT_MAX: u64 = (1 << (63 - SEQ_BITS)) - 1;

/// Where a message stands. A sequence past the end means the end.
pub(super) fn place(slot: u64, seq: Seq) -> i64 {
    int(slot << SEQ_BITS | seq.get().min(SEQ_MAX))
}

macro_rules! user_columns {
    () => {
        "u.id, u.name, u.nickname, u.avatar, u.guest, u.created_at"
    };
}
macro_rules! conversation_columns {
    () => {
        "c.id, c.kind, c.last_seq, c.members_version, c.created_at, c.low, c.high, \
         c.name, c.avatar, c.description, c.owner, c.member_count"
    };
}
/// How far the member has read of whom the row called `$m` is: the sender of the newest message to the end, others as it says.
macro_rules! read_seq {
    ($m:literal) => {
        concat!(
            "coalesce((SELECT w.last_seq FROM conversations w WHERE w.id = ",
            $m,
            ".conversation AND w.last_sender = ",
            $m,
            ".user), ",
            $m,
            ".read_seq)"
        )
    };
}
macro_rules! member_columns {
    () => {
        concat!("m.user, m.role, m.muted_until, m.joined_seq, ", $crate::sqlite::rows::read_seq!("m"))
    };
}
macro_rules! message_columns {
    () => {
        "x.place, x.id, x.sender, x.client_time, x.client, x.kind, x.sent_at, x.checksum, x.content, \
         x.reply_to, x.mentions, x.attachment, x.edited_at, x.recalled_at, x.recalled_by"
    };
}
pub(super) use {conversation_columns, member_columns, message_columns, read_seq, user_columns};

/// How many columns `conversation_columns` are.
pub(super) const CONVERSATION_WIDTH: usize = 12;
/// How many columns `member_columns` are.
pub(super) const MEMBER_WIDTH: usize = 5;

/// Every id and counter of the model is below 2^63.
pub(super) fn int(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Numbers to be taken as a table by a statement, through `rarray`.
pub(super) fn table(ids: impl IntoIterator<Item = u64>) -> Array {
    Rc::new(ids.into_iter().map(|id| Value::Integer(int(id))).collect())
}

fn corrupt(what: &str, found: i64) -> Fail {
    Fail::Corrupt(format!("{what} is {found}"))
}

pub(super) fn number(row: &Row<'_>, at: usize) -> Done<u64> {
    let n: i64 = row.get(at)?;
    u64::try_from(n).map_err(|_| corrupt("a count", n))
}

macro_rules! id_of {
    ($name:ident, $type:ident) => {
        pub(super) fn $name(row: &Row<'_>, at: usize) -> Done<$type> {
            let n = number(row, at)?;
            $type::new(n).ok_or_else(|| Fail::Corrupt(format!("an id is {n}")))
        }
    };
}
id_of!(user_id, UserId);
id_of!(conversation_id, ConversationId);
id_of!(message_id, MessageId);

pub(super) fn seq(row: &Row<'_>, at: usize) -> Done<Seq> {
    number(row, at).map(Seq::new)
}

pub(super) fn time(row: &Row<'_>, at: usize) -> Done<Timestamp> {
    Ok(Timestamp::from_millis(row.get(at)?))
}

pub(super) fn optional<T>(
    row: &Row<'_>,
    at: usize,
    read: impl Fn(&Row<'_>, usize) -> Done<T>,
) -> Done<Option<T>> {
    if row.get_ref(at)? == rusqlite::types::ValueRef::Null { Ok(None) } else { read(row, at).map(Some) }
}

/// A user of `user_columns` from column `at` on.
pub(super) fn user(row: &Row<'_>, at: usize) -> Done<Arc<User>> {
    Ok(Arc::new(User {
        id: user_id(row, at)?,
        name: Username::from_stored(row.get_ref(at + 1)?.as_str().map_err(rusqlite::Error::from)?),
        nickname: row.get(at + 2)?,
        avatar: row.get(at + 3)?,
        guest: row.get(at + 4)?,
        created_at: time(row, at + 5)?,
    }))
}

/// A conversation of `conversation_columns` from column `at` on.
pub(super) fn conversation(row: &Row<'_>, at: usize) -> Done<Conversation> {
    let kind = match row.get(at + 1)? {
        1 => ConversationKind::World,
        2 => ConversationKind::Single([user_id(row, at + 5)?, user_id(row, at + 6)?]),
        3 => ConversationKind::Group(Group {
            name: row.get(at + 7)?,
            avatar: row.get(at + 8)?,
            description: row.get(at + 9)?,
            owner: user_id(row, at + 10)?,
            member_count: row.get(at + 11)?,
        }),
        other => return Err(corrupt("the kind of a conversation", other)),
    };
    Ok(Conversation {
        id: conversation_id(row, at)?,
        kind,
        last_seq: seq(row, at + 2)?,
        members_version: MembersVersion::new(number(row, at + 3)?),
        created_at: time(row, at + 4)?,
    })
}

pub(super) const fn role_number(role: Role) -> i64 {
    match role {
        Role::Member => 1,
        Role::Admin => 2,
        Role::Owner => 3,
    }
}

pub(super) fn role(row: &Row<'_>, at: usize) -> Done<Role> {
    match row.get(at)? {
        1 => Ok(Role::Member),
        2 => Ok(Role::Admin),
        3 => Ok(Role::Owner),
        other => Err(corrupt("a role", other)),
    }
}

pub(super) fn muted_until(row: &Row<'_>, at: usize) -> Done<Option<Timestamp>> {
    optional(row, at, time)
}

/// A member of `member_columns` from column `at` on.
pub(super) fn member(row: &Row<'_>, at: usize) -> Done<Member> {
    Ok(Member {
        user: user_id(row, at)?,
        role: role(row, at + 1)?,
        muted_until: muted_until(row, at + 2)?,
        joined_seq: seq(row, at + 3)?,
        read_seq: seq(row, at + 4)?,
    })
}

/// The message of `conversation` in `message_columns` from column `at` on.
pub(super) fn message(row: &Row<'_>, at: usize, conversation: ConversationId) -> Done<Message> {
    let place = number(row, at)?;
    let id = message_id(row, at + 1)?;
    let bad = |what: &str| Fail::Corrupt(format!("message {id} of conversation {conversation}: {what}"));
    let client_time: i64 = row.get(at + 3)?;
    let recalled = match (optional(row, at + 13, time)?, optional(row, at + 14, user_id)?) {
        (Some(at), Some(by)) => Some(Recalled { at, by }),
        (None, None) => None,
        _ => return Err(bad("half a tombstone")),
    };
    let mentions = match row.get_ref(at + 10)?.as_blob_or_null().map_err(rusqlite::Error::from)? {
        Some(bytes) => unpack(bytes).ok_or_else(|| bad("mentions"))?,
        None => Vec::new(),
    };
    let message = Message {
        id,
        conversation,
        seq: Seq::new(place & SEQ_MAX),
        sender: user_id(row, at + 2)?,
        client_msg_id: ClientKey::restore(client_time, row.get_ref(at + 4)?)
            .ok_or_else(|| bad("its client's id"))?,
        body: MessageBody {
            kind: MessageKind::from_number(number(row, at + 5)?).ok_or_else(|| bad("its kind"))?,
            content: row.get(at + 8)?,
            reply_to: optional(row, at + 9, message_id)?,
            mentions,
            attachment: row.get(at + 11)?,
        },
        sent_at: time(row, at + 6)?,
        edited_at: optional(row, at + 12, time)?,
        recalled,
    };
    if row.get::<_, u32>(at + 7)? != checksum(&message) {
        return Err(bad("the checksum differs"));
    }
    Ok(message)
}
