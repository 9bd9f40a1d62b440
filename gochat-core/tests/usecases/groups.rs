//! Groups and the rights in them.

use gochat_core::error::Fault;
use gochat_core::model::*;
use gochat_core::service::{GroupChange, GroupCreation, MemberChange, MemberQuery};
use gochat_core::settings::AddMembers;

use crate::house::{House, code, faults, four, gateway, role};

#[tokio::test]
async fn a_new_group_appears_at_all_its_members() {
    let house = House::new();
    let [alice, bob, carl, _] = four(&house).await;
    house.forget();
    let new = GroupCreation {
        name: "  Team  ".to_owned(),
        members: vec![carl.user, bob.user, alice.user, bob.user],
        avatar: "/t.png".to_owned(),
        description: "All of us".to_owned(),
    };
    let made = house.services.groups.create(&alice, new).await.expect("made");
    assert_eq!(
        (&*made.group.name, &*made.group.avatar, &*made.group.description),
        ("Team", "/t.png", "All of us")
    );
    assert_eq!((made.group.owner, made.group.member_count, made.conversation.new), (alice.user, 3, true));
    let ranks: Vec<_> = made.members.members.iter().map(|m| (m.member.user, m.member.role)).collect();
    assert_eq!(ranks, [(alice.user, Role::Owner), (bob.user, Role::Member), (carl.user, Role::Member)]);
    let mut heard = house.heard();
    heard.sort();
    assert_eq!(
        heard,
        [
            "alice: new conversation of alice, 0 unread",
            "bob: new conversation of bob, 0 unread",
            "carl: new conversation of carl, 0 unread"
        ]
    );
    let id = made.conversation.entry.conversation.id;
    assert_eq!(house.services.conversations.get(&bob, id).await.expect("theirs").entry.unread(), 0);
}

#[tokio::test]
async fn what_cannot_be_a_group() {
    let house = House::with(|s| s.group_members_max = 3);
    let [alice, bob, carl, dora] = four(&house).await;
    let guest = house.guest("gast").await;
    let groups = &house.services.groups;
    let new = |name: &str, members: &[UserId]| GroupCreation {
        name: name.to_owned(),
        members: members.to_vec(),
        ..GroupCreation::default()
    };
    let mut bad = new(" ", &[bob.user, carl.user, dora.user]);
    bad.avatar = "a\nb".to_owned();
    bad.description = "x".repeat(501);
    assert_eq!(
        faults(groups.create(&alice, bad).await),
        [
            ("groupName", Fault::Missing),
            ("avatar", Fault::Malformed),
            ("description", Fault::TooLong { max: 500 }),
            ("members", Fault::TooLong { max: 3 })
        ]
    );
    let [x, y] = [77, 78].map(|n| UserId::new(n).expect("an id"));
    match groups.create(&alice, new("Team", &[y, x])).await {
        Err(gochat_core::Error::UserNotFound(missing)) => assert_eq!(missing, [x, y]),
        other => panic!("{other:?}"),
    }
    assert_eq!(code(groups.create(&alice, new("Team", &[guest.user])).await), "GUEST_FORBIDDEN");
    assert_eq!(code(groups.create(&guest, new("Team", &[alice.user])).await), "GUEST_FORBIDDEN");
    assert_eq!(house.services.conversations.list(&alice).await.expect("list").len(), 1, "nothing was made");
    groups.create(&alice, new("Alone", &[])).await.expect("one is enough");
}

