//! Reading messages, and taking them back.

use std::collections::HashMap;

use async_trait::async_trait;
use gochat_core::model::{
    ConversationId, Message, MessageId, MessageKey, NewMessage, PageLimit, Recalled, Seq, Timestamp, UserId,
};
use gochat_core::ports::{Appended, MessageStore, PageFrom, RecallOutcome, Result, StoreError};
use rusqlite::{Connection, params};

use super::SqliteStore;
use super::append::{self, Row};
use super::error::{Done, Fail};
use super::places::Log;
use super::rows::{self, conversation_id, int, message_columns};
use super::statements::{Prepare, statements};
use super::tx::Tx;
use crate::message_row::checksum;

statements! {
    SLOTS = "SELECT c.id, c.slot, c.last_seq FROM rarray(?1) k CROSS JOIN conversations c ON c.id = k.value \
             WHERE c.dissolved_at IS NULL";
    LOG = "SELECT slot, last_seq, tail FROM conversations WHERE id = ?1 AND dissolved_at IS NULL";
    BY_IDS = "SELECT ", message_columns!(), ", c.id FROM rarray(?1) k CROSS JOIN messages x ON x.id = k.value \
              CROSS JOIN conversations c ON c.slot = x.slot WHERE c.dissolved_at IS NULL";
    PAGE = "SELECT ", message_columns!(), " FROM rarray(?1) k CROSS JOIN messages x ON x.id = k.value";
    RECALL = "UPDATE messages SET content = '', mentions = NULL, attachment = NULL, recalled_at = ?2, \
              recalled_by = ?3, checksum = ?4 WHERE id = ?1";
    CHANGED = "UPDATE conversations SET changed = ?2 WHERE id = ?1";
}

#[async_trait]
impl MessageStore for SqliteStore {
    async fn append(&self, batch: &[NewMessage]) -> Result<Vec<Appended>> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let batch: Vec<_> = batch.iter().map(Row::of).collect();
        self.write("messages.append", batch.len(), move |tx| append::append(tx, &batch)).await
    }

    async fn by_keys(&self, keys: &[MessageKey]) -> Result<Vec<Option<Message>>> {
        let keys = keys.to_vec();
        self.read("messages.by_keys", move |conn| {
            let mut slots = HashMap::new();
            each_head(conn, keys.iter().map(|key| key.conversation), |id, slot, _| {
                slots.insert(id, slot);
            })?;
            // Three columns each: no table-valued function takes those, and a step of a prepared statement is what a join
            // would do as well.
            keys.iter()
                .map(|key| match slots.get(&key.conversation) {
                    Some(slot) => append::by_key(conn, *slot, key),
                    None => Ok(None),
                })
                .collect()
        })
        .await
    }

    async fn by_ids(&self, ids: &[MessageId]) -> Result<Vec<Option<Message>>> {
        let ids = ids.to_vec();
        self.read("messages.by_ids", move |conn| by_ids(conn, &ids)).await
    }

    async fn page(
        &self,
        conversation: ConversationId,
        from: PageFrom,
        limit: PageLimit,
    ) -> Result<Vec<Message>> {
        self.read("messages.page", move |conn| page(conn, conversation, from, limit)).await
    }

    async fn heads(&self, conversations: &[ConversationId]) -> Result<Vec<Option<Seq>>> {
        let ids = conversations.to_vec();
        self.read("messages.heads", move |conn| {
            let mut heads = HashMap::new();
            each_head(conn, ids.iter().copied(), |id, _, seq| {
                heads.insert(id, seq);
            })?;
            Ok(ids.iter().map(|id| heads.get(id).copied()).collect())
        })
        .await
    }

    async fn recall(&self, id: MessageId, by: UserId, at: Timestamp) -> Result<RecallOutcome> {
        self.write("messages.recall", 1, move |tx| recall(tx, id, by, at)).await
    }
}

