//! Conversations as their members see them. Lists come from the primary: what was answered to one is there for all.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use gochat_core::model::{
    Conversation, ConversationEntry, ConversationId, Note, PageLimit, ReadState, Seq, Timestamp, UserId,
};
use gochat_core::ports::{Changes, ConversationStore, OpenSingle, Opened, Result, StoreError, SyncCursor};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Params, Row, Value};

use super::error::{Done, Fail, is_unique};
use super::rows::{
    self, conversation_columns, conversation_id, distinct, entry_columns, int, seq, with_newest,
};
use super::statements::{LIST_MAX, padded, statements};
use super::ticks;
use super::tx::{Tx, read, transact};
use super::{MySqlStore, changes};

statements! {
    BY_IDS = ["SELECT ", conversation_columns!(), " FROM conversations c FORCE INDEX (PRIMARY) WHERE c.id IN ({}) \
               AND c.dissolved_at IS NULL"] each ("?", ",");
    // Which first, from the two rows that say it; their newest messages after, for those only.
    LIST = ["SELECT ", entry_columns!(), " FROM ( \
              SELECT n.conversation AS id, k.kind = 1 AS world, k.last_at AS moment \
              FROM conversation_members n FORCE INDEX (members_by_user) \
              STRAIGHT_JOIN conversations k ON k.id = n.conversation \
              WHERE n.user = ? AND (n.hidden_seq IS NULL OR n.hidden_seq < k.last_seq) \
              ORDER BY world DESC, moment DESC, id DESC LIMIT ?) l \
            STRAIGHT_JOIN conversation_members m ON m.conversation = l.id AND m.user = ? \
            STRAIGHT_JOIN conversations c ON c.id = l.id", with_newest!(),
           "ORDER BY l.world DESC, l.moment DESC, l.id DESC"];
    ENTRIES = ["SELECT ", entry_columns!(), " FROM conversation_members m FORCE INDEX (PRIMARY) \
               STRAIGHT_JOIN conversations c ON c.id = m.conversation", with_newest!(),
               "WHERE m.user = ? AND m.conversation IN ({})"] each ("?", ",");
    HEAD = ["SELECT last_seq FROM conversations WHERE id = ? AND dissolved_at IS NULL"];
    PLACE = ["SELECT joined_seq, read_seq FROM conversation_members WHERE conversation = ? AND user = ? FOR UPDATE"];
    READ = ["UPDATE conversation_members SET read_seq = ?, changed = ? WHERE conversation = ? AND user = ?"];
    HIDE = ["UPDATE conversation_members SET hidden_seq = ? WHERE conversation = ? AND user = ?"];
    BOTH = ["SELECT user, hidden_seq FROM conversation_members WHERE conversation = ? FOR UPDATE"];
    SHOW = ["UPDATE conversation_members SET hidden_seq = NULL, changed = ? WHERE conversation = ?"];
    OF_TWO = ["SELECT id FROM conversations WHERE low = ? AND high = ?"];
    MAKE_SINGLE = ["INSERT INTO conversations (id, kind, last_seq, last_at, changed, members_version, created_at, \
                    low, high) VALUES (?, 2, 0, ?, 0, 1, ?, ?, ?)"];
    JOIN = ["INSERT INTO conversation_members (conversation, user, role, joined_seq, read_seq, changed, joined) \
             VALUES {}"] each ("(?,?,?,?,?,0,0)", ",");
    ARRIVED = ["UPDATE conversation_members SET joined = ?, changed = ? WHERE conversation = ? AND user IN ({})"]
        each ("?", ",");
    CHANGED = ["UPDATE conversations SET changed = ? WHERE id = ?"];
}

#[async_trait]
impl ConversationStore for MySqlStore {
    async fn open_single(&self, open: &OpenSingle) -> Result<Opened> {
        transact!(self, "conversations.open_single", |tx| async {
            let opened = single(tx, open.users, open.id, open.at).await?;
            if opened.new {
                self.leave(tx).await?;
            } else {
                show_again(tx, opened.id, open.by).await?;
            }
            Ok(opened)
        })
    }

