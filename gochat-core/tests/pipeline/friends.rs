//! Where only friends may write to each other.

use gochat_core::error::Code;
use gochat_core::model::{ConversationId, Event, SendCommand};
use gochat_core::ports::{Befriend, FriendStore};
use gochat_core::settings::WritePolicy;
use gochat_core::testing::ManualClock;
use gochat_core::testing::faults::When;

use super::house::{House, WORLD, send};

async fn strict() -> House {
    let mut house = House::new().await;
    house.settings.write_policy = WritePolicy::Friends;
    house
}

/// Makes friends of the two in the single conversation.
async fn befriend(house: &House) {
    let conversation = ConversationId::new(900).expect("in range");
    let new = Befriend { users: [house.users[0], house.users[1]], conversation, at: ManualClock::START };
    house.kit.memory.befriend(&new).await.expect("friends");
}

async fn unfriend(house: &House) {
    house.kit.memory.unfriend(house.users[0], house.users[1]).await.expect("answers");
}

/// What the sender of each was told last.
fn told(house: &House, sends: &[SendCommand]) -> Vec<Result<(), Code>> {
    let seen = house.kit.deliver.seen();
    let answer = |send: &SendCommand| {
        let answers = seen.iter().rev().filter_map(|delivery| match &delivery.event {
            Event::Stored(r) if r.view.message.client_msg_id == send.client_msg_id => Some(Ok(())),
            Event::Refused { client_msg_id, code, .. } if *client_msg_id == send.client_msg_id => {
                Some(Err(*code))
            }
            _ => None,
        });
        answers.into_iter().next().expect("told")
    };
    sends.iter().map(answer).collect()
}

#[tokio::test]
async fn strangers_are_refused_in_single_chats_only() {
    let house = strict().await;
    let [a, b, ..] = house.users;
    let sends = [
        send(house.single, a, "1"),
        send(house.group, a, "2"),
        send(WORLD, a, "3"),
        send(house.single, b, "4"),
    ];
    let report = house.process(&sends).await;
    assert_eq!((report.stored, report.refused), (2, 2));
    assert_eq!(told(&house, &sends), [Err(Code::Forbidden), Ok(()), Ok(()), Err(Code::Forbidden)]);
    assert!(house.texts(house.single).await.is_empty());
}

#[tokio::test]
async fn friends_write_both_ways_until_they_part() {
    let house = strict().await;
    let [a, b, ..] = house.users;
    befriend(&house).await;
    let sends = [send(house.single, a, "1"), send(house.single, b, "2")];
    assert_eq!(house.process(&sends).await.stored, 2);
    house.check(&sends).await;
    unfriend(&house).await;
    let late = [send(house.single, a, "3")];
    house.process(&late).await;
    assert_eq!(told(&house, &late), [Err(Code::Forbidden)]);
    // What was stored while they were friends is recognised, whatever is remembered.
    house.crash();
    assert_eq!(house.process(&sends).await.repeated, 2);
    assert_eq!(told(&house, &sends), [Ok(()), Ok(())]);
    assert_eq!(house.texts(house.single).await, ["1", "2"]);
}

#[tokio::test]
async fn it_holds_where_nothing_is_delivered_directly() {
    let mut house = strict().await;
    house.settings.direct_fanout_max = 0;
    befriend(&house).await;
    let sends = [send(house.single, house.users[0], "1")];
    assert_eq!(house.process(&sends).await.stored, 1);
    house.check(&sends).await;
}

#[tokio::test]
async fn it_costs_one_question_for_any_number() {
    for size in [1, 100] {
        let house = strict().await;
        befriend(&house).await;
        let batch: Vec<_> =
            (0..size).map(|i| send(house.single, house.users[i % 2], &format!("{i}"))).collect();
        house.process(&batch).await;
        assert_eq!(house.faults.counts()["friends.friends"], 1, "{size} messages");
    }
    let house = strict().await;
    house.process(&[send(house.group, house.users[0], "1")]).await;
    assert!(!house.faults.counts().contains_key("friends.friends"), "groups have nothing to do with it");
}

#[tokio::test]
async fn friends_that_cant_be_asked_are_asked_again() {
    for when in [When::Before, When::After] {
        let house = strict().await;
        befriend(&house).await;
        let sends = [send(house.single, house.users[0], "1")];
        // The fourth question, after those for repeats, faces and rights.
        house.faults.fail(3, when);
        assert_eq!(house.insist(&sends, async || ()).await, 2);
        assert_eq!(house.faults.failed(), [("friends.friends", when)]);
        house.check(&sends).await;
    }
}
