//! What a moderator says of a stored message, carried out: its verdict recalls the message in the name of the system.
//!
//! Messages are judged after storing, so nobody waits for a moderator, and while it is away messages stay. A recall by it
//! leaves the same tombstone as any other, by [`UserId::SYSTEM`], and all readers are told the same way.

use std::sync::Arc;

use slog::Logger;

use super::context::found;
use crate::model::{Delivery, Event, MessageView, UserId};
use crate::ports::{
    Clock, Deliver, Directory, Freshness, Judgement, MessageStore, Moderator, Result, StoreError,
};
use crate::send::audience;

/// Longest reason that is logged, in Unicode scalar values.
const REASON_CHARS: usize = 200;

/// What moderation stands on.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each field is the port of that name")]
pub struct ModerationPorts {
    pub moderator: Arc<dyn Moderator>,
    pub messages: Arc<dyn MessageStore>,
    pub directory: Arc<dyn Directory>,
    pub deliver: Arc<dyn Deliver>,
    pub clock: Arc<dyn Clock>,
}

/// Has messages judged, and recalls them.
#[derive(Debug)]
pub struct Moderation {
    ports: ModerationPorts,
    direct_fanout_max: u32,
    log: Logger,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moderated {
    /// It stays.
    Allowed,
    /// It is recalled, and its readers are told.
    Recalled,
    /// It should be recalled and is no longer there.
    Gone,
}

/// Why a message was not moderated.
#[derive(Debug, thiserror::Error)]
pub enum ModerationFailed {
    /// The moderator gave no verdict, in all its tries.
    #[error("no verdict")]
    Moderator(#[source] StoreError),
    /// The verdict was not carried out; it can be asked for and carried out again.
    #[error("verdict not carried out")]
    Store(#[from] StoreError),
}

impl Moderation {
    /// Over ports. Members of up to `direct_fanout_max` are told directly, as with
    /// [`Settings::direct_fanout_max`](crate::Settings).
    #[must_use]
    pub fn new(ports: ModerationPorts, direct_fanout_max: u32, log: &Logger) -> Self {
        Self { ports, direct_fanout_max, log: log.clone() }
    }

    /// Has a message judged, and does what the verdict says. May be repeated: a message that is recalled already keeps its
    /// first tombstone, and its readers are told again, since nobody knows whether they were.
    ///
    /// # Errors
    /// See [`ModerationFailed`].
    pub async fn moderate(&self, view: &MessageView) -> std::result::Result<Moderated, ModerationFailed> {
        let verdict = self.ports.moderator.judge(view).await.map_err(ModerationFailed::Moderator)?;
        let Judgement::Recall { reason } = verdict else { return Ok(Moderated::Allowed) };
        let done = self.recall(view).await?;
        let reason: String = reason.as_deref().unwrap_or_default().chars().take(REASON_CHARS).collect();
        slog::info!(self.log, "moderator objects to a message"; "message" => %view.message.id,
            "conversation" => %view.message.conversation, "reason" => reason, "outcome" => ?done);
        Ok(done)
    }

    async fn recall(&self, view: &MessageView) -> Result<Moderated> {
        let (id, conversation) = (view.message.id, view.message.conversation);
        let recalled = self.ports.messages.recall(id, UserId::SYSTEM, self.ports.clock.now()).await;
        let Some(outcome) = found(recalled)? else { return Ok(Moderated::Gone) };
        let Some(tombstone) = outcome.message.recalled else { return Ok(Moderated::Gone) };
        let asked = [(conversation, outcome.message.sender)];
        let access = self.ports.directory.access(&asked, self.direct_fanout_max, Freshness::Cached).await?;
        // Nobody reads a conversation that is gone.
        if let Some(audience) = audience(conversation, access.first().and_then(Option::as_ref)) {
            let event = Event::Recalled {
                conversation,
                id,
                seq: outcome.message.seq,
                at: tombstone.at,
                by: tombstone.by,
            };
            self.ports.deliver.deliver(vec![Delivery { event, audience, except: None }]).await?;
        }
        Ok(Moderated::Recalled)
    }
}
