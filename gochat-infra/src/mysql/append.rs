//! Appending messages: the path that everything else makes way for.
//!
//! A batch costs eight statements in five round trips, however many messages and conversations it has: begin; lock the
//! conversations in order of id; insert; take change numbers (two statements), move heads and move read pointers, together;
//! commit. Whether there are repeats is not asked first: the unique key tells, and only then, or when a message does not fit
//! anyhow, they are looked up.

use std::collections::{BTreeMap, HashMap};

use gochat_core::model::{
    ConversationId, MembersVersion, Message, MessageKey, NewMessage, Seq, Timestamp, UserId,
};
use gochat_core::ports::{Appended, ErrorKind, Retry, StoreError};
use mysql_async::prelude::Queryable;
use mysql_async::{Params, Row, Value};

use super::archived::Gaps;
use super::error::{Done, Fail, is_unique};
use super::rows::{self, conversation_id, distinct, int, message_columns, seq, version};
use super::statements::{LIST_MAX, padded, statements};
use super::ticks;
use super::tx::Tx;
use crate::message_row::{checksum, pack};

statements! {
    LOCK = ["SELECT id, last_seq, members_version FROM conversations FORCE INDEX (PRIMARY) WHERE id IN ({}) \
             AND dissolved_at IS NULL ORDER BY id FOR UPDATE"] each ("?", ",");
    INSERT = ["INSERT INTO messages (conversation, seq, id, sender, client, kind, sent_at, checksum, content, \
               reply_to, mentions, attachment, edited_at, recalled_at, recalled_by) VALUES {}"]
        each ("(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", ",");
    BY_KEYS = ["SELECT ", message_columns!(), " FROM messages x FORCE INDEX (messages_by_client) WHERE {}"]
        each ("(x.conversation = ? AND x.sender = ? AND x.client = ?)", " OR ");
    // All rows are there and locked: this only ever updates, many at once. Behind `ticks::TAKE`.
    MOVE = ["INSERT INTO conversations (id, last_seq, last_at, changed, kind, members_version, created_at) VALUES {} \
             ON DUPLICATE KEY UPDATE last_seq = VALUES(last_seq), last_at = VALUES(last_at), changed = VALUES(changed)"]
        each ("(?,?,?,(LAST_INSERT_ID() << 18) + ?,0,0,0)", ",");
    MOVE_READ = ["UPDATE ({}) k STRAIGHT_JOIN conversation_members m ON m.conversation = k.c AND m.user = k.u \
                  SET m.read_seq = GREATEST(m.read_seq, k.s)"]
        each ("SELECT CAST(? AS SIGNED) AS c, CAST(? AS SIGNED) AS u, CAST(? AS SIGNED) AS s", " UNION ALL ");
}

/// Most keys in one question for repeats.
const KEYS_MAX: usize = 128;
/// Most rows in one INSERT: 15 values each, and 65,535 are the protocol's most.
const ROWS_MAX: usize = 2_048;

type Known = HashMap<MessageKey, Message>;

/// A conversation that the batch writes to.
#[derive(Debug, Clone, Copy)]
struct Head {
    seq: Seq,
    version: MembersVersion,
}

/// What is to be done, worked out in memory.
struct Plan<'b> {
    /// `None` where the answer depends on whether it is a repeat, which was not looked up.
    outcome: Vec<Option<Appended>>,
    insert: Vec<&'b NewMessage>,
    moved: BTreeMap<ConversationId, (Seq, Timestamp)>,
    senders: BTreeMap<(ConversationId, UserId), Seq>,
}