    async fn by_ids(&self, ids: &[ConversationId]) -> Result<Vec<Option<Conversation>>> {
        let found = read!(self, "conversations.by_ids", |conn| by_ids(conn, ids))?;
        Ok(ids.iter().map(|id| found.get(id).cloned()).collect())
    }

    async fn list(&self, user: UserId, limit: PageLimit) -> Result<Vec<ConversationEntry>> {
        read!(self, "conversations.list", |conn| async {
            let user = int(user.get());
            let rows: Vec<Row> = conn.exec(LIST.one(), (user, limit.get(), user)).await?;
            rows.iter().map(rows::entry).collect()
        })
    }

    async fn entries(&self, user: UserId, ids: &[ConversationId]) -> Result<Vec<Option<ConversationEntry>>> {
        let found = read!(self, "conversations.entries", |conn| entries(conn, user, ids))?;
        Ok(ids.iter().map(|id| found.get(id).cloned()).collect())
    }

    async fn mark_read(
        &self,
        user: UserId,
        conversation: ConversationId,
        seq: Option<Seq>,
    ) -> Result<ReadState> {
        transact!(self, "conversations.mark_read", |tx| async {
            let state = mark_read(tx, user, conversation, seq).await?;
            if state.moved {
                self.leave(tx).await?;
            }
            Ok(state)
        })
    }

    async fn hide(&self, user: UserId, conversation: ConversationId) -> Result<()> {
        transact!(self, "conversations.hide", |tx| async {
            let missing = || Fail::Answer(StoreError::not_found("conversations.hide"));
            // A message that is stored meanwhile is newer, and shows it again.
            let head = head(tx, conversation).await?.ok_or_else(missing)?;
            let place = (int(head.get()), int(conversation.get()), int(user.get()));
            tx.exec_drop(HIDE.one(), place).await?;
            if tx.affected_rows() == 0 { Err(missing()) } else { Ok(()) }
        })
    }

    async fn changes(&self, user: UserId, cursor: SyncCursor, limit: PageLimit) -> Result<Changes> {
        read!(self, "conversations.changes", |conn| changes::changes(conn, user, cursor, limit))
    }

    fn noted(&self, note: &Note) -> Option<Arc<dyn ConversationStore>> {
        Some(self.with_note(note))
    }
}

async fn by_ids(conn: &mut Conn, ids: &[ConversationId]) -> Done<HashMap<ConversationId, Conversation>> {
    let mut found = HashMap::new();
    for part in distinct(ids.iter().copied()).chunks(LIST_MAX) {
        let values = rows::list(part.iter().map(|id| id.get()));
        let rows: Vec<Row> = conn.exec(BY_IDS.of(padded(part.len())), Params::Positional(values)).await?;
        for row in &rows {
            let conversation = rows::conversation(row)?;
            found.insert(conversation.id, conversation);
        }
    }
    Ok(found)
}

/// How a user sees these conversations; those that they are not in are left out.
pub(super) async fn entries(
    conn: &mut Conn,
    user: UserId,
    ids: &[ConversationId],
) -> Done<HashMap<ConversationId, ConversationEntry>> {
    let mut found = HashMap::new();
    for part in distinct(ids.iter().copied()).chunks(LIST_MAX) {
        let mut values = vec![Value::Int(int(user.get()))];
        values.extend(rows::list(part.iter().map(|id| id.get())));
        let rows: Vec<Row> = conn.exec(ENTRIES.of(padded(part.len())), Params::Positional(values)).await?;
        for row in &rows {
            let entry = rows::entry(row)?;
            found.insert(entry.conversation.id, entry);
        }
    }
    Ok(found)
}

async fn head(conn: &mut impl Queryable, id: ConversationId) -> Done<Option<Seq>> {
    let row: Option<Row> = conn.exec_first(HEAD.one(), (int(id.get()),)).await?;
    row.map(|row| seq(&row, 0)).transpose()
}

