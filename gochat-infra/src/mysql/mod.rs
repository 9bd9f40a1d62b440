//! Storage in MySQL 8.0 or MariaDB 10.11: every store port of gochat-core over one database, for any number of processes.
//!
//! - What is written goes to the primary, and is committed when a call returns. Transactions begin again, a bounded number
//!   of times, when others were in the way.
//! - Lists, memberships, accounts and sequences are read from the primary. History is read from replicas that have what the
//!   primary has of the conversation.
//! - Nothing is cached here: caches are decorators of the ports.
//!
//! This room knows the model and the ports, and nothing of rules, sessions or wires.

mod append;
#[cfg(feature = "archive")]
mod archive;
mod archived;
mod changes;
mod conversations;
mod directory;
mod error;
mod friends;
mod groups;
#[cfg(feature = "transfer")]
pub(crate) mod import;
mod logins;
mod mend;
mod messages;
mod migrate;
mod outbox;
mod pool;
mod rows;
mod statements;
mod ticks;
mod tx;
mod users;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use gochat_core::model::Note;
use mysql_async::Conn;
use slog::{Logger, warn};

use error::Done;
pub use error::{MySqlFault, OpenError};
use pool::Server;
use tx::{Call, Tries};

use crate::runtime::metrics::Metrics;

/// All store ports over one database. A handle: clones share the connections.
#[derive(Debug, Clone)]
pub struct MySqlStore {
    inner: Arc<Inner>,
    /// What this handle's next write leaves.
    note: Option<Note>,
}

struct Inner {
    primary: Server,
    replicas: Vec<Server>,
    /// Whose turn it is.
    turn: AtomicUsize,
    options: MySqlOptions,
    log: Logger,
    counters: Counters,
    /// Where contents of old messages are.
    #[cfg(feature = "archive")]
    archive: Option<crate::archive::Archive>,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner")
            .field("primary", &self.primary)
            .field("replicas", &self.replicas)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct Counters {
    replica: AtomicU64,
    behind: AtomicU64,
    failed: AtomicU64,
}

/// What replicas were good for, and what the primary was spared, since the store was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct MySqlStats {
    /// Pages that a replica answered.
    pub replica_pages: u64,
    /// Pages that the primary answered since a replica was behind.
    pub replica_behind: u64,
    /// Failures of replicas; each is left alone for a second then.
    pub replica_failures: u64,
    /// Calls that were not tried since the primary was away a moment ago.
    pub refused: u64,
    /// Rows of the primary that had rotted and were mended.
    pub mended: u64,
}

/// Which servers answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MySqlHealth {
    /// The primary. Without it nothing is written, and little is read.
    pub primary: bool,
    /// The replicas, in the order of the options. Without them the primary answers.
    pub replicas: Vec<bool>,
}

/// Addresses, sizes and limits of a [`MySqlStore`].
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MySqlOptions {
    /// `mysql://user:password@host:port/database`; `?require_ssl=true` for TLS.
    pub primary: String,
    /// Replicas of it; none by default.
    pub replicas: Vec<String>,
    /// Most connections to each server; 16.
    pub connections: usize,
    /// Callers that may wait for a connection of a server; more are refused as overloaded. 1,024.
    pub waiting: usize,
    /// Longest wait for a connection; 2 s.
    pub patience: Duration,
    /// Longest time for a call, with its repetitions; 10 s.
    pub time: Duration,
    /// Times that a transaction is begun again when others were in the way; 8.
    pub retries: u32,
    /// Prepared statements that each connection keeps; 128. A server has 16,382 for all by default.
    pub statements: usize,
}

impl fmt::Debug for MySqlOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Addresses carry passwords.
        f.debug_struct("MySqlOptions").field("connections", &self.connections).finish_non_exhaustive()
    }
}

impl MySqlOptions {
    /// The usual sizes, for this primary and no replicas.
    #[must_use]
    pub fn new(primary: &str) -> Self {
        Self {
            primary: primary.to_owned(),
            replicas: Vec::new(),
            connections: 16,
            waiting: 1_024,
            patience: Duration::from_secs(2),
            time: Duration::from_secs(10),
            retries: 8,
            statements: 128,
        }
    }
}

impl MySqlStore {
    /// Opens the store. Checks that the primary answers and has the schema of this version, which
    /// [`migrate`](Self::migrate) makes; replicas may be away.
    ///
    /// # Errors
    /// Each says what to do; see [`OpenError`].
    pub async fn open(options: MySqlOptions, log: Logger) -> Result<Self, OpenError> {
        let primary = Server::new(&options.primary, "mysql primary", &options, &log)?;
        let replicas = options.replicas.iter().map(|url| Server::new(url, "mysql replica", &options, &log));
        let replicas = replicas.collect::<Result<_, _>>()?;
        let (turn, counters) = (AtomicUsize::new(0), Counters::default());
        let inner = Inner {
            primary,
            replicas,
            turn,
            options,
            log,
            counters,
            #[cfg(feature = "archive")]
            archive: None,
        };
        let store = Self { inner: Arc::new(inner), note: None };
        {
            let mut conn = store.inner.primary.conn().await.map_err(|fail| match fail {
                error::Fail::Sql(e) => OpenError::Unreachable(e.into()),
                other => OpenError::Unreachable(other.into_store("mysql.open").to_string().into()),
            })?;
            migrate::verify(&mut conn).await?;
        }
        Ok(store)
    }

