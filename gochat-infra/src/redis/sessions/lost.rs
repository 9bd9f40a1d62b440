//! What gateways that died have left: sessions of which nobody reported that they closed.
//!
//! Each gateway has a list of its sessions. When its lease has run out, the list is set aside; so are, one by one, sessions
//! that a gateway finds left from an earlier run, or whose end was missed. Whoever tells of departures reads what was set
//! aside page by page and strikes out each page when it has told of it: what one does not finish another goes on with, once
//! the claim of the first has run out. Nothing is left out, and a page is told twice at most when its reader dies in between.

use std::time::Duration;

use ::redis::Value;
use gochat_core::model::{GatewayId, SessionId, UserId};
use gochat_core::ports::Result;
use rustc_hash::FxHashSet;

use super::super::answer;
use super::super::client::Redis;
use super::super::command::Command;
use super::super::error::Call;
use super::super::millis;
use super::{RedisSessions, lease, record};

/// Sessions of one page.
const PAGE: usize = 500;

/// How a gateway stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its name.
    pub gateway: GatewayId,
    /// How long its lease lasts yet; zero when it has run out or was given up.
    pub lives_for: Duration,
    /// How long ago its lease ended; zero when it has not.
    pub dead_for: Duration,
    /// Whether there are sessions to be told of, now or, while it lives, from an earlier time.
    pub left: bool,
}

/// A claim on what a gateway has left, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lost {
    /// Some of it, to be told and then [struck out](RedisSessions::strike).
    Page(LostPage),
    /// There is nothing, or the gateway lives.
    Nothing,
    /// Somebody else is at it.
    Claimed,
}

/// Sessions that were lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostPage {
    gateway: GatewayId,
    sessions: Vec<(SessionId, UserId)>,
    /// A gateway of that name lives: the directory knows which of the sessions count.
    lives: bool,
}

/// Sets sessions of a gateway aside.
pub(super) fn set_aside(redis: &Redis, gateway: &GatewayId, sessions: &[(SessionId, UserId)]) -> Command {
    let lost = redis.scripts().set_aside.on([&redis.keys().gateway_lost(gateway)]);
    let lost = lost.arg(millis(lease::counts_ttl(redis.config())));
    sessions.iter().fold(lost, |call, (session, user)| call.arg(session.get()).arg(user.get()))
}

impl RedisSessions {
    /// For so long at least a gateway has been dead when its lease ends.
    #[must_use]
    pub fn dead_at_end(&self) -> Duration {
        let config = self.redis.config();
        config.lease_ttl.saturating_sub(config.lease_renew)
    }

    /// All gateways that are remembered: the living, and those that died within twice
    /// [`sessions_ttl`](super::super::RedisConfig::sessions_ttl). As of now, in two round trips.
    ///
    /// # Errors
    /// Redis does not answer.
    pub async fn standings(&self) -> Result<Vec<Standing>> {
        let operation = "sessions.standings";
        let (redis, keys) = (&self.redis, self.redis.keys());
        let ask = redis.scripts().standings.on([&keys.gateways()]);
        let answers = redis.call(operation, Call::Again, vec![ask]).await?;
        let strange = || answer::strange(operation, answers.first());
        let mut found = answers.first().and_then(answer::list).ok_or_else(strange)?.iter().map(answer::text);
        let mut all = Vec::new();
        while let (Some(name), Some(ends)) = (found.next().flatten(), found.next().flatten()) {
            let (Some(gateway), Ok(ends)) = (GatewayId::new(name), ends.parse::<i64>()) else { continue };
            let [lives_for, dead_for] =
                [ends, ends.saturating_neg()].map(|ms| Duration::from_millis(u64::try_from(ms).unwrap_or(0)));
            all.push(Standing { gateway, lives_for, dead_for, left: false });
        }
        let exists = |standing: &Standing| {
            let lost = Command::new("EXISTS", &keys.gateway_lost(&standing.gateway));
            // As many keys for each, so that answers are found by position.
            let dead = standing.lives_for.is_zero();
            let list = if dead {
                keys.gateway_sessions(&standing.gateway)
            } else {
                keys.gateway_lost(&standing.gateway)
            };
            [lost, Command::new("EXISTS", &list)]
        };
        let exist = redis.call(operation, Call::Again, all.iter().flat_map(exists).collect()).await?;
        for (standing, exist) in all.iter_mut().zip(exist.chunks(2)) {
            standing.left = exist.iter().any(|answer| answer::number(answer) == Some(1));
        }
        Ok(all)
    }

