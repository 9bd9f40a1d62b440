//! Groups whose members change between deciding and writing.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use gochat_core::model::*;
use gochat_core::ports::*;
use gochat_core::service::MemberChange;

use crate::house::{House, code};

/// What somebody else does just before a write.
#[derive(Debug, Clone, Copy)]
enum Meddling {
    Rank(UserId, Role),
    Remove(UserId),
    Dissolve,
}

/// A group store in which others are faster.
#[derive(Debug)]
struct Meddled {
    groups: Arc<dyn GroupStore>,
    directory: Arc<dyn Directory>,
    next: Mutex<VecDeque<Meddling>>,
}

impl Meddled {
    async fn meddle(&self, group: ConversationId) {
        let Some(next) = self.next.lock().expect("no panic").pop_front() else { return };
        let asked = [(group, UserId::new(1).expect("above 0"))];
        let access = self.directory.access(&asked, 0, Freshness::Fresh).await.expect("memory");
        let version = access[0].as_ref().expect("a group").version;
        let at = Timestamp::default();
        match next {
            Meddling::Rank(user, role) => {
                let patch = MemberPatch { role: Some(role), muted_until: None };
                self.groups.change_member(group, user, &patch, version).await.map(drop)
            }
            Meddling::Remove(user) => self.groups.remove(group, user, version, at).await,
            Meddling::Dissolve => self.groups.dissolve(group, version, at).await,
        }
        .expect("the version was just read");
    }
}

#[async_trait]
impl GroupStore for Meddled {
    async fn create(&self, new: &NewGroup) -> Result<Conversation> {
        self.groups.create(new).await
    }
    async fn update(&self, group: ConversationId, patch: &GroupPatch) -> Result<Conversation> {
        self.meddle(group).await;
        self.groups.update(group, patch).await
    }
    async fn dissolve(&self, group: ConversationId, expect: MembersVersion, at: Timestamp) -> Result<()> {
        self.meddle(group).await;
        self.groups.dissolve(group, expect, at).await
    }
    async fn add(&self, group: ConversationId, add: &AddMembersWrite) -> Result<Vec<UserId>> {
        self.meddle(group).await;
        self.groups.add(group, add).await
    }
    async fn remove(
        &self,
        group: ConversationId,
        user: UserId,
        expect: MembersVersion,
        at: Timestamp,
    ) -> Result<()> {
        self.meddle(group).await;
        self.groups.remove(group, user, expect, at).await
    }
    async fn change_member(
        &self,
        group: ConversationId,
        user: UserId,
        patch: &MemberPatch,
        expect: MembersVersion,
    ) -> Result<Member> {
        self.meddle(group).await;
        self.groups.change_member(group, user, patch, expect).await
    }
    async fn transfer(
        &self,
        group: ConversationId,
        from: UserId,
        to: UserId,
        expect: MembersVersion,
    ) -> Result<()> {
        self.meddle(group).await;
        self.groups.transfer(group, from, to, expect).await
    }
    async fn members(
        &self,
        group: ConversationId,
        after: Option<UserId>,
        limit: PageLimit,
    ) -> Result<Vec<Member>> {
        self.groups.members(group, after, limit).await
    }
}

struct Scene {
    house: House,
    meddled: Arc<Meddled>,
    alice: Caller,
    bob: Caller,
    carl: Caller,
    group: ConversationId,
}

/// alice owns the group, bob is an admin, carl a member.
async fn scene() -> Scene {
    let mut meddled = None;
    let house = House::over(
        |_| {},
        |ports| {
            let it = Arc::new(Meddled {
                groups: ports.groups.clone(),
                directory: ports.directory.clone(),
                next: Mutex::default(),
            });
            ports.groups = it.clone();
            meddled = Some(it);
        },
    );
    let (alice, bob, carl) = (house.user("alice").await, house.user("bob").await, house.user("carl").await);
    let group = house.group(&alice, &[&bob, &carl]).await;
    let admin = MemberChange::Rights { role: Some(Role::Admin), muted_until: None };
    house.services.groups.change_member(&alice, group, bob.user, admin).await.expect("an admin");
    house.forget();
    Scene { house, meddled: meddled.expect("made"), alice, bob, carl, group }
}

impl Scene {
    fn before_the_next_writes(&self, what: impl IntoIterator<Item = Meddling>) {
        self.meddled.next.lock().expect("no panic").extend(what);
    }
}

#[tokio::test]
async fn an_admin_who_is_demoted_meanwhile_removes_nobody() {
    let s = scene().await;
    s.before_the_next_writes([Meddling::Rank(s.bob.user, Role::Member)]);
    let refused = s.house.services.groups.remove(&s.bob, s.group, s.carl.user).await;
    assert_eq!(code(refused), "FORBIDDEN");
    s.house.services.groups.get(&s.carl, s.group).await.expect("still in it");
    assert_eq!(s.house.heard(), [""; 0]);
}

#[tokio::test]
async fn who_is_promoted_meanwhile_is_not_removed_by_an_equal() {
    let s = scene().await;
    s.before_the_next_writes([Meddling::Rank(s.carl.user, Role::Admin)]);
    assert_eq!(code(s.house.services.groups.remove(&s.bob, s.group, s.carl.user).await), "FORBIDDEN");
}

