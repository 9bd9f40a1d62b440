//! Reading messages, and taking them back.
//!
//! History is what replicas serve. The primary is asked for the conversation's head and newest change, one row; a replica
//! that has the same change has all that was acknowledged, recalls too, and answers the page; else the primary does. When
//! the primary is away, a replica that has the sequence asked for is good enough: better a page that may lack what came
//! later than none.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use gochat_core::model::{
    ConversationId, Message, MessageId, MessageKey, NewMessage, Note, PageLimit, Recalled, Seq, Timestamp,
    UserId,
};
use gochat_core::ports::{Appended, ErrorKind, MessageStore, PageFrom, RecallOutcome, Result, StoreError};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Params, Row};

use super::archived::Gaps;
use super::error::{Done, Fail};
use super::rows::{self, conversation_id, distinct, int, message_columns, number, seq};
use super::statements::{LIST_MAX, padded, statements};
use super::ticks;
use super::tx::{Tx, read, transact};
use super::{MySqlStore, append};
use crate::message_row::checksum;

statements! {
    HEADS = ["SELECT id, last_seq, changed FROM conversations FORCE INDEX (PRIMARY) WHERE id IN ({}) \
              AND dissolved_at IS NULL"] each ("?", ",");
    LIVING = ["SELECT id FROM conversations FORCE INDEX (PRIMARY) WHERE id IN ({}) AND dissolved_at IS NULL"]
        each ("?", ",");
    BY_IDS = ["SELECT ", message_columns!(), " FROM messages x FORCE INDEX (messages_by_id) \
               STRAIGHT_JOIN conversations c ON c.id = x.conversation WHERE x.id IN ({}) AND c.dissolved_at IS NULL"]
        each ("?", ",");
    pub(super) PAGE = ["SELECT ", message_columns!(), " FROM messages x FORCE INDEX (PRIMARY) \
             WHERE x.conversation = ? AND x.seq BETWEEN ? AND ? ORDER BY x.seq"];
    LOCK = ["SELECT id FROM conversations WHERE id = ? AND dissolved_at IS NULL FOR UPDATE"];
    RECALL = ["UPDATE messages SET content = '', mentions = NULL, attachment = NULL, archived = NULL, \
              recalled_at = ?, recalled_by = ?, checksum = ? WHERE conversation = ? AND seq = ?"];
    CHANGED = ["UPDATE conversations SET changed = ? WHERE id = ?"];
}

#[async_trait]
impl MessageStore for MySqlStore {
    async fn append(&self, batch: &[NewMessage]) -> Result<Vec<Appended>> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let (mut outcome, gaps) = transact!(self, "messages.append", |tx| append::append(tx, batch))?;
        let repeated = outcome.iter_mut().filter_map(|outcome| match outcome {
            Appended::Repeated(message) => Some(&mut **message),
            _ => None,
        });
        self.fill("messages.append", &gaps, repeated).await?;
        Ok(outcome)
    }

    async fn by_keys(&self, keys: &[MessageKey]) -> Result<Vec<Option<Message>>> {
        let (mut found, gaps) = read!(self, "messages.by_keys", |conn| async {
            let living = living(conn, keys.iter().map(|key| key.conversation)).await?;
            let (mut found, gaps) = append::by_keys(conn, keys.iter().cloned()).await?;
            found.retain(|key, _| living.binary_search(&key.conversation).is_ok());
            Ok((found, gaps))
        })?;
        self.fill("messages.by_keys", &gaps, found.values_mut()).await?;
        Ok(keys.iter().map(|key| found.get(key).cloned()).collect())
    }

    async fn by_ids(&self, ids: &[MessageId]) -> Result<Vec<Option<Message>>> {
        let (mut found, gaps) = read!(self, "messages.by_ids", |conn| by_ids(conn, ids))?;
        self.fill("messages.by_ids", &gaps, found.values_mut()).await?;
        Ok(ids.iter().map(|id| found.get(id).cloned()).collect())
    }

    async fn page(
        &self,
        conversation: ConversationId,
        from: PageFrom,
        limit: PageLimit,
    ) -> Result<Vec<Message>> {
        let head = read!(self, "messages.page", |conn| head(conn, conversation));
        let wanted = match &head {
            Ok(None) => return Ok(Vec::new()),
            Ok(Some(head)) => Wanted::Change(*head),
            Err(_) => Wanted::Sequence(from),
        };
        let of_replica = self.on_replica(|conn| Box::pin(page_of(conn, conversation, from, limit, wanted)));
        let (mut page, gaps) = match (of_replica.await, head) {
            (Some(page), _) => page,
            (None, Ok(None)) => return Ok(Vec::new()),
            (None, Ok(Some(head))) => {
                let done =
                    read!(self, "messages.page", |conn| page(conn, conversation, head.seq, from, limit));
                match done {
                    Err(e)
                        if e.kind() == ErrorKind::Corrupt
                            && self.mend(conversation, range(head.seq, from, limit)).await =>
                    {
                        read!(self, "messages.page", |conn| page(conn, conversation, head.seq, from, limit))?
                    }
                    done => done?,
                }
            }
            (None, Err(e)) => return Err(e),
        };
        self.fill("messages.page", &gaps, page.iter_mut()).await?;
        Ok(page)
    }

    async fn heads(&self, conversations: &[ConversationId]) -> Result<Vec<Option<Seq>>> {
        let found = read!(self, "messages.heads", |conn| heads(conn, conversations))?;
        Ok(conversations.iter().map(|id| found.get(id).map(|head| head.seq)).collect())
    }

    async fn recall(&self, id: MessageId, by: UserId, at: Timestamp) -> Result<RecallOutcome> {
        transact!(self, "messages.recall", |tx| async {
            let outcome = recall(tx, id, by, at).await?;
            if outcome.first {
                self.leave(tx).await?;
            }
            Ok(outcome)
        })
    }

    fn noted(&self, note: &Note) -> Option<Arc<dyn MessageStore>> {
        Some(self.with_note(note))
    }
}