fn each_head(
    conn: &Connection,
    ids: impl Iterator<Item = ConversationId>,
    mut found: impl FnMut(ConversationId, u64, Seq),
) -> Done<()> {
    let mut stmt = conn.stmt(SLOTS)?;
    let mut rows = stmt.query([rows::table(ids.map(ConversationId::get))])?;
    while let Some(row) = rows.next()? {
        found(conversation_id(row, 0)?, rows::number(row, 1)?, rows::seq(row, 2)?);
    }
    Ok(())
}

fn by_ids(conn: &Connection, ids: &[MessageId]) -> Done<Vec<Option<Message>>> {
    const CONVERSATION: usize = 15;
    let mut stmt = conn.stmt(BY_IDS)?;
    let mut rows = stmt.query([rows::table(ids.iter().map(|id| id.get()))])?;
    let mut found = HashMap::new();
    while let Some(row) = rows.next()? {
        let message = rows::message(row, 0, conversation_id(row, CONVERSATION)?)?;
        found.insert(message.id, message);
    }
    Ok(ids.iter().map(|id| found.get(id).cloned()).collect())
}

fn page(
    conn: &Connection,
    conversation: ConversationId,
    from: PageFrom,
    limit: PageLimit,
) -> Done<Vec<Message>> {
    let mut stmt = conn.stmt(LOG)?;
    let mut rows = stmt.query([int(conversation.get())])?;
    let Some(row) = rows.next()? else {
        return Ok(Vec::new());
    };
    let tail = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
    let log = Log { slot: rows::number(row, 0)?, last_seq: rows::seq(row, 1)?, tail };
    let head = log.last_seq;
    let limit = u64::from(limit.get());
    // Sequences are dense: a page is a range of them, and both ends of a conversation are equally near.
    let (first, last) = match from {
        PageFrom::After(seq) => (seq.next(), seq.plus(limit).min(head)),
        PageFrom::Before(seq) => {
            let last = seq.get().saturating_sub(1).min(head.get());
            (Seq::new(last.saturating_sub(limit - 1).max(1)), Seq::new(last))
        }
    };
    if first > last {
        return Ok(Vec::new());
    }
    let ids = log.ids(conn, first, last)?;
    let mut stmt = conn.stmt(PAGE)?;
    let mut rows = stmt.query([rows::table(ids.iter().copied())])?;
    let mut messages = Vec::with_capacity(ids.len());
    while let Some(row) = rows.next()? {
        messages.push(rows::message(row, 0, conversation)?);
    }
    // As asked for already; but nothing in SQL promises the order of a join.
    messages.sort_unstable_by_key(|message| message.seq);
    let dense = messages.iter().zip(first.get()..).all(|(message, seq)| message.seq.get() == seq);
    if dense && messages.len() == ids.len() {
        Ok(messages)
    } else {
        Err(Fail::Corrupt(format!(
            "messages {first} to {last} of conversation {conversation} are not all there"
        )))
    }
}

fn recall(tx: &mut Tx<'_>, id: MessageId, by: UserId, at: Timestamp) -> Done<RecallOutcome> {
    let missing = StoreError::not_found("messages.recall");
    let mut message = by_ids(tx.conn, &[id])?.pop().flatten().ok_or(missing)?;
    if message.recalled.is_some() {
        return Ok(RecallOutcome { message, first: false });
    }
    message.recalled = Some(Recalled { at, by });
    message.body.content = "".into();
    message.body.attachment = None;
    message.body.mentions.clear();
    let conversation = message.conversation;
    let checksum = checksum(&message);
    let (by, at) = (int(by.get()), at.as_millis());
    tx.conn.stmt(RECALL)?.execute(params![int(id.get()), at, by, checksum])?;
    let changed = tx.tick()?;
    tx.conn.stmt(CHANGED)?.execute(params![int(conversation.get()), changed])?;
    Ok(RecallOutcome { message, first: true })
}
