//! Storage in an SQLite file: every store port of gochat-core over one folder, for one process.
//!
//! - One thread writes. It takes all that waits, does it in one transaction and commits once, so that a busy store syncs the
//!   disk once for many callers. Nothing is answered before it is durable (`synchronous=FULL`).
//! - A few threads read, each in a snapshot that holds all that was committed before it was asked.
//! - What the send pipeline and every request ask (who is in a conversation, faces, living logins) is kept in memory.
//!
//! The futures need no particular runtime. This room knows the model and the ports, and nothing of rules, sessions or wires.

mod append;
mod caches;
mod changes;
mod checkpoint;
mod client_id;
mod complaints;
mod conversations;
mod directory;
mod error;
#[cfg(feature = "transfer")]
pub(crate) mod export;
mod friends;
mod groups;
mod identifiers;
mod logins;
mod messages;
mod migrate;
mod open;
mod places;
#[cfg(test)]
mod plans;
mod queue;
mod readers;
mod rows;
mod statements;
mod tx;
mod users;
mod writer;
#[cfg(test)]
mod writer_tests;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use gochat_core::ports::Result;
use rusqlite::Connection;
use slog::Logger;
use tokio::sync::mpsc;

use caches::Caches;
use error::Done;
pub use error::{OpenError, SqliteFault};
use readers::Reads;
use tx::Tx;
use writer::{Counters, Jobs};

/// All store ports over one folder. A handle: clones share the store, and the last one dropped ends it, as
/// [`close`](Self::close) does and waits for.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    jobs: Arc<Jobs>,
    reads: Arc<Reads>,
    caches: Arc<Caches>,
    counters: Arc<Counters>,
    /// Ends when all threads have.
    ended: tokio::sync::Mutex<mpsc::Receiver<()>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Inner {
    /// Takes no more work; what waits is still done.
    fn stop(&self) {
        self.reads.close();
        self.jobs.close();
    }
}

/// How busy a store is and has been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SqliteStats {
    /// Transactions committed since it was opened; each synced the disk once.
    pub commits: u64,
    /// Write calls done in them, or refused.
    pub writes: u64,
    /// Write calls that wait now.
    pub writes_waiting: usize,
    /// Read calls that wait now.
    pub reads_waiting: usize,
}

/// Sizes and limits of an [`SqliteStore`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SqliteOptions {
    /// Threads that read; 2.
    pub readers: usize,
    /// Calls that may wait to be written; more are refused as overloaded. 4,096.
    pub write_queue: usize,
    /// Calls that may wait to be read; more are refused as overloaded. 4,096.
    pub read_queue: usize,
    /// Rows that one commit takes at most, unless a single call has more; 8,192.
    pub group_rows: usize,
    /// Memory for pages of the writer, in bytes; 32 MiB.
    pub writer_cache: u64,
    /// Memory for pages of each reader, in bytes; 8 MiB.
    pub reader_cache: u64,
    /// Length of the write-ahead log at which it is moved into the database file, in pages of 4 KiB; 4,096.
    pub log_pages: u32,
    /// Memory for the members of conversations, in bytes; 32 MiB.
    pub members_cache: u64,
    /// Users kept in memory; 20,000.
    pub users_cache: usize,
    /// Logins kept in memory; 50,000.
    pub logins_cache: usize,
    /// Largest size of the database file, in bytes; without one, the disk's. What does not fit is refused as full.
    pub size_max: Option<u64>,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            readers: 2,
            write_queue: 4_096,
            read_queue: 4_096,
            group_rows: 8_192,
            writer_cache: 32 << 20,
            reader_cache: 8 << 20,
            log_pages: 4_096,
            members_cache: 32 << 20,
            users_cache: 20_000,
            logins_cache: 50_000,
            size_max: None,
        }
    }
}

impl SqliteStore {
    /// Opens the store in `folder`, which is made if need be, and brings its schema up to date. Blocks while it does.
    ///
    /// # Errors
    /// Each says what to do; see [`OpenError`].
    pub fn open(folder: &Path, options: SqliteOptions, log: Logger) -> std::result::Result<Self, OpenError> {
        open::open(folder, &options, &log)
    }

    /// Refuses further calls as closed, finishes those that wait, empties the log and lets go of the folder. Returns when all
    /// that is done; a second call waits as well.
    pub async fn close(&self) {
        self.inner.stop();
        // Nothing is ever sent: it ends when the last thread has dropped its side.
        while self.inner.ended.lock().await.recv().await.is_some() {}
    }

    /// How busy it is and has been.
    #[must_use]
    pub fn stats(&self) -> SqliteStats {
        let Inner { jobs, reads, counters, .. } = &*self.inner;
        SqliteStats {
            commits: counters.commits.load(Ordering::Relaxed),
            writes: counters.jobs.load(Ordering::Relaxed),
            writes_waiting: jobs.len(),
            reads_waiting: reads.len(),
        }
    }

    /// Changes [`SqliteOptions::size_max`] of the open store.
    ///
    /// # Errors
    /// As any write.
    pub async fn set_size_max(&self, bytes: u64) -> Result<()> {
        self.write("sqlite.set_size_max", 1, move |tx| Ok(open::set_size_max(tx.conn, bytes)?)).await
    }

    /// Has the writer do `work`; it is durable when this returns.
    async fn write<T, F>(&self, operation: &'static str, weight: usize, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Done<T> + Send + 'static,
    {
        writer::write(&self.inner.jobs, operation, weight, work).await
    }

    /// Has a reader do `work`, in one snapshot.
    async fn read<T, F>(&self, operation: &'static str, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Done<T> + Send + 'static,
    {
        readers::read(&self.inner.reads, operation, work).await
    }
}
