//! Where deliveries end in tests.

use std::future::poll_fn;
use std::sync::Mutex;
use std::task::{Poll, Waker};

use async_trait::async_trait;

use super::lock;
use crate::model::Delivery;
use crate::ports::{Deliver, Result};

/// Keeps every delivery, in order.
#[derive(Debug, Default)]
pub struct RecordingDeliver(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    seen: Vec<Delivery>,
    waiting: Vec<Waker>,
}

impl RecordingDeliver {
    /// Has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// All so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Delivery> {
        lock(&self.0).seen.clone()
    }

    /// All so far, which are forgotten: [`nth`](Self::nth) counts from 0 again.
    #[must_use]
    pub fn take(&self) -> Vec<Delivery> {
        std::mem::take(&mut lock(&self.0).seen)
    }

    /// The delivery number `n`, from 0; waits until there is one.
    pub async fn nth(&self, n: usize) -> Delivery {
        poll_fn(|cx| {
            let mut state = lock(&self.0);
            if let Some(delivery) = state.seen.get(n) {
                return Poll::Ready(delivery.clone());
            }
            state.waiting.push(cx.waker().clone());
            Poll::Pending
        })
        .await
    }
}

#[async_trait]
impl Deliver for RecordingDeliver {
    async fn deliver(&self, batch: Vec<Delivery>) -> Result<()> {
        let waiting = {
            let mut state = lock(&self.0);
            state.seen.extend(batch);
            std::mem::take(&mut state.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
        Ok(())
    }
}
