//! Who hears of whose coming and going.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{BATCH, Presences, lock};
use crate::Error;
use crate::model::{Audience, ConversationId, Delivery, Event, UserId};
use crate::ports::Freshness;

/// When telling failed, it is tried again after so long.
const AGAIN: Duration = Duration::from_secs(1);

/// Batches of arrivals that one session tells while it opens. Who is left then waits for the next one to open, or for
/// [`tell_departures`](crate::service::Presences::tell_departures).
const ROUNDS: usize = 8;

/// Arrivals being told. Dropped meanwhile, they wait again.
struct Turn<'a> {
    of: &'a Presences,
    users: Vec<UserId>,
    over: bool,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if !self.over {
            lock(&self.of.arrivals).give_back(std::mem::take(&mut self.users));
        }
    }
}

/// Departures taken from the tracker. Dropped before they were told, they go back.
struct Taken<'a> {
    of: &'a Presences,
    users: Vec<UserId>,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let due = self.of.cx.now().after(AGAIN);
        self.of.tracker().not_told(&self.users, due);
    }
}

impl Presences {
    /// Tells that a user is here, and who else came while that was told; or leaves it to the one who is telling now.
    pub(super) async fn tell_arrival(&self, user: UserId) {
        let begins = lock(&self.arrivals).join(user);
        if begins {
            self.tell_arrivals().await;
        }
    }

    /// Tells of those whom nobody is telling of.
    pub(super) async fn tell_arrivals_left(&self) {
        let begins = lock(&self.arrivals).begin();
        if begins {
            self.tell_arrivals().await;
        }
    }

    async fn tell_arrivals(&self) {
        let mut turn = Turn { of: self, users: Vec::new(), over: false };
        for _ in 0..ROUNDS {
            turn.users = lock(&self.arrivals).next(BATCH);
            if turn.users.is_empty() {
                turn.over = true;
                return;
            }
            self.announce(&turn.users, true).await;
            turn.users.clear();
        }
    }

    /// Tells friends and members of small groups that these users are here, or no longer. Of those who hear it only who
    /// is online matters; the hub drops the rest.
    pub(super) async fn announce(&self, users: &[UserId], online: bool) {
        match self.announcements(users, online).await {
            Ok(batch) => self.cx.tell(batch).await,
            Err(e) => slog::warn!(self.cx.log, "presence not told"; "users" => users.len(), "error" => %e),
        }
    }

    async fn announcements(&self, users: &[UserId], online: bool) -> Result<Vec<Delivery>, Error> {
        let max = self.cx.settings.group_presence_max;
        let friends = self.cx.ports.friends.friends(users).await?;
        let groups = self.cx.ports.directory.small_groups(users, max).await?;
        let mut batch = Vec::new();
        for (&user, friends) in users.iter().zip(friends) {
            if !friends.is_empty() {
                let event = Event::FriendOnline { user, online };
                batch.push(Delivery { event, audience: Audience::Users(friends.into()), except: None });
            }
        }
        // Each group is asked once, whoever of its members came or went.
        let mut moved: BTreeMap<ConversationId, Vec<UserId>> = BTreeMap::new();
        for (&user, groups) in users.iter().zip(groups) {
            for group in groups {
                moved.entry(group).or_default().push(user);
            }
        }
        if moved.is_empty() {
            return Ok(batch);
        }
        let asked: Vec<_> = moved.iter().filter_map(|(group, who)| Some((*group, *who.first()?))).collect();
        let access = self.cx.ports.directory.access(&asked, max, Freshness::Cached).await?;
        for ((group, who), access) in moved.into_iter().zip(access) {
            // Grown above the limit, or gone, since the groups were asked for: nobody hears it there.
            let Some(members) = access.and_then(|a| a.members) else { continue };
            for user in who {
                let others: Vec<UserId> = members.iter().copied().filter(|m| *m != user).collect();
                if !others.is_empty() {
                    let event = Event::MemberOnline { group, user, online };
                    batch.push(Delivery { event, audience: Audience::Users(others.into()), except: None });
                }
            }
        }
        Ok(batch)
    }

    /// Tells one batch of departures, and answers how many users that was. It costs the same few port calls for one user
    /// as for a batch.
    pub(super) async fn tell_some_departures(&self) -> usize {
        let due = self.tracker().take_due(self.cx.now(), BATCH);
        if due.is_empty() {
            return 0;
        }
        let mut taken = Taken { of: self, users: due };
        // Whoever came back through another process, or while the last session closed, is not gone.
        let (gone, here, batch) = match self.departures(&taken.users).await {
            Ok(departures) => departures,
            Err(e) => {
                slog::warn!(self.cx.log, "departures not told yet";
                    "users" => taken.users.len(), "error" => %e);
                return 0;
            }
        };
        self.cx.tell(batch).await;
        let users = std::mem::take(&mut taken.users);
        let mut back = self.tracker().told(&gone);
        back.extend(self.tracker().found_here(&here));
        if !back.is_empty() {
            self.announce(&back, true).await;
        }
        users.len()
    }

    /// Who of them is gone, who is here after all, and what tells of the former.
    async fn departures(&self, users: &[UserId]) -> Result<(Vec<UserId>, Vec<UserId>, Vec<Delivery>), Error> {
        let online = self.cx.ports.sessions.online(users).await?;
        let (mut gone, mut here) = (Vec::new(), Vec::new());
        for (&user, online) in users.iter().zip(online) {
            if online { here.push(user) } else { gone.push(user) }
        }
        let batch = if gone.is_empty() { Vec::new() } else { self.announcements(&gone, false).await? };
        Ok((gone, here, batch))
    }
}
