//! Versions: what grows them, and what an old one is refused.

use super::super::fixture::{Fixture, assert_kind, at, limit, nobody};
use super::{roles, version};
use crate::model::{ConversationId, MembersVersion, Role, UserId};
use crate::ports::{AddMembersWrite, ErrorKind, MemberPatch, Result};

/// Every change that depends on the members' version, tried.
async fn all_changes(
    fx: &Fixture,
    group: ConversationId,
    [a, b]: [UserId; 2],
    expect: MembersVersion,
) -> Vec<(&'static str, Result<()>)> {
    let groups = &fx.stores.groups;
    let new = fx.user(&format!("new-{}", fx.id())).await;
    let add = AddMembersWrite { users: vec![new], max: 100, expect, at: at(9) };
    let nothing_new = AddMembersWrite { users: vec![b], ..add.clone() };
    let patch = MemberPatch { role: Some(Role::Admin), muted_until: Some(Some(at(99))) };
    vec![
        ("add", groups.add(group, &add).await.map(drop)),
        ("add nobody new", groups.add(group, &nothing_new).await.map(drop)),
        ("change_member", groups.change_member(group, b, &patch, expect).await.map(drop)),
        ("transfer", groups.transfer(group, a, b, expect).await),
        ("remove", groups.remove(group, b, expect, at(9)).await),
        ("dissolve", groups.dissolve(group, expect, at(9)).await),
    ]
}

pub(super) async fn refuses_all(
    fx: &Fixture,
    group: ConversationId,
    users: [UserId; 2],
    expect: MembersVersion,
    kind: ErrorKind,
) {
    for (change, result) in all_changes(fx, group, users, expect).await {
        let error = result.expect_err(change);
        assert_eq!(error.kind(), kind, "{change}");
    }
}

pub(super) async fn each_change_makes_the_version_grow(fx: Fixture) {
    let [a, b, c, d] = fx.users(["alice", "bob", "carol", "dave"]).await;
    let group = fx.group(a, &[b]).await;
    let groups = &fx.stores.groups;
    let mut before = version(&fx, group).await;
    let role = MemberPatch { role: Some(Role::Admin), muted_until: None };
    let mute = MemberPatch { role: None, muted_until: Some(Some(at(99))) };
    let unmute = MemberPatch { role: None, muted_until: Some(None) };
    for step in 0..6 {
        match step {
            0 => {
                let add = AddMembersWrite { users: vec![c, d], max: 9, expect: before, at: at(1) };
                groups.add(group, &add).await.map(drop)
            }
            1 => groups.change_member(group, b, &role, before).await.map(drop),
            2 => groups.change_member(group, c, &mute, before).await.map(drop),
            3 => groups.change_member(group, c, &unmute, before).await.map(drop),
            4 => groups.transfer(group, a, b, before).await,
            _ => groups.remove(group, d, before, at(2)).await,
        }
        .expect("changed");
        let after = version(&fx, group).await;
        assert!(after > before, "step {step} left the version at {before:?}");
        assert_eq!(fx.version(group).await, after, "the directory has another version");
        before = after;
    }
    // A message is no change of members.
    fx.send(group, a, 1).await;
    assert_eq!(version(&fx, group).await, before);
    let fx = fx.reopened().await;
    assert_eq!(version(&fx, group).await, before);
}

pub(super) async fn an_old_version_changes_nothing(fx: Fixture) {
    let [a, b, c] = fx.users(["alice", "bob", "carol"]).await;
    let group = fx.group(a, &[b, c]).await;
    let old = version(&fx, group).await;
    fx.stores.groups.remove(group, c, old, at(1)).await.expect("removed");
    let before = (fx.conversation(group).await, roles(&fx, group).await, fx.member(group, b).await);
    refuses_all(&fx, group, [a, b], old, ErrorKind::Precondition).await;
    // Nor one that has not been yet.
    let ahead = MembersVersion::new(version(&fx, group).await.get() + 1);
    refuses_all(&fx, group, [a, b], ahead, ErrorKind::Precondition).await;
    let after = (fx.conversation(group).await, roles(&fx, group).await, fx.member(group, b).await);
    assert_eq!(after, before);
}

pub(super) async fn a_strangers_membership_is_not_found(fx: Fixture) {
    let [a, c] = fx.users(["alice", "carol"]).await;
    let group = fx.group(a, &[]).await;
    let before = (fx.conversation(group).await, roles(&fx, group).await);
    let expect = version(&fx, group).await;
    let groups = &fx.stores.groups;
    let patch = MemberPatch { role: Some(Role::Admin), muted_until: None };
    for stranger in [c, nobody()] {
        assert_kind(groups.remove(group, stranger, expect, at(1)).await, ErrorKind::NotFound);
        assert_kind(groups.change_member(group, stranger, &patch, expect).await, ErrorKind::NotFound);
        assert_kind(groups.transfer(group, a, stranger, expect).await, ErrorKind::NotFound);
        assert_kind(groups.transfer(group, stranger, a, expect).await, ErrorKind::NotFound);
    }
    assert_eq!((fx.conversation(group).await, roles(&fx, group).await), before, "half a change was made");
}

pub(super) async fn members_are_listed_ascending_in_pages(fx: Fixture) {
    let users = fx.crowd(9).await;
    let shuffled = [4, 0, 8, 2, 6, 1, 7, 3].map(|i: usize| users[i]);
    let group = fx.group(users[5], &shuffled).await;
    let groups = &fx.stores.groups;
    for n in [1, 4, 9, 100] {
        let mut all = Vec::new();
        loop {
            let page = groups.members(group, all.last().copied(), limit(n)).await.expect("answers");
            assert!(page.len() <= n as usize);
            if page.is_empty() {
                break;
            }
            all.extend(page.iter().map(|m| m.user));
            assert!(all.len() <= users.len(), "pages overlap: {all:?}");
        }
        assert_eq!(all, users, "in pages of {n}");
    }
    // The cursor need not be a member.
    let between = UserId::new(users[3].get()).expect("in range");
    groups.remove(group, between, version(&fx, group).await, at(1)).await.expect("removed");
    let page = groups.members(group, Some(between), limit(2)).await.expect("answers");
    assert_eq!(page.iter().map(|m| m.user).collect::<Vec<_>>(), users[4..6]);
}
