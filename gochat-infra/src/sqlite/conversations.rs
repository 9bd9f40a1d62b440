//! Conversations as their members see them.

use async_trait::async_trait;
use gochat_core::model::{
    Conversation, ConversationEntry, ConversationId, LastMessage, PageLimit, ReadState, Role, Seq, Timestamp,
    UserId,
};
use gochat_core::ports::{Changes, ConversationStore, OpenSingle, Opened, Result, StoreError, SyncCursor};
use rusqlite::types::ValueRef;
use rusqlite::{OptionalExtension, Row, params};
use rustc_hash::FxHashMap;

use super::error::Done;
use super::rows::{
    self, CONVERSATION_WIDTH, MEMBER_WIDTH, conversation_columns, conversation_id, int, member_columns,
    message_columns, read_seq,
};
use super::statements::{Prepare, statements};
use super::tx::{Effect, Tx};
use super::{SqliteStore, changes};

/// What [`entry`] reads, and where from; `m` and `c` are to be joined before.
macro_rules! entry_columns {
    () => {
        concat!(
            conversation_columns!(),
            ", ",
            member_columns!(),
            ", m.muted, m.pinned, ",
            message_columns!(),
            " "
        )
    };
}
macro_rules! with_newest {
    () => {
        " LEFT JOIN messages x ON x.id = c.last_id "
    };
}
pub(super) use {entry_columns, with_newest};

statements! {
    BY_IDS = "SELECT ", conversation_columns!(), " FROM rarray(?1) k CROSS JOIN conversations c ON c.id = k.value \
              WHERE c.dissolved_at IS NULL";
    // Which first, from the two rows that say it; their newest messages after, for those only.
    LIST = "SELECT ", entry_columns!(), " FROM ( \
              SELECT m.conversation AS id, c.kind = 1 AS world, c.last_at AS at \
              FROM members m INDEXED BY members_by_user CROSS JOIN conversations c ON c.id = m.conversation \
              WHERE m.user = ?1 AND (m.hidden_seq IS NULL OR m.hidden_seq < c.last_seq) \
              ORDER BY world DESC, at DESC, id DESC LIMIT ?2) l \
            CROSS JOIN members m ON m.conversation = l.id AND m.user = ?1 \
            CROSS JOIN conversations c ON c.id = l.id", with_newest!(),
           "ORDER BY l.world DESC, l.at DESC, l.id DESC";
    ENTRIES = "SELECT ", entry_columns!(), " FROM rarray(?2) k \
               CROSS JOIN members m ON m.conversation = k.value AND m.user = ?1 \
               CROSS JOIN conversations c ON c.id = k.value", with_newest!();
    PLACE = "SELECT m.joined_seq, ", read_seq!("m"), " FROM members m WHERE m.conversation = ?1 AND m.user = ?2";
    READ = "UPDATE members SET read_seq = ?3, changed = ?4 WHERE conversation = ?1 AND user = ?2";
    HIDE = "UPDATE members SET hidden_seq = ?3 WHERE conversation = ?1 AND user = ?2";
    HIDDEN = "SELECT 1 FROM members WHERE conversation = ?1 AND user = ?2 AND hidden_seq >= ?3";
    SHOW = "UPDATE members SET hidden_seq = NULL, changed = ?2 WHERE conversation = ?1";
    OF_TWO = "SELECT id FROM conversations WHERE kind = 2 AND low = ?1 AND high = ?2";
    MAKE_SINGLE = "INSERT INTO conversations (id, slot, kind, last_seq, last_at, changed, members_version, created_at, \
                   low, high) VALUES (?1, ?2, 2, 0, ?3, ?4, 1, ?3, ?5, ?6)";
    JOIN = "INSERT INTO members (conversation, user, role, joined_seq, read_seq, changed, joined) \
            VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6)";
}

#[async_trait]
impl ConversationStore for SqliteStore {
    async fn open_single(&self, open: &OpenSingle) -> Result<Opened> {
        let open = *open;
        self.write("conversations.open_single", 3, move |tx| {
            let opened = single(tx, open.users, open.id, open.at)?;
            if !opened.new {
                show_again(tx, opened.id, open.by)?;
            }
            Ok(opened)
        })
        .await
    }

    async fn by_ids(&self, ids: &[ConversationId]) -> Result<Vec<Option<Conversation>>> {
        let ids = ids.to_vec();
        self.read("conversations.by_ids", move |conn| {
            let mut stmt = conn.stmt(BY_IDS)?;
            let mut rows = stmt.query([rows::table(ids.iter().map(|id| id.get()))])?;
            let mut found = FxHashMap::default();
            while let Some(row) = rows.next()? {
                let conversation = rows::conversation(row, 0)?;
                found.insert(conversation.id, conversation);
            }
            Ok(ids.iter().map(|id| found.get(id).cloned()).collect())
        })
        .await
    }

    async fn list(&self, user: UserId, limit: PageLimit) -> Result<Vec<ConversationEntry>> {
        self.read("conversations.list", move |conn| {
            let mut stmt = conn.stmt(LIST)?;
            let mut rows = stmt.query(params![int(user.get()), limit.get()])?;
            let mut list = Vec::new();
            while let Some(row) = rows.next()? {
                list.push(entry(row, 0)?);
            }
            Ok(list)
        })
        .await
    }

