//! Connections to one server: how many, how long a caller waits for one, and whether the server is well.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::time::{Duration, Instant};

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder, Pool, PoolConstraints, PoolOpts};
use parking_lot::Mutex;
use slog::{Logger, info, o, warn};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::MySqlOptions;
use super::error::{Done, Fail, OpenError, lost};
use crate::gate::{Change, Gate};
use crate::runtime::metrics::{Gauge, PoolCounters};

/// What each connection is told once. Under READ COMMITTED a statement sees what is committed when it begins, and locks no
/// gaps: fewer deadlocks, and nothing here counts on gaps.
const GREETING: [&str; 3] = [
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SET SESSION innodb_lock_wait_timeout = 3",
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
];

/// For so long nobody asks a server that was away twice in a row; twice as long after each further time, up to the second.
const PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(2)];
/// For so long a replica that failed is not asked.
const REST: Duration = Duration::from_secs(1);

/// One server.
pub(super) struct Server {
    pool: Pool,
    /// One permit a connection.
    active: Semaphore,
    /// One permit a caller that has or awaits one.
    callers: Semaphore,
    most: usize,
    patience: Duration,
    gate: Gate,
    rests_until: Mutex<Option<Instant>>,
    pub(super) counters: PoolCounters,
    log: Logger,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("free", &self.active.available_permits()).finish_non_exhaustive()
    }
}

/// A connection, while it is somebody's.
pub(super) struct Lease<'a> {
    conn: Conn,
    since: Instant,
    counters: &'a PoolCounters,
    _permits: [SemaphorePermit<'a>; 2],
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        self.counters.in_use.dec();
        self.counters.used.observe(self.since.elapsed());
    }
}

/// One more, while it lives.
struct OneMore<'a>(&'a Gauge);

impl<'a> OneMore<'a> {
    fn of(gauge: &'a Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for OneMore<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
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
    pub(super) fn new(
        url: &str,
        name: &'static str,
        options: &MySqlOptions,
        log: &Logger,
    ) -> Result<Self, OpenError> {
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
            most,
            patience: options.patience,
            gate: Gate::new(PAUSES[0], PAUSES[1], options.patience),
            rests_until: Mutex::new(None),
            counters: PoolCounters::default(),
            log: log.new(o!("server" => name)),
        })
    }

    /// A connection; waits for one as long as the options allow. While the server is away one caller at a time tries, after a
    /// pause; all others fail at once.
    pub(super) async fn conn(&self) -> Done<Lease<'_>> {
        let asked = Instant::now();
        let done = if self.gate.is_closed(asked) {
            Err(Fail::Resting)
        } else {
            let _waits = OneMore::of(&self.counters.waiting);
            self.wait().await
        };
        let PoolCounters { waited, in_use, away, refused, full, .. } = &self.counters;
        let (conn, permits) = done.inspect_err(|fail| match fail {
            Fail::Resting => {
                refused.inc();
            }
            Fail::Full => {
                full.inc();
            }
            _ => {
                away.inc();
            }
        })?;
        waited.observe(asked.elapsed());
        in_use.inc();
        Ok(Lease { conn, since: Instant::now(), counters: &self.counters, _permits: permits })
    }

    async fn wait(&self) -> Done<(Conn, [SemaphorePermit<'_>; 2])> {
        let caller = self.callers.try_acquire().map_err(|_| Fail::Full)?;
        let active = match timeout(self.patience, self.active.acquire()).await {
            Ok(Ok(permit)) => permit,
            _ => return Err(Fail::Full),
        };
        let began = Instant::now();
        if !self.gate.enter(began) {
            return Err(Fail::Resting);
        }
        let done = timeout(self.patience, self.connected()).await.unwrap_or(Err(Fail::Away));
        match &done {
            Err(fail) if fail.is_away() => {
                if self.gate.failed(began, Instant::now()) == Change::Away {
                    warn!(self.log, "the database does not answer"; "error" => ?fail);
                }
            }
            // What it refuses, it has answered.
            _ => {
                if self.gate.answered() == Change::Back {
                    info!(self.log, "the database answers again");
                }
            }
        }
        Ok((done?, [active, caller]))
    }

    /// A connection; one that has shown that it lives, where there is doubt.
    async fn connected(&self) -> Done<Conn> {
        if !self.gate.doubts() {
            return Ok(self.pool.get_conn().await?);
        }
        // Those that died with the server are still there: each try throws one away.
        let mut dead = 0;
        loop {
            let mut conn = self.pool.get_conn().await?;
            match conn.ping().await {
                Ok(()) => return Ok(conn),
                Err(e) if lost(&e) && dead < self.most => dead += 1,
                Err(e) => return Err(e.into()),
            }
        }
    }

    /// Whether it answers, within the time for a connection.
    pub(super) async fn answers(&self) -> bool {
        let asked = async { self.conn().await?.ping().await.map_err(Fail::Sql) };
        matches!(timeout(self.patience, asked).await, Ok(Ok(())))
    }

    /// Whether it is worth asking.
    pub(super) fn is_well(&self) -> bool {
        let now = Instant::now();
        !self.gate.is_closed(now) && self.rests_until.lock().is_none_or(|until| now >= until)
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