/// Repeats of what is in an archive come without their contents, as gaps.
pub(super) async fn append(tx: &mut Tx<'_>, batch: &[NewMessage]) -> Done<(Vec<Appended>, Gaps)> {
    let mut gaps = Gaps::default();
    let heads = lock(tx, batch).await?;
    let mut plan = decide(batch, &heads, None);
    let whole = plan.outcome.iter().all(Option::is_some);
    if !whole || !insert(tx, &plan.insert).await? {
        let known;
        (known, gaps) = by_keys(tx, batch.iter().map(|new| new.message.key())).await?;
        plan = decide(batch, &heads, Some(&known));
        if !insert(tx, &plan.insert).await? {
            // The conversations are locked: nobody can have stored one of these since.
            return Err(Fail::Corrupt("a message that is not there can't be stored".to_owned()));
        }
    }
    settle(tx, &plan).await?;
    let outcome: Option<Vec<_>> = plan.outcome.into_iter().collect();
    let outcome = outcome.ok_or_else(|| Fail::Corrupt("a message without an outcome".to_owned()))?;
    Ok((outcome, gaps))
}

async fn lock(tx: &mut Tx<'_>, batch: &[NewMessage]) -> Done<HashMap<ConversationId, Head>> {
    let mut heads = HashMap::new();
    for part in distinct(batch.iter().map(|new| new.message.conversation)).chunks(LIST_MAX) {
        let values = rows::list(part.iter().map(|id| id.get()));
        let rows: Vec<Row> = tx.exec(LOCK.of(padded(part.len())), Params::Positional(values)).await?;
        for row in &rows {
            heads.insert(conversation_id(row, 0)?, Head { seq: seq(row, 1)?, version: version(row, 2)? });
        }
    }
    Ok(heads)
}

/// What becomes of each message. Without `known`, that none was stored before is assumed of those that fit.
fn decide<'b>(
    batch: &'b [NewMessage],
    heads: &HashMap<ConversationId, Head>,
    known: Option<&Known>,
) -> Plan<'b> {
    let mut plan = Plan {
        outcome: Vec::with_capacity(batch.len()),
        insert: Vec::new(),
        moved: BTreeMap::new(),
        senders: BTreeMap::new(),
    };
    let mut heads = heads.clone();
    let mut refused: HashMap<ConversationId, ()> = HashMap::new();
    let mut inserted: HashMap<MessageKey, &Message> = HashMap::new();
    for new in batch {
        let (message, id) = (&*new.message, new.message.conversation);
        let Some(head) = heads.get_mut(&id) else {
            plan.outcome.push(Some(Appended::MembersChanged));
            continue;
        };
        let key = message.key();
        let earlier = inserted.get(&key).copied().or_else(|| known.and_then(|known| known.get(&key)));
        if let Some(stored) = earlier {
            plan.outcome.push(Some(Appended::Repeated(Box::new(stored.clone()))));
            continue;
        }
        let changed = head.version != new.members_version;
        let fits = !changed && !refused.contains_key(&id) && message.seq == head.seq.next();
        if fits {
            head.seq = message.seq;
            inserted.insert(key, message);
            plan.insert.push(new);
            plan.moved.insert(id, (message.seq, message.sent_at));
            plan.senders.insert((id, message.sender), message.seq);
            plan.outcome.push(Some(Appended::Stored));
        } else if known.is_none() {
            plan.outcome.push(None);
        } else if changed {
            plan.outcome.push(Some(Appended::MembersChanged));
        } else {
            refused.insert(id, ());
            plan.outcome.push(Some(Appended::OutOfSequence { head: head.seq }));
        }
    }
    plan
}

/// Whether all were inserted; else none was, since something of them is there already.
async fn insert(tx: &mut Tx<'_>, batch: &[&NewMessage]) -> Done<bool> {
    for (i, part) in batch.chunks(ROWS_MAX).enumerate() {
        let values = part.iter().flat_map(|new| values(&new.message)).collect();
        match tx.exec_drop(INSERT.of(part.len()), Params::Positional(values)).await {
            Ok(()) => {}
            // A statement that fails is undone by itself, those before it are not.
            Err(e) if is_unique(&e) && i == 0 => return Ok(false),
            Err(e) if is_unique(&e) => {
                return Err(StoreError::new(ErrorKind::TooLarge, Retry::Never, "messages.append").into());
            }
            Err(e) => return Err(Fail::Sql(e)),
        }
    }
    Ok(true)
}

