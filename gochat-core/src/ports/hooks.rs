//! Systems outside that hear of messages: what brings notifications to devices, and what judges content.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use super::Result;
use crate::model::{ConversationId, MessageId, MessageKind, MessageView, Seq, Timestamp, UserId};

/// Takes notifications for users who are not there.
#[async_trait]
pub trait PushSender: Debug + Send + Sync + 'static {
    /// Hands over a batch, in order; no error when it is empty.
    ///
    /// - Done: when this returns `Ok` the other side has all of them, and what becomes of them is its business.
    /// - Repeats: the same ones may be given again after a failure; the other side knows them by [`Notification::id`].
    /// - Tries: the adapter makes them; the caller makes none.
    ///
    /// # Errors
    /// With [`Retry::Never`](super::Retry::Never) the other side has refused the batch, and would again. With anything else
    /// it could not be reached in all tries; it may have the batch.
    async fn send(&self, batch: &[Notification]) -> Result<()>;
}

/// Tells one user of something new in one conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// Who is told.
    pub user: UserId,
    /// Where something is new.
    pub conversation: ConversationId,
    /// The newest message that this is about.
    pub message: MessageId,
    /// Its position in the conversation.
    pub seq: Seq,
    /// Who wrote it.
    pub sender: UserId,
    /// What others see of the sender; empty when the account is gone.
    pub sender_name: Arc<str>,
    /// What its content is.
    pub kind: MessageKind,
    /// Whether the user is addressed, in it or in one that it stands for.
    pub mentioned: bool,
    /// How many messages the user has not read there.
    pub unread: u64,
    /// When the message was sent.
    pub at: Timestamp,
    /// The content; `None` where it must not leave the system.
    pub content: Option<Arc<str>>,
}

impl Notification {
    /// What it is known by, however often it is sent: `<message>-<user>`.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}-{}", self.message, self.user)
    }
}

/// Judges messages after they are stored.
#[async_trait]
pub trait Moderator: Debug + Send + Sync + 'static {
    /// Says what shall become of a message. The same one may be asked about again.
    ///
    /// - Tries: the adapter makes them; the caller makes none.
    ///
    /// # Errors
    /// With [`Retry::Never`](super::Retry::Never) the moderator can't judge it, and could not later: it refused the question,
    /// or its answer is no verdict. With anything else it could not be reached in all tries.
    async fn judge(&self, message: &MessageView) -> Result<Judgement>;
}

/// What a moderator wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// The message stays.
    Allow,
    /// The message must go.
    Recall {
        /// Why; for the log only.
        reason: Option<Box<str>>,
    },
}