    /// Claims what a gateway has left, under the name `claimant` and for `time`, and reads a page of it. The claim holds for
    /// further pages, each renews it.
    ///
    /// # Errors
    /// Redis does not answer.
    pub async fn claim(&self, gateway: &GatewayId, claimant: &str, time: Duration) -> Result<Lost> {
        let operation = "sessions.claim";
        let (redis, keys) = (&self.redis, self.redis.keys());
        let [lease, claim] = [keys.lease(gateway), keys.gateway_claim(gateway)];
        let [list, users, lost] =
            [keys.gateway_sessions(gateway), keys.gateway_users(gateway), keys.gateway_lost(gateway)];
        let call = redis.scripts().claim.on([&lease, &list, &users, &lost, &claim]);
        let call =
            call.arg(claimant).arg(millis(time)).arg(PAGE).arg(millis(lease::counts_ttl(redis.config())));
        let answers = redis.call(operation, Call::Again, vec![call]).await?;
        let strange = || answer::strange(operation, answers.first());
        let mut found = answers.first().and_then(answer::list).ok_or_else(strange)?.iter().map(answer::text);
        let lives = match found.next().flatten() {
            Some("claimed") => return Ok(Lost::Claimed),
            Some("nothing") => return Ok(Lost::Nothing),
            what => what == Some("lives"),
        };
        let mut sessions = Vec::new();
        while let (Some(session), Some(user)) = (found.next().flatten(), found.next().flatten()) {
            let ids = session.parse().ok().zip(user.parse().ok());
            // What nobody wrote here would be read again and again.
            sessions.push(ids.ok_or_else(strange)?);
        }
        Ok(Lost::Page(LostPage { gateway: gateway.clone(), sessions, lives }))
    }

    /// Takes lost sessions out of the directory, and answers whose they were, guests left out as far as they are known.
    ///
    /// # Errors
    /// Redis does not answer.
    pub async fn take_out(&self, page: &LostPage) -> Result<Vec<UserId>> {
        let mut users: FxHashSet<_> = page.sessions.iter().map(|(_, user)| *user).collect();
        if page.lives {
            return Ok(users.into_iter().collect());
        }
        let (keys, scripts) = (self.redis.keys(), self.redis.scripts());
        let out = |(session, user): &(SessionId, UserId)| {
            scripts.unregister.on([&keys.sessions(*user)]).arg(session.get())
        };
        let commands = page.sessions.iter().map(out).collect();
        let answers = self.redis.call("sessions.take_out", Call::Again, commands).await?;
        for (answer, (_, user)) in answers.iter().zip(&page.sessions) {
            let value = answer::list(answer).and_then(<[_]>::first).and_then(answer::text);
            if value.is_some_and(record::is_guest) {
                users.remove(user);
            }
        }
        Ok(users.into_iter().collect())
    }

    /// Strikes out what was told.
    ///
    /// # Errors
    /// Redis does not answer: it is told once more.
    pub async fn strike(&self, page: &LostPage) -> Result<()> {
        let out = Command::new("HDEL", &self.redis.keys().gateway_lost(&page.gateway));
        let out = page.sessions.iter().fold(out, |call, (session, _)| call.arg(session.get()));
        self.redis.call("sessions.strike", Call::Again, vec![out]).await.map(drop)
    }

    /// Claims the name of a gateway that is dead, so that none begins under it within `time`, or at most as long as a lease.
    /// Answers whether it is claimed: not while one lives.
    ///
    /// # Errors
    /// Redis does not answer.
    pub async fn bar(&self, gateway: &GatewayId, claimant: &str, time: Duration) -> Result<bool> {
        let time = time.min(self.redis.config().lease_ttl);
        let set = Command::new("SET", &self.redis.keys().lease(gateway));
        let set = set.arg(claimant).arg("NX").arg("PX").arg(millis(time).max(1));
        let answers = self.redis.call("gateways.bar", Call::Once, vec![set]).await?;
        Ok(answers.first() == Some(&Value::Okay))
    }

    /// Gives back a name that was [claimed](Self::bar).
    ///
    /// # Errors
    /// Redis does not answer; the claim ends by itself.
    pub async fn unbar(&self, gateway: &GatewayId, claimant: &str) -> Result<()> {
        let (keys, scripts) = (self.redis.keys(), self.redis.scripts());
        let keys = [keys.lease(gateway), keys.gateway_sessions(gateway), keys.gateway_users(gateway)];
        let release = scripts.release.on([&keys[0], &keys[1], &keys[2]]).arg(claimant);
        self.redis.call("gateways.unbar", Call::Again, vec![release]).await.map(drop)
    }
}
