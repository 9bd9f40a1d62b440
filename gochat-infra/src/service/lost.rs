//! What becomes of gateways that died: their users' departures are told, and in the end their topics are removed.
//!
//! Every im-logic does this. They claim what a gateway has left from each other page by page, and removing a topic twice is
//! once, so it does not matter how many there are.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use gochat_core::model::GatewayId;
use gochat_core::service::Presences;
use slog::{Logger, info, warn};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::etcd::Instances;
use crate::kafka::TopicAdmin;
use crate::redis::{GatewayStanding, Lost, RedisSessions};
use crate::runtime::{Policy, Tasks};

/// Longest time between two looks: something may be left that nobody was told of, such as a session whose end was missed.
const LOOK: Duration = Duration::from_secs(60);
/// When a look failed, or others are at it, the next comes so soon.
const AGAIN: Duration = Duration::from_secs(5);
/// How long a page may take to be told before somebody else tells it.
const CLAIM: Duration = Duration::from_secs(30);
/// How long a name stays claimed while its topic is removed, if it is not given back.
const BAR: Duration = Duration::from_secs(10);

/// What it takes.
#[derive(Debug)]
#[expect(missing_docs, reason = "each field is the part of that name")]
pub struct LostParts {
    /// The name of this process.
    pub claimant: String,
    /// The gateways in etcd.
    pub instances: watch::Receiver<Instances>,
    pub sessions: RedisSessions,
    pub presences: Arc<dyn Presences>,
    pub topics: TopicAdmin,
    /// For so long after its lease ended a gateway's users are not told to be gone; what is left of the grace time, since a
    /// lease is renewed some time before it ends.
    pub wait: Duration,
    /// For so long a gateway must be absent before its topic is removed.
    pub absent: Duration,
    pub log: Logger,
}

/// Starts the task among `tasks`; it ends with their phase.
///
/// A gateway that leaves etcd, or comes back to it, is looked at; so is one whose lease in Redis ends, since that is known in
/// advance.
pub fn tell(tasks: &Tasks, parts: LostParts) {
    let stop = tasks.token().clone();
    let mut instances = parts.instances.clone();
    let mut keeper = Keeper { parts, absent: HashMap::new() };
    tasks.spawn("lost gateways", Policy::StopNode, async move {
        let mut listed = true;
        loop {
            let next = Instant::now() + keeper.look().await;
            tokio::select! {
                () = stop.cancelled() => return,
                // An error says that it will not change any more: that process stops.
                changed = instances.changed(), if listed => listed = changed.is_ok(),
                () = sleep_until(next) => {}
            }
        }
    });
}

struct Keeper {
    parts: LostParts,
    /// Topics whose gateways are absent, and since when.
    absent: HashMap<GatewayId, Instant>,
}

impl Keeper {
    /// Tells what is to be told, and answers when to look again.
    async fn look(&mut self) -> Duration {
        let mut standings = match self.parts.sessions.standings().await {
            Ok(standings) => standings,
            Err(e) => {
                warn!(self.parts.log, "it is not known which gateways have died"; "error" => %e);
                // Who is absent is not known, either.
                self.absent.clear();
                return AGAIN;
            }
        };
        let listed = self.parts.instances.borrow().clone();
        let mut next = LOOK;
        for standing in &mut standings {
            let lives = !standing.lives_for.is_zero();
            let left_etcd = !listed.keys().any(|id| id.as_str() == standing.gateway.as_str());
            if lives && left_etcd {
                // Dead, most likely, and its sessions count for so long.
                next = next.min(standing.lives_for + self.parts.wait);
            }
            if !standing.left {
                continue;
            }
            if !lives && standing.dead_for < self.parts.wait {
                next = next.min(self.parts.wait.saturating_sub(standing.dead_for));
                continue;
            }
            // Told by now, perhaps by another: its topic need not wait for the next look.
            standing.left = !self.tell(&standing.gateway).await;
            if standing.left {
                next = next.min(AGAIN);
            }
        }
        let topics = self.remove_topics(&listed, &standings).await;
        next.min(topics).max(Duration::from_millis(100))
    }

    /// Tells of all that a gateway has left; whether that is done.
    async fn tell(&self, gateway: &GatewayId) -> bool {
        let LostParts { sessions, claimant, presences, log, .. } = &self.parts;
        let mut told = 0;
        let done = loop {
            let page = match sessions.claim(gateway, claimant, CLAIM).await {
                Ok(Lost::Page(page)) => page,
                Ok(Lost::Nothing) => break Ok(true),
                Ok(Lost::Claimed) => break Ok(false),
                Err(e) => break Err(e),
            };
            let users = match sessions.take_out(&page).await {
                Ok(users) => users,
                Err(e) => break Err(e),
            };
            presences.lost(&users).await;
            told += users.len();
            if let Err(e) = sessions.strike(&page).await {
                break Err(e);
            }
        };
        if told > 0 {
            info!(log, "users of a gateway that died are looked after"; "gateway" => gateway.as_str(), "users" => told);
        }
        done.unwrap_or_else(|e| {
            warn!(log, "users of a gateway that died are not told yet"; "gateway" => gateway.as_str(), "error" => %e);
            false
        })
    }

    /// Removes topics of gateways that have been absent for long enough, as this process has seen itself: a gateway that
    /// begins makes its topic before it is listed anywhere. Answers when to look again.
    async fn remove_topics(&mut self, listed: &Instances, standings: &[GatewayStanding]) -> Duration {
        let LostParts { topics, absent: enough, log, .. } = &self.parts;
        let found = match topics.downstream_gateways().await {
            Ok(found) => found,
            Err(e) => {
                warn!(log, "topics of gateways can't be listed"; "error" => %e);
                return LOOK;
            }
        };
        // Whose users are still to be told of is not done with, either.
        let there = |gateway: &GatewayId| {
            listed.keys().any(|id| id.as_str() == gateway.as_str())
                || standings.iter().any(|s| s.gateway == *gateway && (s.left || !s.lives_for.is_zero()))
        };
        let absent: Vec<_> = found.into_iter().filter(|gateway| !there(gateway)).collect();
        self.absent.retain(|gateway, _| absent.contains(gateway));
        let now = Instant::now();
        let mut next = LOOK;
        for gateway in absent {
            let since = *self.absent.entry(gateway.clone()).or_insert(now);
            let left = enough.saturating_sub(now.duration_since(since));
            if left.is_zero() {
                self.remove_topic(&gateway).await;
                self.absent.remove(&gateway);
            } else {
                next = next.min(left);
            }
        }
        next
    }

    /// Removes a topic, while no gateway can begin under its name.
    async fn remove_topic(&self, gateway: &GatewayId) {
        let LostParts { sessions, claimant, topics, log, .. } = &self.parts;
        match sessions.bar(gateway, claimant, BAR).await {
            Ok(true) => {}
            // It lives again, or somebody else removes it.
            Ok(false) => return,
            Err(e) => {
                warn!(log, "the topic of a dead gateway is left"; "gateway" => gateway.as_str(), "error" => %e);
                return;
            }
        }
        match topics.delete_downstream(gateway).await {
            Ok(()) => info!(log, "the topic of a dead gateway is removed"; "gateway" => gateway.as_str()),
            Err(e) => {
                warn!(log, "the topic of a dead gateway is left"; "gateway" => gateway.as_str(), "error" => %e);
            }
        }
        if let Err(e) = sessions.unbar(gateway, claimant).await {
            warn!(log, "the name of a dead gateway stays claimed for a moment";
                "gateway" => gateway.as_str(), "error" => %e);
        }
    }
}