/// How far a conversation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    seq: Seq,
    change: u64,
}

/// What a replica must have to answer.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    /// The primary's state of the conversation.
    Change(Head),
    /// The sequence that the caller knows of.
    Sequence(PageFrom),
}

impl Wanted {
    fn is_met_by(self, head: Head) -> bool {
        match self {
            Self::Change(wanted) => head == wanted,
            Self::Sequence(PageFrom::After(seq)) => head.seq >= seq,
            Self::Sequence(PageFrom::Before(seq)) => head.seq.next() >= seq,
        }
    }
}

async fn living(conn: &mut Conn, ids: impl Iterator<Item = ConversationId>) -> Done<Vec<ConversationId>> {
    let mut living = Vec::new();
    for part in distinct(ids).chunks(LIST_MAX) {
        let values = rows::list(part.iter().map(|id| id.get()));
        let rows: Vec<Row> = conn.exec(LIVING.of(padded(part.len())), Params::Positional(values)).await?;
        for row in &rows {
            living.push(conversation_id(row, 0)?);
        }
    }
    living.sort_unstable();
    Ok(living)
}

async fn heads(conn: &mut Conn, ids: &[ConversationId]) -> Done<HashMap<ConversationId, Head>> {
    let mut heads = HashMap::new();
    for part in distinct(ids.iter().copied()).chunks(LIST_MAX) {
        let values = rows::list(part.iter().map(|id| id.get()));
        let rows: Vec<Row> = conn.exec(HEADS.of(padded(part.len())), Params::Positional(values)).await?;
        for row in &rows {
            heads.insert(conversation_id(row, 0)?, Head { seq: seq(row, 1)?, change: number(row, 2)? });
        }
    }
    Ok(heads)
}

async fn head(conn: &mut Conn, id: ConversationId) -> Done<Option<Head>> {
    Ok(heads(conn, &[id]).await?.remove(&id))
}

async fn by_ids(conn: &mut impl Queryable, ids: &[MessageId]) -> Done<(HashMap<MessageId, Message>, Gaps)> {
    let (mut found, mut gaps) = (HashMap::new(), Gaps::default());
    for part in distinct(ids.iter().copied()).chunks(LIST_MAX) {
        let values = rows::list(part.iter().map(|id| id.get()));
        let rows: Vec<Row> = conn.exec(BY_IDS.of(padded(part.len())), Params::Positional(values)).await?;
        for row in &rows {
            let message = rows::message(row, 0, &mut gaps)?;
            found.insert(message.id, message);
        }
    }
    Ok((found, gaps))
}

