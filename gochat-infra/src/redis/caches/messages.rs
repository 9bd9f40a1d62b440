//! The newest messages of busy conversations.
//!
//! What is appended is added; what is read near the head is kept. A page is answered from here when it is whole, without
//! holes; where it reaches the head, the store is asked where that is, which costs little: a message that could not be added
//! here is never missed. A recall empties the conversation's, before and after, and for a minute nothing is added.

use std::sync::Arc;
use std::time::Instant;

use ::redis::Value;
use async_trait::async_trait;
use gochat_core::model::{
    ConversationId, Message, MessageId, MessageKey, NewMessage, Note, PageLimit, Seq, Timestamp, UserId,
};
use gochat_core::ports::{Appended, MessageStore, PageFrom, RecallOutcome, Result};
use rustc_hash::FxHashMap;
use slog::error;

use super::super::answer;
use super::super::command::Command;
use super::entry;
use super::shelf::{Place, Seen, Shelf};
use crate::wire;

/// Sequences above are not exact as scores.
const SEQ_MAX: u64 = 1 << 53;

/// The message log, with the newest messages cached. An append takes one round trip more, a page one; one more to fill.
#[derive(Debug)]
pub(super) struct CachedMessages {
    pub(super) shelf: Arc<Shelf>,
    pub(super) inner: Arc<dyn MessageStore>,
}

/// The place of a conversation's newest messages.
pub(super) fn place(shelf: &Shelf, id: ConversationId) -> Place {
    let keys = shelf.redis.keys();
    Place { value: keys.recent(id), guard: keys.recent_guard(id) }
}

/// What the cache has of a page, in the order asked: upwards or downwards.
struct Found {
    seen: Seen,
    messages: Vec<Message>,
}

impl CachedMessages {
    /// A message as it is kept; `None` for one that is not.
    fn seal(&self, place: &Place, message: &Message) -> Option<(u64, Vec<u8>)> {
        let seq = message.seq.get();
        let content = (seq <= SEQ_MAX).then(|| wire::encode(message))?;
        let fits = content.len() <= self.shelf.redis.config().value_max;
        fits.then(|| (seq, entry::seal(&place.value.name, &content)))
    }

    /// Adds what an append that began at `began` has stored.
    async fn push(&self, batch: &[NewMessage], appended: &[Appended], began: Instant) {
        let mut stored: FxHashMap<ConversationId, Vec<&Message>> = FxHashMap::default();
        for (new, outcome) in batch.iter().zip(appended) {
            if *outcome == Appended::Stored {
                stored.entry(new.message.conversation).or_default().push(&new.message);
            }
        }
        if stored.is_empty() {
            return;
        }
        let places: Vec<_> = stored.keys().map(|id| place(&self.shelf, *id)).collect();
        if Shelf::too_slow(began) {
            // A recall of one of them may be forgotten already.
            return self.shelf.after("cache.recent", &places).await;
        }
        let config = self.shelf.redis.config();
        let push = |(place, messages): (&Place, &Vec<&Message>)| {
            let push = self.shelf.redis.scripts().push_recent.on([&place.value, &place.guard]);
            let push = push.arg(config.recent_max).arg(super::millis(config.recent_ttl));
            // Of a long batch only the end stays.
            let skip = messages.len().saturating_sub(config.recent_max as usize);
            let sealed = messages[skip..].iter().filter_map(|message| self.seal(place, message));
            sealed.fold(push, |push, (seq, sealed)| push.arg(seq).arg(sealed))
        };
        let pushes = places.iter().zip(stored.values()).map(push).collect();
        if self.shelf.call("cache.recent.push", pushes).await.is_none() {
            self.shelf.owe(&places);
        }
    }

    /// Looks for a page; `None` when the cache failed, or has something that it should not.
    async fn look(&self, id: ConversationId, from: PageFrom, limit: PageLimit) -> Option<Found> {
        let (at, place) = (Instant::now(), place(&self.shelf, id));
        let range = match from {
            PageFrom::After(seq) => {
                Command::new("ZRANGEBYSCORE", &place.value).arg(format!("({seq}")).arg("+inf")
            }
            PageFrom::Before(seq) => {
                Command::new("ZREVRANGEBYSCORE", &place.value).arg(format!("({seq}")).arg("-inf")
            }
        };
        let range = range.arg("LIMIT").arg(0).arg(limit.get());
        let answers = self.shelf.call("cache.recent", vec![self.shelf.look_at(&place, &[]), range]).await?;
        let [look, range] = &answers[..] else { return None };
        let seen = self.shelf.seen(std::slice::from_ref(look), at)?.pop()?;
        let messages: Option<Vec<_>> =
            answer::list(range)?.iter().map(|value| self.read(id, &place, value)).collect();
        match messages {
            Some(messages) => Some(Found { seen, messages }),
            None => {
                self.shelf.after("cache.recent", &[place]).await;
                None
            }
        }
    }

    fn read(&self, id: ConversationId, place: &Place, value: &Value) -> Option<Message> {
        let message = match entry::open(&place.value.name, answer::bytes(value)?) {
            Ok(content) => {
                wire::decode::<Message>(content?).ok().filter(|message| message.conversation == id)
            }
            Err(entry::Rotten) => None,
        };
        if message.is_none() {
            self.shelf.metrics.cache_errors.inc();
            error!(self.shelf.redis.log(), "a cached message is not what was written, the store answers";
                "conversation" => %id);
        }
        message
    }

