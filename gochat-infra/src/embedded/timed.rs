//! How long the pipeline takes, measured from the outside.

use std::time::Instant;

use async_trait::async_trait;
use gochat_core::model::{Delivery, Event};
use gochat_core::ports::{Deliver, Result};
use parking_lot::Mutex;

use crate::hub::Hub;

/// Hands on to the hub. What it is given is stored, so it tells both halves of a batch's way: to the store, and to the
/// queues of its receivers.
#[derive(Debug)]
pub(super) struct Timed {
    hub: Hub,
    begun: Mutex<Option<Instant>>,
}

impl Timed {
    pub(super) fn new(hub: Hub) -> Self {
        Self { hub, begun: Mutex::new(None) }
    }

    /// A batch was taken out of the queue.
    pub(super) fn begin(&self) {
        *self.begun.lock() = Some(Instant::now());
    }

    pub(super) fn hub(&self) -> &Hub {
        &self.hub
    }
}

#[async_trait]
impl Deliver for Timed {
    async fn deliver(&self, batch: Vec<Delivery>) -> Result<()> {
        let stored = Instant::now();
        let messages = batch.iter().filter(|d| matches!(d.event, Event::NewMessage(_))).count() as u64;
        let begun = self.begun.lock().take();
        self.hub.deliver(batch).await?;
        if messages > 0 {
            let metrics = self.hub.metrics();
            metrics.accepted_to_stored.observe_many(stored - begun.unwrap_or(stored), messages);
            metrics.stored_to_delivered.observe_many(stored.elapsed(), messages);
        }
        Ok(())
    }
}
