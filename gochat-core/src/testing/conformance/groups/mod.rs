//! Cases of [`GroupStore`](crate::ports::GroupStore).

mod changes;
mod members;

use super::fixture::{Fixture, assert_kind, at, limit, nowhere, strange_texts};
use crate::model::{
    Conversation, ConversationId, ConversationKind, Group, MembersVersion, Role, Seq, UserId,
};
use crate::ports::{Appended, ErrorKind, GroupPatch, NewGroup, PageFrom};

use changes::*;
use members::*;

cases! { ($) __conformance_groups, Fixture:
    a_new_group_is_there_for_all,
    groups_outlive_a_restart,
    strange_texts_come_back_unchanged,
    an_update_changes_what_it_names,
    an_update_depends_on_no_version,
    what_is_no_group_is_not_found,
    a_dissolved_group_is_nowhere,
    a_dissolved_group_stays_so_after_a_restart,
    each_change_makes_the_version_grow,
    an_old_version_changes_nothing,
    a_strangers_membership_is_not_found,
    members_are_listed_ascending_in_pages,
    new_members_join_at_the_head,
    who_is_in_it_is_left_alone,
    a_full_group_takes_nobody,
    of_many_adds_at_once_no_more_than_fit,
    a_removed_member_is_a_stranger,
    who_comes_back_begins_anew,
    a_member_changes_in_what_is_named,
    ownership_is_handed_on_in_one_step,
}

pub(super) async fn version(fx: &Fixture, group: ConversationId) -> MembersVersion {
    fx.conversation(group).await.expect("it exists").members_version
}

/// Who is in it, with which rank.
pub(super) async fn roles(fx: &Fixture, group: ConversationId) -> Vec<(UserId, Role)> {
    let members = fx.stores.groups.members(group, None, limit(1_000)).await.expect("answers");
    members.iter().map(|m| (m.user, m.role)).collect()
}

fn group_of(conversation: &Conversation) -> &Group {
    match &conversation.kind {
        ConversationKind::Group(group) => group,
        other => panic!("a group became {other:?}"),
    }
}

async fn a_new_group_is_there_for_all(fx: Fixture) {
    let [a, b, c, d] = fx.users(["alice", "bob", "carol", "dave"]).await;
    let new = NewGroup {
        name: "The Four".into(),
        avatar: "a.png".into(),
        description: "about".into(),
        at: at(5),
        ..fx.new_group(c, &[d, a])
    };
    let made = fx.stores.groups.create(&new).await.expect("stored");
    let group = Group {
        name: "The Four".into(),
        avatar: "a.png".into(),
        description: "about".into(),
        owner: c,
        member_count: 3,
    };
    assert_eq!(made.kind, ConversationKind::Group(group));
    assert_eq!((made.id, made.last_seq, made.created_at), (new.id, Seq::ZERO, at(5)));
    assert_eq!(fx.conversation(new.id).await.as_ref(), Some(&made));
    assert_eq!(roles(&fx, new.id).await, [(a, Role::Member), (c, Role::Owner), (d, Role::Member)]);
    for user in [a, c, d] {
        assert_eq!(fx.listed(user).await, [ConversationId::WORLD, new.id]);
        let entry = fx.entry(user, new.id).await.expect("a member");
        assert_eq!((entry.unread(), entry.me.muted_until, entry.me.joined_seq), (0, None, Seq::ZERO));
    }
    assert_eq!(fx.listed(b).await, [ConversationId::WORLD]);

    let alone = fx.group(b, &[]).await;
    assert_eq!(roles(&fx, alone).await, [(b, Role::Owner)]);
}

async fn groups_outlive_a_restart(fx: Fixture) {
    let [a, b] = fx.users(["alice", "bob"]).await;
    let group = fx.group(a, &[b]).await;
    fx.send(group, b, 1).await;
    let (before, members) = (fx.conversation(group).await, roles(&fx, group).await);
    let fx = fx.reopened().await;
    assert_eq!((fx.conversation(group).await, roles(&fx, group).await), (before, members));
}

async fn strange_texts_come_back_unchanged(fx: Fixture) {
    let a = fx.user("alice").await;
    for text in strange_texts() {
        let text: std::sync::Arc<str> = text.into();
        let new = NewGroup {
            name: text.clone(),
            avatar: text.clone(),
            description: text.clone(),
            ..fx.new_group(a, &[])
        };
        fx.stores.groups.create(&new).await.expect("stored");
        let found = fx.conversation(new.id).await.expect("it exists");
        let group = group_of(&found);
        assert!([&group.name, &group.avatar, &group.description].into_iter().all(|t| *t == text), "{text:?}");
    }
}

