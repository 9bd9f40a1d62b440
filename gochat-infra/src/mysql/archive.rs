//! Moving contents out of rows, into archives.
//!
//! One transaction, in this order: hold the archiver's row, which nobody else wants, so that one call at a time works; look for
//! a conversation with old contents; read a range of it; write the object, read it again, and compare each content with its
//! row; then, under the rows' locks, empty those that are still what they were, enter the archive, and commit. No lock that
//! others want is held while the object store works.
//!
//! Before the commit nothing has changed, but for an object that no row names. Its name is noted, by itself and before it is
//! written, and the note goes with the commit; what a call that was cut short has left is removed by its note later. A name is
//! used once, so by then nobody can enter it any more; and nothing is removed that is not noted here, whoever else keeps
//! objects in the same place.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use gochat_core::model::{ConversationId, Message, Seq};
use gochat_core::ports::{ErrorKind, Result, Retry, StoreError};
use mysql_async::prelude::Queryable;
use mysql_async::{Params, Row, Value};
use slog::{error, info, warn};

use super::MySqlStore;
use super::archived::Gaps;
use super::error::{Done, Fail};
use super::messages::PAGE;
use super::rows::{self, conversation_id, get, int, number, seq, time};
use super::statements::{LIST_MAX, padded, statements};
use super::tx::{Tx, transact};
use crate::archive::{Archive, Archiver, Broken, Next, Portion, Step, encode};
use crate::message_row::checksum;

statements! {
    CLAIM = ["SELECT conversation FROM archiver FORCE INDEX (PRIMARY) WHERE one = 1 FOR UPDATE SKIP LOCKED"];
    // A conversation's newest message stays where lists of conversations show it from.
    SCAN = ["SELECT id, last_seq FROM conversations FORCE INDEX (PRIMARY) WHERE id > ? AND dissolved_at IS NULL \
             ORDER BY id LIMIT 128"];
    ENDS = ["SELECT conversation, MAX(last_seq) FROM archives FORCE INDEX (PRIMARY) WHERE conversation IN ({}) \
             GROUP BY conversation"] each ("?", ",");
    SENT = ["SELECT conversation, sent_at FROM messages FORCE INDEX (PRIMARY) WHERE {}"]
        each ("(conversation = ? AND seq = ?)", " OR ");
    SIZES = ["SELECT seq, sent_at, LENGTH(content) + COALESCE(LENGTH(attachment), 0) \
              FROM messages FORCE INDEX (PRIMARY) WHERE conversation = ? AND seq BETWEEN ? AND ? ORDER BY seq"];
    HOLD = ["SELECT seq, checksum FROM messages FORCE INDEX (PRIMARY) WHERE conversation = ? AND seq BETWEEN ? AND ? \
             AND recalled_at IS NULL AND archived IS NULL ORDER BY seq FOR UPDATE"];
    EMPTY = ["UPDATE messages SET content = '', attachment = NULL, archived = ? WHERE conversation = ? AND seq IN ({})"]
        each ("?", ",");
    ENTER = ["INSERT INTO archives (conversation, first_seq, last_seq, object, messages, bytes, checksum, archived_at) \
              VALUES (?, ?, ?, ?, ?, ?, ?, CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED))"];
    MOVE = ["UPDATE archiver SET conversation = ? WHERE one = 1"];
    BEGIN = ["INSERT INTO archive_attempts (object, begun_at) \
              VALUES (?, CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED))"];
    END = ["DELETE FROM archive_attempts WHERE object = ?"];
    STRAYS = ["SELECT object FROM archive_attempts FORCE INDEX (attempts_by_age) \
               WHERE begun_at <= ? ORDER BY begun_at LIMIT 16"];
    // By the server's clock, which wrote `begun_at`; asked by itself, since MySQL takes no range of an index by a call.
    LONG_AGO = ["SELECT CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED) - ?"];
}

/// How many conversations `SCAN` looks at.
const SCANNED: usize = 128;
/// Most bytes of content in one object, whatever is asked for.
const BYTES_MAX: u64 = 16 << 20;

#[async_trait]
impl Archiver for MySqlStore {
    async fn archive_next(&self, portion: Portion) -> Result<Step> {
        let Some(archive) = &self.inner.archive else {
            let e = StoreError::new(ErrorKind::Unsupported, Retry::Never, "archive.next");
            return Err(e.because("no place for archives is named: set archive.to of im-repo"));
        };
        let (step, moved) = transact!(self, "archive.next", |tx| next(self, tx, archive, portion))?;
        if let Some((range, object)) = moved {
            info!(self.inner.log, "messages are archived"; "conversation" => %range.conversation,
                "first" => %range.first, "last" => %range.last, "archive" => object,
                "messages" => step.messages, "bytes" => step.bytes);
        }
        Ok(step)
    }
}

