//! An adapter of your own: a [`MessageStore`] on one file, to copy from.
//!
//! One append of the pipeline is one record of the log and one `fsync`, so a batch is stored whole or not at all. What is read
//! comes from an index in memory, which opening rebuilds from the file. A recall appends the message as it is now; at the next
//! opening the file is written anew without what was recalled.
//!
//! Who is in a conversation, and how far each has read, is the business of other stores. Here they are [`Memory`], which also
//! decides what may be appended, as it knows members and heads. A program that lasts has its database in that place.

mod log;
mod rows;

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound::{Excluded, Included};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use async_trait::async_trait;
use gochat_core::model::{
    ConversationId, Message, MessageId, MessageKey, NewMessage, PageLimit, Seq, Timestamp, UserId,
};
use gochat_core::ports::{
    Appended, Directory, ErrorKind, Freshness, MessageStore, PageFrom, RecallOutcome, Result, Retry,
    StoreError,
};
use gochat_core::testing::Memory;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use log::Log;

/// Messages in a file. A handle: clones are the same store.
#[derive(Debug, Clone)]
pub struct FileMessages(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    rest: Arc<Memory>,
    /// Held while a batch is decided and written: one writer at a time. Gone once the disk has failed.
    log: Mutex<Option<Log>>,
    /// Only what is on disk; never locked while the disk is waited for.
    index: RwLock<Index>,
}

#[derive(Debug, Default)]
struct Index {
    places: BTreeMap<(ConversationId, Seq), Arc<Message>>,
    ids: HashMap<MessageId, (ConversationId, Seq)>,
    keys: HashMap<MessageKey, MessageId>,
}

impl Index {
    /// Takes a message in, or what became of it. Answers whether it was there before.
    fn put(&mut self, message: Arc<Message>) -> bool {
        let place = (message.conversation, message.seq);
        self.ids.insert(message.id, place);
        self.keys.insert(message.key(), message.id);
        self.places.insert(place, message).is_some()
    }

    fn get(&self, id: MessageId) -> Option<Message> {
        self.ids.get(&id).and_then(|place| self.places.get(place)).map(|m| Message::clone(m))
    }
}

impl FileMessages {
    /// Opens or makes the file, and tells `rest` of the messages in it that belong to conversations it knows.
    ///
    /// # Errors
    /// `Unavailable` when the file can't be used or another process has it, `Corrupt` when it is damaged other than at its
    /// end.
    pub async fn open(path: &Path, rest: Arc<Memory>) -> Result<Self> {
        let failed = |e: std::io::Error| match e.kind() {
            std::io::ErrorKind::InvalidData => error(ErrorKind::Corrupt, "messages.open").because(e),
            _ => error(ErrorKind::Unavailable, "messages.open").because(e),
        };
        let (mut log, records) = Log::open(path).map_err(failed)?;
        let (mut index, mut outdated) = (Index::default(), false);
        for record in records {
            let messages = rows::decode(&record).ok_or(error(ErrorKind::Corrupt, "messages.open"))?;
            messages.into_iter().for_each(|message| outdated |= index.put(Arc::new(message)));
        }
        if outdated {
            let all: Vec<_> = index.places.values().cloned().collect();
            log = Log::replace(path, all.chunks(1_000).map(rows::encode)).map_err(failed)?;
        }
        for message in index.places.values() {
            let asked = [(message.conversation, message.sender)];
            if let Some(access) = rest.access(&asked, 0, Freshness::Fresh).await?.remove(0) {
                let new = NewMessage { message: Arc::clone(message), members_version: access.version };
                rest.append(&[new]).await?;
            }
        }
        Ok(Self(Arc::new(Inner { rest, log: Mutex::new(Some(log)), index: RwLock::new(index) })))
    }