    async fn entries(&self, user: UserId, ids: &[ConversationId]) -> Result<Vec<Option<ConversationEntry>>> {
        let ids = ids.to_vec();
        self.read("conversations.entries", move |conn| {
            let mut stmt = conn.stmt(ENTRIES)?;
            let mut rows =
                stmt.query(params![int(user.get()), rows::table(ids.iter().map(|id| id.get()))])?;
            let mut found = FxHashMap::default();
            while let Some(row) = rows.next()? {
                let entry = entry(row, 0)?;
                found.insert(entry.conversation.id, entry);
            }
            Ok(ids.iter().map(|id| found.get(id).cloned()).collect())
        })
        .await
    }

    async fn mark_read(
        &self,
        user: UserId,
        conversation: ConversationId,
        seq: Option<Seq>,
    ) -> Result<ReadState> {
        self.write("conversations.mark_read", 1, move |tx| mark_read(tx, user, conversation, seq)).await
    }

    async fn hide(&self, user: UserId, conversation: ConversationId) -> Result<()> {
        self.write("conversations.hide", 1, move |tx| {
            let missing = StoreError::not_found("conversations.hide");
            let Some(head) = tx.head(conversation)? else {
                return Err(missing.into());
            };
            let (id, user, head) = (int(conversation.get()), int(user.get()), int(head.last_seq.get()));
            match tx.conn.stmt(HIDE)?.execute(params![id, user, head])? {
                0 => Err(missing.into()),
                _ => Ok(()),
            }
        })
        .await
    }

    async fn changes(&self, user: UserId, cursor: SyncCursor, limit: PageLimit) -> Result<Changes> {
        self.read("conversations.changes", move |conn| changes::changes(conn, user, cursor, limit)).await
    }
}

/// A conversation of `entry_columns` from column `at` on.
pub(super) fn entry(row: &Row<'_>, at: usize) -> Done<ConversationEntry> {
    let conversation = rows::conversation(row, at)?;
    let me = at + CONVERSATION_WIDTH;
    let flags = me + MEMBER_WIDTH;
    let newest = flags + 2;
    let last_message = match row.get_ref(newest)? {
        ValueRef::Null => None,
        _ => {
            let message = rows::message(row, newest, conversation.id)?;
            Some(LastMessage {
                id: message.id,
                sender: message.sender,
                kind: message.body.kind,
                content: message.body.content,
                sent_at: message.sent_at,
            })
        }
    };
    Ok(ConversationEntry {
        conversation,
        me: rows::member(row, me)?,
        last_message,
        muted: row.get(flags)?,
        pinned: row.get(flags + 1)?,
    })
}

fn mark_read(
    tx: &mut Tx<'_>,
    user: UserId,
    conversation: ConversationId,
    seq: Option<Seq>,
) -> Done<ReadState> {
    let missing = || StoreError::not_found("conversations.mark_read");
    let head = tx.head(conversation)?.ok_or_else(missing)?.last_seq;
    let (id, number) = (int(conversation.get()), int(user.get()));
    let mut stmt = tx.conn.stmt(PLACE)?;
    let place =
        stmt.query_row(params![id, number], |row| Ok((rows::seq(row, 0), rows::seq(row, 1)))).optional()?;
    let (joined, read) = place.ok_or_else(missing)?;
    let (joined, before) = (joined?, read?);
    let read = seq.map_or(head, |seq| seq.min(head)).max(before);
    let moved = read > before;
    if moved {
        let changed = tx.tick()?;
        tx.conn.stmt(READ)?.execute(params![id, number, int(read.get()), changed])?;
    }
    Ok(ReadState { read_seq: read, last_seq: head, unread: head.since(read.max(joined)), moved })
}

/// The conversation of two users, made if there is none.
pub(super) fn single(
    tx: &mut Tx<'_>,
    mut users: [UserId; 2],
    id: ConversationId,
    at: Timestamp,
) -> Done<Opened> {
    users.sort_unstable();
    let [low, high] = users;
    let pair = params![int(low.get()), int(high.get())];
    let known = tx.conn.stmt(OF_TWO)?.query_row(pair, |row| Ok(conversation_id(row, 0))).optional()?;
    if let Some(known) = known {
        return Ok(Opened { id: known?, new: false });
    }
    let (slot, changed) = (tx.slot()?, tx.tick()?);
    tx.conn.stmt(MAKE_SINGLE)?.execute(params![
        int(id.get()),
        int(slot),
        at.as_millis(),
        changed,
        int(low.get()),
        int(high.get())
    ])?;
    for user in users {
        join(tx, id, user, Role::Member)?;
    }
    Ok(Opened { id, new: true })
}

/// Shows it to both if `by` has hidden it.
fn show_again(tx: &mut Tx<'_>, id: ConversationId, by: UserId) -> Done<()> {
    let Some(head) = tx.head(id)? else {
        return Ok(());
    };
    let number = int(id.get());
    if tx.conn.stmt(HIDDEN)?.exists(params![number, int(by.get()), int(head.last_seq.get())])? {
        let changed = tx.tick()?;
        tx.conn.stmt(SHOW)?.execute(params![number, changed])?;
    }
    Ok(())
}

/// Lets a user in at the head of now. The caller sees to version and count.
pub(super) fn join(tx: &mut Tx<'_>, id: ConversationId, user: UserId, role: Role) -> Done<()> {
    let head = tx.head(id)?.map_or(Seq::ZERO, |head| head.last_seq);
    // Two numbers: a page of changes may end between the membership and the conversation.
    let (joined, changed) = (tx.tick()?, tx.tick()?);
    tx.conn.stmt(JOIN)?.execute(params![
        int(id.get()),
        int(user.get()),
        rows::role_number(role),
        int(head.get()),
        changed,
        joined
    ])?;
    if !id.is_world() {
        tx.effect(Effect::Members(id));
    }
    Ok(())
}