#[tokio::test]
async fn strangers_get_the_same_answer_from_every_call() {
    let house = House::new();
    let [alice, bob, carl, eve] = four(&house).await;
    let group = house.group(&alice, &[&bob]).await;
    let single = house.services.conversations.open_single(&eve, carl.user).await.expect("opened").0;
    house.forget();
    let groups = &house.services.groups;
    for id in
        [group, ConversationId::new(77).expect("an id"), ConversationId::WORLD, single.entry.conversation.id]
    {
        assert_eq!(code(groups.get(&eve, id).await), "GROUP_NOT_FOUND");
        assert_eq!(code(groups.members(&eve, id, after(None, None)).await), "GROUP_NOT_FOUND");
        assert_eq!(code(groups.update(&eve, id, GroupChange::default()).await), "GROUP_NOT_FOUND");
        assert_eq!(code(groups.dissolve(&eve, id).await), "GROUP_NOT_FOUND");
        assert_eq!(code(groups.add(&eve, id, &[carl.user]).await), "GROUP_NOT_FOUND");
        assert_eq!(code(groups.remove(&eve, id, bob.user).await), "GROUP_NOT_FOUND");
        assert_eq!(code(groups.remove(&eve, id, eve.user).await), "GROUP_NOT_FOUND");
        assert_eq!(
            code(groups.change_member(&eve, id, bob.user, role(Role::Admin)).await),
            "GROUP_NOT_FOUND"
        );
        assert_eq!(
            code(groups.change_member(&eve, id, bob.user, MemberChange::Owner).await),
            "GROUP_NOT_FOUND"
        );
    }
    assert_eq!(house.heard(), [""; 0]);
}

#[tokio::test]
async fn members_come_in_pages() {
    let house = House::new();
    let [alice, bob, carl, _] = four(&house).await;
    let group = house.group(&alice, &[&bob, &carl]).await;
    house.services.presences.opened(&carl, SessionId::new(50).expect("an id"), &gateway()).await.expect("up");
    let groups = &house.services.groups;
    let first = groups.members(&bob, group, after(None, Some(2))).await.expect("a member may");
    let ids = |page: &gochat_core::service::MemberPage| {
        page.members.iter().map(|m| (m.member.user, m.online)).collect::<Vec<_>>()
    };
    assert_eq!((ids(&first), first.has_more), (vec![(alice.user, false), (bob.user, false)], true));
    let rest = groups.members(&bob, group, after(Some(bob.user), Some(2))).await.expect("a member may");
    assert_eq!((ids(&rest), rest.has_more), (vec![(carl.user, true)], false));
    assert_eq!(rest.members[0].user.as_ref().map(|u| u.name.as_str()), Some("carl"));
    let wrong = groups.members(&bob, group, after(None, Some(0))).await;
    assert_eq!(faults(wrong), [("limit", Fault::Malformed)]);
}

fn after(user: Option<UserId>, limit: Option<u32>) -> MemberQuery {
    MemberQuery::After { user, limit }
}

#[tokio::test]
async fn members_come_in_numbered_pages() {
    let house = House::new();
    let [alice, bob, carl, eve] = four(&house).await;
    let mut all = vec![alice.user, bob.user, carl.user];
    let mut more = Vec::new();
    for i in 0..4 {
        more.push(house.user(&format!("more-{i}")).await);
    }
    all.extend(more.iter().map(|user| user.user));
    all.sort_unstable();
    let others: Vec<_> = [&bob, &carl].into_iter().chain(&more).collect();
    let group = house.group(&alice, &others).await;
    let groups = &house.services.groups;
    for size in 1..=8 {
        let mut got = Vec::new();
        for page in 1.. {
            let found = groups.members(&bob, group, MemberQuery::Page { page, size: Some(size) }).await;
            let found = found.expect("a member may");
            assert_eq!((found.size, found.total), (size, 7));
            assert!(found.members.len() <= size as usize);
            got.extend(found.members.iter().map(|m| m.member.user));
            assert_eq!(found.has_more, got.len() < 7, "page {page} of {size}");
            if !found.has_more {
                break;
            }
        }
        assert_eq!(got, all, "pages of {size}");
    }
    for page in [8, u32::MAX] {
        let past = groups.members(&bob, group, MemberQuery::Page { page, size: Some(1) }).await;
        let past = past.expect("a member may");
        assert_eq!((past.members.len(), past.has_more, past.total), (0, false, 7));
    }
    let page = |page, size| MemberQuery::Page { page, size };
    assert_eq!(faults(groups.members(&bob, group, page(0, None)).await), [("page", Fault::Malformed)]);
    assert_eq!(faults(groups.members(&bob, group, page(1, Some(0))).await), [("size", Fault::Malformed)]);
    assert_eq!(code(groups.members(&eve, group, page(1, None)).await), "GROUP_NOT_FOUND");
}

