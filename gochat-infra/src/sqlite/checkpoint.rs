//! Moving pages from the log (WAL) into the database file, off the writer's way.
//!
//! A thread of its own copies pages while the writer goes on writing. Under constant load it never has all of them, and the
//! log can start from its beginning only when it has: so once the log is long, the writer copies the few that are left
//! between two commits.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, DEFAULT_NAME};
use slog::{Logger, debug, warn};

use super::complaints::Complaints;
use super::queue::Queue;

/// How long the log may get, in pages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// From here on the thread copies.
    pub(super) soft: u32,
    /// From here on the writer copies the rest, when it is short; at twice as many, whatever is left.
    pub(super) hard: u32,
}

/// The writer's side.
pub(super) struct Checkpoints {
    pub(super) bounds: Bounds,
    pub(super) wake: Arc<Queue<()>>,
    pub(super) complaints: Complaints,
    pub(super) log: Logger,
}

impl Checkpoints {
    /// Looks at the log's length after a commit, and has it shortened when it is long.
    pub(super) fn after_commit(&self, conn: &Connection) {
        let Some((pages, copied)) = state(conn, CheckpointMode::NOOP, &self.complaints, &self.log) else {
            return;
        };
        let left = pages - copied;
        let few_left = left <= self.bounds.soft;
        if pages > self.bounds.hard && (few_left || pages > self.bounds.hard.saturating_mul(2)) {
            let _ = state(conn, CheckpointMode::PASSIVE, &self.complaints, &self.log);
        } else if left > self.bounds.soft {
            // One call waits already, when the queue is full.
            let _ = self.wake.push(());
        }
    }

    /// Copies everything and empties the log, at the end.
    pub(super) fn finish(&self, conn: Connection) {
        self.wake.close();
        let _ = state(&conn, CheckpointMode::TRUNCATE, &self.complaints, &self.log);
        if let Err((_, e)) = conn.close() {
            warn!(self.log, "closing the database failed"; "error" => %e);
        }
    }
}

/// The thread: works until the queue is closed.
pub(super) fn run(conn: &Connection, wake: &Queue<()>, file: &Path, log: &Logger) {
    let complaints = Complaints::default();
    while wake.pop().is_some() {
        if let Some((pages, copied)) = state(conn, CheckpointMode::PASSIVE, &complaints, log) {
            debug!(log, "checkpoint"; "file" => %file.display(), "pages" => pages, "copied" => copied);
        }
    }
}

/// Length of the log in pages, and how many of them are in the database file.
fn state(
    conn: &Connection,
    mode: CheckpointMode,
    complaints: &Complaints,
    log: &Logger,
) -> Option<(u32, u32)> {
    match conn.wal_checkpoint_v2(DEFAULT_NAME, mode) {
        // Negative when another one is at it: the next commit asks again.
        Ok((pages, copied)) => Some((u32::try_from(pages).ok()?, u32::try_from(copied).ok()?)),
        Err(e) if e.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => None,
        Err(e) => {
            if let Some(hidden) = complaints.due(Instant::now()) {
                warn!(log, "checkpoint failed"; "error" => %e, "failures_not_shown" => hidden);
            }
            None
        }
    }
}
