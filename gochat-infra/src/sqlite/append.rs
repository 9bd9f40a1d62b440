//! Appending messages: the path that everything else makes way for.
//!
//! A batch costs one INSERT a message, one UPDATE for each of its conversations, and one for each of their senders whose
//! message is not the newest any more: that of the newest is said by the conversation. Nothing is asked of the file first:
//! heads are known ([`Tx::head`]), and a repeat shows as a conflict.

use gochat_core::model::{ConversationId, Message, MessageKey, NewMessage, Seq, Timestamp, UserId};
use gochat_core::ports::{Appended, ErrorKind, Retry, StoreError};
use rusqlite::{CachedStatement, Connection, params};
use rustc_hash::FxHashMap;

use super::client_id::ClientKey;
use super::error::{Done, Fail};
use super::places::{self, Added};
use super::rows::{self, SEQ_MAX, int, message_columns, place};
use super::statements::{Prepare, statements};
use super::tx::{Head, Tx};
use crate::message_row::{checksum, pack};

statements! {
    INSERT = "INSERT INTO messages (place, id, sender, client_time, client, kind, sent_at, checksum, content) \
              VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING";
    // What few messages have: fewer values to hand over for all others.
    INSERT_WHOLE = "INSERT INTO messages (place, id, sender, client_time, client, kind, sent_at, checksum, content, \
                    reply_to, mentions, attachment, edited_at, recalled_at, recalled_by) \
                    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15) ON CONFLICT DO NOTHING";
    BY_KEY = "SELECT ", message_columns!(), " FROM messages x \
              WHERE x.client_time = ?1 AND x.slot = ?2 AND x.sender = ?3 AND x.client = ?4";
    MOVE_READ = "UPDATE members SET read_seq = ?3 WHERE conversation = ?1 AND user = ?2 AND read_seq < ?3";
}

/// A message with its checksum, which the caller's thread has computed.
pub(super) struct Row {
    new: NewMessage,
    checksum: u32,
}

impl Row {
    pub(super) fn of(new: &NewMessage) -> Self {
        Self { new: new.clone(), checksum: checksum(&new.message) }
    }
}

/// A conversation that the batch writes to.
struct Touched {
    /// As the batch found it.
    before: Head,
    head: Head,
    sent_at: Timestamp,
    added: Added,
    /// A sequence was refused: so is all that follows.
    refused: bool,
}

pub(super) fn append(tx: &mut Tx<'_>, batch: &[Row]) -> Done<Vec<Appended>> {
    let mut touched = FxHashMap::default();
    let mut senders: FxHashMap<(ConversationId, UserId), Seq> = FxHashMap::default();
    let mut outcome = Vec::with_capacity(batch.len());
    let conn = tx.conn;
    let mut insert = conn.stmt(INSERT)?;
    for row in batch {
        let message = &*row.new.message;
        let id = message.conversation;
        let Some(at) = touch(tx, &mut touched, id)? else {
            outcome.push(Appended::MembersChanged);
            continue;
        };
        let changed = at.head.version != row.new.members_version;
        let fits = !changed && !at.refused && message.seq == at.head.last_seq.next();
        if fits {
            if message.seq.get() > SEQ_MAX {
                return Err(StoreError::new(ErrorKind::TooLarge, Retry::Never, "messages.append").into());
            }
            if insert_row(conn, &mut insert, at.head.slot, row)? {
                at.head.last_seq = message.seq;
                at.head.last_sender = Some(message.sender);
                at.sent_at = message.sent_at;
                at.added.push(int(message.id.get()));
                senders.insert((id, message.sender), message.seq);
                outcome.push(Appended::Stored);
                continue;
            }
        }
        outcome.push(match by_key(conn, at.head.slot, &message.key())? {
            Some(stored) => Appended::Repeated(Box::new(stored)),
            None if fits => {
                return Err(Fail::Corrupt(format!("the id of message {} is taken", message.id)));
            }
            None if changed => Appended::MembersChanged,
            None => {
                at.refused = true;
                Appended::OutOfSequence { head: at.head.last_seq }
            }
        });
    }
    settle(tx, &touched, senders)?;
    Ok(outcome)
}

