//! Cases of [`Directory`](crate::ports::Directory).

use super::fixture::{Fixture, at, limit, nobody, nowhere};
use crate::model::{Access, AccessKind, ConversationId, Membership, Role, Seq, UserId};
use crate::ports::{AddMembersWrite, Freshness, MemberPatch};

cases! { ($) __conformance_directory, Fixture:
    access_tells_kind_and_standing_by_position,
    members_are_named_up_to_the_limit,
    the_worlds_members_are_never_named,
    fresh_access_knows_every_change,
    fresh_access_replaces_what_was_cached,
    the_version_is_the_stores,
    member_ids_come_ascending_in_pages,
    members_are_never_from_a_cache,
    small_groups_are_those_of_each_user,
}

const WORLD: ConversationId = ConversationId::WORLD;

async fn access(
    fx: &Fixture,
    id: ConversationId,
    user: UserId,
    max: u32,
    freshness: Freshness,
) -> Option<Access> {
    fx.stores.directory.access(&[(id, user)], max, freshness).await.expect("answers").remove(0)
}

/// All members, if they were named.
fn named(access: Option<&Access>) -> Option<Vec<UserId>> {
    let mut users = access.expect("it exists").members.as_ref()?.to_vec();
    users.sort_unstable();
    Some(users)
}

async fn access_tells_kind_and_standing_by_position(fx: Fixture) {
    let [a, b, c] = fx.users(["alice", "bob", "carol"]).await;
    let (single, group) = (fx.single(a, b).await, fx.group(a, &[b]).await);
    let asked = [
        (group, b),
        (nowhere(), a),
        (single, c),
        (WORLD, c),
        (group, a),
        (WORLD, nobody()),
        (group, b),
        (single, b),
    ];
    for freshness in [Freshness::Fresh, Freshness::Cached] {
        let found = fx.stores.directory.access(&asked, 10, freshness).await.expect("answers");
        let told: Vec<_> =
            found.iter().map(|a| a.as_ref().map(|a| (a.kind, a.member.map(|m| m.role)))).collect();
        let want = [
            Some((AccessKind::Group, Some(Role::Member))),
            None,
            Some((AccessKind::Single, None)),
            Some((AccessKind::World, Some(Role::Member))),
            Some((AccessKind::Group, Some(Role::Owner))),
            Some((AccessKind::World, None)),
            Some((AccessKind::Group, Some(Role::Member))),
            Some((AccessKind::Single, Some(Role::Member))),
        ];
        assert_eq!(told, want);
        assert_eq!(named(found[2].as_ref()), Some(vec![a, b]), "for a stranger too");
    }
    assert!(fx.stores.directory.access(&[], 10, Freshness::Cached).await.expect("answers").is_empty());
}

async fn members_are_named_up_to_the_limit(fx: Fixture) {
    let users = fx.crowd(4).await;
    let group = fx.group(users[2], &[users[3], users[0], users[1]]).await;
    for freshness in [Freshness::Fresh, Freshness::Cached] {
        for max in [0, 1, 3, 4, 5, 1_000] {
            let found = access(&fx, group, users[0], max, freshness).await;
            let want = (max >= 4).then(|| users.clone());
            assert_eq!(named(found.as_ref()), want, "{max} {freshness:?}");
        }
    }
}

async fn the_worlds_members_are_never_named(fx: Fixture) {
    let a = fx.user("alice").await;
    for user in [a, nobody()] {
        assert_eq!(named(access(&fx, WORLD, user, 1_000, Freshness::Fresh).await.as_ref()), None);
    }
}

async fn fresh_access_knows_every_change(fx: Fixture) {
    let [a, b, c] = fx.users(["alice", "bob", "carol"]).await;
    let group = fx.group(a, &[b]).await;
    let groups = &fx.stores.groups;
    // Filled before each change, so that a cache has something old.
    let mut version = access(&fx, group, b, 10, Freshness::Cached).await.expect("it exists").version;
    assert_eq!(access(&fx, group, c, 10, Freshness::Cached).await.and_then(|a| a.member), None);

    let add = AddMembersWrite { users: vec![c], max: 10, expect: version, at: at(1) };
    groups.add(group, &add).await.expect("added");
    let found = access(&fx, group, c, 10, Freshness::Fresh).await.expect("it exists");
    assert!(found.member.is_some() && found.version > version);
    assert_eq!(named(Some(&found)), Some(vec![a, b, c]));

    let patch = MemberPatch { role: Some(Role::Admin), muted_until: Some(Some(at(50))) };
    groups.change_member(group, b, &patch, found.version).await.expect("changed");
    let found = access(&fx, group, b, 10, Freshness::Fresh).await.expect("it exists");
    assert_eq!(found.member, Some(Membership { role: Role::Admin, muted_until: Some(at(50)) }));
    version = found.version;

    groups.remove(group, b, version, at(2)).await.expect("removed");
    let found = access(&fx, group, b, 10, Freshness::Fresh).await.expect("it exists");
    assert_eq!((found.member, named(Some(&found))), (None, Some(vec![a, c])));

    groups.dissolve(group, found.version, at(3)).await.expect("dissolved");
    assert!(access(&fx, group, a, 10, Freshness::Fresh).await.is_none());

    // What was asked for before it existed.
    let id = fx.conversation_id();
    assert!(access(&fx, id, a, 10, Freshness::Cached).await.is_none());
    let new = crate::ports::NewGroup { id, ..fx.new_group(a, &[b]) };
    groups.create(&new).await.expect("stored");
    assert!(access(&fx, id, b, 10, Freshness::Fresh).await.is_some_and(|a| a.member.is_some()));
}