async fn mark_read(
    tx: &mut Tx<'_>,
    user: UserId,
    conversation: ConversationId,
    wanted: Option<Seq>,
) -> Done<ReadState> {
    let missing = || Fail::Answer(StoreError::not_found("conversations.mark_read"));
    let (id, number) = (int(conversation.get()), int(user.get()));
    // The place first: waiting for it, the head may move.
    let row: Option<Row> = tx.exec_first(PLACE.one(), (id, number)).await?;
    let row = row.ok_or_else(missing)?;
    let (joined, before) = (seq(&row, 0)?, seq(&row, 1)?);
    let head = head(tx, conversation).await?.ok_or_else(missing)?;
    let read = wanted.map_or(head, |seq| seq.min(head)).max(before);
    let moved = read > before;
    if moved {
        let changed = ticks::take(tx).await?.next()?;
        tx.exec_drop(READ.one(), (int(read.get()), changed, id, number)).await?;
    }
    Ok(ReadState { read_seq: read, last_seq: head, unread: head.since(read.max(joined)), moved })
}

/// The conversation of two users, made if there is none.
pub(super) async fn single(
    tx: &mut Tx<'_>,
    users: [UserId; 2],
    id: ConversationId,
    at: Timestamp,
) -> Done<Opened> {
    let [low, high] = [users[0].min(users[1]), users[0].max(users[1])];
    let pair = (int(low.get()), int(high.get()));
    let known: Option<Row> = tx.exec_first(OF_TWO.one(), pair).await?;
    if let Some(row) = known {
        return Ok(Opened { id: conversation_id(&row, 0)?, new: false });
    }
    let (number, at) = (int(id.get()), at.as_millis());
    match tx.exec_drop(MAKE_SINGLE.one(), (number, at, at, pair.0, pair.1)).await {
        Ok(()) => {}
        // Theirs is there now, or the id is another's: the next attempt tells.
        Err(e) if is_unique(&e) => return Err(Fail::Again),
        Err(e) => return Err(Fail::Sql(e)),
    }
    join(tx, id, Seq::ZERO, &[(low, 1), (high, 1)]).await?;
    let mut numbers = ticks::take(tx).await?;
    arrived(tx, id, &[low, high], numbers.next()?, numbers.next()?).await?;
    tx.exec_drop(CHANGED.one(), (numbers.next()?, number)).await?;
    Ok(Opened { id, new: true })
}

/// Lets users in, each with the number of a role, at this head. [`arrived`] must follow, with numbers taken after this.
pub(super) async fn join(
    tx: &mut Tx<'_>,
    id: ConversationId,
    head: Seq,
    users: &[(UserId, i64)],
) -> Done<()> {
    for part in users.chunks(LIST_MAX) {
        let row = |(user, role): &(UserId, i64)| {
            [int(id.get()), int(user.get()), *role, int(head.get()), int(head.get())].map(Value::Int)
        };
        let values = part.iter().flat_map(row).collect();
        tx.exec_drop(JOIN.of(part.len()), Params::Positional(values)).await?;
    }
    Ok(())
}

/// Gives those who were let in their change numbers: two, since a page of changes may end between the membership and the
/// conversation.
pub(super) async fn arrived(
    tx: &mut Tx<'_>,
    id: ConversationId,
    users: &[UserId],
    joined: i64,
    changed: i64,
) -> Done<()> {
    for part in users.chunks(LIST_MAX) {
        let mut values = vec![Value::Int(joined), Value::Int(changed), Value::Int(int(id.get()))];
        values.extend(rows::list(part.iter().map(|user| user.get())));
        tx.exec_drop(ARRIVED.of(padded(part.len())), Params::Positional(values)).await?;
    }
    Ok(())
}

/// Shows it to both if `by` has hidden it.
async fn show_again(tx: &mut Tx<'_>, id: ConversationId, by: UserId) -> Done<()> {
    let number = int(id.get());
    let both: Vec<Row> = tx.exec(BOTH.one(), (number,)).await?;
    let Some(head) = head(tx, id).await? else { return Ok(()) };
    let mut hidden = false;
    for row in &both {
        let theirs: Option<i64> = rows::get(row, 1)?;
        hidden |= rows::user_id(row, 0)? == by && theirs.is_some_and(|seq| seq >= int(head.get()));
    }
    if hidden {
        let changed = ticks::take(tx).await?.next()?;
        tx.exec_drop(SHOW.one(), (changed, number)).await?;
    }
    Ok(())
}
