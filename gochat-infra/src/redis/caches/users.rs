//! Profiles by id.

use std::sync::Arc;

use async_trait::async_trait;
use gochat_core::model::{PageLimit, PasswordHash, User, UserId, UsernameKey};
use gochat_core::ports::{NewUser, Result, UserPatch, UserStore};
use rustc_hash::{FxHashMap, FxHashSet};

use super::flights::{Flights, Part};
use super::shelf::{Guard, Place, Seen, Shelf};
use crate::wire;

type Found = Option<Arc<User>>;

/// Accounts, with profiles cached. Looking up any number takes one round trip, one more to fill what was missing; a change
/// takes two.
#[derive(Debug)]
pub(super) struct CachedUsers {
    pub(super) shelf: Arc<Shelf>,
    pub(super) inner: Arc<dyn UserStore>,
    pub(super) flights: Flights<(UserId, Guard), Found>,
}

impl CachedUsers {
    fn place(&self, user: UserId) -> Place {
        let keys = self.shelf.redis.keys();
        Place { value: keys.profile(user), guard: keys.profile_guard(user) }
    }

    /// What the cache says of a user; `None` when it says nothing.
    fn read(&self, user: UserId, seen: &Seen) -> Option<Found> {
        let key = self.place(user).value;
        let content = self.shelf.content(&key, seen.values.first()?.as_ref())?;
        if content.is_empty() {
            return Some(None);
        }
        match wire::decode::<User>(content) {
            Ok(found) if found.id == user => Some(Some(Arc::new(found))),
            _ => {
                self.shelf.rotten(&key);
                None
            }
        }
    }

    async fn fill(&self, loaded: impl Iterator<Item = (UserId, &Seen, Found)>) {
        let config = self.shelf.redis.config();
        let fill = |(id, seen, found): (UserId, &Seen, Found)| {
            let place = self.place(id);
            let content = found.as_ref().map(|user| wire::encode(&**user)).unwrap_or_default();
            let time = if found.is_some() { config.cache_ttl } else { config.negative_ttl };
            self.shelf.fill(&place, &place.value, seen, &content, time)
        };
        let fills: Vec<_> = loaded.filter_map(fill).collect();
        if !fills.is_empty() {
            let _counted_if_not = self.shelf.call("cache.users.fill", fills).await;
        }
    }

    /// Asks the store for those that are missing; for each of them one asks at a time.
    async fn load(&self, missing: Vec<(UserId, Seen)>, found: &mut FxHashMap<UserId, Found>) -> Result<()> {
        let (mut led, mut followed, mut alone) = (Vec::new(), Vec::new(), Vec::new());
        for (id, seen) in missing {
            if seen.guard.is_writing() {
                alone.push((id, seen));
                continue;
            }
            match self.flights.join((id, seen.guard.clone())) {
                Part::Lead(lead) => led.push((id, seen, lead)),
                Part::Follow(follow) => followed.push((id, follow)),
            }
        }
        let ids: Vec<_> = led.iter().map(|(id, ..)| *id).chain(alone.iter().map(|(id, _)| *id)).collect();
        if !ids.is_empty() {
            found.extend(ids.iter().copied().zip(self.inner.by_ids(&ids).await?));
            let known = |id: &UserId| found.get(id).cloned().flatten();
            self.fill(led.iter().map(|(id, seen, _)| (*id, seen, known(id)))).await;
            for (id, _, lead) in led {
                lead.answer(known(&id));
            }
        }
        let mut left = Vec::new();
        for (id, follow) in followed {
            match follow.wait().await {
                Some(answer) => {
                    found.insert(id, answer);
                }
                None => left.push(id),
            }
        }
        if !left.is_empty() {
            found.extend(left.iter().copied().zip(self.inner.by_ids(&left).await?));
        }
        Ok(())
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl UserStore for CachedUsers {
    async fn create(&self, new: &NewUser) -> Result<()> {
        let created = self.inner.create(new).await;
        // Somebody may have asked for it before, and been told that there is none.
        self.shelf.after("cache.users.create", &[self.place(new.user.id)]).await;
        created
    }

    async fn by_ids(&self, ids: &[UserId]) -> Result<Vec<Found>> {
        let mut met = FxHashSet::default();
        let distinct: Vec<_> = ids.iter().copied().filter(|id| met.insert(*id)).collect();
        let asked = distinct.iter().map(|id| (self.place(*id), Vec::new()));
        let Some(seen) = self.shelf.look("cache.users", asked).await else {
            return self.inner.by_ids(ids).await;
        };
        let (mut found, mut missing) = (FxHashMap::default(), Vec::new());
        for (id, seen) in distinct.into_iter().zip(seen) {
            match self.read(id, &seen) {
                Some(known) => {
                    found.insert(id, known);
                }
                None => missing.push((id, seen)),
            }
        }
        self.shelf.metrics.cache_hits.inc_by(found.len() as u64);
        self.shelf.metrics.cache_misses.inc_by(missing.len() as u64);
        if !missing.is_empty() {
            self.load(missing, &mut found).await?;
        }
        Ok(ids.iter().map(|id| found.get(id).cloned().flatten()).collect())
    }

    async fn by_name(&self, key: &UsernameKey) -> Result<Found> {
        self.inner.by_name(key).await
    }

    async fn by_external(&self, external: &str) -> Result<Found> {
        self.inner.by_external(external).await
    }

    async fn password(&self, user: UserId) -> Result<Option<PasswordHash>> {
        self.inner.password(user).await
    }

    async fn update(&self, user: UserId, patch: &UserPatch) -> Result<Arc<User>> {
        let places = [self.place(user)];
        self.shelf.before("cache.users.update", &places).await;
        let updated = self.inner.update(user, patch).await;
        self.shelf.after("cache.users.update", &places).await;
        updated
    }

    async fn search(&self, prefix: &str, viewer: UserId, limit: PageLimit) -> Result<Vec<Arc<User>>> {
        self.inner.search(prefix, viewer, limit).await
    }
}
