//! Calls of several users that mix at every port call, in another way for each seed.

use std::sync::Arc;
use std::time::Duration;

use gochat_core::model::*;
use gochat_core::service::MemberChange;
use gochat_core::testing::Seeded;
use tokio::task::JoinSet;

use crate::house::{House, four, gateway, role};

const SEEDS: u64 = 150;

#[tokio::test]
async fn a_group_has_one_owner_and_counts_its_members_whoever_acts_at_once() {
    for seed in 0..SEEDS {
        let (house, faults) = House::faulty();
        let [alice, bob, carl, dora] = four(&house).await;
        let group = house.group(&alice, &[&bob, &carl]).await;
        faults.switch(seed);
        let mut acts = JoinSet::new();
        macro_rules! act {
            (|$groups:ident| $call:expr) => {
                let $groups = house.services.groups.clone();
                acts.spawn(async move { $call.await.map(drop) });
            };
        }
        act!(|groups| groups.change_member(&alice, group, bob.user, MemberChange::Owner));
        act!(|groups| groups.change_member(&alice, group, carl.user, MemberChange::Owner));
        act!(|groups| groups.change_member(&bob, group, carl.user, MemberChange::Owner));
        act!(|groups| groups.change_member(&alice, group, bob.user, role(Role::Admin)));
        act!(|groups| groups.add(&carl, group, &[dora.user]));
        act!(|groups| groups.remove(&alice, group, carl.user));
        act!(|groups| groups.remove(&bob, group, alice.user));
        act!(|groups| groups.remove(&carl, group, carl.user));
        act!(|groups| groups.remove(&alice, group, alice.user));
        while let Some(done) = acts.join_next().await {
            if let Err(e) = done.expect("no panic") {
                let code = e.code().as_str();
                let expected = ["FORBIDDEN", "NOT_A_MEMBER", "GROUP_NOT_FOUND", "CONFLICT"];
                assert!(expected.contains(&code), "seed {seed}: {code}");
            }
        }
        let mut seen = 0;
        for who in [&alice, &bob, &carl, &dora] {
            let Ok(detail) = house.services.groups.get(who, group).await else { continue };
            seen += 1;
            let members = &detail.members.members;
            let owners: Vec<_> =
                members.iter().filter(|m| m.member.role == Role::Owner).map(|m| m.member.user).collect();
            assert_eq!(owners, [detail.group.owner], "seed {seed}");
            assert_eq!(members.len(), detail.group.member_count as usize, "seed {seed}");
        }
        assert!(seen > 0, "seed {seed}: nobody may dissolve it, and an owner cannot leave");
    }
}

#[tokio::test]
async fn a_friend_hears_last_what_is_so_whatever_mixes() {
    for seed in 0..SEEDS {
        let (house, faults) = House::faulty();
        let house = Arc::new(house);
        let (alice, bob) = (house.user("alice").await, house.user("bob").await);
        house.services.friends.befriend(&alice, bob.user).await.expect("friends");
        house.forget();
        faults.switch(seed);
        let mut random = Seeded::new(seed);
        let mut tasks = JoinSet::new();
        // Three devices that come and go, each in order; time passes, and a timer tells departures.
        for device in 0..3_u64 {
            let (house, times) = (Arc::clone(&house), 1 + random.next_u64() % 4);
            let stays = random.next_u64().is_multiple_of(3);
            tasks.spawn(async move {
                let session = SessionId::new(50 + device).expect("above 0");
                for i in 0..times {
                    house.services.presences.opened(&alice, session, &gateway()).await.expect("up");
                    if !(stays && i + 1 == times) {
                        house.services.presences.closed(&alice, session).await.expect("down");
                    }
                }
            });
        }
        let (timer, ticks) = (Arc::clone(&house), 10 + random.next_u64() % 20);
        tasks.spawn(async move {
            for _ in 0..ticks {
                timer.kit.clock.advance(Duration::from_secs(2));
                timer.services.presences.tell_departures().await;
                tokio::task::yield_now().await;
            }
        });
        while let Some(done) = tasks.join_next().await {
            done.expect("no panic");
        }
        house.kit.clock.advance(Duration::from_secs(10));
        house.services.presences.tell_departures().await;
        assert_eq!(house.services.presences.next_due(), None, "seed {seed}");
        let here = house.ports.sessions.online(&[alice.user]).await.expect("memory")[0];
        let heard = house.heard();
        let want = if here { "bob: friend alice here" } else { "bob: friend alice gone" };
        assert_eq!(heard.last().map(String::as_str), Some(want), "seed {seed}: {heard:?}");
    }
}