/// A range of a conversation.
#[derive(Debug, Clone, Copy)]
struct Range {
    conversation: ConversationId,
    first: Seq,
    last: Seq,
}

impl Range {
    fn values(self) -> (i64, i64, i64) {
        (int(self.conversation.get()), int(self.first.get()), int(self.last.get()))
    }
}

/// An object that was written and read again.
struct Written {
    name: String,
    bytes: Vec<u8>,
    /// What is in it.
    checksums: HashMap<Seq, u32>,
}

async fn next(
    store: &MySqlStore,
    tx: &mut Tx<'_>,
    archive: &Archive,
    portion: Portion,
) -> Done<(Step, Option<(Range, String)>)> {
    let step = |next| Step { messages: 0, bytes: 0, next };
    let claim: Option<Row> = tx.exec_first(CLAIM.one(), ()).await?;
    let Some(claim) = claim else { return Ok((step(Next::Busy), None)) };
    sweep(store, tx, archive).await?;
    let most = portion.most.max(1);
    let portion = Portion { least: portion.least.clamp(1, most), most, ..portion };
    let (found, cursor) = look(tx, number(&claim, 0)?, portion).await?;
    let Some(range) = found else {
        tx.exec_drop(MOVE.one(), (int(cursor),)).await?;
        return Ok((step(if cursor == 0 { Next::Done } else { Next::More }), None));
    };
    let moved = match read(tx, range, portion).await {
        Ok((range, messages)) => {
            let written = write(store, archive, range, messages).await?;
            let messages = enter(tx, range, &written).await?;
            let step = Step { messages, bytes: written.bytes.len() as u64, next: Next::More };
            (step, Some((range, written.name)), range.conversation.get() - 1)
        }
        Err(Fail::Corrupt(what)) => {
            // Whoever reads it hears of it too. The others must not wait for it.
            error!(store.inner.log, "messages can't be archived"; "conversation" => %range.conversation, "error" => what);
            (step(Next::More), None, range.conversation.get())
        }
        Err(other) => return Err(other),
    };
    tx.exec_drop(MOVE.one(), (int(moved.2),)).await?;
    Ok((moved.0, moved.1))
}

/// Removes what calls that were cut short have left.
async fn sweep(store: &MySqlStore, tx: &mut Tx<'_>, archive: &Archive) -> Done<()> {
    let age = i64::try_from(archive.strays_after().as_millis()).unwrap_or(i64::MAX);
    let long_ago: Option<i64> = tx.exec_first(LONG_AGO.one(), (age,)).await?;
    let rows: Vec<Row> = tx.exec(STRAYS.one(), (long_ago,)).await?;
    for row in &rows {
        let name: String = get(row, 0)?;
        match archive.remove(&name).await {
            Ok(()) => tx.exec_drop(END.one(), (&name,)).await?,
            Err(broken) => {
                warn!(store.inner.log, "what was left of an archive can't be removed yet"; "error" => %broken);
            }
        }
    }
    Ok(())
}

/// The next conversation with enough old messages, and the most that may be taken of it; and behind which conversation to
/// look next when there is none, 0 for the beginning.
async fn look(tx: &mut Tx<'_>, after: u64, portion: Portion) -> Done<(Option<Range>, u64)> {
    let rows: Vec<Row> = tx.exec(SCAN.one(), (int(after),)).await?;
    let mut heads = Vec::with_capacity(rows.len());
    for row in &rows {
        heads.push((conversation_id(row, 0)?, seq(row, 1)?));
    }
    let Some((last, _)) = heads.last() else { return Ok((None, 0)) };
    let cursor = if heads.len() < SCANNED { 0 } else { last.get() };
    let mut ends: HashMap<ConversationId, Seq> = HashMap::new();
    let list = rows::list(heads.iter().map(|(id, _)| id.get()));
    let rows: Vec<Row> = tx.exec(ENDS.of(list.len()), Params::Positional(list)).await?;
    for row in &rows {
        ends.insert(conversation_id(row, 0)?, seq(row, 1)?);
    }
    // Whether it is enough says the message by which it is.
    let least = u64::from(portion.least);
    let begin = |id: &ConversationId| ends.get(id).copied().unwrap_or(Seq::ZERO);
    heads.retain(|(id, head)| begin(id).plus(least) < *head);
    if heads.is_empty() {
        return Ok((None, cursor));
    }
    let mut asked = heads.clone();
    asked.resize(padded(asked.len()), asked[asked.len() - 1]);
    let values = asked.iter().flat_map(|(id, _)| [id.get(), begin(id).plus(least).get()]);
    let values = values.map(|n| Value::Int(int(n))).collect();
    let rows: Vec<Row> = tx.exec(SENT.of(asked.len()), Params::Positional(values)).await?;
    let mut old = HashSet::new();
    for row in &rows {
        if time(row, 1)? < portion.before {
            old.insert(conversation_id(row, 0)?);
        }
    }
    let found = heads.iter().find(|(id, _)| old.contains(id)).map(|(id, head)| {
        let (first, newest) = (begin(id).next(), Seq::new(head.get() - 1));
        Range { conversation: *id, first, last: begin(id).plus(u64::from(portion.most)).min(newest) }
    });
    Ok((found, cursor))
}

