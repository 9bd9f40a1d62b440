//! Sessions coming and going, and writing.

mod announce;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use slog::Logger;

use super::context::Context;
use crate::model::{
    Audience, Caller, ConversationId, Delivery, EndReason, Event, GatewayId, SessionId, Timestamp, UserId,
};
use crate::ports::{Freshness, Ports, SessionRecord};
use crate::rules::arrivals::Arrivals;
use crate::rules::presence::Tracker;
use crate::rules::typing::Throttle;
use crate::service;
use crate::{Error, Settings};

/// Arrivals or departures told in one go.
const BATCH: usize = 1_000;

/// Notices of writing remembered at a time: a few hundred kilobytes.
const NOTICES: usize = 10_000;

/// The service [`Presences`](service::Presences) over the ports. It remembers who is on the way out; who is here only the
/// directory of sessions knows.
#[derive(Debug)]
pub struct Presences {
    cx: Context,
    tracker: Mutex<Tracker>,
    arrivals: Mutex<Arrivals>,
    throttle: Mutex<Throttle>,
}

impl Presences {
    /// Makes the service.
    #[must_use]
    pub fn new(ports: Ports, settings: Arc<Settings>, log: Logger) -> Self {
        let tracker = Mutex::new(Tracker::new(settings.presence_grace));
        let throttle = Mutex::new(Throttle::new(settings.typing_interval, NOTICES));
        Self { cx: Context { ports, settings, log }, tracker, arrivals: Mutex::default(), throttle }
    }

    fn tracker(&self) -> MutexGuard<'_, Tracker> {
        lock(&self.tracker)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each state is whole between any two of its calls, so a panic elsewhere has not broken it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A close under way. However it ends, by an error or by being dropped, the tracker hears of it.
struct Closing<'a> {
    of: &'a Presences,
    user: UserId,
    /// Whether it was the last session, once that is known.
    last: Option<bool>,
}

impl<'a> Closing<'a> {
    fn begin(of: &'a Presences, user: UserId) -> Self {
        of.tracker().closing(user);
        Self { of, user, last: None }
    }
}

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        let now = self.of.cx.now();
        self.of.tracker().closed(self.user, self.last, now);
    }
}

#[async_trait]
impl service::Presences for Presences {
    async fn opened(&self, caller: &Caller, session: SessionId, gateway: &GatewayId) -> service::Result<()> {
        let record = SessionRecord {
            user: caller.user,
            session,
            gateway: gateway.clone(),
            login: caller.login,
            guest: caller.guest,
            at: self.cx.now(),
        };
        let Ports { sessions, .. } = &self.cx.ports;
        let registered = match sessions.register(&record, self.cx.settings.sessions_max.max(1)).await {
            Ok(registered) => registered,
            Err(e) => {
                // It may have got in all the same, and nobody else will take out a session that does not go on.
                if let Err(e) = sessions.unregister(caller.user, session).await {
                    slog::warn!(self.cx.log, "a refused session may be left registered"; "error" => %e);
                }
                return Err(e.into());
            }
        };
        let end = |evicted: SessionId| Delivery {
            event: Event::EndSession(EndReason::Replaced),
            audience: Audience::Session(caller.user, evicted),
            except: None,
        };
        self.cx.tell(registered.evicted.into_iter().map(end).collect()).await;
        if !caller.guest && self.tracker().came(caller.user, registered.first) {
            self.tell_arrival(caller.user).await;
        }
        Ok(())
    }

    async fn closed(&self, caller: &Caller, session: SessionId) -> service::Result<()> {
        let Ports { sessions, .. } = &self.cx.ports;
        if caller.guest {
            sessions.unregister(caller.user, session).await?;
            return Ok(());
        }
        let mut closing = Closing::begin(self, caller.user);
        closing.last = Some(sessions.unregister(caller.user, session).await?.last);
        Ok(())
    }

    async fn typing(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        typing: bool,
    ) -> service::Result<()> {
        let Ports { directory, users, .. } = &self.cx.ports;
        let max = self.cx.settings.direct_fanout_max;
        let access = directory.access(&[(conversation, caller.user)], max, Freshness::Cached).await?;
        let access = access.into_iter().next().flatten().ok_or(Error::ConversationNotFound)?;
        if access.member.is_none() && !conversation.is_world() {
            return Err(Error::ConversationNotFound);
        }
        // A notice in a large conversation goes to so many that they share one turn.
        let writer = access.members.is_some().then_some(caller.user);
        if !lock(&self.throttle).pass((conversation, writer), self.cx.now()) {
            return Ok(());
        }
        let audience = match access.members {
            Some(members) => Audience::Users(members.iter().copied().filter(|m| *m != caller.user).collect()),
            None if conversation.is_world() => Audience::Everyone,
            None => Audience::Members(conversation),
        };
        let user = users.by_ids(&[caller.user]).await?.pop().flatten();
        let user = user.ok_or_else(|| Error::UserNotFound(vec![caller.user]))?;
        let event = Event::Typing { conversation, user, typing };
        self.cx.tell(vec![Delivery { event, audience, except: caller.asking() }]).await;
        Ok(())
    }

    async fn lost(&self, users: &[UserId]) {
        let now = self.cx.now();
        for users in users.chunks(BATCH) {
            {
                let mut tracker = self.tracker();
                users.iter().for_each(|user| tracker.lost(*user, now));
            }
            self.tell_departures().await;
        }
    }

    async fn tell_departures(&self) {
        // Who came before anybody left is told before.
        self.tell_arrivals_left().await;
        while self.tell_some_departures().await == BATCH {}
    }

    fn next_due(&self) -> Option<Timestamp> {
        if lock(&self.arrivals).left_waiting() {
            return Some(self.cx.now());
        }
        self.tracker().next_due()
    }
}
