//! Connections to one server: how many, how long a caller waits for one, and whether the server is well.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::time::{Duration, Instant};

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder, Pool, PoolConstraints, PoolOpts};
use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::MySqlOptions;
use super::error::{Done, Fail, OpenError};

/// What each connection is told once. Under READ COMMITTED a statement sees what is committed when it begins, and locks no
/// gaps: fewer deadlocks, and nothing here counts on gaps.
const GREETING: [&str; 3] = [
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SET SESSION innodb_lock_wait_timeout = 3",
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
];

/// For so long a replica that failed is not asked.
const REST: Duration = Duration::from_secs(1);

/// One server.
pub(super) struct Server {
    pool: Pool,
    /// One permit a connection.
    active: Semaphore,
    /// One permit a caller that has or awaits one.
    callers: Semaphore,
    patience: Duration,
    rests_until: Mutex<Option<Instant>>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("free", &self.active.available_permits()).finish_non_exhaustive()
    }
}

/// A connection, while it is somebody's.
pub(super) struct Lease<'a> {
    conn: Conn,
    _permits: [SemaphorePermit<'a>; 2],
}

impl Deref for Lease<'_> {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        &self.conn
    }
}

impl DerefMut for Lease<'_> {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.conn
    }
}

/// The driver's settings for `url`.
pub(super) fn driver(url: &str) -> Result<OptsBuilder, OpenError> {
    let opts = Opts::from_url(url).map_err(|e| OpenError::Address(mysql_async::Error::from(e).into()))?;
    let builder = OptsBuilder::from_opts(opts);
    Ok(builder
        .init(GREETING.to_vec())
        .client_found_rows(true)
        .prefer_socket(false)
        .tcp_nodelay(true)
        .tcp_keepalive(Some(Duration::from_secs(30))))
}

impl Server {
    pub(super) fn new(url: &str, options: &MySqlOptions) -> Result<Self, OpenError> {
        let most = options.connections.max(1);
        let constraints = PoolConstraints::new(1.min(most), most)
            .ok_or_else(|| OpenError::Address("no connections".to_owned().into()))?;
        // A reset on return would forget the prepared statements; transactions are rolled back without it.
        let pool = PoolOpts::default()
            .with_constraints(constraints)
            .with_reset_connection(false)
            .with_inactive_connection_ttl(Duration::from_secs(60));
        Ok(Self {
            pool: Pool::new(driver(url)?.stmt_cache_size(Some(options.statements)).pool_opts(pool)),
            active: Semaphore::new(most),
            callers: Semaphore::new(most + options.waiting),
            patience: options.patience,
            rests_until: Mutex::new(None),
        })
    }

    /// A connection; waits for one as long as the options allow.
    pub(super) async fn conn(&self) -> Done<Lease<'_>> {
        let caller = self.callers.try_acquire().map_err(|_| Fail::Full)?;
        let active = match timeout(self.patience, self.active.acquire()).await {
            Ok(Ok(permit)) => permit,
            _ => return Err(Fail::Full),
        };
        match timeout(self.patience, self.pool.get_conn()).await {
            Ok(conn) => Ok(Lease { conn: conn?, _permits: [active, caller] }),
            Err(_) => Err(Fail::Away),
        }
    }

    /// Whether it answers, within the time for a connection.
    pub(super) async fn answers(&self) -> bool {
        let asked = async { self.conn().await?.ping().await.map_err(Fail::Sql) };
        matches!(timeout(self.patience, asked).await, Ok(Ok(())))
    }

    /// Whether it is worth asking.
    pub(super) fn is_well(&self) -> bool {
        self.rests_until.lock().is_none_or(|until| Instant::now() >= until)
    }

    /// It failed: leave it alone for a while.
    pub(super) fn rest(&self) {
        *self.rests_until.lock() = Some(Instant::now() + REST);
    }

    pub(super) async fn close(&self) {
        // What is left of the connections ends with them.
        let _ = self.pool.clone().disconnect().await;
    }
}
