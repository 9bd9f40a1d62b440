//! Changes applied page by page, against the list, under whatever happens.

use std::collections::{BTreeMap, BTreeSet};

use super::super::fixture::{Fixture, at, limit};
use crate::model::{ConversationEntry, ConversationId, Role, UserId};
use crate::ports::{AddMembersWrite, Befriend, Changes, GroupPatch, MemberPatch, Presence, SyncCursor};
use crate::testing::Seeded;

const STEPS: u64 = 400;

/// What a client knows that has nothing but the changes.
#[derive(Default)]
struct Replica {
    cursor: SyncCursor,
    entries: BTreeMap<ConversationId, ConversationEntry>,
    friends: BTreeSet<UserId>,
    groups: BTreeSet<ConversationId>,
}

impl Replica {
    fn apply(&mut self, page: Changes) {
        for entry in page.conversations {
            self.entries.insert(entry.conversation.id, entry);
        }
        for (group, presence) in page.memberships {
            if presence == Presence::Here {
                self.groups.insert(group);
            } else {
                self.groups.remove(&group);
                self.entries.remove(&group);
            }
        }
        for (user, presence) in page.friends {
            if presence == Presence::Here {
                self.friends.insert(user);
            } else {
                self.friends.remove(&user);
            }
        }
        self.cursor = page.cursor;
    }

    async fn catch_up(&mut self, fx: &Fixture, user: UserId, n: u32) {
        loop {
            let page = fx.stores.conversations.changes(user, self.cursor, limit(n)).await.expect("answers");
            let more = page.has_more;
            assert!(!more || page.cursor > self.cursor, "more, and no way to get there");
            self.apply(page);
            if !more {
                return;
            }
        }
    }
}

struct World {
    users: Vec<UserId>,
    groups: Vec<(ConversationId, UserId)>,
    rooms: Vec<ConversationId>,
    messages: Vec<crate::model::MessageId>,
    /// Those who hid something: their replica may show what their list doesn't.
    hid: BTreeSet<(UserId, ConversationId)>,
}

pub(super) async fn applied_changes_give_the_list_whatever_happens(fx: Fixture) {
    let mut random = Seeded::new(7);
    let users = fx.crowd(5).await;
    let mut replicas: Vec<_> = users.iter().map(|_| Replica::default()).collect();
    let mut world = World {
        users,
        groups: Vec::new(),
        rooms: vec![ConversationId::WORLD],
        messages: Vec::new(),
        hid: BTreeSet::new(),
    };
    for step in 1..=STEPS {
        world.happen(&fx, &mut random, step).await;
        let i = random.below(replicas.len());
        let (user, n) = (world.users[i], 1 + u32::try_from(random.below(4)).expect("small"));
        if random.one_in(3) {
            // One page and no more: the rest comes later, with other changes between.
            let page =
                fx.stores.conversations.changes(user, replicas[i].cursor, limit(n)).await.expect("answers");
            replicas[i].apply(page);
        }
        if random.one_in(10) {
            replicas[i].catch_up(&fx, user, n).await;
            world.check(&fx, user, &replicas[i]).await;
        }
    }
    for (user, replica) in world.users.clone().into_iter().zip(&mut replicas) {
        replica.catch_up(&fx, user, 3).await;
        world.check(&fx, user, replica).await;
        let mut anew = Replica::default();
        anew.catch_up(&fx, user, 2).await;
        world.check(&fx, user, &anew).await;
    }
}

impl World {
    async fn happen(&mut self, fx: &Fixture, random: &mut Seeded, step: u64) {
        let (a, b) = (*random.pick(&self.users), *random.pick(&self.users));
        match random.below(12) {
            0 if a != b => {
                let new = Befriend { users: [a, b], conversation: fx.conversation_id(), at: at(step) };
                self.rooms.push(fx.stores.friends.befriend(&new).await.expect("befriended").conversation);
            }
            1 => {
                fx.stores.friends.unfriend(a, b).await.expect("answered");
            }
            2 if a != b => self.rooms.push(fx.single(a, b).await),
            3 if self.groups.len() < 6 => {
                let group = fx.group(a, &if a == b { vec![] } else { vec![b] }).await;
                self.groups.push((group, a));
                self.rooms.push(group);
            }
            4 | 5 if !self.groups.is_empty() => self.change_group(fx, random, b, step).await,
            6 => {
                let room = *random.pick(&self.rooms);
                if fx.member(room, a).await.is_some() {
                    fx.stores.conversations.mark_read(a, room, None).await.expect("marked");
                }
            }
            7 => {
                let room = *random.pick(&self.rooms);
                if fx.member(room, a).await.is_some() && random.one_in(3) {
                    fx.stores.conversations.hide(a, room).await.expect("hidden");
                    self.hid.insert((a, room));
                }
            }
            8 if !self.messages.is_empty() => {
                let id = *random.pick(&self.messages);
                if fx.stores.messages.by_ids(&[id]).await.expect("answers")[0].is_some() {
                    fx.stores.messages.recall(id, a, at(step)).await.expect("recalled");
                }
            }
            _ => {
                let room = *random.pick(&self.rooms);
                if fx.member(room, a).await.is_some() {
                    self.messages.push(fx.send(room, a, step).await.id);
                }
            }
        }
    }

    async fn change_group(&mut self, fx: &Fixture, random: &mut Seeded, user: UserId, step: u64) {
        let i = random.below(self.groups.len());
        let (group, owner) = self.groups[i];
        let expect = fx.version(group).await;
        let inside = fx.member(group, user).await.is_some();
        let groups = &fx.stores.groups;
        match random.below(8) {
            0 => {
                groups.dissolve(group, expect, at(step)).await.expect("dissolved");
                self.groups.remove(i);
                self.rooms.retain(|room| *room != group);
            }
            1 => {
                let patch = GroupPatch { name: Some(format!("name {step}").into()), ..GroupPatch::default() };
                groups.update(group, &patch).await.expect("updated");
            }
            2 if inside && user != owner => {
                let patch = MemberPatch { role: Some(Role::Admin), muted_until: None };
                groups.change_member(group, user, &patch, expect).await.expect("changed");
            }
            3 | 4 if inside && user != owner => {
                groups.remove(group, user, expect, at(step)).await.expect("removed");
                self.hid.remove(&(user, group));
            }
            _ => {
                let add = AddMembersWrite { users: vec![user], max: 100, expect, at: at(step) };
                groups.add(group, &add).await.expect("added");
            }
        }
    }

    async fn check(&self, fx: &Fixture, user: UserId, replica: &Replica) {
        let list = fx.stores.conversations.list(user, limit(1_000)).await.expect("answers");
        let mut shown = BTreeSet::new();
        for entry in list {
            let id = entry.conversation.id;
            assert_eq!(replica.entries.get(&id), Some(&entry), "{user} is behind");
            shown.insert(id);
        }
        for id in replica.entries.keys() {
            let hidden = self.hid.contains(&(user, *id));
            assert!(shown.contains(id) || hidden, "{user} still shows {id}, which is gone");
        }
        let friends = fx.stores.friends.friends(&[user]).await.expect("answers").remove(0);
        assert_eq!(replica.friends.iter().copied().collect::<Vec<_>>(), friends);
        let groups = fx.stores.directory.small_groups(&[user], 1_000).await.expect("answers").remove(0);
        assert_eq!(replica.groups, groups.into_iter().collect());
    }
}
