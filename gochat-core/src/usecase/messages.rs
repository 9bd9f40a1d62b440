//! History, recalling and reading.

use std::sync::Arc;

use async_trait::async_trait;
use slog::Logger;

use super::context::Context;
use crate::Settings;
use crate::model::*;
use crate::ports::*;
use crate::service::{self, *};

/// The service [`Messages`](service::Messages) over the ports.
#[derive(Debug)]
pub struct Messages {
    cx: Context,
}

impl Messages {
    /// Makes the service.
    #[must_use]
    pub fn new(ports: Ports, settings: Arc<Settings>, log: Logger) -> Self {
        Self { cx: Context { ports, settings, log } }
    }
}

#[async_trait]
impl service::Messages for Messages {
    async fn history(
        &self,
        caller: &Caller,
        id: ConversationId,
        query: HistoryQuery,
    ) -> service::Result<HistoryPage> {
        todo!()
    }

    async fn get(&self, caller: &Caller, id: MessageId) -> service::Result<MessageView> {
        todo!()
    }

    async fn recall(&self, caller: &Caller, id: MessageId) -> service::Result<MessageView> {
        todo!()
    }

    async fn mark_read(&self, caller: &Caller, id: MessageId) -> service::Result<ReadState> {
        todo!()
    }
}
