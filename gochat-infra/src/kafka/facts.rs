//! Facts on the events topic, and im-task's handlers of them: notifications, and moderation.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use gochat_core::model::{Delivery, Event, MessageId, MessageView};
use gochat_core::usecase::moderation::{Moderation, ModerationFailed};
use gochat_core::usecase::push::{Push, PushFailed};
use gochat_proto::pb::events::v1 as pb;
use quick_cache::sync::Cache;

use super::Outgoing;
use super::consumer::{Handler, HandlerError, Record, Schema};
use super::error::causes;
use super::pipeline::Search;
use crate::wire::{self, Malformed, Wire, nested};

/// Messages that are remembered as moderated, so that a batch that comes again asks for the rest only.
const REMEMBERED: usize = 10_000;

/// A message is stored.
#[derive(Debug, Clone)]
pub struct MessageStored {
    /// The message as it was stored, and its sender.
    pub view: MessageView,
}

impl Schema for MessageStored {
    const SCHEMA: &'static str = "gochat.events.v1.MessageStored";
}

impl Wire for MessageStored {
    type Pb = pb::MessageStored;

    fn to_pb(&self) -> pb::MessageStored {
        pb::MessageStored { view: Some(self.view.to_pb()) }
    }

    fn from_pb(pb: pb::MessageStored) -> Result<Self, Malformed> {
        Ok(Self { view: nested(pb.view, "stored.view")? })
    }
}

/// The fact that a delivery tells of, if it does.
pub(super) fn fact(topic: &Arc<str>, delivery: &Delivery) -> Option<Outgoing> {
    let Event::NewMessage(view) = &delivery.event else { return None };
    Some(Outgoing {
        topic: Arc::clone(topic),
        key: Some(view.message.conversation.to_string()),
        schema: MessageStored::SCHEMA,
        traceparent: None,
        payload: wire::encode(&MessageStored { view: view.clone() }),
    })
}

/// Notifies members who are away. The sender makes its own tries, so what it does not take goes to the dead letters; those
/// who were told before are not told again when the rest of a batch comes again.
#[derive(Debug)]
pub struct PushHandler(Push);

impl PushHandler {
    /// Over the use case.
    #[must_use]
    pub const fn new(push: Push) -> Self {
        Self(push)
    }
}

#[async_trait]
impl Handler<MessageStored> for PushHandler {
    async fn handle(&self, _: i32, batch: &[Record<MessageStored>]) -> Result<(), HandlerError> {
        let views: Vec<_> = batch.iter().map(|record| record.value.view.clone()).collect();
        let mut search = Search::among(views.len());
        while let Some(range) = search.next() {
            match self.0.notify(&views[range.clone()]).await {
                Ok(()) => {}
                Err(PushFailed::Sender { index, source })
                    if source.retry() != gochat_core::ports::Retry::Never =>
                {
                    return Err(HandlerError::Poison { index: range.start + index, reason: causes(&source) });
                }
                // One of them may be to blame for a refusal.
                Err(PushFailed::Sender { source, .. } | PushFailed::Store(source)) => {
                    search.failed(range, source)?
                }
            }
        }
        Ok(())
    }
}

/// Has messages judged, several at a time. The moderator makes its own tries, so what it does not judge goes to the dead
/// letters.
#[derive(Debug)]
pub struct ModerationHandler {
    moderation: Moderation,
    at_once: usize,
    done: Cache<MessageId, ()>,
}

impl ModerationHandler {
    /// Over the use case; asks about `at_once` messages at a time.
    #[must_use]
    pub fn new(moderation: Moderation, at_once: usize) -> Self {
        Self { moderation, at_once: at_once.max(1), done: Cache::new(REMEMBERED) }
    }
}

#[async_trait]
impl Handler<MessageStored> for ModerationHandler {
    async fn handle(&self, _: i32, batch: &[Record<MessageStored>]) -> Result<(), HandlerError> {
        let asked = batch.iter().enumerate().filter_map(|(index, record)| {
            let view = record.value.view.clone();
            let known = self.done.get(&view.message.id).is_some();
            (!known).then_some(async move { (index, view.message.id, self.moderation.moderate(&view).await) })
        });
        // Collected, since a closure's borrows don't go into a future that is sent.
        let asked: Vec<_> = asked.collect();
        let mut answers = stream::iter(asked).buffer_unordered(self.at_once);
        let mut first: Option<(usize, ModerationFailed)> = None;
        while let Some((index, id, answer)) = answers.next().await {
            match answer {
                Ok(_) => self.done.insert(id, ()),
                Err(failed) => {
                    if first.as_ref().is_none_or(|(at, _)| index < *at) {
                        first = Some((index, failed));
                    }
                }
            }
        }
        match first {
            None => Ok(()),
            Some((index, ModerationFailed::Moderator(error))) => {
                Err(HandlerError::Poison { index, reason: causes(&error) })
            }
            Some((index, ModerationFailed::Store(error))) => Search::blame(index, error),
        }
    }
}
