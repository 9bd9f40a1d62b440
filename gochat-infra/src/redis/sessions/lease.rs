//! A gateway's claim to its name: while it lives its sessions count.

mod restore;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ::redis::Value;
use gochat_core::model::{GatewayId, SessionId, UserId};
use gochat_core::ports::{Clock as _, ErrorKind, Result, Retry, StoreError};
use slog::{Logger, error, info, warn};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::super::answer;
use super::super::client::Redis;
use super::super::command::Command;
use super::super::config::RedisConfig;
use super::super::error::Call;
use super::super::millis;
use super::held::HeldSessions;
use super::{lost, record};
use crate::runtime::metrics::{Counter, Metrics};
use crate::runtime::{Policy, Snowflake, SystemClock, Tasks};

/// Sessions that are put back in one go, and the pause before the next: at most 25,000 a second, so that gateways that come
/// back all at once leave the server time for others.
const CHUNK: usize = 500;
const PAUSE: Duration = Duration::from_millis(20);
/// Longer than a session takes from its registration to being connected.
const YOUNG: Duration = Duration::from_secs(60);

/// A gateway's lease, kept by a task of its own until its phase ends: then the lease is given up, and with it the sessions
/// that are left.
///
/// Redis being away stops nothing: it is logged, counted, and tried again. When it is back, and whenever the lease had run
/// out or the server had lost it, all sessions that are connected are put back, some at a time.
#[derive(Debug)]
pub struct GatewayLease {
    state: watch::Receiver<LeaseState>,
    counters: Arc<Counters>,
}

/// How a lease stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseState {
    /// It is ours, and the directory has our sessions or is about to.
    Held,
    /// Redis does not answer. It may run out meanwhile.
    Away,
    /// Somebody else has it: two gateways run under one name. Our sessions count as long as the other's lease lives.
    Taken,
    /// It was given up.
    Ended,
}

/// Why a gateway has no lease.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LeaseError {
    /// Another gateway of this name runs: give this one another name.
    #[error("another gateway runs under the name {name}")]
    Held {
        /// The name.
        name: String,
    },
    /// Redis can't be asked.
    #[error("the lease of the gateway can't be taken")]
    Store(#[from] StoreError),
}

#[derive(Debug, Default)]
struct Counters {
    failures: Counter,
    losses: Counter,
    restored: Counter,
}

/// How long the list of a gateway's sessions outlives it: longer than the sessions themselves, so that a gateway that starts
/// again under the same name finds those to be taken out.
pub(super) fn counts_ttl(config: &RedisConfig) -> Duration {
    config.sessions_ttl * 2
}

impl GatewayLease {
    /// Takes the lease of `gateway`, and keeps it by a task among `tasks` (of the `Work` phase: sessions end before it).
    /// If the name was used a moment ago, by a gateway that died, it waits for that lease to run out.
    ///
    /// # Errors
    /// `Held` when another holder renews it, `Store` when Redis does not answer.
    pub async fn take(
        redis: Redis,
        gateway: GatewayId,
        held: Arc<dyn HeldSessions>,
        tasks: &Tasks,
        log: &Logger,
    ) -> std::result::Result<Self, LeaseError> {
        let mut token = [0; 16];
        getrandom::fill(&mut token).map_err(|e| {
            StoreError::new(ErrorKind::Internal, Retry::Never, "lease.take").because(e.to_string())
        })?;
        let log = log.new(slog::o!("gateway" => gateway.as_str().to_owned()));
        let (state, watched) = watch::channel(LeaseState::Held);
        let counters = Arc::new(Counters::default());
        let counted = counters.clone();
        let keeper = Keeper { redis, gateway, holder: hex(token), held, log, state, counters: counted };
        if let Renewed::Another(left) = keeper.renew().await? {
            info!(keeper.log, "the name was in use a moment ago, waiting"; "ms" => left.as_millis());
            // Nothing tells when a lease ends; it tells how long it has.
            sleep(left + Duration::from_millis(50)).await;
            if let Renewed::Another(_) = keeper.renew().await? {
                return Err(LeaseError::Held { name: keeper.gateway.as_str().to_owned() });
            }
        }
        keeper.clear(|_| true).await?;
        let token = tasks.token().clone();
        tasks.spawn("gateway lease", Policy::Log, async move { keeper.keep(token).await });
        Ok(Self { state: watched, counters })
    }

