//! What each use case costs in port calls: the same few, however much there is.

use std::sync::Arc;
use std::time::Duration;

use gochat_core::model::*;
use gochat_core::ports::SyncCursor;
use gochat_core::service::{
    GroupChange, GroupCreation, HistoryQuery, MemberChange, MemberQuery, ProfileChange,
};
use gochat_core::testing::faults::Faults;

use crate::house::{House, PASSWORD, gateway};

/// alice with `n` friends, all of them in her group and online; `n` conversations of hers with `n` messages each.
struct Town {
    house: House,
    faults: Arc<Faults>,
    alice: Caller,
    others: Vec<Caller>,
    strangers: Vec<UserId>,
    group: ConversationId,
    message: MessageId,
}

fn session(n: usize) -> SessionId {
    SessionId::new(n as u64 + 1).expect("above 0")
}

async fn town(n: usize) -> Town {
    let (house, faults) = House::faulty();
    let alice = house.user("alice").await;
    let (mut others, mut strangers) = (Vec::new(), Vec::new());
    for i in 0..n {
        let other = house.user(&format!("user{i}")).await;
        house.services.friends.befriend(&alice, other.user).await.expect("friends");
        house.services.presences.opened(&other, session(i), &gateway()).await.expect("up");
        others.push(other);
        strangers.push(house.user(&format!("stranger{i}")).await.user);
    }
    let group = house.group(&alice, &others.iter().collect::<Vec<_>>()).await;
    let mut message = None;
    for other in &others {
        message = Some(house.say(other, group, "hello").await.id);
        house.say(&alice, ConversationId::WORLD, "hello").await;
    }
    Town { house, faults, alice, others, strangers, group, message: message.expect("at least one") }
}

impl Town {
    /// What was called since the last time.
    fn cost(&self, what: &'static str) -> (&'static str, Vec<&'static str>) {
        let calls = self.faults.calls();
        self.faults.reset();
        (what, calls)
    }

    async fn costs(&self) -> Vec<(&'static str, Vec<&'static str>)> {
        let (services, alice, group) = (&self.house.services, &self.alice, self.group);
        let bob = self.others[0].user;
        let mut costs = Vec::new();
        self.faults.reset();
        macro_rules! cost {
            ($name:literal, $call:expr) => {
                $call.await.expect($name);
                costs.push(self.cost($name));
            };
        }
        cost!("login", services.accounts.login("alice", PASSWORD));
        let nickname = ProfileChange { nickname: Some("Al".to_owned()), ..ProfileChange::default() };
        cost!("profile", services.profiles.update(alice, nickname));
        cost!("search", services.profiles.search(alice, "stranger", None));
        cost!("friends", services.friends.list(alice));
        cost!("online", services.friends.online(alice));
        cost!("befriend", services.friends.befriend(alice, self.strangers[0]));
        cost!("list", services.conversations.list(alice));
        cost!("open", services.conversations.open_single(&self.others[0], self.strangers[0]));
        cost!("sync", services.conversations.sync(alice, SyncCursor::START, Some(100)));
        cost!(
            "history",
            services.messages.history(alice, group, HistoryQuery::Page { page: 1, size: Some(100) })
        );
        cost!("read", services.conversations.mark_read(alice, group, None));
        cost!("recall", services.messages.recall(alice, self.message));
        let new = GroupCreation {
            name: "More".to_owned(),
            members: self.strangers.clone(),
            ..GroupCreation::default()
        };
        cost!("create", services.groups.create(alice, new));
        cost!("group", services.groups.get(alice, group));
        cost!("members", services.groups.members(alice, group, MemberQuery::Page { page: 2, size: Some(1) }));
        cost!("add", services.groups.add(alice, group, &self.strangers));
        let name = GroupChange { name: Some("New".to_owned()), ..GroupChange::default() };
        cost!("rename", services.groups.update(alice, group, name));
        let admin = MemberChange::Rights { role: Some(Role::Admin), muted_until: None };
        cost!("role", services.groups.change_member(alice, group, bob, admin));
        cost!("remove", services.groups.remove(alice, group, self.strangers[0]));
        cost!("typing", services.presences.typing(alice, group, true));
        cost!("up", services.presences.opened(alice, session(90_000), &gateway()));
        for (i, other) in self.others.iter().enumerate() {
            services.presences.closed(other, session(i)).await.expect("down");
        }
        self.house.kit.clock.advance(Duration::from_secs(5));
        self.faults.reset();
        services.presences.tell_departures().await;
        costs.push(self.cost("departures"));
        cost!("dissolve", services.groups.dissolve(alice, group));
        costs
    }
}

#[tokio::test]
async fn a_use_case_costs_the_same_calls_however_much_there_is() {
    let (small, large) = (town(2).await.costs().await, town(40).await.costs().await);
    for ((what, few), (_, many)) in small.into_iter().zip(large) {
        assert_eq!(few, many, "{what}");
        assert!((1..=11).contains(&few.len()), "{what}: {few:?}");
    }
}
