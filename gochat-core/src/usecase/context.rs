//! What every use case holds.

use std::sync::Arc;

use slog::Logger;

use crate::Settings;
use crate::model::{ConversationId, Delivery, LoginId, Timestamp, UserId};
use crate::ports::Ports;

/// Ports, settings and log of a use case.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) ports: Ports,
    pub(crate) settings: Arc<Settings>,
    pub(crate) log: Logger,
}

impl Context {
    pub(crate) fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    pub(crate) fn new_user(&self) -> UserId {
        UserId::new(self.ports.ids.next_id()).expect("the generator keeps to 63 bits")
    }

    pub(crate) fn new_login(&self) -> LoginId {
        LoginId::new(self.ports.ids.next_id()).expect("the generator keeps to 63 bits")
    }

    pub(crate) fn new_conversation(&self) -> ConversationId {
        ConversationId::new(self.ports.ids.next_id()).expect("the generator keeps to 63 bits")
    }

    /// Tells others. What they are told of is stored by now, so a failure is no error of the call: who missed it finds
    /// it by `sync`.
    pub(crate) async fn tell(&self, batch: Vec<Delivery>) {
        if batch.is_empty() {
            return;
        }
        let count = batch.len();
        if let Err(e) = self.ports.deliver.deliver(batch).await {
            slog::warn!(self.log, "events not handed on"; "events" => count, "error" => %e);
        }
    }
}
