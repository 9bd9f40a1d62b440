//! Members that change between asking for rights and storing.

use gochat_core::error::Code;
use gochat_core::model::{Audience, Event, SendCommand, UserId};

use super::house::{Change, House, change, send};

/// Sends to the group while `changes` happen, one before each append; answers what its sender was told, and who got it.
async fn meanwhile(house: &House, send: &SendCommand, changes: &[Change]) -> (Result<(), Code>, Vec<UserId>) {
    for what in changes {
        house.faults.before("messages.append", change(house.kit.memory.clone(), house.group, *what));
    }
    let before = house.kit.deliver.seen().len();
    house.process(std::slice::from_ref(send)).await;
    house.check(std::slice::from_ref(send)).await;
    let mut told = None;
    let mut readers = Vec::new();
    for delivery in house.kit.deliver.seen().split_off(before) {
        match (delivery.event, delivery.audience) {
            (Event::NewMessage(_), Audience::Users(users)) => readers = users.to_vec(),
            (Event::Stored(_), _) => told = Some(Ok(())),
            (Event::Refused { code, .. }, _) => told = Some(Err(code)),
            other => panic!("{other:?}"),
        }
    }
    readers.sort_unstable();
    (told.expect("the sender was told"), readers)
}

#[tokio::test]
async fn the_sender_is_removed() {
    let house = House::new().await;
    let b = house.users[1];
    let told = meanwhile(&house, &send(house.group, b, "1"), &[Change::Remove(b)]).await;
    assert_eq!(told, (Err(Code::ConversationNotFound), vec![]));
    assert!(house.texts(house.group).await.is_empty());
}

#[tokio::test]
async fn the_sender_is_muted() {
    let house = House::new().await;
    let b = house.users[1];
    let told = meanwhile(&house, &send(house.group, b, "1"), &[Change::Mute(b)]).await;
    assert_eq!(told, (Err(Code::Muted), vec![]));
    assert!(house.texts(house.group).await.is_empty());
    // Afterwards, and with the mute at its end.
    let told = meanwhile(&house, &send(house.group, b, "2"), &[]).await;
    assert_eq!(told, (Err(Code::Muted), vec![]));
    let told = meanwhile(&house, &send(house.group, house.users[0], "3"), &[Change::Unmute(b)]).await;
    assert_eq!(told.0, Ok(()));
    let told = meanwhile(&house, &send(house.group, b, "4"), &[]).await;
    assert_eq!(told.0, Ok(()));
}

#[tokio::test]
async fn another_member_is_removed() {
    let house = House::new().await;
    let [a, b, c, ..] = house.users;
    let told = meanwhile(&house, &send(house.group, b, "1"), &[Change::Remove(c)]).await;
    assert_eq!(told, (Ok(()), vec![a, b]), "the one removed gets nothing any more");
}

#[tokio::test]
async fn another_member_is_added() {
    let house = House::new().await;
    let [a, b, c, d, _] = house.users;
    let told = meanwhile(&house, &send(house.group, b, "1"), &[Change::Add(d)]).await;
    assert_eq!(told, (Ok(()), vec![a, b, c, d]));
}

#[tokio::test]
async fn the_group_is_dissolved() {
    let house = House::new().await;
    let told = meanwhile(&house, &send(house.group, house.users[1], "1"), &[Change::Dissolve]).await;
    assert_eq!(told, (Err(Code::ConversationNotFound), vec![]));
}

#[tokio::test]
async fn members_change_several_times() {
    let house = House::new().await;
    let [a, b, c, d, e] = house.users;
    let changes = [Change::Add(d), Change::Remove(c), Change::Transfer(b)];
    let told = meanwhile(&house, &send(house.group, b, "1"), &changes).await;
    assert_eq!(told, (Ok(()), vec![a, b, d]));
    let changes = [Change::Add(e), Change::Remove(a)];
    let told = meanwhile(&house, &send(house.group, a, "2"), &changes).await;
    assert_eq!(told.0, Err(Code::ConversationNotFound));
}

#[tokio::test]
async fn the_order_of_a_batch_holds_when_some_are_authorised_anew() {
    let house = House::new().await;
    let [a, b, _, d, _] = house.users;
    let (memory, group) = (house.kit.memory.clone(), house.group);
    house.faults.before("messages.append", change(memory, group, Change::Add(d)));
    // The last one was refused by the rights of before, so its rights are younger than the others'.
    let batch: Vec<_> = (1..=6).map(|i| send(house.group, [a, b][i % 2], &format!("{i}"))).collect();
    house.process(&batch).await;
    house.check(&batch).await;
    assert_eq!(house.texts(house.group).await, ["1", "2", "3", "4", "5", "6"]);
}

#[tokio::test]
async fn a_repeat_gets_its_receipt_whatever_became_of_the_sender() {
    for what in [Change::Remove, Change::Mute] {
        for forget in [false, true] {
            let house = House::new().await;
            let b = house.users[1];
            let sent = send(house.group, b, "1");
            house.process(std::slice::from_ref(&sent)).await;
            change(house.kit.memory.clone(), house.group, what(b)).await;
            if forget {
                house.kit.dedup.forget();
            }
            let again = send(house.group, b, "1");
            let report = house.process(&[again.clone(), send(house.group, b, "2")]).await;
            assert_eq!((report.repeated, report.refused, report.stored), (1, 1, 0));
            house.check(&[sent, again]).await;
            assert_eq!(house.texts(house.group).await, ["1"]);
        }
    }
}
