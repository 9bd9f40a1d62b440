//! Calls that wait for the receipt of a message they sent.

use gochat_core::error::Code;
use gochat_core::model::{RequestId, StoredReceipt};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use tokio::sync::oneshot;

/// What a waiting call is answered.
type ReceiptAnswer = Result<StoredReceipt, Code>;

/// Everybody who waits. An entry lives no longer than the [`ReceiptWaiter`] that belongs to it.
#[derive(Debug, Default)]
pub struct Waiters {
    waiting: Mutex<FxHashMap<RequestId, oneshot::Sender<ReceiptAnswer>>>,
}

/// A place in the queue of those who wait; dropping it gives it up.
#[derive(Debug)]
pub struct ReceiptWaiter<'a> {
    waiters: &'a Waiters,
    id: RequestId,
    answer: oneshot::Receiver<ReceiptAnswer>,
}

impl Waiters {
    /// Registers a call. To be done before the send is submitted, or the receipt may come first.
    #[must_use]
    pub fn register(&self, id: RequestId) -> ReceiptWaiter<'_> {
        let (sender, answer) = oneshot::channel();
        self.waiting.lock().insert(id, sender);
        ReceiptWaiter { waiters: self, id, answer }
    }

    /// Answers a call. Nothing happens when nobody waits any more.
    pub fn answer(&self, id: RequestId, answer: ReceiptAnswer) {
        if let Some(sender) = self.waiting.lock().remove(&id) {
            let _gave_up = sender.send(answer);
        }
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.lock().len()
    }

    /// Whether nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl ReceiptWaiter<'_> {
    /// The receipt. Cancel safe.
    ///
    /// # Errors
    /// The code of a refusal; `Unavailable` when nobody will ever answer.
    pub async fn receipt(&mut self) -> ReceiptAnswer {
        (&mut self.answer).await.unwrap_or(Err(Code::Unavailable))
    }
}

impl Drop for ReceiptWaiter<'_> {
    fn drop(&mut self) {
        self.waiters.waiting.lock().remove(&self.id);
    }
}
