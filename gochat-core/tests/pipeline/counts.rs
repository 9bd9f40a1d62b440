//! A batch costs a constant number of port calls, whatever its size.

use std::collections::BTreeMap;

use gochat_core::model::{ConversationId, SendCommand, UserId};
use gochat_core::ports::{ConversationStore, OpenSingle, UserStore};
use gochat_core::testing::ManualClock;

use super::house::{House, WORLD, make_group, new_user, send};

fn counts(of: &[(&'static str, usize)]) -> BTreeMap<&'static str, usize> {
    of.iter().copied().collect()
}

/// What a batch costs when nothing interferes.
fn least() -> BTreeMap<&'static str, usize> {
    counts(&[
        ("dedup.seen", 1),
        ("users.by_ids", 1),
        ("directory.access", 1),
        ("sequencer.reserve", 1),
        ("messages.append", 1),
        ("deliver.deliver", 1),
        ("dedup.remember", 1),
    ])
}

async fn cost(house: &House, batch: &[SendCommand]) -> BTreeMap<&'static str, usize> {
    house.faults.reset();
    house.process(batch).await;
    house.faults.counts()
}

/// Counters are set for these already, as they are from the second message on.
async fn warm(house: &House, conversations: &[ConversationId]) {
    let heads: Vec<_> = conversations.iter().map(|id| (*id, gochat_core::model::Seq::ZERO)).collect();
    house.kit.ports.sequencer.restore(&heads).await.expect("set");
}

#[tokio::test]
async fn in_one_conversation() {
    for size in [1, 2, 100, 1_000] {
        let house = House::new().await;
        warm(&house, &[house.group]).await;
        let batch: Vec<_> =
            (0..size).map(|i| send(house.group, house.users[i % 3], &format!("{i}"))).collect();
        assert_eq!(cost(&house, &batch).await, least(), "{size} messages");
        assert_eq!(house.texts(house.group).await.len(), size);
    }
}

#[tokio::test]
async fn in_as_many_conversations_from_as_many_senders() {
    for size in [1, 100, 1_000] {
        let house = House::new().await;
        let mut batch = Vec::new();
        for i in 0..size as u64 {
            let [a, b] = [10_000 + 2 * i, 10_001 + 2 * i].map(|n| UserId::new(n).expect("in range"));
            for user in [a, b] {
                UserStore::create(&*house.kit.memory, &new_user(user)).await.expect("stored");
            }
            let id = ConversationId::new(100_000 + i).expect("in range");
            let open = OpenSingle { users: [a, b], by: a, id, at: ManualClock::START };
            house.kit.memory.open_single(&open).await.expect("opened");
            batch.push(send(id, a, "hi"));
        }
        let ids: Vec<_> = batch.iter().map(|send| send.conversation).collect();
        warm(&house, &ids).await;
        assert_eq!(cost(&house, &batch).await, least(), "{size} conversations");
        house.check(&batch[..1]).await;
    }
}

#[tokio::test]
async fn in_conversations_of_any_size() {
    for members in [2, 500, 501, 2_000] {
        let house = House::new().await;
        let mut ids = Vec::new();
        for i in 0..members {
            let id = UserId::new(10_000 + i).expect("in range");
            UserStore::create(&*house.kit.memory, &new_user(id)).await.expect("stored");
            ids.push(id);
        }
        let group = ConversationId::new(200).expect("in range");
        make_group(&house.kit.memory, group, ids[0], &ids[1..]).await;
        warm(&house, &[group, WORLD]).await;
        let batch = [send(group, ids[1], "hi"), send(WORLD, ids[1], "hi")];
        assert_eq!(cost(&house, &batch).await, least(), "{members} members");
    }
}

#[tokio::test]
async fn repeats_refusals_and_lost_counters_cost_the_same_for_any_number() {
    let mut seen: Vec<BTreeMap<_, _>> = Vec::new();
    for size in [1, 10, 300] {
        let house = House::new().await;
        let [a, b, _, stranger, _] = house.users;
        let old: Vec<_> = (0..size).map(|i| send(house.single, a, &format!("old {i}"))).collect();
        let lost: Vec<_> = (0..size).map(|i| send(house.single, b, &format!("lost {i}"))).collect();
        house.process(&lost).await;
        house.crash();
        house.process(&old).await;
        // The counter of the group is lost, that of the single conversation is wrong.
        warm(&house, &[house.single]).await;
        let mut batch = [old, lost].concat();
        for i in 0..size {
            batch.push(send(house.group, stranger, &format!("no right {i}")));
            batch.push(send(house.group, a, &format!("new {i}")));
            batch.push(send(house.single, a, &format!("new {i}")));
        }
        seen.push(cost(&house, &batch).await);
        house.check(&batch).await;
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0], seen[2]);
    let want = [
        ("dedup.seen", 1),
        ("messages.by_ids", 1),
        ("users.by_ids", 1),
        ("messages.by_keys", 1),
        ("messages.heads", 1),
        ("messages.append", 2),
        ("deliver.deliver", 1),
        ("dedup.remember", 1),
    ];
    for (operation, most) in want {
        assert_eq!(seen[0][operation], most, "{operation}");
    }
    assert_eq!(seen[0].values().sum::<usize>(), 18, "{:?}", seen[0]);
}

#[tokio::test]
async fn an_empty_batch_costs_no_more() {
    let house = House::new().await;
    let cost = cost(&house, &[]).await;
    assert!(cost.values().sum::<usize>() <= 2, "{cost:?}");
    assert!(house.kit.deliver.seen().is_empty());
}