    /// How it stands, and each change of it.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<LeaseState> {
        self.state.clone()
    }

    /// Renewals that failed, times that the lease was lost, and sessions put back since it was taken.
    #[must_use]
    pub fn counts(&self) -> [u64; 3] {
        let Counters { failures, losses, restored } = &*self.counters;
        [failures.get(), losses.get(), restored.get()]
    }

    /// Lets the lease be shown: whether it is held, and what [`counts`](Self::counts) counts.
    pub fn watch(&self, metrics: &Metrics) {
        let state = self.state.clone();
        metrics.watch("gateway_lease_held", "Whether this gateway holds its lease", move || {
            i64::from(*state.borrow() == LeaseState::Held)
        });
        let names = [
            ("gateway_lease_failures", "Renewals of the gateway's lease that failed"),
            ("gateway_lease_losses", "Times that the gateway's lease was lost"),
            ("gateway_sessions_restored", "Sessions put back into the directory"),
        ];
        for (i, (name, help)) in names.into_iter().enumerate() {
            let counters = self.counters.clone();
            metrics.watch(name, help, move || {
                let Counters { failures, losses, restored } = &*counters;
                i64::try_from([failures.get(), losses.get(), restored.get()][i]).unwrap_or(i64::MAX)
            });
        }
    }
}

/// What a renewal found.
enum Renewed {
    /// It was ours.
    Kept,
    /// Nobody had it.
    Taken,
    /// Somebody else has it, for so long if they don't renew it.
    Another(Duration),
}

/// What keeps one lease.
struct Keeper {
    redis: Redis,
    gateway: GatewayId,
    holder: String,
    held: Arc<dyn HeldSessions>,
    log: Logger,
    state: watch::Sender<LeaseState>,
    counters: Arc<Counters>,
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper").field("gateway", &self.gateway).finish_non_exhaustive()
    }
}

impl Keeper {
    async fn renew(&self) -> Result<Renewed> {
        let (keys, scripts, config) = (self.redis.keys(), self.redis.scripts(), self.redis.config());
        let id = &self.gateway;
        let lease = scripts
            .lease
            .on([&keys.lease(id), &keys.gateway_sessions(id), &keys.gateway_users(id)])
            .arg(&self.holder)
            .arg(millis(config.lease_ttl))
            .arg(millis(counts_ttl(config)));
        let answers = self.redis.call("lease.renew", Call::Once, vec![lease]).await?;
        let renewed = match answers.first().and_then(answer::text) {
            Some("kept") => Renewed::Kept,
            Some("taken") => Renewed::Taken,
            Some(ms) => {
                let left = ms.parse().map_or(config.lease_ttl, Duration::from_millis);
                return Ok(Renewed::Another(left.min(config.lease_ttl)));
            }
            None => return Err(answer::strange("lease.renew", answers.first())),
        };
        self.show(config.lease_ttl).await?;
        Ok(renewed)
    }

    /// Takes out the sessions that the directory has of this gateway and that `goes` says: at first those of an earlier run,
    /// which would come to life with it. Nobody has told of their end, so they are set aside for that.
    async fn clear(&self, goes: impl Fn(SessionId) -> bool) -> Result<()> {
        let list = self.redis.keys().gateway_sessions(&self.gateway);
        let mut cursor = String::from("0");
        loop {
            let scan = Command::new("HSCAN", &list).arg(&cursor).arg("COUNT").arg(CHUNK);
            let answers = self.redis.call("lease.take", Call::Again, vec![scan]).await?;
            let strange = || answer::strange("lease.take", answers.first());
            let [next, found] = answers.first().and_then(answer::list).ok_or_else(strange)? else {
                return Err(strange());
            };
            let mut found = answer::list(found).ok_or_else(strange)?.iter().map(answer::number);
            let mut old = Vec::new();
            while let (Some(session), Some(user)) = (found.next().flatten(), found.next().flatten()) {
                let session = SessionId::new(session).filter(|session| goes(*session));
                old.extend(session.zip(UserId::new(user)));
            }
            if !old.is_empty() {
                let aside = lost::set_aside(&self.redis, &self.gateway, &old);
                self.redis.call("lease.take", Call::Again, vec![aside]).await?;
            }
            self.remove(&old).await?;
            cursor = answer::text(next).ok_or_else(strange)?.to_owned();
            if cursor == "0" {
                return Ok(());
            }
        }
    }

