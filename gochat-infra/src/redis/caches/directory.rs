//! Who may do what, by conversation.
//!
//! A conversation's entry has its kind, its [`MembersVersion`], and its members where they are few. How a user stands in a
//! group, or in a conversation of many, is kept beside it, with the version that it was read with: it counts as long as the
//! conversation's entry has the same.

use std::sync::Arc;

use async_trait::async_trait;
use gochat_core::model::{
    Access, AccessKind, ConversationId, Member, MembersVersion, Membership, PageLimit, Role, Timestamp,
    UserId,
};
use gochat_core::ports::{Directory, Freshness, Result};
use prost::Message as _;
use rustc_hash::{FxHashMap, FxHashSet};

use super::flights::{Flights, Part};
use super::shelf::{Guard, Place, Seen, Shelf};
use crate::wire;

type Asked = (ConversationId, UserId);

/// A conversation in the cache.
#[derive(Clone, PartialEq, prost::Message)]
struct Entry {
    /// 1 single, 2 group, 3 world.
    #[prost(uint32, tag = "1")]
    kind: u32,
    #[prost(uint64, tag = "2")]
    version: u64,
    /// Whether all members are named.
    #[prost(bool, tag = "3")]
    complete: bool,
    /// Ascending.
    #[prost(fixed64, repeated, tag = "4")]
    members: Vec<u64>,
}

/// A member's standing in the cache.
#[derive(Clone, PartialEq, prost::Message)]
struct Standing {
    #[prost(uint64, tag = "1")]
    version: u64,
    #[prost(int32, tag = "2")]
    role: i32,
    #[prost(int64, optional, tag = "3")]
    muted_until_ms: Option<i64>,
}

/// A directory, with answers about conversations of up to
/// [`members_max`](super::super::RedisConfig::members_max) members cached, and about single members of larger ones. Any
/// number of questions takes one round trip, one more to fill what was missing.
#[derive(Debug)]
pub(super) struct CachedDirectory {
    pub(super) shelf: Arc<Shelf>,
    pub(super) inner: Arc<dyn Directory>,
    pub(super) flights: Flights<(Asked, Guard), Option<Access>>,
}

/// The place of a conversation's entry.
pub(super) fn place(shelf: &Shelf, id: ConversationId) -> Place {
    let keys = shelf.redis.keys();
    Place { value: keys.members(id), guard: keys.members_guard(id) }
}

impl CachedDirectory {
    /// What the cache says; `None` when it says nothing. `seen` has the entry and the user's standing at `place`.
    fn read(&self, (id, user): Asked, seen: &Seen, standing: usize) -> Option<Option<Access>> {
        let keys = self.shelf.redis.keys();
        let entry_key = keys.members(id);
        let content = self.shelf.content(&entry_key, seen.values.first()?.as_ref())?;
        if content.is_empty() {
            return Some(None);
        }
        let rotten = |key| {
            self.shelf.rotten(key);
            None
        };
        let Some((kind, entry)) =
            Entry::decode(content).ok().and_then(|entry| Some((kind_of(entry.kind)?, entry)))
        else {
            return rotten(&entry_key);
        };
        let version = MembersVersion::new(entry.version);
        let members: Option<Option<Arc<[UserId]>>> = entry
            .complete
            .then(|| entry.members.iter().map(|n| UserId::new(*n)).collect())
            .map_or(Some(None), |m: Option<_>| m.map(Some));
        let Some(members) = members else {
            return rotten(&entry_key);
        };
        let member = match &members {
            Some(all) if all.binary_search(&user).is_err() => None,
            Some(_) if kind == AccessKind::Single => {
                Some(Membership { role: Role::Member, muted_until: None })
            }
            _ => {
                let key = keys.standing(id, user);
                let content = self.shelf.content(&key, seen.values.get(standing)?.as_ref())?;
                let Ok(found) = Standing::decode(content) else {
                    return rotten(&key);
                };
                let Ok(role) = wire::role(found.role, "standing.role") else {
                    return rotten(&key);
                };
                if found.version != entry.version {
                    return None;
                }
                Some(Membership { role, muted_until: found.muted_until_ms.map(Timestamp::from_millis) })
            }
        };
        Some(Some(Access { kind, member, version, members }))
    }

    /// Keeps what the store said.
    async fn fill(&self, loaded: &[(Asked, &Seen, Option<Access>)]) {
        let (config, keys) = (self.shelf.redis.config(), self.shelf.redis.keys());
        let (mut fills, mut filled) = (Vec::new(), FxHashSet::default());
        for ((id, user), seen, access) in loaded {
            let place = place(&self.shelf, *id);
            let Some(access) = access else {
                fills.extend(self.shelf.fill(&place, &place.value, seen, &[], config.negative_ttl));
                continue;
            };
            if filled.insert(*id) {
                let entry = entry_of(access).encode_to_vec();
                fills.extend(self.shelf.fill(&place, &place.value, seen, &entry, config.cache_ttl));
            }
            // Strangers to conversations of many are not kept: they may become members without a new version, of the world.
            if let (Some(member), false) = (access.member, access.kind == AccessKind::Single) {
                let standing = Standing {
                    version: access.version.get(),
                    role: wire::role_number(Some(member.role)),
                    muted_until_ms: member.muted_until.map(Timestamp::as_millis),
                };
                let key = keys.standing(*id, *user);
                fills.extend(self.shelf.fill(
                    &place,
                    &key,
                    seen,
                    &standing.encode_to_vec(),
                    config.cache_ttl,
                ));
            }
        }
        if !fills.is_empty() {
            let _counted_if_not = self.shelf.call("cache.access.fill", fills).await;
        }
    }

