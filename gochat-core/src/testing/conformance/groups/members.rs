//! Coming, going and changing.

use super::super::fixture::{Fixture, all_at_once, assert_kind, at};
use super::{group_of, roles, version};
use crate::model::{ConversationId, Role, Seq, UserId};
use crate::ports::{AddMembersWrite, ErrorKind, MemberPatch, Result};

async fn add(fx: &Fixture, group: ConversationId, users: &[UserId], max: u32) -> Result<Vec<UserId>> {
    let expect = fx.version(group).await;
    let add = AddMembersWrite { users: users.to_vec(), max, expect, at: at(1) };
    fx.stores.groups.add(group, &add).await
}

async fn remove(fx: &Fixture, group: ConversationId, user: UserId) {
    let expect = version(fx, group).await;
    fx.stores.groups.remove(group, user, expect, at(2)).await.expect("removed");
}

async fn count(fx: &Fixture, group: ConversationId) -> u32 {
    group_of(&fx.conversation(group).await.expect("it exists")).member_count
}

pub(super) async fn new_members_join_at_the_head(fx: Fixture) {
    let [a, b, c, d] = fx.users(["alice", "bob", "carol", "dave"]).await;
    let group = fx.group(b, &[]).await;
    for client in 1..=3 {
        fx.send(group, b, client).await;
    }
    let new = add(&fx, group, &[d, a, c], 100).await.expect("added");
    assert_eq!(new, [a, c, d], "ascending");
    assert_eq!(count(&fx, group).await, 4);
    for user in [a, c, d] {
        let entry = fx.entry(user, group).await.expect("a member");
        assert_eq!((entry.unread(), entry.me.joined_seq), (0, Seq::new(3)));
        assert_eq!((entry.me.role, entry.me.muted_until), (Role::Member, None));
        assert!(fx.listed(user).await.contains(&group));
    }
    fx.send(group, b, 4).await;
    assert_eq!(fx.entry(a, group).await.expect("a member").unread(), 1);
    let fx = fx.reopened().await;
    assert_eq!((count(&fx, group).await, roles(&fx, group).await.len()), (4, 4));
}

pub(super) async fn who_is_in_it_is_left_alone(fx: Fixture) {
    let [a, b, c] = fx.users(["alice", "bob", "carol"]).await;
    let group = fx.group(a, &[b]).await;
    let patch = MemberPatch { role: Some(Role::Admin), muted_until: Some(Some(at(99))) };
    let expect = version(&fx, group).await;
    fx.stores.groups.change_member(group, b, &patch, expect).await.expect("changed");
    fx.send(group, a, 1).await;
    let before = (fx.member(group, a).await, fx.member(group, b).await);
    assert_eq!(add(&fx, group, &[b, c, a], 100).await.expect("added"), [c]);
    assert_eq!((fx.member(group, a).await, fx.member(group, b).await), before);
    assert!(add(&fx, group, &[a, b, c], 100).await.expect("nobody new").is_empty());
    assert!(add(&fx, group, &[], 100).await.expect("nobody at all").is_empty());
    assert_eq!((count(&fx, group).await, roles(&fx, group).await.len()), (3, 3));
}

pub(super) async fn a_full_group_takes_nobody(fx: Fixture) {
    let users = fx.crowd(5).await;
    let group = fx.group(users[0], &users[1..3]).await;
    let before = (fx.conversation(group).await, roles(&fx, group).await);
    assert_kind(add(&fx, group, &users[3..], 4).await, ErrorKind::TooLarge);
    assert_eq!((fx.conversation(group).await, roles(&fx, group).await), before, "all or nobody");
    assert_eq!(fx.listed(users[3]).await, [ConversationId::WORLD]);
    // Who is in it already takes no place twice.
    assert_eq!(add(&fx, group, &users[1..4], 4).await.expect("fits"), [users[3]]);
    assert_kind(add(&fx, group, &users[4..], 4).await, ErrorKind::TooLarge);
    assert_eq!(add(&fx, group, &users[4..], 5).await.expect("fits"), [users[4]]);
    assert_eq!((count(&fx, group).await, roles(&fx, group).await.len()), (5, 5));
}

pub(super) async fn of_many_adds_at_once_no_more_than_fit(fx: Fixture) {
    let users = fx.crowd(21).await;
    let group = fx.group(users[0], &[]).await;
    let tries = std::sync::atomic::AtomicU32::new(0);
    let join = async |user: UserId| loop {
        let tries = tries.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        assert!(tries < 10_000, "the version never holds still");
        match add(&fx, group, &[user], 8).await {
            Ok(new) => {
                assert_eq!(new, [user]);
                return true;
            }
            Err(e) if e.kind() == ErrorKind::Precondition => {}
            Err(e) => {
                assert_eq!(e.kind(), ErrorKind::TooLarge, "{e}");
                return false;
            }
        }
    };
    let answers = all_at_once(users[1..].iter().map(|user| join(*user))).await;
    assert_eq!(answers.iter().filter(|added| **added).count(), 7);
    assert_eq!((count(&fx, group).await, roles(&fx, group).await.len()), (8, 8));
    for (user, added) in users[1..].iter().zip(answers) {
        assert_eq!(fx.member(group, *user).await.is_some(), added);
    }
}