    /// Whether what was found is the page: whole, and up to the head if it goes as far.
    async fn is_whole(
        &self,
        id: ConversationId,
        from: PageFrom,
        limit: PageLimit,
        found: &[Message],
    ) -> Result<bool> {
        let full = found.len() >= limit.get() as usize;
        let head = async || Ok(self.inner.heads(&[id]).await?.first().copied().flatten());
        match from {
            PageFrom::After(seq) => {
                let whole = found.iter().zip(seq.get() + 1..).all(|(message, seq)| message.seq.get() == seq);
                if !whole || full {
                    return Ok(whole);
                }
                let last = found.last().map_or(seq, |message| message.seq);
                // None for a conversation that is gone.
                Ok(head().await?.is_some_and(|head| head <= last))
            }
            PageFrom::Before(seq) => {
                let Some(top) = found.first().map(|message| message.seq) else { return Ok(false) };
                let whole = found.iter().zip((1..=top.get()).rev()).all(|(m, seq)| m.seq.get() == seq);
                let lowest = found.last().map_or(top, |message| message.seq);
                if !whole || !(full || lowest.get() == 1) {
                    return Ok(false);
                }
                Ok(top.next() == seq || head().await?.is_some_and(|head| head == top))
            }
        }
    }

    /// Keeps a page that ends at the head.
    async fn fill(&self, id: ConversationId, seen: &Seen, page: &[Message]) {
        if !seen.may_fill() {
            return;
        }
        let (config, place) = (self.shelf.redis.config(), place(&self.shelf, id));
        // From the head down, as far as all fit in.
        let newest = page.iter().rev().take(config.recent_max as usize);
        let mut room = config.value_max.saturating_mul(16);
        let sealed = newest.map_while(|message| {
            let (seq, sealed) = self.seal(&place, message)?;
            room = room.checked_sub(sealed.len())?;
            Some((seq, sealed))
        });
        let fill = self.shelf.redis.scripts().fill_recent.on([&place.value, &place.guard]);
        let fill = fill.arg(seen.guard.bytes()).arg(super::millis(config.recent_ttl));
        let fill = sealed.fold(fill, |fill, (seq, sealed)| fill.arg(seq).arg(sealed));
        let _counted_if_not = self.shelf.call("cache.recent.fill", vec![fill]).await;
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl MessageStore for CachedMessages {
    async fn append(&self, batch: &[NewMessage]) -> Result<Vec<Appended>> {
        let began = Instant::now();
        let appended = self.inner.append(batch).await?;
        self.push(batch, &appended, began).await;
        Ok(appended)
    }

    async fn by_keys(&self, keys: &[MessageKey]) -> Result<Vec<Option<Message>>> {
        self.inner.by_keys(keys).await
    }

    async fn by_ids(&self, ids: &[MessageId]) -> Result<Vec<Option<Message>>> {
        self.inner.by_ids(ids).await
    }

    async fn page(
        &self,
        conversation: ConversationId,
        from: PageFrom,
        limit: PageLimit,
    ) -> Result<Vec<Message>> {
        let metrics = &self.shelf.metrics;
        if limit.get() > self.shelf.redis.config().recent_max {
            return self.inner.page(conversation, from, limit).await;
        }
        let Some(found) = self.look(conversation, from, limit).await else {
            return self.inner.page(conversation, from, limit).await;
        };
        let Found { seen, mut messages } = found;
        if self.is_whole(conversation, from, limit, &messages).await? {
            metrics.cache_hits.inc();
            if matches!(from, PageFrom::Before(_)) {
                messages.reverse();
            }
            return Ok(messages);
        }
        metrics.cache_misses.inc();
        let page = self.inner.page(conversation, from, limit).await?;
        let at_head = match (from, page.last()) {
            (PageFrom::After(_), Some(_)) => page.len() < limit.get() as usize,
            (PageFrom::Before(seq), Some(last)) => last.seq.next() < seq,
            (_, None) => false,
        };
        if at_head {
            self.fill(conversation, &seen, &page).await;
        }
        Ok(page)
    }

    async fn heads(&self, conversations: &[ConversationId]) -> Result<Vec<Option<Seq>>> {
        self.inner.heads(conversations).await
    }

    async fn recall(&self, id: MessageId, by: UserId, at: Timestamp) -> Result<RecallOutcome> {
        let known = self.inner.by_ids(&[id]).await?.pop().flatten();
        let places: Vec<_> = known.iter().map(|message| place(&self.shelf, message.conversation)).collect();
        if !places.is_empty() {
            self.shelf.before("cache.recent.recall", &places).await;
        }
        let recalled = self.inner.recall(id, by, at).await;
        if !places.is_empty() {
            self.shelf.after("cache.recent.recall", &places).await;
        }
        recalled
    }

    fn noted(&self, note: &Note) -> Option<Arc<dyn MessageStore>> {
        let (inner, shelf) = (self.inner.noted(note)?, Arc::clone(&self.shelf));
        Some(Arc::new(Self { shelf, inner }))
    }
}
