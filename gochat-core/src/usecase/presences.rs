//! Sessions coming and going, and writing.

use std::sync::Arc;

use async_trait::async_trait;
use slog::Logger;

use super::context::Context;
use crate::Settings;
use crate::model::*;
use crate::ports::*;
use crate::service::{self, *};

/// The service [`Presences`](service::Presences) over the ports.
#[derive(Debug)]
pub struct Presences {
    cx: Context,
}

impl Presences {
    /// Makes the service.
    #[must_use]
    pub fn new(ports: Ports, settings: Arc<Settings>, log: Logger) -> Self {
        Self { cx: Context { ports, settings, log } }
    }
}

#[async_trait]
impl service::Presences for Presences {
    async fn opened(&self, caller: &Caller, session: SessionId) -> service::Result<()> {
        todo!()
    }

    async fn closed(&self, caller: &Caller, session: SessionId) -> service::Result<()> {
        todo!()
    }

    async fn typing(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        typing: bool,
    ) -> service::Result<()> {
        todo!()
    }

    async fn tell_departures(&self) {
        todo!()
    }

    fn next_due(&self) -> Option<Timestamp> {
        todo!()
    }
}
