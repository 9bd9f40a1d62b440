//! Notes of changes that others are still to be told of: a row in the transaction of the change.

use std::sync::Arc;

use async_trait::async_trait;
use gochat_core::model::{Note, NoteId, Timestamp, UserId};
use gochat_core::ports::{Claim, Outbox, Result};
use mysql_async::prelude::Queryable;
use mysql_async::{Params, Row, Value};
use slog::{Logger, error};

use super::MySqlStore;
use super::error::{Done, Fail};
use super::rows::{self, distinct, int, number};
use super::statements::{LIST_MAX, padded, statements};
use super::tx::{Tx, transact};
use crate::message_row::{pack, unpack};
use crate::note_row::NoteRow;

statements! {
    // A handle that writes twice has left it already.
    LEAVE = ["INSERT INTO outbox (id, kind, about, users, actor, created_at) VALUES (?, ?, ?, ?, ?, ?) \
              ON DUPLICATE KEY UPDATE id = id"];
    FREE = ["SELECT id, kind, about, users, actor, created_at FROM outbox FORCE INDEX (outbox_by_claim) \
             WHERE claimed_until <= ? AND created_at <= ? ORDER BY claimed_until, created_at LIMIT ? \
             FOR UPDATE SKIP LOCKED"];
    CLAIM = ["UPDATE outbox SET claimed_until = ? WHERE id IN ({})"] each ("?", ",");
    DONE = ["DELETE FROM outbox WHERE id IN ({})"] each ("?", ",");
}

impl MySqlStore {
    /// A handle on the same connections, whose next write leaves this.
    pub(super) fn with_note(&self, note: &Note) -> Arc<Self> {
        Arc::new(Self { inner: Arc::clone(&self.inner), note: Some(note.clone()) })
    }

    /// Leaves what this handle was given, if anything: to be called in the transaction of each change that others hear of.
    pub(super) async fn leave(&self, tx: &mut Tx<'_>) -> Done<()> {
        let Some(note) = &self.note else { return Ok(()) };
        let Some(row) = NoteRow::of(&note.subject) else { return Ok(()) };
        let values = (
            int(note.id.get()),
            row.kind,
            int(row.about),
            pack(&row.users),
            row.actor.map(|user| int(user.get())),
            note.at.as_millis(),
        );
        Ok(tx.exec_drop(LEAVE.one(), values).await?)
    }
}

#[async_trait]
impl Outbox for MySqlStore {
    async fn claim(&self, claim: &Claim) -> Result<Vec<Note>> {
        transact!(self, "outbox.claim", |tx| take(tx, claim, &self.inner.log))
    }

    async fn done(&self, notes: &[NoteId]) -> Result<()> {
        if notes.is_empty() {
            return Ok(());
        }
        transact!(self, "outbox.done", |tx| remove(tx, notes.iter().map(|id| id.get())))
    }
}

async fn take(tx: &mut Tx<'_>, claim: &Claim, log: &Logger) -> Done<Vec<Note>> {
    let free = (claim.now.as_millis(), claim.made_until.as_millis(), claim.limit.get());
    let rows: Vec<Row> = tx.exec(FREE.one(), free).await?;
    let (mut notes, mut unreadable) = (Vec::new(), Vec::new());
    for row in &rows {
        let id = number(row, 0)?;
        match note(row, id) {
            Ok(note) => notes.push(note),
            Err(why) => {
                error!(log, "a note of the outbox can't be read and is dropped"; "note" => id, "error" => ?why);
                unreadable.push(id);
            }
        }
    }
    remove(tx, unreadable.into_iter()).await?;
    let ids = distinct(notes.iter().map(|note| note.id.get()));
    for part in ids.chunks(LIST_MAX) {
        let mut values = vec![Value::Int(claim.until.as_millis())];
        values.extend(rows::list(part.iter().copied()));
        tx.exec_drop(CLAIM.of(padded(part.len())), Params::Positional(values)).await?;
    }
    Ok(notes)
}

async fn remove(tx: &mut Tx<'_>, ids: impl Iterator<Item = u64>) -> Done<()> {
    for part in distinct(ids).chunks(LIST_MAX) {
        let values = Params::Positional(rows::list(part.iter().copied()));
        tx.exec_drop(DONE.of(padded(part.len())), values).await?;
    }
    Ok(())
}

fn note(row: &Row, id: u64) -> Done<Note> {
    let bad = || Fail::Corrupt(format!("note {id} is no note"));
    let users = match rows::get::<Option<Vec<u8>>>(row, 3)? {
        Some(bytes) => unpack(&bytes).ok_or_else(bad)?,
        None => Vec::new(),
    };
    let actor = match rows::get::<Option<u64>>(row, 4)? {
        Some(actor) => Some(UserId::new(actor).ok_or_else(bad)?),
        None => None,
    };
    let parts = NoteRow { kind: rows::get(row, 1)?, about: number(row, 2)?, users, actor };
    Ok(Note {
        id: NoteId::new(id).ok_or_else(bad)?,
        subject: parts.subject().ok_or_else(bad)?,
        at: Timestamp::from_millis(rows::get(row, 5)?),
    })
}