    /// Asks the store for what is missing, and keeps it; of questions that may be answered from the cache, each by one at a
    /// time.
    async fn load(
        &self,
        missing: Vec<(Asked, &Seen)>,
        freshness: Freshness,
        found: &mut FxHashMap<Asked, Option<Access>>,
    ) -> Result<()> {
        let (mut led, mut followed, mut ask) = (Vec::new(), Vec::new(), Vec::new());
        for (asked, seen) in missing {
            if freshness == Freshness::Fresh || seen.guard.is_writing() {
                ask.push((asked, seen));
                continue;
            }
            match self.flights.join((asked, seen.guard.clone())) {
                Part::Lead(lead) => {
                    ask.push((asked, seen));
                    led.push((asked, lead));
                }
                Part::Follow(follow) => followed.push((asked, follow)),
            }
        }
        let most = self.shelf.redis.config().members_max;
        if !ask.is_empty() {
            let questions: Vec<_> = ask.iter().map(|(asked, _)| *asked).collect();
            let answers = self.inner.access(&questions, most, freshness).await?;
            let loaded: Vec<_> =
                ask.into_iter().zip(answers).map(|((asked, seen), a)| (asked, seen, a)).collect();
            self.fill(&loaded).await;
            found.extend(loaded.into_iter().map(|(asked, _, access)| (asked, access)));
            for (asked, lead) in led {
                lead.answer(found.get(&asked).cloned().flatten());
            }
        }
        let mut left = Vec::new();
        for (asked, follow) in followed {
            match follow.wait().await {
                Some(answer) => {
                    found.insert(asked, answer);
                }
                None => left.push(asked),
            }
        }
        if !left.is_empty() {
            found.extend(left.iter().copied().zip(self.inner.access(&left, most, freshness).await?));
        }
        Ok(())
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Directory for CachedDirectory {
    async fn access(
        &self,
        asked: &[Asked],
        members_max: u32,
        freshness: Freshness,
    ) -> Result<Vec<Option<Access>>> {
        if asked.is_empty() || members_max > self.shelf.redis.config().members_max {
            return self.inner.access(asked, members_max, freshness).await;
        }
        let mut users: FxHashMap<ConversationId, Vec<UserId>> = FxHashMap::default();
        let mut met = FxHashSet::default();
        for (id, user) in asked.iter().filter(|asked| met.insert(**asked)) {
            users.entry(*id).or_default().push(*user);
        }
        let users: Vec<_> = users.into_iter().collect();
        let keys = self.shelf.redis.keys();
        let look = users.iter().map(|(id, users)| {
            (place(&self.shelf, *id), users.iter().map(|user| keys.standing(*id, *user)).collect())
        });
        let Some(seen) = self.shelf.look("cache.access", look).await else {
            return self.inner.access(asked, members_max, freshness).await;
        };
        let (mut found, mut missing) = (FxHashMap::default(), Vec::new());
        for ((id, users), seen) in users.iter().zip(&seen) {
            for (i, user) in users.iter().enumerate() {
                let asked = (*id, *user);
                let known = (freshness == Freshness::Cached).then(|| self.read(asked, seen, i + 1)).flatten();
                match known {
                    Some(known) => {
                        found.insert(asked, known);
                    }
                    None => missing.push((asked, seen)),
                }
            }
        }
        if freshness == Freshness::Cached {
            self.shelf.metrics.cache_hits.inc_by(found.len() as u64);
            self.shelf.metrics.cache_misses.inc_by(missing.len() as u64);
        }
        if !missing.is_empty() {
            self.load(missing, freshness, &mut found).await?;
        }
        let answer = |asked: &Asked| {
            let mut access = found.get(asked).cloned().flatten()?;
            access.members = access.members.filter(|all| all.len() <= members_max as usize);
            Some(access)
        };
        Ok(asked.iter().map(answer).collect())
    }

    async fn member_ids(
        &self,
        conversation: ConversationId,
        after: Option<UserId>,
        limit: PageLimit,
    ) -> Result<Vec<UserId>> {
        self.inner.member_ids(conversation, after, limit).await
    }

    async fn members(&self, conversation: ConversationId, users: &[UserId]) -> Result<Vec<Option<Member>>> {
        self.inner.members(conversation, users).await
    }

    async fn small_groups(&self, users: &[UserId], members_max: u32) -> Result<Vec<Vec<ConversationId>>> {
        self.inner.small_groups(users, members_max).await
    }
}

fn entry_of(access: &Access) -> Entry {
    let kind = match access.kind {
        AccessKind::Single => 1,
        AccessKind::Group => 2,
        AccessKind::World => 3,
    };
    let members = access.members.as_deref().unwrap_or_default().iter().map(|user| user.get()).collect();
    Entry { kind, version: access.version.get(), complete: access.members.is_some(), members }
}

fn kind_of(number: u32) -> Option<AccessKind> {
    match number {
        1 => Some(AccessKind::Single),
        2 => Some(AccessKind::Group),
        3 => Some(AccessKind::World),
        _ => None,
    }
}