    /// This store, which moves the contents of old messages into `archive` when it is asked to, and reads them from there.
    /// A store without one answers `Unavailable` where a content is in an archive.
    ///
    /// # Panics
    /// When the store has clones already: they would know nothing of it.
    #[cfg(feature = "archive")]
    #[cfg_attr(docsrs, doc(cfg(feature = "archive")))]
    #[must_use]
    pub fn with_archive(mut self, archive: crate::archive::Archive) -> Self {
        let inner = Arc::get_mut(&mut self.inner).expect("a store is given its archive before it is cloned");
        inner.archive = Some(archive);
        self
    }

    /// Brings the schema of the database that `url` names up to date, and answers its number. Any number of instances may
    /// do it at once: one does, the others wait and find it done. Needs the right to make tables, which servers do not.
    ///
    /// # Errors
    /// Each says what to do; see [`OpenError`].
    pub async fn migrate(url: &str) -> Result<u32, OpenError> {
        migrate::migrate(url).await
    }

    /// Closes all connections; calls that run fail.
    pub async fn close(&self) {
        self.inner.primary.close().await;
        for replica in &self.inner.replicas {
            replica.close().await;
        }
    }

    /// Asks every server whether it answers; for readiness and reports.
    pub async fn health(&self) -> MySqlHealth {
        let Inner { primary, replicas, .. } = &*self.inner;
        let replicas = futures_util::future::join_all(replicas.iter().map(Server::answers));
        let (primary, replicas) = tokio::join!(primary.answers(), replicas);
        MySqlHealth { primary, replicas }
    }

    /// Shows what is counted of its connections, by server: `primary`, and `replica-1` and so on.
    pub fn watch(&self, metrics: &Metrics) {
        let Inner { primary, replicas, .. } = &*self.inner;
        let replicas = replicas.iter().zip(1..).map(|(server, n)| (format!("replica-{n}"), server));
        let servers = std::iter::once(("primary".to_owned(), primary)).chain(replicas);
        metrics.watch_pools(servers.map(|(name, server)| (name, server.counters.clone())).collect());
    }

    /// What replicas were good for.
    #[must_use]
    pub fn stats(&self) -> MySqlStats {
        let Counters { replica, behind, failed } = &self.inner.counters;
        MySqlStats {
            replica_pages: replica.load(Ordering::Relaxed),
            replica_behind: behind.load(Ordering::Relaxed),
            replica_failures: failed.load(Ordering::Relaxed),
            refused: self.inner.primary.counters.refused.get(),
            mended: self.inner.primary.counters.mended.get(),
        }
    }

    fn tries(&self, operation: &'static str, call: Call) -> Tries {
        let options = &self.inner.options;
        Tries::new(operation, call, options.time, options.retries)
    }

    /// Asks the next replica that is well; `None` when there is none, it fails, or has nothing to say.
    async fn on_replica<T, F>(&self, work: F) -> Option<T>
    where
        F: for<'c> FnOnce(&'c mut Conn) -> Pin<Box<dyn Future<Output = Done<Option<T>>> + Send + 'c>> + Send,
    {
        let Inner { replicas, turn, counters, options, log, .. } = &*self.inner;
        let first = turn.fetch_add(1, Ordering::Relaxed);
        let replica = (0..replicas.len())
            .map(|i| &replicas[first.wrapping_add(i) % replicas.len()])
            .find(|replica| replica.is_well())?;
        let asked = async {
            let mut conn = replica.conn().await?;
            work(&mut conn).await
        };
        match tokio::time::timeout(options.patience, asked).await {
            Ok(Ok(Some(answer))) => {
                counters.replica.fetch_add(1, Ordering::Relaxed);
                Some(answer)
            }
            Ok(Ok(None)) => {
                counters.behind.fetch_add(1, Ordering::Relaxed);
                None
            }
            failed => {
                let why = failed.map(|done| done.err().map(|fail| fail.into_store("mysql.replica")));
                counters.failed.fetch_add(1, Ordering::Relaxed);
                replica.rest();
                warn!(log, "a replica failed, the primary answers"; "error" => ?why.ok().flatten());
                None
            }
        }
    }
}

/// Every statement, with its lists filled, for the test of query plans.
#[doc(hidden)]
#[must_use]
pub fn statements_for_plans() -> Vec<String> {
    let all = [
        append::ALL,
        #[cfg(feature = "archive")]
        archive::ALL,
        archived::ALL,
        changes::ALL,
        conversations::ALL,
        directory::ALL,
        friends::ALL,
        groups::ALL,
        logins::ALL,
        mend::ALL,
        messages::ALL,
        outbox::ALL,
        users::ALL,
    ];
    all.concat().into_iter().map(|sql| sql.of(2)).collect()
}
