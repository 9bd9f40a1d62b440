//! Who is connected, at which gateway.
//!
//! Each user has a hash of sessions, which name their gateways; a session counts while its gateway's lease lives. Beside it
//! each gateway has the list of its sessions and a count of its users, for counting who is online. Both go away by
//! themselves some time after the gateways that refresh them.

mod gateways;
mod held;
mod lease;
mod lost;
mod record;

use std::sync::Arc;
use std::time::Instant;

use ::redis::Value;
use async_trait::async_trait;
use gochat_core::model::{GatewayId, SessionId, UserId};
use gochat_core::ports::{ErrorKind, Registered, Result, SessionRecord, Sessions, StoreError, Unregistered};
use parking_lot::Mutex;
use rustc_hash::FxHashSet;
use slog::warn;

use self::gateways::{Gateways, Standing, View};
use super::answer;
use super::client::Redis;
use super::command::Command;
use super::error::Call;
use super::millis;
use crate::routes::{Gateways as OfUser, Routes};

pub use held::HeldSessions;
pub use lease::{GatewayLease, LeaseError, LeaseState};
pub use lost::{Lost, LostPage, Standing as GatewayStanding};

/// The directory of sessions that all processes share.
///
/// | call | round trips |
/// | --- | --- |
/// | `register` | 1; 1 more when others had to go; 1 more once in [`gateways_age`](super::RedisConfig::gateways_age) |
/// | `unregister` | 2; 1 when it is gone already |
/// | `online`, `gateways_of` | 1; 1 more when a session names a gateway that began within [`gateways_age`](super::RedisConfig::gateways_age) |
/// | `gateways` | 1 |
/// | `online_count` | 1 with one gateway, 2 with several, 1 more as with `register`; 0 for a second when there are many |
///
/// Up to [`exact_online`](super::RedisConfig::exact_online) users are counted exactly. Above, who is at several gateways is
/// counted at each, and the number may be a second old.
#[derive(Debug, Clone)]
pub struct RedisSessions {
    redis: Redis,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    gateways: Gateways,
    /// The last large count, and when it was made.
    counted: Mutex<Option<(Instant, u64)>>,
}

impl RedisSessions {
    /// A directory under the prefix of `redis`.
    #[must_use]
    pub fn new(redis: Redis) -> Self {
        let gateways = Gateways::new(redis.config().gateways_age);
        Self { redis, shared: Arc::new(Shared { gateways, counted: Mutex::new(None) }) }
    }

    /// Makes calls and has a view of the gateways that is not older than allowed, in one go.
    async fn with_view(
        &self,
        operation: &'static str,
        call: Call,
        commands: Vec<Command>,
    ) -> Result<(Arc<View>, Vec<Value>)> {
        if let Some(view) = self.shared.gateways.fresh() {
            return Ok((view, self.redis.call(operation, call, commands).await?));
        }
        self.with_view_of_now(operation, call, commands).await
    }

    /// Makes calls and asks for the gateways, in one go.
    async fn with_view_of_now(
        &self,
        operation: &'static str,
        call: Call,
        mut commands: Vec<Command>,
    ) -> Result<(Arc<View>, Vec<Value>)> {
        let asked = Instant::now();
        commands.push(self.redis.scripts().gateways.on([&self.redis.keys().gateways()]));
        let mut answers = self.redis.call(operation, call, commands).await?;
        let view = answers.pop().and_then(|answer| self.shared.gateways.take(&answer, asked));
        Ok((view.ok_or_else(|| answer::strange(operation, None))?, answers))
    }

    async fn view(&self, operation: &'static str) -> Result<Arc<View>> {
        self.with_view(operation, Call::Again, Vec::new()).await.map(|(view, _)| view)
    }

