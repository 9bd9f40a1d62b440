//! Threads that read: each has a connection of its own, and sees all that was committed before it was asked.

use std::time::Instant;

use gochat_core::ports::{ErrorKind, Result, Retry, StoreError};
use rusqlite::Connection;
use slog::{Logger, error};
use tokio::sync::oneshot;

use super::complaints::Complaints;
use super::error::{Done, Fail, Stage};
use super::queue::{Queue, Refused};

type Read = Box<dyn FnOnce(&Reader) + Send>;
pub(super) type Reads = Queue<Read>;

/// Has a reader do `work` in one snapshot, and waits for it.
pub(super) async fn read<T, F>(reads: &Reads, operation: &'static str, work: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce(&Connection) -> Done<T> + Send + 'static,
{
    let (answer, outcome) = oneshot::channel();
    let job: Read = Box::new(move |context: &Reader| {
        // Who no longer waits needs no answer, and its query is saved.
        if answer.is_closed() {
            return;
        }
        let _ = answer.send(snapshot(&context.conn, work).map_err(|fail| {
            if !matches!(fail, Fail::Answer(_))
                && let Some(hidden) = context.complaints.due(Instant::now())
            {
                error!(context.log, "reading failed";
                    "operation" => operation, "error" => ?fail, "failures_not_shown" => hidden);
            }
            fail.into_store(operation, Stage::Before)
        }));
    });
    reads.push(job).map_err(|refused| {
        let kind = match refused {
            Refused::Full => ErrorKind::Overloaded,
            Refused::Closed => ErrorKind::Closed,
        };
        StoreError::new(kind, Retry::Safe, operation)
    })?;
    outcome.await.unwrap_or(Err(StoreError::new(ErrorKind::Closed, Retry::Safe, operation)))
}

fn snapshot<T>(conn: &Connection, work: impl FnOnce(&Connection) -> Done<T>) -> Done<T> {
    // Dropped, it rolls back, which is all that a reader needs.
    let tx = conn.unchecked_transaction()?;
    work(&tx)
}

/// A reader's thread.
pub(super) struct Reader {
    pub(super) conn: Connection,
    pub(super) complaints: Complaints,
    pub(super) log: Logger,
}

impl Reader {
    /// Works until the queue is closed and empty.
    pub(super) fn run(&self, reads: &Reads) {
        while let Some(work) = reads.pop() {
            work(self);
        }
    }
}
