//! Leaving, removing, ranks and mutes.

use std::time::Duration;

use gochat_core::error::Fault;
use gochat_core::model::*;
use gochat_core::service::MemberChange;

use crate::house::{House, code, faults, four, role};

fn mute(until: Option<Timestamp>) -> MemberChange {
    MemberChange::Rights { role: None, muted_until: Some(until) }
}

#[tokio::test]
async fn leaving_and_removing() {
    let house = House::new();
    let [alice, bob, carl, dora] = four(&house).await;
    let group = house.group(&alice, &[&bob, &carl, &dora]).await;
    let groups = &house.services.groups;
    groups.change_member(&alice, group, bob.user, role(Role::Admin)).await.expect("an admin");
    house.forget();
    assert_eq!(code(groups.remove(&carl, group, dora.user).await), "FORBIDDEN");
    assert_eq!(code(groups.remove(&bob, group, alice.user).await), "FORBIDDEN");
    groups.remove(&bob, group, carl.user).await.expect("of lower rank");
    assert_eq!(house.heard(), ["alice bob carl dora: carl Removed as out by bob"]);
    assert_eq!(code(groups.remove(&bob, group, carl.user).await), "NOT_A_MEMBER");
    assert_eq!(code(groups.get(&carl, group).await), "GROUP_NOT_FOUND");
    assert_eq!(house.services.conversations.list(&carl).await.expect("list").len(), 1);
    groups.remove(&dora, group, dora.user).await.expect("leaves");
    assert_eq!(house.heard(), ["alice bob dora: dora Left as out by dora"]);
    assert_eq!(code(groups.remove(&alice, group, alice.user).await), "CONFLICT");
    groups.remove(&bob, group, bob.user).await.expect("leaves");
    house.forget();
    groups.remove(&alice, group, alice.user).await.expect("the last one out");
    assert_eq!(house.heard(), ["alice: alice Dissolved as out by alice"]);
    assert_eq!(code(groups.get(&alice, group).await), "GROUP_NOT_FOUND");
}

#[tokio::test]
async fn a_dissolved_group_is_gone_for_all() {
    let house = House::with(|s| s.direct_fanout_max = 2);
    let [alice, bob, carl, _] = four(&house).await;
    let group = house.group(&alice, &[&bob, &carl]).await;
    let message = house.say(&bob, group, "hi").await;
    let groups = &house.services.groups;
    assert_eq!(code(groups.dissolve(&bob, group).await), "FORBIDDEN");
    groups.dissolve(&alice, group).await.expect("the owner may");
    assert_eq!(
        house.heard(),
        ["alice bob: alice Dissolved as out by alice", "carl: alice Dissolved as out by alice"],
        "all by name, in pieces: afterwards nobody could say who they were"
    );
    for who in [&alice, &bob, &carl] {
        assert_eq!(code(groups.get(who, group).await), "GROUP_NOT_FOUND");
        assert_eq!(code(house.services.messages.get(who, message.id).await), "MESSAGE_NOT_FOUND");
    }
    assert_eq!(code(groups.dissolve(&alice, group).await), "GROUP_NOT_FOUND");
}