    /// Looks at the leases of gateways that sessions name and `view` does not know.
    async fn resolve(&self, operation: &'static str, view: Arc<View>, found: &[Value]) -> Result<Arc<View>> {
        let mut unknown = FxHashSet::default();
        for name in found.iter().filter_map(answer::list).flatten().filter_map(named) {
            if view.standing(name) == Standing::Unknown {
                unknown.extend(GatewayId::new(name));
            }
        }
        if unknown.is_empty() {
            return Ok(view);
        }
        let unknown: Vec<_> = unknown.into_iter().collect();
        let ask = unknown.iter().map(|id| Command::new("EXISTS", &self.redis.keys().lease(id))).collect();
        let answers = self.redis.call(operation, Call::Again, ask).await?;
        let mut view = View::clone(&view);
        for (id, answer) in unknown.into_iter().zip(&answers) {
            view.learn(id, answer::number(answer) == Some(1));
        }
        let view = Arc::new(view);
        self.shared.gateways.put(view.clone());
        Ok(view)
    }

    /// The gateways of each user, with a session there that counts.
    async fn at(&self, operation: &'static str, users: &[UserId]) -> Result<Vec<OfUser>> {
        if users.is_empty() {
            return Ok(Vec::new());
        }
        let ask =
            users.iter().map(|user| Command::new("HVALS", &self.redis.keys().sessions(*user))).collect();
        let (view, found) = self.with_view(operation, Call::Again, ask).await?;
        let view = self.resolve(operation, view, &found).await?;
        let of_user = |(answer, user): (&Value, &UserId)| {
            let Some(values) = answer::list(answer) else {
                // Nobody will put it right but time; meanwhile they are not here.
                warn!(self.redis.log(), "the sessions of a user are no hash"; "user" => %user);
                return OfUser::new();
            };
            let mut at = OfUser::new();
            for name in values.iter().filter_map(named) {
                if let Standing::Lives(id) = view.standing(name)
                    && !at.contains(id)
                {
                    at.push(id.clone());
                }
            }
            at
        };
        Ok(found.iter().zip(users).map(of_user).collect())
    }

    fn count_out(&self, gateway: &GatewayId, sessions: &[&str]) -> Command {
        let (keys, scripts) = (self.redis.keys(), self.redis.scripts());
        let call = scripts.count_out.on([&keys.gateway_sessions(gateway), &keys.gateway_users(gateway)]);
        sessions.iter().fold(call, |call, session| call.arg(*session))
    }

    /// Takes sessions out of their gateways' counts. What is missed is only counted for longer.
    async fn count_all_out(&self, commands: Vec<Command>) {
        if let Err(e) = self.redis.call("sessions.count", Call::Again, commands).await {
            warn!(self.redis.log(), "sessions that ended are still counted"; "error" => %e);
        }
    }

    /// One try to register; `again` when an earlier one may have succeeded.
    async fn try_register(
        &self,
        record: &SessionRecord,
        max: u32,
        view: &View,
        again: bool,
    ) -> Result<Vec<Value>> {
        let (keys, scripts, config) = (self.redis.keys(), self.redis.scripts(), self.redis.config());
        // A gateway that was dead a moment ago may have come back: its new sessions are younger than its lease.
        let old = record.at.as_millis().saturating_sub(millis_i64(config.lease_ttl));
        let call = scripts
            .register
            .on([&keys.sessions(record.user)])
            .arg(record.session.get())
            .arg(record::value(record))
            .arg(max.max(1))
            .arg(millis(config.sessions_ttl))
            .arg(u8::from(again))
            .arg(old);
        let register = view.dead.iter().fold(call, |call, id| call.arg(id.as_str()));
        let gateway = &record.gateway;
        let count = scripts
            .count_in
            .on([&keys.gateway_sessions(gateway), &keys.gateway_users(gateway)])
            .arg(millis(lease::counts_ttl(config)))
            .arg(record.session.get())
            .arg(record.user.get());
        self.redis.call("sessions.register", Call::Once, vec![register, count]).await
    }
}