async fn fresh_access_replaces_what_was_cached(fx: Fixture) {
    let [a, b] = fx.users(["alice", "bob"]).await;
    let group = fx.group(a, &[b]).await;
    access(&fx, group, b, 10, Freshness::Cached).await;
    let expect = fx.conversation(group).await.expect("it exists").members_version;
    fx.stores.groups.remove(group, b, expect, at(1)).await.expect("removed");
    let fresh = access(&fx, group, b, 10, Freshness::Fresh).await.expect("it exists");
    let cached = access(&fx, group, b, 10, Freshness::Cached).await.expect("it exists");
    assert_eq!((cached.member, cached.version), (None, fresh.version));
    assert_eq!(named(Some(&cached)), Some(vec![a]));
}

async fn the_version_is_the_stores(fx: Fixture) {
    let [a, b] = fx.users(["alice", "bob"]).await;
    for id in [fx.single(a, b).await, fx.group(a, &[b]).await, WORLD] {
        let stored = fx.conversation(id).await.expect("it exists").members_version;
        let found = access(&fx, id, a, 10, Freshness::Fresh).await.expect("it exists");
        assert_eq!(found.version, stored);
        // A store that counts every newcomer in the world's version would refuse most of what is sent there.
        fx.user(&format!("user-{id}")).await;
        assert_eq!(access(&fx, id, a, 10, Freshness::Fresh).await.expect("it exists").version, stored);
    }
}

async fn member_ids_come_ascending_in_pages(fx: Fixture) {
    let users = fx.crowd(7).await;
    let group = fx.group(users[6], &[3, 0, 5, 1, 4, 2].map(|i: usize| users[i])).await;
    for n in [1, 3, 7, 8] {
        let mut all: Vec<UserId> = Vec::new();
        loop {
            let after = all.last().copied();
            let page = fx.stores.directory.member_ids(group, after, limit(n)).await.expect("answers");
            assert!(page.len() <= n as usize);
            if page.is_empty() {
                break;
            }
            all.extend(page);
            assert!(all.len() <= users.len(), "pages overlap: {all:?}");
        }
        assert_eq!(all, users, "in pages of {n}");
    }
    let single = fx.single(users[4], users[2]).await;
    let found = fx.stores.directory.member_ids(single, None, limit(10)).await.expect("answers");
    assert_eq!(found, [users[2], users[4]]);
    assert!(fx.stores.directory.member_ids(nowhere(), None, limit(10)).await.expect("answers").is_empty());
}

async fn members_are_never_from_a_cache(fx: Fixture) {
    let [a, b, c] = fx.users(["alice", "bob", "carol"]).await;
    let group = fx.group(a, &[b]).await;
    let members = async |users: &[UserId]| {
        let found = fx.stores.directory.members(group, users).await.expect("answers");
        found.iter().map(|m| m.as_ref().map(|m| (m.user, m.role))).collect::<Vec<_>>()
    };
    let want = [Some((b, Role::Member)), None, Some((a, Role::Owner)), None, Some((b, Role::Member))];
    assert_eq!(members(&[b, c, a, nobody(), b]).await, want);
    access(&fx, group, b, 10, Freshness::Cached).await;
    let expect = fx.conversation(group).await.expect("it exists").members_version;
    fx.stores.groups.remove(group, b, expect, at(1)).await.expect("removed");
    assert_eq!(members(&[a, b]).await, [Some((a, Role::Owner)), None]);

    fx.send(group, a, 1).await;
    let member = fx.member(group, a).await.expect("a member");
    assert_eq!((member.read_seq, member.joined_seq), (Seq::new(1), Seq::ZERO));
    let found = fx.stores.directory.members(nowhere(), &[a, b]).await.expect("answers");
    assert_eq!(found, [None, None]);
    assert!(fx.member(WORLD, c).await.is_some());
}

async fn small_groups_are_those_of_each_user(fx: Fixture) {
    let users = fx.crowd(5).await;
    let [a, b, c] = [users[0], users[1], users[2]];
    fx.single(a, b).await;
    let (two, three, five) =
        (fx.group(a, &[b]).await, fx.group(b, &[a, c]).await, fx.group(a, &users[1..]).await);
    let small = async |max| {
        let mut found = fx.stores.directory.small_groups(&[b, nobody(), c, b], max).await.expect("answers");
        found.iter_mut().for_each(|groups| groups.sort_unstable());
        found
    };
    assert_eq!(small(5).await, [vec![two, three, five], vec![], vec![three, five], vec![two, three, five]]);
    assert_eq!(small(4).await, [vec![two, three], vec![], vec![three], vec![two, three]]);
    assert_eq!(small(2).await, [vec![two], vec![], vec![], vec![two]]);
    assert_eq!(small(1).await, [vec![], vec![], vec![], vec![]]);
    let expect = fx.conversation(five).await.expect("it exists").members_version;
    fx.stores.groups.remove(five, c, expect, at(1)).await.expect("removed");
    assert_eq!(small(4).await, [vec![two, three, five], vec![], vec![three], vec![two, three, five]]);
}
