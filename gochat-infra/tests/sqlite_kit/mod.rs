//! Short ways to fill a store.
#![allow(dead_code, reason = "each test program uses some of it")]

use std::path::Path;
use std::sync::Arc;

use gochat_core::model::{
    ClientMsgId, ConversationId, MembersVersion, Message, MessageBody, MessageId, NewMessage, PageLimit, Seq,
    Timestamp, User, UserId, Username,
};
use gochat_core::ports::{ConversationStore, NewUser, OpenSingle, UserStore};
use gochat_infra::sqlite::{OpenError, SqliteOptions, SqliteStore};
use slog::{Discard, Logger, o};

pub(crate) fn try_open(folder: &Path, options: SqliteOptions) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(folder, options, Logger::root(Discard, o!()))
}

pub(crate) fn open(folder: &Path) -> SqliteStore {
    try_open(folder, SqliteOptions::default()).expect("opened")
}

pub(crate) fn user_id(n: u64) -> UserId {
    UserId::new(n).expect("in range")
}

pub(crate) fn conversation_id(n: u64) -> ConversationId {
    ConversationId::new(n).expect("in range")
}

pub(crate) fn limit(n: u32) -> PageLimit {
    PageLimit::new(n, u32::MAX).expect("at least 1")
}

pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(crate) fn new_user(n: u64) -> NewUser {
    let user = User {
        id: user_id(n),
        name: Username::new(&format!("user-{n}")).expect("a name"),
        nickname: None,
        avatar: "".into(),
        guest: false,
        created_at: at(0),
    };
    NewUser { user, password: None, external: None }
}

/// Users 10 and 11 with the conversation 12.
pub(crate) async fn pair(store: &SqliteStore) -> ConversationId {
    for n in [10, 11] {
        store.create(&new_user(n)).await.expect("stored");
    }
    let users = [user_id(10), user_id(11)];
    let open = OpenSingle { users, by: users[0], id: conversation_id(12), at: at(0) };
    store.open_single(&open).await.expect("opened").id
}

/// Message `seq` of a conversation, with everything in it derived from `seq`.
pub(crate) fn message(conversation: ConversationId, seq: u64) -> NewMessage {
    let message = Message {
        id: MessageId::new(conversation.get() * 10_000_000 + seq).expect("in range"),
        conversation,
        seq: Seq::new(seq),
        sender: user_id(10 + seq % 2),
        client_msg_id: ClientMsgId::new(&format!("client-{seq}")).expect("an id"),
        body: MessageBody::text(&format!("text {seq}")),
        sent_at: at(1_000 + i64::try_from(seq).expect("fits")),
        edited_at: None,
        recalled: None,
    };
    NewMessage { message: Arc::new(message), members_version: MembersVersion::new(1) }
}

pub(crate) fn messages(conversation: ConversationId, seqs: impl Iterator<Item = u64>) -> Vec<NewMessage> {
    seqs.map(|seq| message(conversation, seq)).collect()
}