    /// Takes out sessions whose end the directory has missed. Young ones may be on their way in.
    async fn sweep(&self) -> Result<()> {
        let now = SystemClock.now().as_millis();
        let is_old = |session: SessionId| {
            now.saturating_sub(Snowflake::made_at(session.get()).as_millis()) > YOUNG.as_millis() as i64
        };
        self.clear(|session| is_old(session) && !self.held.holds(session)).await
    }

    /// Lets the gateway be found among the living for so long.
    async fn show(&self, time: Duration) -> Result<()> {
        // Longer than any session of it is kept: those of a gateway that nobody remembers would count as living.
        let remembered = self.redis.config().sessions_ttl * 2;
        let live = self.redis.scripts().live.on([&self.redis.keys().gateways()]);
        let live = live.arg(self.gateway.as_str()).arg(millis(time)).arg(millis(remembered));
        self.redis.call("lease.renew", Call::Again, vec![live]).await.map(drop)
    }

    async fn keep(self, stop: CancellationToken) {
        let (renew, refresh) = (self.redis.config().lease_renew, self.redis.config().sessions_ttl / 3);
        let mut refreshed = Instant::now();
        // Times that all sessions are still to be put back: twice after a loss, since one that is just being registered may
        // be missed by the first.
        let mut owed = 1_u8;
        let mut next = Instant::now();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = sleep_until(next) => {}
            }
            match self.renew().await {
                Ok(Renewed::Kept) => self.enter(LeaseState::Held),
                Ok(Renewed::Taken) => {
                    self.counters.losses.inc();
                    warn!(self.log, "the lease was lost; all sessions are put back");
                    self.enter(LeaseState::Held);
                    owed = 2;
                }
                Ok(Renewed::Another(_)) => self.enter(LeaseState::Taken),
                Err(e) => {
                    self.counters.failures.inc();
                    if *self.state.borrow() != LeaseState::Away {
                        warn!(self.log, "the lease can't be renewed"; "error" => %e);
                    }
                    self.enter(LeaseState::Away);
                    // Whether it ran out meanwhile shows only later.
                    owed = 2;
                }
            }
            let held = *self.state.borrow() == LeaseState::Held;
            // The sooner after a failure: the lease runs on.
            next = Instant::now() + if held { renew } else { renew / 6 };
            let due = refreshed.elapsed() >= refresh;
            if held && (owed > 0 || due) {
                let restored = match self.restore(&stop).await {
                    Ok(()) if due => self.sweep().await,
                    done => done,
                };
                match restored {
                    Ok(()) => {
                        owed = owed.saturating_sub(1);
                        refreshed = Instant::now();
                    }
                    Err(e) => warn!(self.log, "sessions can't be put back yet"; "error" => %e),
                }
            }
        }
        self.end().await;
    }

    fn enter(&self, state: LeaseState) {
        let before = self.state.send_replace(state);
        match (before, state) {
            (LeaseState::Held, LeaseState::Taken) | (LeaseState::Away, LeaseState::Taken) => {
                error!(self.log, "another gateway runs under this name: give one of them another");
            }
            (LeaseState::Away | LeaseState::Taken, LeaseState::Held) => {
                info!(self.log, "the lease is held again")
            }
            _ => {}
        }
    }

    /// Gives the lease up. What can't be done in time ends with the lease.
    async fn end(&self) {
        let (keys, scripts) = (self.redis.keys(), self.redis.scripts());
        let id = &self.gateway;
        if *self.state.borrow() == LeaseState::Taken {
            self.state.send_replace(LeaseState::Ended);
            return;
        }
        let done = async {
            self.clear(|_| true).await?;
            let release =
                scripts.release.on([&keys.lease(id), &keys.gateway_sessions(id), &keys.gateway_users(id)]);
            let answers = self.redis.call("lease.end", Call::Once, vec![release.arg(&self.holder)]).await?;
            if answers.first() == Some(&Value::Int(1)) {
                self.show(Duration::ZERO).await?;
            }
            Ok::<_, StoreError>(())
        };
        match timeout(self.redis.config().call_timeout * 3, done).await {
            Ok(Ok(())) => info!(self.log, "the lease is given up"),
            Ok(Err(e)) => {
                warn!(self.log, "the lease could not be given up; it ends by itself"; "error" => %e)
            }
            Err(_) => warn!(self.log, "the lease could not be given up in time; it ends by itself"),
        }
        self.state.send_replace(LeaseState::Ended);
    }
}

fn hex(bytes: [u8; 16]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