#[tokio::test]
async fn roles_and_mutes() {
    let house = House::new();
    let [alice, bob, carl, dora] = four(&house).await;
    let group = house.group(&alice, &[&bob, &carl]).await;
    let groups = &house.services.groups;
    let later = house.ports.clock.now().after(Duration::from_secs(60));

    let view = groups.change_member(&alice, group, bob.user, role(Role::Admin)).await.expect("the owner may");
    assert_eq!((view.member.role, view.user.map(|u| u.id)), (Role::Admin, Some(bob.user)));
    assert_eq!(house.heard(), ["alice bob carl: bob RoleChanged as admin by alice"]);
    groups.change_member(&alice, group, bob.user, role(Role::Admin)).await.expect("is one already");
    assert_eq!(house.heard(), [""; 0]);

    let view = groups.change_member(&bob, group, carl.user, mute(Some(later))).await.expect("of lower rank");
    assert_eq!(view.member.muted_until, Some(later));
    groups.change_member(&bob, group, carl.user, mute(None)).await.expect("of lower rank");
    assert_eq!(
        house.heard(),
        ["alice bob carl: carl Muted as member by bob", "alice bob carl: carl Unmuted as member by bob"]
    );
    let both = MemberChange::Rights { role: Some(Role::Member), muted_until: Some(Some(later)) };
    groups.change_member(&alice, group, bob.user, both).await.expect("both at once");
    assert_eq!(
        house.heard(),
        [
            "alice bob carl: bob RoleChanged as member by alice",
            "alice bob carl: bob Muted as member by alice"
        ]
    );

    for (who, whom, change, want) in [
        (&bob, &carl, role(Role::Admin), "FORBIDDEN"),
        (&carl, &bob, mute(None), "FORBIDDEN"),
        (&carl, &alice, mute(Some(later)), "FORBIDDEN"),
        (&alice, &alice, role(Role::Member), "FORBIDDEN"),
        (&alice, &alice, mute(Some(later)), "FORBIDDEN"),
        (&bob, &carl, MemberChange::Owner, "FORBIDDEN"),
        (&alice, &dora, role(Role::Admin), "NOT_A_MEMBER"),
        (&alice, &dora, mute(None), "NOT_A_MEMBER"),
        (&alice, &dora, MemberChange::Owner, "NOT_A_MEMBER"),
    ] {
        assert_eq!(code(groups.change_member(who, group, whom.user, change).await), want, "{change:?}");
    }
    let owner = groups.change_member(&alice, group, bob.user, role(Role::Owner)).await;
    assert_eq!(faults(owner), [("role", Fault::Unknown)]);
    assert_eq!(house.heard(), [""; 0]);
}

#[tokio::test]
async fn handing_over_makes_an_owner_who_can_speak_and_an_admin_who_can_leave() {
    let house = House::new();
    let [alice, bob, carl, _] = four(&house).await;
    let group = house.group(&alice, &[&bob, &carl]).await;
    let groups = &house.services.groups;
    let later = house.ports.clock.now().after(Duration::from_secs(60));
    groups.change_member(&alice, group, bob.user, mute(Some(later))).await.expect("muted");
    house.forget();
    let view = groups.change_member(&alice, group, bob.user, MemberChange::Owner).await.expect("handed over");
    assert_eq!((view.member.role, view.member.muted_until), (Role::Owner, None));
    assert_eq!(
        house.heard(),
        [
            "alice bob carl: bob Unmuted as member by alice",
            "alice bob carl: alice RoleChanged as admin by alice",
            "alice bob carl: bob RoleChanged as owner by alice"
        ]
    );
    let detail = groups.get(&bob, group).await.expect("theirs");
    assert_eq!(detail.group.owner, bob.user);
    groups.change_member(&bob, group, bob.user, MemberChange::Owner).await.expect("is it already");
    assert_eq!(house.heard(), [""; 0]);
    groups.remove(&alice, group, alice.user).await.expect("leaves");
}

#[tokio::test]
async fn large_groups_are_told_as_members_and_the_one_who_left_by_name() {
    let house = House::with(|s| s.direct_fanout_max = 2);
    let [alice, bob, carl, dora] = four(&house).await;
    let group = house.group(&alice, &[&bob, &carl]).await;
    let groups = &house.services.groups;
    groups.add(&alice, group, &[dora.user]).await.expect("added");
    assert_eq!(
        house.heard(),
        ["dora: new conversation of dora, 0 unread", "members: dora Joined as member by alice"]
    );
    groups.remove(&alice, group, dora.user).await.expect("removed");
    assert_eq!(
        house.heard(),
        ["members: dora Removed as out by alice", "dora: dora Removed as out by alice"]
    );
    assert_eq!(code(groups.remove(&alice, group, alice.user).await), "CONFLICT", "there are others");
    groups.remove(&bob, group, bob.user).await.expect("leaves");
    groups.get(&carl, group).await.expect("goes on");
}