pub(super) async fn a_removed_member_is_a_stranger(fx: Fixture) {
    let [a, b, c] = fx.users(["alice", "bob", "carol"]).await;
    let group = fx.group(a, &[b, c]).await;
    fx.send(group, b, 1).await;
    remove(&fx, group, b).await;
    assert_eq!((fx.member(group, b).await, fx.entry(b, group).await), (None, None));
    assert_eq!(fx.listed(b).await, [ConversationId::WORLD]);
    assert_eq!(roles(&fx, group).await, [(a, Role::Owner), (c, Role::Member)]);
    assert_eq!(count(&fx, group).await, 2);
    assert_kind(fx.stores.conversations.mark_read(b, group, None).await, ErrorKind::NotFound);
    assert_eq!(fx.texts(group).await, ["text 1"], "what they wrote stays");
    let fx = fx.reopened().await;
    assert_eq!(fx.member(group, b).await, None);
    assert_eq!(count(&fx, group).await, 2);
}

pub(super) async fn who_comes_back_begins_anew(fx: Fixture) {
    let [a, b] = fx.users(["alice", "bob"]).await;
    let group = fx.group(a, &[b]).await;
    let patch = MemberPatch { role: Some(Role::Admin), muted_until: Some(Some(at(99))) };
    let expect = version(&fx, group).await;
    fx.stores.groups.change_member(group, b, &patch, expect).await.expect("changed");
    fx.send(group, a, 1).await;
    fx.stores.conversations.hide(b, group).await.expect("hidden");
    remove(&fx, group, b).await;
    fx.send(group, a, 2).await;
    assert_eq!(add(&fx, group, &[b], 10).await.expect("added"), [b]);
    let entry = fx.entry(b, group).await.expect("a member");
    assert_eq!((entry.me.role, entry.me.muted_until), (Role::Member, None));
    assert_eq!((entry.unread(), entry.me.joined_seq), (0, Seq::new(2)));
    assert!(fx.listed(b).await.contains(&group));
}

pub(super) async fn a_member_changes_in_what_is_named(fx: Fixture) {
    let [a, b] = fx.users(["alice", "bob"]).await;
    let group = fx.group(a, &[b]).await;
    let role = |role| MemberPatch { role: Some(role), muted_until: None };
    let muted = |until| MemberPatch { role: None, muted_until: Some(until) };
    for (patch, want) in [
        (MemberPatch::default(), (Role::Member, None)),
        (role(Role::Admin), (Role::Admin, None)),
        (muted(Some(at(99))), (Role::Admin, Some(at(99)))),
        (role(Role::Member), (Role::Member, Some(at(99)))),
        (MemberPatch::default(), (Role::Member, Some(at(99)))),
        (muted(Some(at(50))), (Role::Member, Some(at(50)))),
        (muted(None), (Role::Member, None)),
    ] {
        let expect = version(&fx, group).await;
        let answer = fx.stores.groups.change_member(group, b, &patch, expect).await.expect("changed");
        assert_eq!((answer.user, answer.role, answer.muted_until), (b, want.0, want.1), "{patch:?}");
        assert_eq!(fx.member(group, b).await, Some(answer));
    }
    assert_eq!(fx.member(group, a).await.map(|m| (m.role, m.muted_until)), Some((Role::Owner, None)));
    let expect = version(&fx, group).await;
    let last = fx.stores.groups.change_member(group, b, &muted(Some(at(7))), expect).await.expect("changed");
    let fx = fx.reopened().await;
    assert_eq!(fx.member(group, b).await, Some(last));
}

pub(super) async fn ownership_is_handed_on_in_one_step(fx: Fixture) {
    let [a, b, c] = fx.users(["alice", "bob", "carol"]).await;
    let group = fx.group(a, &[b, c]).await;
    let expect = version(&fx, group).await;
    fx.stores.groups.transfer(group, a, b, expect).await.expect("handed on");
    let want = [(a, Role::Admin), (b, Role::Owner), (c, Role::Member)];
    assert_eq!(roles(&fx, group).await, want);
    assert_eq!(group_of(&fx.conversation(group).await.expect("it exists")).owner, b);
    assert_kind(fx.stores.groups.transfer(group, a, c, expect).await, ErrorKind::Precondition);
    let fx = fx.reopened().await;
    assert_eq!(roles(&fx, group).await, want);
    assert_eq!(group_of(&fx.conversation(group).await.expect("it exists")).owner, b);
}
