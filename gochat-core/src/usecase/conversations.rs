//! Conversations as the caller sees them.

use std::sync::Arc;

use async_trait::async_trait;
use slog::Logger;

use super::context::Context;
use crate::Settings;
use crate::model::*;
use crate::ports::*;
use crate::service::{self, *};

/// The service [`Conversations`](service::Conversations) over the ports.
#[derive(Debug)]
pub struct Conversations {
    cx: Context,
}

impl Conversations {
    /// Makes the service.
    #[must_use]
    pub fn new(ports: Ports, settings: Arc<Settings>, log: Logger) -> Self {
        Self { cx: Context { ports, settings, log } }
    }
}

#[async_trait]
impl service::Conversations for Conversations {
    async fn list(&self, caller: &Caller) -> service::Result<Vec<ConversationView>> {
        todo!()
    }

    async fn open_single(&self, caller: &Caller, other: UserId) -> service::Result<(ConversationView, bool)> {
        todo!()
    }

    async fn get(&self, caller: &Caller, id: ConversationId) -> service::Result<ConversationView> {
        todo!()
    }

    async fn mark_read(
        &self,
        caller: &Caller,
        id: ConversationId,
        seq: Option<Seq>,
    ) -> service::Result<ReadState> {
        todo!()
    }

    async fn hide(&self, caller: &Caller, id: ConversationId) -> service::Result<()> {
        todo!()
    }

    async fn sync(
        &self,
        caller: &Caller,
        cursor: SyncCursor,
        limit: Option<u32>,
    ) -> service::Result<SyncPage> {
        todo!()
    }
}