    /// Decides what to store, stores it, and shows it. Disks are slow: all of it happens on a thread that may wait, and goes
    /// on to its end when the caller no longer waits for it.
    async fn write<T: Send + 'static>(
        &self,
        operation: &'static str,
        decide: impl FnOnce(&Handle) -> Result<(T, Vec<Arc<Message>>)> + Send + 'static,
    ) -> Result<T> {
        let (inner, runtime) = (Arc::clone(&self.0), Handle::current());
        let work = move || {
            let mut log: MutexGuard<'_, _> = inner.log.lock().unwrap_or_else(PoisonError::into_inner);
            let file = log.as_mut().ok_or(error(ErrorKind::Closed, operation))?;
            let (answer, messages) = decide(&runtime)?;
            if messages.is_empty() {
                return Ok(answer);
            }
            if let Err(e) = file.append(&rows::encode(&messages)) {
                // An fsync that failed can't be asked again: the next may succeed with the data lost. What was written is
                // seen at the next opening, and not before.
                *log = None;
                return Err(StoreError::new(ErrorKind::Unavailable, Retry::Ambiguous, operation).because(e));
            }
            let mut index = inner.index.write().unwrap_or_else(PoisonError::into_inner);
            for message in messages {
                index.put(message);
            }
            Ok(answer)
        };
        let broken = |e| StoreError::new(ErrorKind::Internal, Retry::Ambiguous, operation).because(e);
        spawn_blocking(work).await.map_err(broken)?
    }

    /// Nobody reads what was written in a group that is dissolved.
    async fn not_dissolved(&self, found: Vec<Option<Message>>) -> Result<Vec<Option<Message>>> {
        let rooms: Vec<_> = found.iter().flatten().map(|message| message.conversation).collect();
        let mut heads = self.0.rest.heads(&rooms).await?.into_iter();
        Ok(found.into_iter().map(|message| message.filter(|_| heads.next().flatten().is_some())).collect())
    }

    fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.0.index.read().unwrap_or_else(PoisonError::into_inner)
    }
}

fn error(kind: ErrorKind, operation: &'static str) -> StoreError {
    StoreError::new(kind, Retry::Never, operation)
}

#[async_trait]
impl MessageStore for FileMessages {
    async fn append(&self, batch: &[NewMessage]) -> Result<Vec<Appended>> {
        let (batch, rest) = (batch.to_vec(), Arc::clone(&self.0.rest));
        let decide = move |runtime: &Handle| {
            let answers = runtime.block_on(rest.append(&batch))?;
            let stored = batch.into_iter().zip(&answers).filter(|(_, answer)| **answer == Appended::Stored);
            let stored = stored.map(|(new, _)| new.message).collect();
            Ok((answers, stored))
        };
        self.write("messages.append", decide).await
    }

    async fn by_keys(&self, keys: &[MessageKey]) -> Result<Vec<Option<Message>>> {
        let found = |index: &Index| {
            keys.iter().map(|key| index.keys.get(key).and_then(|id| index.get(*id))).collect()
        };
        let found = found(&self.index());
        self.not_dissolved(found).await
    }

    async fn by_ids(&self, ids: &[MessageId]) -> Result<Vec<Option<Message>>> {
        let found = |index: &Index| ids.iter().map(|id| index.get(*id)).collect();
        let found = found(&self.index());
        self.not_dissolved(found).await
    }

    async fn page(&self, room: ConversationId, from: PageFrom, limit: PageLimit) -> Result<Vec<Message>> {
        if self.heads(&[room]).await?[0].is_none() {
            return Ok(Vec::new());
        }
        let index = self.index();
        let limit = usize::try_from(limit.get()).unwrap_or(usize::MAX);
        let copy = |(_, message): (_, &Arc<Message>)| Message::clone(message);
        Ok(match from {
            PageFrom::After(seq) => {
                let above = (Excluded((room, seq)), Included((room, Seq::new(u64::MAX))));
                index.places.range(above).take(limit).map(copy).collect()
            }
            PageFrom::Before(seq) => {
                let below = (Included((room, Seq::ZERO)), Excluded((room, seq)));
                let mut page: Vec<_> = match seq {
                    Seq::ZERO => Vec::new(),
                    _ => index.places.range(below).rev().take(limit).map(copy).collect(),
                };
                page.reverse();
                page
            }
        })
    }

    async fn heads(&self, conversations: &[ConversationId]) -> Result<Vec<Option<Seq>>> {
        self.0.rest.heads(conversations).await
    }

    async fn recall(&self, id: MessageId, by: UserId, at: Timestamp) -> Result<RecallOutcome> {
        let rest = Arc::clone(&self.0.rest);
        let decide = move |runtime: &Handle| {
            let outcome = runtime.block_on(rest.recall(id, by, at))?;
            let changed = outcome.first.then(|| Arc::new(outcome.message.clone()));
            Ok((outcome, changed.into_iter().collect()))
        };
        self.write("messages.recall", decide).await
    }
}
