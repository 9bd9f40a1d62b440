//! What is kept in memory of the file: who is in a conversation, faces of users, logins that live.
//!
//! The writer drops what a commit has changed before it answers. A reader that fills a cache may have read before that commit
//! and come after it: so it counts commits ([`Epoch`]) around its work, and takes back what it put in when there was one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gochat_core::model::{
    Access, AccessKind, ConversationId, LoginId, MembersVersion, Membership, Role, User, UserId,
};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use rustc_hash::FxBuildHasher;

use super::tx::Effect;

/// The members of a conversation other than the world channel.
#[derive(Debug)]
pub(super) struct MemberSet {
    pub(super) kind: AccessKind,
    pub(super) version: MembersVersion,
    /// Ascending.
    pub(super) ids: Arc<[UserId]>,
    /// Those who are not plain members, ascending.
    pub(super) special: Box<[(UserId, Membership)]>,
}

impl MemberSet {
    pub(super) fn access(&self, user: UserId, members_max: u32) -> Access {
        Access {
            kind: self.kind,
            member: self.membership(user),
            version: self.version,
            members: (self.ids.len() <= members_max as usize).then(|| self.ids.clone()),
        }
    }

    fn membership(&self, user: UserId) -> Option<Membership> {
        self.ids.binary_search(&user).ok()?;
        Some(match self.special.binary_search_by_key(&user, |(user, _)| *user) {
            Ok(at) => self.special[at].1,
            Err(_) => PLAIN,
        })
    }

    /// Members above `after`, at most `limit`.
    pub(super) fn page(&self, after: Option<UserId>, limit: usize) -> Vec<UserId> {
        let start = after.map_or(0, |after| self.ids.partition_point(|id| *id <= after));
        self.ids[start..].iter().copied().take(limit).collect()
    }
}

/// What most members are.
pub(super) const PLAIN: Membership = Membership { role: Role::Member, muted_until: None };

#[derive(Debug, Clone)]
pub(super) struct SetWeight;

impl Weighter<ConversationId, Arc<MemberSet>> for SetWeight {
    fn weight(&self, _: &ConversationId, set: &Arc<MemberSet>) -> u64 {
        (size_of::<MemberSet>() + 64 + size_of_val(&*set.ids) + size_of_val(&*set.special)) as u64
    }
}

/// Counts the commits that changed something cached.
#[derive(Debug, Default)]
pub(super) struct Epoch(AtomicU64);

impl Epoch {
    fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    fn next(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A point in time before a read, which shows afterwards whether what was read may be kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before(u64);

#[derive(Debug)]
pub(super) struct Caches {
    members: Cache<ConversationId, Arc<MemberSet>, SetWeight, FxBuildHasher>,
    users: Cache<UserId, Arc<User>, quick_cache::UnitWeighter, FxBuildHasher>,
    /// Whether it has not ended.
    logins: Cache<LoginId, bool, quick_cache::UnitWeighter, FxBuildHasher>,
    members_epoch: Epoch,
    users_epoch: Epoch,
    logins_epoch: Epoch,
}

/// How much each cache holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    pub(super) members_bytes: u64,
    pub(super) users: usize,
    pub(super) logins: usize,
}

macro_rules! cached {
    ($cache:ident, $epoch:ident, $before:ident, $get:ident, $put:ident, $key:ty, $value:ty) => {
        /// To be called before reading what is to be put in.
        pub(super) fn $before(&self) -> Before {
            Before(self.$epoch.now())
        }

        pub(super) fn $get(&self, key: $key) -> Option<$value> {
            self.$cache.get(&key)
        }

        pub(super) fn $put(&self, before: Before, key: $key, value: $value) {
            self.$cache.insert(key, value);
            if self.$epoch.now() != before.0 {
                self.$cache.remove(&key);
            }
        }
    };
}

impl Caches {
    pub(super) fn new(sizes: Sizes) -> Self {
        // An estimate of entries, for the first allocation only: small, so that an idle store is small.
        let few = 1024;
        let weigh = |capacity: usize| {
            Cache::with(
                few.min(capacity),
                capacity as u64,
                quick_cache::UnitWeighter,
                FxBuildHasher,
                Default::default(),
            )
        };
        Self {
            members: Cache::with(few, sizes.members_bytes, SetWeight, FxBuildHasher, Default::default()),
            users: weigh(sizes.users),
            logins: Cache::with(
                few.min(sizes.logins),
                sizes.logins as u64,
                quick_cache::UnitWeighter,
                FxBuildHasher,
                Default::default(),
            ),
            members_epoch: Epoch::default(),
            users_epoch: Epoch::default(),
            logins_epoch: Epoch::default(),
        }
    }

    cached!(members, members_epoch, before_members, members, put_members, ConversationId, Arc<MemberSet>);
    cached!(users, users_epoch, before_users, user, put_user, UserId, Arc<User>);
    cached!(logins, logins_epoch, before_logins, login, put_login, LoginId, bool);

    /// Drops what a commit has changed. First the count, then the entry: a reader that puts an older one in between sees the
    /// count, and one that puts it in before has it removed.
    pub(super) fn apply(&self, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::Members(id) => {
                    self.members_epoch.next();
                    self.members.remove(id);
                }
                Effect::User(id) => {
                    self.users_epoch.next();
                    self.users.remove(id);
                }
                Effect::Login(id) => {
                    self.logins_epoch.next();
                    self.logins.remove(id);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: Sizes = Sizes { members_bytes: 1 << 20, users: 10, logins: 10 };

    #[test]
    fn what_was_read_before_a_commit_is_not_kept_after_it() {
        let caches = Caches::new(SIZES);
        let login = LoginId::new(7).expect("valid");
        let before = caches.before_logins();
        caches.apply(&[Effect::Login(login)]);
        caches.put_login(before, login, true);
        assert_eq!(caches.login(login), None);
        caches.put_login(caches.before_logins(), login, false);
        assert_eq!(caches.login(login), Some(false));
    }

    #[test]
    fn members_are_found_with_their_rights_and_in_pages() {
        let id = |n| UserId::new(n).expect("valid");
        let owner = Membership { role: Role::Owner, muted_until: None };
        let set = MemberSet {
            kind: AccessKind::Group,
            version: MembersVersion::new(3),
            ids: [2, 4, 6, 8].map(id).into(),
            special: Box::new([(id(4), owner)]),
        };
        assert_eq!(set.access(id(4), 4).member, Some(owner));
        assert_eq!(set.access(id(6), 4).member, Some(PLAIN));
        assert_eq!(set.access(id(5), 4).member, None);
        assert_eq!(set.access(id(6), 4).members.as_deref().map(<[_]>::len), Some(4));
        assert!(set.access(id(6), 3).members.is_none());
        assert_eq!(set.page(None, 2), [id(2), id(4)]);
        assert_eq!(set.page(Some(id(4)), 9), [id(6), id(8)]);
        assert!(set.page(Some(id(8)), 9).is_empty());
    }
}
