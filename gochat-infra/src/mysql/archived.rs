//! Contents that are not in their rows: what was read without them, and how they are put back.
//!
//! Rows are read on a connection, objects after it was given back: an object store that is slow takes no connection from
//! anybody, and holds no lock.

use std::collections::HashMap;

use gochat_core::model::{ConversationId, Message, MessageId, Seq};
use gochat_core::ports::Result;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Params, Row, Value};

use super::MySqlStore;
use super::error::{Done, Fail};
use super::rows::{conversation_id, distinct, get, int, seq};
use super::statements::{LIST_MAX, padded, statements};
use super::tx::read;

statements! {
    OBJECTS = ["SELECT conversation, first_seq, object FROM archives FORCE INDEX (PRIMARY) WHERE {}"]
        each ("(conversation = ? AND first_seq = ?)", " OR ");
}

/// Messages that were read without their contents.
#[derive(Debug, Default)]
pub(super) struct Gaps(HashMap<MessageId, Gap>);

#[derive(Debug, Clone, Copy)]
struct Gap {
    /// The archive, by where it begins.
    first: Seq,
    /// What the row says of the whole message.
    #[cfg_attr(not(feature = "archive"), expect(dead_code, reason = "nothing is read from archives"))]
    checksum: u32,
}

/// An archive: where it is of, and where it begins.
type Key = (ConversationId, Seq);

impl Gaps {
    pub(super) fn add(&mut self, id: MessageId, first: Seq, checksum: u32) {
        self.0.insert(id, Gap { first, checksum });
    }

    /// Whether a message was read without its content.
    pub(super) fn has(&self, message: &Message) -> bool {
        self.0.contains_key(&message.id)
    }

    fn key(&self, message: &Message) -> Option<Key> {
        self.0.get(&message.id).map(|gap| (message.conversation, gap.first))
    }
}

/// Names of the objects of archives.
async fn names(conn: &mut Conn, keys: &[Key]) -> Done<HashMap<Key, String>> {
    let mut names = HashMap::new();
    for part in keys.chunks(LIST_MAX / 4) {
        let mut part = part.to_vec();
        part.resize(padded(part.len()), part[part.len() - 1]);
        let values = part.iter().flat_map(|(id, first)| [id.get(), first.get()]).map(|n| Value::Int(int(n)));
        let values = Params::Positional(values.collect());
        for row in &conn.exec::<Row, _, _>(OBJECTS.of(part.len()), values).await? {
            names.insert((conversation_id(row, 0)?, seq(row, 1)?), get(row, 2)?);
        }
    }
    match keys.iter().find(|key| !names.contains_key(key)) {
        None => Ok(names),
        Some((id, first)) => {
            Err(Fail::Corrupt(format!("the archive of conversation {id} from {first} is not known")))
        }
    }
}

impl MySqlStore {
    /// Puts the contents back into those of `messages` that are gaps.
    ///
    /// # Errors
    /// `Corrupt` for an object that is missing or not what was written, `Unavailable` while the object store is away or where
    /// none is named; each names the object.
    pub(super) async fn fill<'m>(
        &self,
        operation: &'static str,
        gaps: &Gaps,
        messages: impl Iterator<Item = &'m mut Message>,
    ) -> Result<()> {
        if gaps.0.is_empty() {
            return Ok(());
        }
        let messages: Vec<_> = messages.filter(|message| gaps.0.contains_key(&message.id)).collect();
        let keys = distinct(messages.iter().filter_map(|message| gaps.key(message)));
        let known = read!(self, "archives.names", |conn| names(conn, &keys));
        let names = match known {
            Ok(names) => names,
            // The primary is away: a replica that shows the gap has its archive's row too, which came with it.
            Err(e) => {
                let asked =
                    self.on_replica(move |conn| Box::pin(async move { names(conn, &keys).await.map(Some) }));
                asked.await.ok_or(e)?
            }
        };
        self.restore(operation, gaps, &names, messages).await
    }

    #[cfg(feature = "archive")]
    async fn restore(
        &self,
        operation: &'static str,
        gaps: &Gaps,
        names: &HashMap<Key, String>,
        messages: Vec<&mut Message>,
    ) -> Result<()> {
        let Some(archive) = &self.inner.archive else { return Err(unnamed(operation, names)) };
        let failed = |broken: crate::archive::Broken| broken.into_store(operation);
        let mut sheets = HashMap::new();
        for (key, name) in names {
            sheets.insert(*key, (name, archive.read(name).await.map_err(failed)?));
        }
        for message in messages {
            let Some(gap) = gaps.0.get(&message.id) else { continue };
            let Some((name, sheet)) = sheets.get(&(message.conversation, gap.first)) else { continue };
            let put = sheet.restore(message, gap.checksum);
            put.map_err(|what| failed(archive.rotten(name, what)))?;
        }
        Ok(())
    }

    #[cfg(not(feature = "archive"))]
    async fn restore(
        &self,
        operation: &'static str,
        _: &Gaps,
        names: &HashMap<Key, String>,
        _: Vec<&mut Message>,
    ) -> Result<()> {
        Err(unnamed(operation, names))
    }
}

/// There are archives, and nobody said where.
fn unnamed(operation: &'static str, names: &HashMap<Key, String>) -> gochat_core::ports::StoreError {
    use gochat_core::ports::{ErrorKind, Retry, StoreError};

    let name = names.values().next().map_or("?", String::as_str);
    let why = format!("{name}: archives are not set up here, name them by archive.to");
    StoreError::new(ErrorKind::Unavailable, Retry::Safe, operation).because(why)
}