#[tokio::test]
async fn who_left_meanwhile_is_no_member() {
    let s = scene().await;
    s.before_the_next_writes([Meddling::Remove(s.carl.user)]);
    assert_eq!(code(s.house.services.groups.remove(&s.bob, s.group, s.carl.user).await), "NOT_A_MEMBER");
    s.before_the_next_writes([Meddling::Remove(s.bob.user)]);
    let refused =
        s.house.services.groups.change_member(&s.alice, s.group, s.bob.user, MemberChange::Owner).await;
    assert_eq!(code(refused), "NOT_A_MEMBER");
}

#[tokio::test]
async fn who_is_removed_meanwhile_is_a_stranger() {
    let s = scene().await;
    s.before_the_next_writes([Meddling::Remove(s.bob.user)]);
    let dora = s.house.user("dora").await;
    assert_eq!(code(s.house.services.groups.add(&s.bob, s.group, &[dora.user]).await), "GROUP_NOT_FOUND");
    assert_eq!(code(s.house.services.groups.get(&dora, s.group).await), "GROUP_NOT_FOUND");
}

#[tokio::test]
async fn a_group_that_is_dissolved_meanwhile_is_not_found() {
    for n in 0..6 {
        let s = scene().await;
        s.before_the_next_writes([Meddling::Dissolve]);
        let (groups, dora) = (&s.house.services.groups, s.house.user("dora").await);
        let change = gochat_core::service::GroupChange { name: Some("New".to_owned()), ..Default::default() };
        let refused = match n {
            0 => code(groups.add(&s.bob, s.group, &[dora.user]).await),
            1 => code(groups.remove(&s.bob, s.group, s.carl.user).await),
            2 => code(groups.remove(&s.carl, s.group, s.carl.user).await),
            3 => code(groups.dissolve(&s.alice, s.group).await),
            4 => code(groups.change_member(&s.alice, s.group, s.bob.user, MemberChange::Owner).await),
            _ => code(groups.update(&s.bob, s.group, change).await),
        };
        assert_eq!(refused, "GROUP_NOT_FOUND", "{n}");
        assert_eq!(s.house.heard(), [""; 0], "{n}");
    }
}

#[tokio::test]
async fn an_owner_who_is_left_alone_meanwhile_ends_the_group_by_leaving() {
    let s = scene().await;
    s.house.services.groups.remove(&s.bob, s.group, s.bob.user).await.expect("left");
    s.house.services.groups.remove(&s.carl, s.group, s.carl.user).await.expect("left");
    let dora = s.house.user("dora").await;
    // Somebody was added between the decision that alice is alone and the end: then the group must not end.
    let version = async || {
        let asked = [(s.group, s.alice.user)];
        let access = s.house.ports.directory.access(&asked, 9, Freshness::Fresh).await.expect("memory");
        access[0].as_ref().expect("a group").version
    };
    let stale = version().await;
    s.house.services.groups.add(&s.alice, s.group, &[dora.user]).await.expect("added");
    let ended = s.house.ports.groups.dissolve(s.group, stale, Timestamp::default()).await;
    assert_eq!(ended.expect_err("the version is old").kind(), ErrorKind::Precondition);
    assert_eq!(code(s.house.services.groups.remove(&s.alice, s.group, s.alice.user).await), "CONFLICT");
}

#[tokio::test]
async fn what_changes_all_the_time_is_given_up_after_some_tries() {
    let s = scene().await;
    let roles = [Role::Admin, Role::Member].into_iter().cycle().take(20);
    s.before_the_next_writes(roles.map(|role| Meddling::Rank(s.carl.user, role)));
    let refused =
        s.house.services.groups.change_member(&s.alice, s.group, s.bob.user, MemberChange::Owner).await;
    assert_eq!(code(refused), "CONFLICT");
    assert_eq!(s.meddled.next.lock().expect("no panic").len(), 15, "five tries");
}

#[tokio::test]
async fn what_changes_once_or_twice_succeeds() {
    let s = scene().await;
    let roles = [Role::Admin, Role::Member];
    s.before_the_next_writes(roles.map(|role| Meddling::Rank(s.carl.user, role)));
    s.house.services.groups.remove(&s.alice, s.group, s.carl.user).await.expect("decided a third time");
    assert_eq!(s.house.heard(), ["alice bob carl: carl Removed as out by alice"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_many_act_at_once_a_group_has_one_owner() {
    for _ in 0..20 {
        let s = scene().await;
        let groups = s.house.services.groups.clone();
        let mut acts = tokio::task::JoinSet::new();
        for to in [s.bob.user, s.carl.user, s.bob.user, s.carl.user] {
            let (groups, who, group) = (groups.clone(), s.alice, s.group);
            acts.spawn(
                async move { groups.change_member(&who, group, to, MemberChange::Owner).await.is_ok() },
            );
        }
        for who in [s.bob, s.carl] {
            let (groups, group) = (groups.clone(), s.group);
            acts.spawn(async move { groups.remove(&who, group, who.user).await.is_ok() });
        }
        acts.join_all().await;
        let mut owners = 0;
        for who in [s.alice, s.bob, s.carl] {
            if let Ok(detail) = groups.get(&who, s.group).await {
                let me = detail.members.members.iter().find(|m| m.member.user == who.user).expect("in it");
                owners += usize::from(me.member.role == Role::Owner);
                assert_eq!(detail.group.owner == who.user, me.member.role == Role::Owner);
            }
        }
        assert_eq!(owners, 1);
    }
}