#[async_trait]
impl Sessions for RedisSessions {
    async fn register(&self, session: &SessionRecord, max: u32) -> Result<Registered> {
        let operation = "sessions.register";
        let view = self.view(operation).await?;
        let answers = match self.try_register(session, max, &view, false).await {
            // The connection was lost on the way: whether it got in shows the second try.
            Err(e) if e.kind() == ErrorKind::Unavailable => {
                self.try_register(session, max, &view, true).await?
            }
            done => done?,
        };
        let strange = || answer::strange(operation, answers.first());
        let mut answer = answer::list(&answers[0]).ok_or_else(strange)?.iter().map(answer::text);
        let first = answer.next().flatten() == Some("1");
        let (mut evicted, mut out) = (Vec::new(), Vec::new());
        while let (Some(id), Some(gateway)) = (answer.next().flatten(), answer.next().flatten()) {
            evicted.push(id.parse().map_err(|_| strange())?);
            out.extend(GatewayId::new(gateway).map(|gateway| self.count_out(&gateway, &[id])));
        }
        if !out.is_empty() {
            self.count_all_out(out).await;
        }
        Ok(Registered { first, evicted })
    }

    async fn unregister(&self, user: UserId, session: SessionId) -> Result<Unregistered> {
        let operation = "sessions.unregister";
        let call = || {
            let call = self.redis.scripts().unregister.on([&self.redis.keys().sessions(user)]);
            vec![call.arg(session.get())]
        };
        let (again, (view, answers)) = match self.with_view(operation, Call::Once, call()).await {
            // The connection was lost on the way: it may be gone already, and nobody was told.
            Err(e) if e.kind() == ErrorKind::Unavailable => {
                (true, self.with_view(operation, Call::Once, call()).await?)
            }
            done => (false, done?),
        };
        let strange = || answer::strange(operation, answers.first());
        let values = answers.first().and_then(answer::list).ok_or_else(strange)?;
        let (gone, left) = values.split_first().ok_or_else(strange)?;
        if answer::bytes(gone).is_none_or(<[u8]>::is_empty) && !again {
            return Ok(Unregistered { last: false });
        }
        if let Some(gateway) = named(gone).and_then(GatewayId::new) {
            let out = self.count_out(&gateway, &[&session.to_string()]);
            self.count_all_out(vec![out]).await;
        }
        // One at a gateway that nobody knows counts: it may have begun just now.
        let counts = |name: &str| view.standing(name) != Standing::Dead;
        Ok(Unregistered { last: !left.iter().filter_map(named).any(counts) })
    }

    async fn online(&self, users: &[UserId]) -> Result<Vec<bool>> {
        let at = self.at("sessions.online", users).await?;
        Ok(at.iter().map(|gateways| !gateways.is_empty()).collect())
    }

    async fn online_count(&self) -> Result<u64> {
        let operation = "sessions.online_count";
        let config = self.redis.config();
        if let Some((at, count)) = *self.shared.counted.lock()
            && at.elapsed() < config.gateways_age
        {
            return Ok(count);
        }
        let (began, view) = (Instant::now(), self.view(operation).await?);
        let of = |name: &'static str| {
            let count = |id| Command::new(name, &self.redis.keys().gateway_users(id));
            self.redis.call(operation, Call::Again, view.live.iter().map(count).collect())
        };
        let count = of("HLEN").await?.iter().filter_map(answer::number).sum();
        if count > config.exact_online {
            *self.shared.counted.lock() = Some((began, count));
            return Ok(count);
        }
        if view.live.len() < 2 || count < 2 {
            return Ok(count);
        }
        let found = of("HKEYS").await?;
        let users: FxHashSet<_> =
            found.iter().filter_map(answer::list).flatten().filter_map(answer::number).collect();
        Ok(users.len() as u64)
    }
}

#[async_trait]
impl Routes for RedisSessions {
    async fn gateways_of(&self, users: &[UserId]) -> std::result::Result<Vec<OfUser>, StoreError> {
        self.at("sessions.gateways_of", users).await
    }

    async fn gateways(&self) -> std::result::Result<Vec<GatewayId>, StoreError> {
        // A view that is a second old has no gateway that began since, though its first clients are connected.
        let (view, _) = self.with_view_of_now("sessions.gateways", Call::Again, Vec::new()).await?;
        Ok(view.live.clone())
    }

    fn gateways_guess(&self) -> usize {
        self.shared.gateways.newest().map_or(0, |view| view.live.len())
    }
}

/// The gateway that the value of a session names.
fn named(value: &Value) -> Option<&str> {
    record::gateway(answer::text(value)?)
}

fn millis_i64(time: std::time::Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