#[tokio::test]
async fn owner_and_admins_rename_and_all_members_see_it() {
    let house = House::new();
    let [alice, bob, carl, _] = four(&house).await;
    let group = house.group(&alice, &[&bob, &carl]).await;
    let groups = &house.services.groups;
    groups.change_member(&alice, group, bob.user, role(Role::Admin)).await.expect("an admin");
    house.say(&alice, group, "hi").await;
    let change = GroupChange { name: Some("New".to_owned()), ..GroupChange::default() };
    assert_eq!(code(groups.update(&carl, group, change.clone()).await), "FORBIDDEN");
    let detail = groups.update(&bob, group, change).await.expect("admins may");
    assert_eq!(&*detail.group.name, "New");
    let mut heard = house.heard();
    heard.sort();
    assert_eq!(
        heard,
        [
            "alice: changed conversation of alice, 0 unread",
            "bob: changed conversation of bob, 1 unread",
            "carl: changed conversation of carl, 1 unread"
        ],
        "each gets their own absolute values"
    );
    let bad = GroupChange { name: Some("x".repeat(51)), avatar: Some("\0".to_owned()), description: None };
    assert_eq!(
        faults(groups.update(&bob, group, bad).await),
        [("groupName", Fault::TooLong { max: 50 }), ("avatar", Fault::Malformed)]
    );
    groups.update(&bob, group, GroupChange::default()).await.expect("nothing to do");
    assert_eq!(house.heard(), [""; 0]);
}

#[tokio::test]
async fn added_members_get_the_group_and_all_hear_of_it() {
    let house = House::new();
    let [alice, bob, carl, dora] = four(&house).await;
    let group = house.group(&alice, &[&bob]).await;
    house.say(&alice, group, "early").await;
    let groups = &house.services.groups;
    let detail = groups.add(&bob, group, &[carl.user, bob.user, alice.user, dora.user, carl.user]).await;
    assert_eq!(detail.expect("members may").group.member_count, 4);
    assert_eq!(
        house.heard(),
        [
            "carl: new conversation of carl, 0 unread",
            "dora: new conversation of dora, 0 unread",
            "alice bob carl dora: carl Joined as member by bob",
            "alice bob carl dora: dora Joined as member by bob"
        ]
    );
    groups.add(&bob, group, &[carl.user]).await.expect("in it already");
    groups.add(&bob, group, &[]).await.expect("nobody");
    assert_eq!(house.heard(), [""; 0]);
    house.say(&alice, group, "late").await;
    let view = house.services.conversations.get(&carl, group).await.expect("theirs");
    assert_eq!(view.entry.unread(), 1, "counts from the joining");
}

#[tokio::test]
async fn who_cannot_be_added() {
    let house = House::with(|s| (s.group_members_max, s.add_members) = (3, AddMembers::Admin));
    let [alice, bob, carl, dora] = four(&house).await;
    let guest = house.guest("gast").await;
    let group = house.group(&alice, &[&bob]).await;
    let groups = &house.services.groups;
    let nobody = UserId::new(77).expect("an id");
    assert_eq!(code(groups.add(&bob, group, &[carl.user]).await), "FORBIDDEN");
    assert_eq!(code(groups.add(&alice, group, &[carl.user, nobody]).await), "USER_NOT_FOUND");
    assert_eq!(code(groups.add(&alice, group, &[carl.user, guest.user]).await), "GUEST_FORBIDDEN");
    let many = groups.add(&alice, group, &[carl.user, dora.user]).await;
    assert_eq!(faults(many), [("members", Fault::TooLong { max: 3 })]);
    assert_eq!(groups.get(&alice, group).await.expect("mine").group.member_count, 2, "nobody was added");
    assert_eq!(house.heard(), [""; 0]);
}

#[tokio::test]
async fn a_crowd_that_is_added_does_not_overrun_the_queues_of_members() {
    let house = House::new();
    let alice = house.user("alice").await;
    let group = house.group(&alice, &[]).await;
    let mut crowd = Vec::new();
    for i in 0..150 {
        crowd.push(house.user(&format!("user{i}")).await.user);
    }
    house.forget();
    house.services.groups.add(&alice, group, &crowd).await.expect("added");
    let heard = house.heard();
    assert_eq!(heard.iter().filter(|h| h.contains("new conversation")).count(), 150);
    assert_eq!(heard.iter().filter(|h| h.contains("Joined")).count(), 100);
}
