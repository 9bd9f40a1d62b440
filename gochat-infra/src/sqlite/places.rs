//! Which message stands at which sequence: in the conversation's row for the newest (its tail), in `places` for the others.
//!
//! A conversation's row is rewritten with each batch anyhow, and rows of many conversations share a page; so the newest ids
//! ride along, and go to a table of their own thirty at a time.

use gochat_core::model::{ConversationId, Seq};
use rusqlite::{Connection, params};

use super::error::{Done, Fail};
use super::rows::{int, place};
use super::statements::{Prepare, statements};
use super::tx::{Head, Tx};

statements! {
    // As text, bytes are joined as they are, and the cast takes them back as they are.
    EXTEND = "UPDATE conversations SET last_seq = ?2, last_at = ?3, changed = ?4, last_id = ?5, last_sender = ?6, \
              tail = CAST(tail || ?7 AS BLOB) WHERE id = ?1";
    MOVE = "UPDATE conversations SET last_seq = ?2, last_at = ?3, changed = ?4, last_id = ?5, last_sender = ?6, \
            tail = x'' WHERE id = ?1";
    TAIL = "SELECT tail FROM conversations WHERE id = ?1";
    INSERT = "INSERT INTO places (place, id) VALUES (?1, ?2)";
    RANGE = "SELECT id FROM places WHERE place BETWEEN ?1 AND ?2 ORDER BY place";
}

/// Ids that a tail holds at most: 256 bytes of them, so that rows stay short beside what else is in them.
const TAIL_MAX: u64 = 32;

/// Messages that a batch has stored in one conversation.
#[derive(Debug, Default)]
pub(super) struct Added {
    /// As in a tail.
    ids: Vec<u8>,
    last_id: i64,
}

impl Added {
    pub(super) fn push(&mut self, id: i64) {
        self.ids.extend(id.to_be_bytes());
        self.last_id = id;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

/// Writes the conversation's row: `head` is as the messages added have left it, but for its tail. Answers it whole.
pub(super) fn extend(
    tx: &mut Tx<'_>,
    id: ConversationId,
    head: Head,
    added: &Added,
    sent_at: i64,
) -> Done<Head> {
    let (number, seq, changed) = (int(id.get()), int(head.last_seq.get()), tx.tick()?);
    let sender = head.last_sender.map(|user| int(user.get()));
    let count = ids(&added.ids).0.len() as u64;
    if head.tail + count <= TAIL_MAX {
        let new = params![number, seq, sent_at, changed, added.last_id, sender, &added.ids];
        tx.conn.stmt(EXTEND)?.execute(new)?;
        return Ok(Head { tail: head.tail + count, ..head });
    }
    let tail: Vec<u8> = tx.conn.stmt(TAIL)?.query_one([number], |row| row.get(0))?;
    if tail.len() as u64 != head.tail * 8 {
        return Err(Fail::Corrupt(format!("the tail of conversation {id} has {} bytes", tail.len())));
    }
    let first = head.last_seq.get() - count - head.tail + 1;
    let mut insert = tx.conn.stmt(INSERT)?;
    for (id, seq) in ids(&tail).0.iter().chain(ids(&added.ids).0).zip(first..) {
        insert.execute(params![place(head.slot, Seq::new(seq)), i64::from_be_bytes(*id)])?;
    }
    tx.conn.stmt(MOVE)?.execute(params![number, seq, sent_at, changed, added.last_id, sender])?;
    Ok(Head { tail: 0, ..head })
}

fn ids(bytes: &[u8]) -> (&[[u8; 8]], &[u8]) {
    bytes.as_chunks()
}

/// Where to look for a conversation's messages.
pub(super) struct Log<'a> {
    pub(super) slot: u64,
    pub(super) last_seq: Seq,
    pub(super) tail: &'a [u8],
}

impl Log<'_> {
    /// Ids of the messages from `first` to `last`, both included, in order; `last` is not past the head.
    pub(super) fn ids(&self, conn: &Connection, first: Seq, last: Seq) -> Done<Vec<u64>> {
        let bad = || Fail::Corrupt(format!("places of the conversation in slot {} are missing", self.slot));
        let (tail, rest) = ids(self.tail);
        let before =
            self.last_seq.get().checked_sub(tail.len() as u64).filter(|_| rest.is_empty()).ok_or_else(bad)?;
        let mut found = Vec::new();
        if first.get() <= before {
            let mut stmt = conn.stmt(RANGE)?;
            let end = last.min(Seq::new(before));
            let mut rows = stmt.query(params![place(self.slot, first), place(self.slot, end)])?;
            while let Some(row) = rows.next()? {
                found.push(row.get::<_, i64>(0)?.cast_unsigned());
            }
        }
        let (mut at, end) = (first.get().max(before + 1), last.get());
        while at <= end {
            let index = usize::try_from(at - before - 1).map_err(|_| bad())?;
            found.push(u64::from_be_bytes(*tail.get(index).ok_or_else(bad)?));
            at += 1;
        }
        // Sequences are dense.
        if found.len() as u64 == last.get() + 1 - first.get() { Ok(found) } else { Err(bad()) }
    }
}