async fn an_update_changes_what_it_names(fx: Fixture) {
    let a = fx.user("alice").await;
    let new = NewGroup { avatar: "a".into(), description: "d".into(), ..fx.new_group(a, &[]) };
    let mut want = group_of(&fx.stores.groups.create(&new).await.expect("stored")).clone();
    let name = GroupPatch { name: Some("other".into()), ..GroupPatch::default() };
    let avatar = GroupPatch { avatar: Some("".into()), ..GroupPatch::default() };
    let description = GroupPatch { description: Some("more".into()), ..GroupPatch::default() };
    for patch in [GroupPatch::default(), name, avatar, description] {
        for (field, change) in [
            (&mut want.name, &patch.name),
            (&mut want.avatar, &patch.avatar),
            (&mut want.description, &patch.description),
        ] {
            if let Some(change) = change {
                *field = change.clone();
            }
        }
        let answer = fx.stores.groups.update(new.id, &patch).await.expect("updated");
        assert_eq!(group_of(&answer), &want);
        assert_eq!(fx.conversation(new.id).await, Some(answer));
    }
    let fx = fx.reopened().await;
    assert_eq!(group_of(&fx.conversation(new.id).await.expect("it exists")), &want);
}

async fn an_update_depends_on_no_version(fx: Fixture) {
    let [a, b] = fx.users(["alice", "bob"]).await;
    let group = fx.group(a, &[b]).await;
    fx.stores.groups.remove(group, b, version(&fx, group).await, at(1)).await.expect("removed");
    let patch = GroupPatch { name: Some("other".into()), ..GroupPatch::default() };
    let updated = fx.stores.groups.update(group, &patch).await.expect("updated");
    assert_eq!((&*group_of(&updated).name, group_of(&updated).member_count), ("other", 1));
}

async fn what_is_no_group_is_not_found(fx: Fixture) {
    let [a, b] = fx.users(["alice", "bob"]).await;
    for id in [nowhere(), fx.single(a, b).await, ConversationId::WORLD] {
        let version = fx.conversation(id).await.map(|c| c.members_version).unwrap_or_default();
        let patch = GroupPatch { name: Some("x".into()), ..GroupPatch::default() };
        assert_kind(fx.stores.groups.update(id, &patch).await, ErrorKind::NotFound);
        refuses_all(&fx, id, [a, b], version, ErrorKind::NotFound).await;
    }
    assert!(fx.stores.groups.members(nowhere(), None, limit(10)).await.expect("answers").is_empty());
}

async fn a_dissolved_group_is_nowhere(fx: Fixture) {
    let [a, b] = fx.users(["alice", "bob"]).await;
    let group = fx.group(a, &[b]).await;
    let message = fx.send(group, a, 1).await;
    let late = fx.text(group, a, 2, 2).await;
    let version = version(&fx, group).await;
    fx.stores.groups.dissolve(group, version, at(2)).await.expect("dissolved");

    assert_eq!(fx.conversation(group).await, None);
    assert_eq!(
        (fx.listed(a).await, fx.listed(b).await),
        (vec![ConversationId::WORLD], vec![ConversationId::WORLD])
    );
    assert_eq!((fx.entry(a, group).await, fx.member(group, a).await), (None, None));
    assert!(roles(&fx, group).await.is_empty());
    assert!(fx.stores.directory.member_ids(group, None, limit(10)).await.expect("answers").is_empty());
    assert_eq!(fx.stores.directory.small_groups(&[b], 10).await.expect("answers"), [vec![]]);
    let fresh = crate::ports::Freshness::Fresh;
    assert!(fx.stores.directory.access(&[(group, a)], 10, fresh).await.expect("answers")[0].is_none());
    assert_eq!(fx.stores.messages.heads(&[group]).await.expect("answers"), [None]);
    let page = fx.stores.messages.page(group, PageFrom::After(Seq::ZERO), limit(10)).await;
    assert!(page.expect("answers").is_empty());
    assert_eq!(fx.stores.messages.by_ids(&[message.id]).await.expect("answers"), [None]);
    assert_kind(fx.stores.messages.recall(message.id, a, at(3)).await, ErrorKind::NotFound);
    assert_eq!(fx.append(&[late]).await, [Appended::MembersChanged]);
    for user in [a, b] {
        assert_kind(fx.stores.conversations.mark_read(user, group, None).await, ErrorKind::NotFound);
        assert_kind(fx.stores.conversations.hide(user, group).await, ErrorKind::NotFound);
    }
    assert_kind(fx.stores.groups.update(group, &GroupPatch::default()).await, ErrorKind::NotFound);
    refuses_all(&fx, group, [a, b], version, ErrorKind::NotFound).await;
}

async fn a_dissolved_group_stays_so_after_a_restart(fx: Fixture) {
    let a = fx.user("alice").await;
    let group = fx.group(a, &[]).await;
    let late = fx.text(group, a, 1, 1).await;
    fx.stores.groups.dissolve(group, version(&fx, group).await, at(2)).await.expect("dissolved");
    let fx = fx.reopened().await;
    assert_eq!((fx.conversation(group).await, fx.listed(a).await), (None, vec![ConversationId::WORLD]));
    assert_eq!(fx.append(&[late]).await, [Appended::MembersChanged]);
}
