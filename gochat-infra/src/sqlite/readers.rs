//! Threads that read: each has a connection of its own, and sees all that was committed before it was asked.

use std::sync::Arc;

use gochat_core::ports::{ErrorKind, Result, Retry, StoreError};
use rusqlite::Connection;
use slog::{Logger, error};
use tokio::sync::oneshot;

use super::error::{Done, Fail, Stage};
use super::queue::{Queue, Refused};

type Read = Box<dyn FnOnce(&Connection, &Logger) + Send>;
pub(super) type Reads = Queue<Read>;

/// Has a reader do `work` in one snapshot, and waits for it.
pub(super) async fn read<T, F>(reads: &Reads, operation: &'static str, work: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce(&Connection) -> Done<T> + Send + 'static,
{
    let (answer, outcome) = oneshot::channel();
    let job: Read = Box::new(move |conn, log| {
        // Who no longer waits needs no answer, and its query is saved.
        if answer.is_closed() {
            return;
        }
        let _ = answer.send(snapshot(conn, work).map_err(|fail| {
            if !matches!(fail, Fail::Answer(_)) {
                error!(log, "reading failed"; "operation" => operation, "error" => ?fail);
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

/// A reader's thread: works until the queue is closed and empty.
pub(super) fn run(conn: Connection, reads: &Arc<Reads>, log: &Logger) {
    while let Some(work) = reads.pop() {
        work(&conn, log);
    }
}