/// The conversation as this batch has left it; `None` when it does not exist.
fn touch<'t>(
    tx: &mut Tx<'_>,
    touched: &'t mut FxHashMap<ConversationId, Touched>,
    id: ConversationId,
) -> Done<Option<&'t mut Touched>> {
    use std::collections::hash_map::Entry;
    match touched.entry(id) {
        Entry::Occupied(known) => Ok(Some(known.into_mut())),
        Entry::Vacant(place) => Ok(tx.head(id)?.map(|head| {
            place.insert(Touched {
                before: head,
                head,
                sent_at: Timestamp::default(),
                added: Added::default(),
                refused: false,
            })
        })),
    }
}

/// Whether it was inserted; else something of it is there already.
fn insert_row(conn: &Connection, insert: &mut CachedStatement<'_>, slot: u64, row: &Row) -> Done<bool> {
    let message = &*row.new.message;
    let client = ClientKey::of(&message.client_msg_id);
    let body = &message.body;
    let place = place(slot, message.seq);
    let (id, sender, kind) = (int(message.id.get()), int(message.sender.get()), body.kind.number());
    let sent_at = message.sent_at.as_millis();
    if is_plain(message) {
        let inserted = insert.execute(params![
            place,
            id,
            sender,
            client.time,
            client.rest,
            kind,
            sent_at,
            row.checksum,
            &*body.content
        ])?;
        return Ok(inserted == 1);
    }
    let inserted = conn.stmt(INSERT_WHOLE)?.execute(params![
        place,
        id,
        sender,
        client.time,
        client.rest,
        kind,
        sent_at,
        row.checksum,
        &*body.content,
        body.reply_to.map(|id| int(id.get())),
        pack(&body.mentions),
        body.attachment.as_deref(),
        message.edited_at.map(Timestamp::as_millis),
        message.recalled.map(|r| r.at.as_millis()),
        message.recalled.map(|r| int(r.by.get())),
    ])?;
    Ok(inserted == 1)
}

fn is_plain(message: &Message) -> bool {
    let body = &message.body;
    body.reply_to.is_none()
        && body.mentions.is_empty()
        && body.attachment.is_none()
        && message.edited_at.is_none()
        && message.recalled.is_none()
}

/// The stored message with this key, in the conversation with this slot.
pub(super) fn by_key(conn: &Connection, slot: u64, key: &MessageKey) -> Done<Option<Message>> {
    let client = ClientKey::of(&key.client_msg_id);
    let mut stmt = conn.stmt(BY_KEY)?;
    let mut found = stmt.query(params![client.time, int(slot), int(key.sender.get()), client.rest])?;
    found.next()?.map(|row| rows::message(row, 0, key.conversation)).transpose()
}

/// Moves heads and read pointers, once each.
fn settle(
    tx: &mut Tx<'_>,
    touched: &FxHashMap<ConversationId, Touched>,
    mut senders: FxHashMap<(ConversationId, UserId), Seq>,
) -> Done<()> {
    for (id, at) in touched.iter().filter(|(_, at)| !at.added.is_empty()) {
        // What the conversation said of one sender it says of another now.
        if let Some(sender) = at.before.last_sender {
            senders.entry((*id, sender)).or_insert(at.before.last_seq);
        }
        if let Some(sender) = at.head.last_sender {
            senders.remove(&(*id, sender));
        }
        let head = places::extend(tx, *id, at.head, &at.added, at.sent_at.as_millis())?;
        tx.moved(*id, head);
    }
    if senders.is_empty() {
        return Ok(());
    }
    let mut move_read = tx.conn.stmt(MOVE_READ)?;
    for ((conversation, user), seq) in senders {
        move_read.execute(params![int(conversation.get()), int(user.get()), int(seq.get())])?;
    }
    Ok(())
}