/// The page, from a replica that has what is wanted; `None` from another.
async fn page_of(
    conn: &mut Conn,
    conversation: ConversationId,
    from: PageFrom,
    limit: PageLimit,
    wanted: Wanted,
) -> Done<Option<(Vec<Message>, Gaps)>> {
    match head(conn, conversation).await? {
        Some(head) if wanted.is_met_by(head) => {
            page(conn, conversation, head.seq, from, limit).await.map(Some)
        }
        _ => Ok(None),
    }
}

/// The first and the last message of a page. Sequences are dense: a page is a range of them, and both ends of a conversation
/// are equally near.
fn range(head: Seq, from: PageFrom, limit: PageLimit) -> [u64; 2] {
    let limit = u64::from(limit.get());
    match from {
        PageFrom::After(seq) => [seq.next().get(), seq.plus(limit).min(head).get()],
        PageFrom::Before(seq) => {
            let last = seq.get().saturating_sub(1).min(head.get());
            [last.saturating_sub(limit - 1).max(1), last]
        }
    }
}

async fn page(
    conn: &mut Conn,
    conversation: ConversationId,
    head: Seq,
    from: PageFrom,
    limit: PageLimit,
) -> Done<(Vec<Message>, Gaps)> {
    let mut gaps = Gaps::default();
    let [first, last] = range(head, from, limit);
    if first > last {
        return Ok((Vec::new(), gaps));
    }
    let rows: Vec<Row> = conn.exec(PAGE.one(), (int(conversation.get()), int(first), int(last))).await?;
    let messages = rows.iter().map(|row| rows::message(row, 0, &mut gaps)).collect::<Done<Vec<_>>>()?;
    let dense = messages.iter().zip(first..).all(|(message, seq)| message.seq.get() == seq);
    if dense && messages.len() as u64 == last - first + 1 {
        Ok((messages, gaps))
    } else {
        Err(Fail::Corrupt(format!(
            "messages {first} to {last} of conversation {conversation} are not all there"
        )))
    }
}

async fn recall(tx: &mut Tx<'_>, id: MessageId, by: UserId, at: Timestamp) -> Done<RecallOutcome> {
    let missing = || Fail::Answer(StoreError::not_found("messages.recall"));
    let conversation = by_ids(tx, &[id]).await?.0.remove(&id).ok_or_else(missing)?.conversation;
    let number = int(conversation.get());
    let living: Option<Row> = tx.exec_first(LOCK.one(), (number,)).await?;
    living.ok_or_else(missing)?;
    // Once more, as it is now that nobody else can take it back.
    let mut message = by_ids(tx, &[id]).await?.0.remove(&id).ok_or_else(missing)?;
    if message.recalled.is_some() {
        return Ok(RecallOutcome { message, first: false });
    }
    message.recalled = Some(Recalled { at, by });
    message.body.content = "".into();
    message.body.attachment = None;
    message.body.mentions.clear();
    let place = (number, int(message.seq.get()));
    let tombstone = (at.as_millis(), int(by.get()), checksum(&message), place.0, place.1);
    tx.exec_drop(RECALL.one(), tombstone).await?;
    let changed = ticks::take(tx).await?.next()?;
    tx.exec_drop(CHANGED.one(), (changed, number)).await?;
    Ok(RecallOutcome { message, first: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_that_is_behind_is_not_believed() {
        let head = |seq, change| Head { seq: Seq::new(seq), change };
        let wanted = Wanted::Change(head(5, 9));
        assert!(wanted.is_met_by(head(5, 9)));
        assert!(!wanted.is_met_by(head(5, 8)), "a recall is missing");
        assert!(!wanted.is_met_by(head(4, 8)));
        assert!(!wanted.is_met_by(head(6, 10)), "newer than the primary was: ask the primary again");
        // The primary is away.
        let after = Wanted::Sequence(PageFrom::After(Seq::new(5)));
        assert!(after.is_met_by(head(5, 0)) && !after.is_met_by(head(4, 0)));
        let before = Wanted::Sequence(PageFrom::Before(Seq::new(5)));
        assert!(before.is_met_by(head(4, 0)) && !before.is_met_by(head(3, 0)));
    }
}
