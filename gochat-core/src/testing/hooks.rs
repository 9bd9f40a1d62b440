//! Systems outside, in memory.

use std::sync::Mutex;

use async_trait::async_trait;

use super::conformance::{Receiver, Rulings};
use super::lock;
use crate::model::MessageView;
use crate::ports::{ErrorKind, Judgement, Moderator, Notification, PushSender, Result, Retry, StoreError};

/// How a system outside answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Mood {
    #[default]
    Well,
    Refusing,
    Away,
}

impl Mood {
    fn answer(self, operation: &'static str) -> Result<()> {
        match self {
            Self::Well => Ok(()),
            Self::Refusing => Err(StoreError::new(ErrorKind::Internal, Retry::Never, operation)),
            Self::Away => Err(StoreError::new(ErrorKind::Unavailable, Retry::Ambiguous, operation)),
        }
    }
}

/// Keeps every notification, in order.
#[derive(Debug, Default)]
pub struct MemoryPush(Mutex<(Mood, Vec<Notification>)>);

impl MemoryPush {
    /// Has got nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// All so far, which are forgotten.
    #[must_use]
    pub fn take(&self) -> Vec<Notification> {
        std::mem::take(&mut lock(&self.0).1)
    }
}

#[async_trait]
impl PushSender for MemoryPush {
    async fn send(&self, batch: &[Notification]) -> Result<()> {
        let mut state = lock(&self.0);
        state.0.answer("push.send")?;
        state.1.extend_from_slice(batch);
        Ok(())
    }
}

#[async_trait]
impl Receiver for MemoryPush {
    async fn received(&self) -> Vec<Notification> {
        lock(&self.0).1.clone()
    }

    async fn accept(&self) {
        lock(&self.0).0 = Mood::Well;
    }

    async fn refuse(&self) {
        lock(&self.0).0 = Mood::Refusing;
    }

    async fn go_away(&self) {
        lock(&self.0).0 = Mood::Away;
    }
}

/// Objects to messages with a word in them.
#[derive(Debug)]
pub struct MemoryModerator(Mutex<Mood>);

impl MemoryModerator {
    /// What it objects to.
    pub const WORD: &'static str = "forbidden";

    /// A moderator that answers.
    #[must_use]
    pub fn new() -> Self {
        Self(Mutex::default())
    }
}

impl Default for MemoryModerator {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Moderator for MemoryModerator {
    async fn judge(&self, message: &MessageView) -> Result<Judgement> {
        lock(&self.0).answer("moderator.judge")?;
        Ok(if message.message.body.content.contains(Self::WORD) {
            Judgement::Recall { reason: Some(Self::WORD.into()) }
        } else {
            Judgement::Allow
        })
    }
}

#[async_trait]
impl Rulings for MemoryModerator {
    async fn refuse(&self) {
        *lock(&self.0) = Mood::Refusing;
    }

    async fn go_away(&self) {
        *lock(&self.0) = Mood::Away;
    }
}