/// The messages of as much of the range as is old and fits; without those that have no content to move.
async fn read(tx: &mut Tx<'_>, range: Range, portion: Portion) -> Done<(Range, Vec<Message>)> {
    let sizes: Vec<Row> = tx.exec(SIZES.one(), range.values()).await?;
    let (mut bytes, mut last) = (0_u64, None);
    for row in &sizes {
        bytes += number(row, 2)?;
        // The first is older than one that is old, whatever the clock has said of it.
        let ends = time(row, 1)? >= portion.before || bytes > portion.bytes.min(BYTES_MAX);
        if ends && last.is_some() {
            break;
        }
        last = Some(seq(row, 0)?);
    }
    let hole = || Fail::Corrupt(format!("messages {} to {} are not all there", range.first, range.last));
    let range = Range { last: last.ok_or_else(hole)?, ..range };
    let rows: Vec<Row> = tx.exec(PAGE.one(), range.values()).await?;
    let mut gaps = Gaps::default();
    let messages = rows.iter().map(|row| rows::message(row, 0, &mut gaps)).collect::<Done<Vec<_>>>()?;
    let dense = messages.iter().zip(range.first.get()..).all(|(message, seq)| message.seq.get() == seq);
    if !dense || messages.last().is_none_or(|message| message.seq != range.last) {
        return Err(hole());
    }
    let whole = messages.into_iter().filter(|message| message.recalled.is_none() && !gaps.has(message));
    Ok((range, whole.collect()))
}

/// Writes the object, durably, and reads it again. Without messages there is none.
async fn write(store: &MySqlStore, archive: &Archive, range: Range, messages: Vec<Message>) -> Done<Written> {
    let Range { conversation, first, last } = range;
    let failed = |e: &dyn std::fmt::Display| {
        let e = e.to_string();
        Fail::Answer(StoreError::new(ErrorKind::Internal, Retry::Safe, "archive.next").because(e))
    };
    let broken = |broken: Broken| Fail::Answer(broken.into_store("archive.next"));
    if messages.is_empty() {
        return Ok(Written { name: String::new(), bytes: Vec::new(), checksums: HashMap::new() });
    }
    let packed = tokio::task::spawn_blocking(move || {
        encode(conversation, (first, last), &messages).map(|bytes| (bytes, messages))
    });
    let (bytes, messages) = packed.await.map_err(|e| failed(&e))?.map_err(|e| failed(&e))?;
    let name = Archive::name(conversation, (first, last)).map_err(|e| failed(&e))?;
    // By itself: it has to stay when all else is undone.
    store.inner.primary.conn().await?.exec_drop(BEGIN.one(), (&name,)).await?;
    archive.put(&name, bytes.clone()).await.map_err(broken)?;
    let sheet = archive.get(&name).await.map_err(broken)?;
    let mut checksums = HashMap::with_capacity(messages.len());
    for message in messages {
        let wanted = checksum(&message);
        let mut read = message.clone();
        (read.body.content, read.body.attachment) = ("".into(), None);
        sheet.restore(&mut read, wanted).map_err(|what| broken(archive.rotten(&name, what)))?;
        if read != message {
            return Err(broken(archive.rotten(&name, format!("message {} reads otherwise", message.id))));
        }
        checksums.insert(message.seq, wanted);
    }
    Ok(Written { name, bytes, checksums })
}

/// Empties the rows that are still what was written, and enters the archive; answers how many.
async fn enter(tx: &mut Tx<'_>, range: Range, written: &Written) -> Done<u64> {
    let (conversation, first, last) = range.values();
    let rows: Vec<Row> = tx.exec(HOLD.one(), (conversation, first, last)).await?;
    let mut same = Vec::with_capacity(rows.len());
    for row in &rows {
        let at = seq(row, 0)?;
        if written.checksums.get(&at) == Some(&get::<u32>(row, 1)?) {
            same.push(at);
        }
    }
    for part in same.chunks(LIST_MAX) {
        let mut values = vec![Value::Int(first), Value::Int(conversation)];
        values.extend(rows::list(part.iter().map(|seq| seq.get())));
        tx.exec_drop(EMPTY.of(padded(part.len())), Params::Positional(values)).await?;
    }
    let (count, crc) = (same.len() as u64, crc32fast::hash(&written.bytes));
    let size = written.bytes.len() as u64;
    let entry = (conversation, first, last, &written.name, count, size, crc);
    tx.exec_drop(ENTER.one(), entry).await?;
    tx.exec_drop(END.one(), (&written.name,)).await?;
    Ok(count)
}