fn values(message: &Message) -> [Value; 15] {
    let body = &message.body;
    [
        int(message.conversation.get()).into(),
        int(message.seq.get()).into(),
        int(message.id.get()).into(),
        int(message.sender.get()).into(),
        message.client_msg_id.as_str().as_bytes().into(),
        body.kind.number().into(),
        message.sent_at.as_millis().into(),
        checksum(message).into(),
        (&*body.content).into(),
        body.reply_to.map(|id| int(id.get())).into(),
        pack(&body.mentions).into(),
        body.attachment.as_deref().into(),
        message.edited_at.map(Timestamp::as_millis).into(),
        message.recalled.map(|r| r.at.as_millis()).into(),
        message.recalled.map(|r| int(r.by.get())).into(),
    ]
}

/// Stored messages with these keys.
pub(super) async fn by_keys(
    conn: &mut impl Queryable,
    keys: impl Iterator<Item = MessageKey>,
) -> Done<(Known, Gaps)> {
    let (mut found, mut gaps) = (HashMap::new(), Gaps::default());
    let mut keys: Vec<_> = keys.collect();
    let order = |key: &MessageKey| (key.conversation, key.sender, key.client_msg_id.clone());
    keys.sort_unstable_by_key(order);
    keys.dedup();
    for part in keys.chunks(KEYS_MAX) {
        let mut part = part.to_vec();
        part.resize(padded(part.len()), part[part.len() - 1].clone());
        let values = part.iter().flat_map(|key| {
            let ids = [key.conversation.get(), key.sender.get()].map(|id| Value::Int(int(id)));
            let [conversation, sender] = ids;
            [conversation, sender, key.client_msg_id.as_str().as_bytes().into()]
        });
        let values = Params::Positional(values.collect());
        for row in &conn.exec::<Row, _, _>(BY_KEYS.of(part.len()), values).await? {
            let message = rows::message(row, 0, &mut gaps)?;
            found.insert(message.key(), message);
        }
    }
    Ok((found, gaps))
}

/// Moves heads and read pointers, in one round trip.
async fn settle(tx: &mut Tx<'_>, plan: &Plan<'_>) -> Done<()> {
    if plan.moved.is_empty() {
        return Ok(());
    }
    if plan.moved.len() as u64 > ticks::CHANGES_MAX {
        return Err(Fail::Corrupt("a transaction with too many changes".to_owned()));
    }
    let mut text = ticks::TAKE.to_owned();
    let mut add = |sql: String| {
        text.push_str("; ");
        text.push_str(&sql);
    };
    let moved: Vec<_> = plan.moved.iter().enumerate().collect();
    for part in moved.chunks(LIST_MAX) {
        let row = |(n, (id, (seq, at))): &(usize, (&ConversationId, &(Seq, Timestamp)))| {
            [int(id.get()), int(seq.get()), at.as_millis(), int(*n as u64)]
        };
        add(MOVE.with(&part.iter().flat_map(row).collect::<Vec<_>>()));
    }
    // As many as there are: a sender named twice would be updated by either.
    let senders: Vec<_> = plan.senders.iter().collect();
    for part in senders.chunks(LIST_MAX) {
        let row = |((id, user), seq): &(&(ConversationId, UserId), &Seq)| {
            [id.get(), user.get(), seq.get()].map(int)
        };
        add(MOVE_READ.with(&part.iter().flat_map(row).collect::<Vec<_>>()));
    }
    Ok(tx.query_drop(text).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_get_the_change_number_that_others_get() {
        assert!(MOVE.of(1).contains(&format!("LAST_INSERT_ID() << {}", ticks::SHIFT)), "{}", MOVE.of(1));
    }
}
