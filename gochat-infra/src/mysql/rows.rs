//! Rows as the model's types. What a row says is checked: a message by its checksum, all else by its types and ranges.

use std::sync::Arc;

use gochat_core::model::{
    ClientMsgId, Conversation, ConversationEntry, ConversationId, ConversationKind, Group, LastMessage,
    LoginId, Member, MembersVersion, Message, MessageBody, MessageId, MessageKind, Recalled, Role, Seq,
    Timestamp, User, UserId, Username,
};
use mysql_async::prelude::FromValue;
use mysql_async::{Row, Value};

use super::archived::Gaps;
use super::error::{Done, Fail};
use super::statements::padded;
use crate::message_row::{checksum, unpack};

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
macro_rules! member_columns {
    () => {
        "m.user, m.role, m.muted_until, m.joined_seq, m.read_seq"
    };
}
macro_rules! message_columns {
    () => {
        "x.conversation, x.seq, x.id, x.sender, x.client, x.kind, x.sent_at, x.checksum, x.content, \
         x.reply_to, x.mentions, x.attachment, x.edited_at, x.recalled_at, x.recalled_by, x.archived"
    };
}
/// What [`entry`] reads, and where the newest message comes from; `m` and `c` are to be joined before.
macro_rules! entry_columns {
    () => {
        concat!(
            $crate::mysql::rows::conversation_columns!(),
            ", ",
            $crate::mysql::rows::member_columns!(),
            ", m.muted, m.pinned, ",
            $crate::mysql::rows::message_columns!(),
            " "
        )
    };
}
macro_rules! with_newest {
    () => {
        " LEFT JOIN messages x ON x.conversation = c.id AND x.seq = c.last_seq "
    };
}
pub(super) use {
    conversation_columns, entry_columns, member_columns, message_columns, user_columns, with_newest,
};

/// How many columns `conversation_columns` are.
const CONVERSATION_WIDTH: usize = 12;
/// How many columns `member_columns` are.
const MEMBER_WIDTH: usize = 5;

/// Every id and counter of the model is below 2^63.
pub(super) fn int(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Ids as the values of a list, filled up to one of few lengths.
pub(super) fn list(ids: impl IntoIterator<Item = u64>) -> Vec<Value> {
    let mut values: Vec<_> = ids.into_iter().map(|id| Value::Int(int(id))).collect();
    if let Some(last) = values.last().cloned() {
        values.resize(padded(values.len()), last);
    }
    values
}

/// Each once, ascending.
pub(super) fn distinct<T: Ord>(ids: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut ids: Vec<_> = ids.into_iter().collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

pub(super) fn get<T: FromValue>(row: &Row, at: usize) -> Done<T> {
    match row.get_opt(at) {
        Some(Ok(value)) => Ok(value),
        Some(Err(_)) => Err(Fail::Corrupt(format!("column {at} is of another type or range"))),
        None => Err(Fail::Corrupt(format!("there is no column {at}"))),
    }
}

fn corrupt(what: &str, found: i64) -> Fail {
    Fail::Corrupt(format!("{what} is {found}"))
}

pub(super) fn number(row: &Row, at: usize) -> Done<u64> {
    let n: i64 = get(row, at)?;
    u64::try_from(n).map_err(|_| corrupt("a count", n))
}

macro_rules! id_of {
    ($name:ident, $type:ident) => {
        pub(super) fn $name(row: &Row, at: usize) -> Done<$type> {
            let n = number(row, at)?;
            $type::new(n).ok_or_else(|| Fail::Corrupt(format!("an id is {n}")))
        }
    };
}
id_of!(user_id, UserId);
id_of!(conversation_id, ConversationId);
id_of!(message_id, MessageId);
id_of!(login_id, LoginId);

pub(super) fn seq(row: &Row, at: usize) -> Done<Seq> {
    number(row, at).map(Seq::new)
}

pub(super) fn time(row: &Row, at: usize) -> Done<Timestamp> {
    Ok(Timestamp::from_millis(get(row, at)?))
}

pub(super) fn version(row: &Row, at: usize) -> Done<MembersVersion> {
    number(row, at).map(MembersVersion::new)
}

fn text(row: &Row, at: usize) -> Done<Arc<str>> {
    get::<String>(row, at).map(Into::into)
}

pub(super) fn is_null(row: &Row, at: usize) -> bool {
    matches!(row.as_ref(at), None | Some(Value::NULL))
}

fn optional<T>(row: &Row, at: usize, read: impl Fn(&Row, usize) -> Done<T>) -> Done<Option<T>> {
    if is_null(row, at) { Ok(None) } else { read(row, at).map(Some) }
}

/// A user of `user_columns`.
pub(super) fn user(row: &Row) -> Done<Arc<User>> {
    Ok(Arc::new(User {
        id: user_id(row, 0)?,
        name: Username::from_stored(&text(row, 1)?),
        nickname: optional(row, 2, text)?,
        avatar: text(row, 3)?,
        guest: get(row, 4)?,
        created_at: time(row, 5)?,
    }))
}

/// A conversation of `conversation_columns`, which come first.
pub(super) fn conversation(row: &Row) -> Done<Conversation> {
    let kind = match get(row, 1)? {
        1 => ConversationKind::World,
        2 => ConversationKind::Single([user_id(row, 5)?, user_id(row, 6)?]),
        3 => ConversationKind::Group(Group {
            name: text(row, 7)?,
            avatar: text(row, 8)?,
            description: text(row, 9)?,
            owner: user_id(row, 10)?,
            member_count: get(row, 11)?,
        }),
        other => return Err(corrupt("the kind of a conversation", other)),
    };
    Ok(Conversation {
        id: conversation_id(row, 0)?,
        kind,
        last_seq: seq(row, 2)?,
        members_version: version(row, 3)?,
        created_at: time(row, 4)?,
    })
}

pub(super) const fn role_number(role: Role) -> i64 {
    match role {
        Role::Member => 1,
        Role::Admin => 2,
        Role::Owner => 3,
    }
}

pub(super) fn role(row: &Row, at: usize) -> Done<Role> {
    match get(row, at)? {
        1 => Ok(Role::Member),
        2 => Ok(Role::Admin),
        3 => Ok(Role::Owner),
        other => Err(corrupt("a role", other)),
    }
}

pub(super) fn muted_until(row: &Row, at: usize) -> Done<Option<Timestamp>> {
    optional(row, at, time)
}

/// A member of `member_columns` from column `at` on.
pub(super) fn member(row: &Row, at: usize) -> Done<Member> {
    Ok(Member {
        user: user_id(row, at)?,
        role: role(row, at + 1)?,
        muted_until: muted_until(row, at + 2)?,
        joined_seq: seq(row, at + 3)?,
        read_seq: seq(row, at + 4)?,
    })
}

/// A conversation as a member sees it, of `entry_columns`.
pub(super) fn entry(row: &Row) -> Done<ConversationEntry> {
    const FLAGS: usize = CONVERSATION_WIDTH + MEMBER_WIDTH;
    const NEWEST: usize = FLAGS + 2;
    let mut gaps = Gaps::default();
    let newest = if is_null(row, NEWEST) { None } else { Some(message(row, NEWEST, &mut gaps)?) };
    if let Some(message) = newest.as_ref().filter(|message| gaps.has(message)) {
        // The archiver leaves them.
        let Message { id, conversation, .. } = message;
        return Err(Fail::Corrupt(format!(
            "message {id} is archived, and the newest of conversation {conversation}"
        )));
    }
    Ok(ConversationEntry {
        conversation: conversation(row)?,
        me: member(row, CONVERSATION_WIDTH)?,
        last_message: newest.map(|message| LastMessage {
            id: message.id,
            sender: message.sender,
            kind: message.body.kind,
            content: message.body.content,
            sent_at: message.sent_at,
        }),
        muted: get(row, FLAGS)?,
        pinned: get(row, FLAGS + 1)?,
    })
}

/// A message of `message_columns` from column `at` on. One whose content is in an archive comes without it, and is a gap.
pub(super) fn message(row: &Row, at: usize, gaps: &mut Gaps) -> Done<Message> {
    let conversation = conversation_id(row, at)?;
    let id = message_id(row, at + 2)?;
    let bad = |what: &str| Fail::Corrupt(format!("message {id} of conversation {conversation}: {what}"));
    let client: Vec<u8> = get(row, at + 4)?;
    let client = std::str::from_utf8(&client).ok().and_then(ClientMsgId::new);
    let recalled = match (optional(row, at + 13, time)?, optional(row, at + 14, user_id)?) {
        (Some(at), Some(by)) => Some(Recalled { at, by }),
        (None, None) => None,
        _ => return Err(bad("half a tombstone")),
    };
    let mentions = match get::<Option<Vec<u8>>>(row, at + 10)? {
        Some(bytes) => unpack(&bytes).ok_or_else(|| bad("mentions"))?,
        None => Vec::new(),
    };
    let message = Message {
        id,
        conversation,
        seq: seq(row, at + 1)?,
        sender: user_id(row, at + 3)?,
        client_msg_id: client.ok_or_else(|| bad("its client's id"))?,
        body: MessageBody {
            kind: MessageKind::from_number(number(row, at + 5)?).ok_or_else(|| bad("its kind"))?,
            content: text(row, at + 8)?,
            reply_to: optional(row, at + 9, message_id)?,
            mentions,
            attachment: optional(row, at + 11, text)?,
        },
        sent_at: time(row, at + 6)?,
        edited_at: optional(row, at + 12, time)?,
        recalled,
    };
    let wanted = get::<u32>(row, at + 7)?;
    match optional(row, at + 15, seq)? {
        // It is checked when the content is back.
        Some(first) if message.recalled.is_none() => gaps.add(id, first, wanted),
        _ if wanted != checksum(&message) => return Err(bad("the checksum differs")),
        _ => {}
    }
    Ok(message)
}
