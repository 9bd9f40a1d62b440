//! Counters that are wrong, memories that forget, and other pipelines on the same conversation.

use std::sync::{Arc, Mutex};

use gochat_core::model::{Delivery, Event, SendCommand, Seq};
use gochat_core::ports::ErrorKind;
use slog::{Drain, Level, Logger, OwnedKVList, Record, o};

use super::house::{Change, House, WORLD, change, send};

fn sends(house: &House, from: usize, n: usize) -> Vec<SendCommand> {
    (from..from + n).map(|i| send(house.single, house.users[i % 2], &format!("{i}"))).collect()
}

async fn set(house: &House, head: u64) {
    house.kit.ports.sequencer.restore(&[(house.single, Seq::new(head))]).await.expect("set");
}

#[tokio::test]
async fn a_lost_counter_is_rebuilt_without_another_round() {
    let house = House::new().await;
    let first = sends(&house, 0, 5);
    assert_eq!(house.process(&first).await.rounds, 1, "nothing was known at first");
    house.kit.sequencer.forget();
    let second = sends(&house, 5, 5);
    assert_eq!(house.process(&second).await.rounds, 1);
    house.check(&[first, second].concat()).await;
    assert_eq!(house.kit.sequencer.head(house.single), Some(Seq::new(10)));
}

#[tokio::test]
async fn a_counter_that_is_wrong_costs_one_round() {
    for head in [0, 1, 4, 6, 1_000, i64::MAX as u64] {
        let house = House::new().await;
        let first = sends(&house, 0, 5);
        house.process(&first).await;
        set(&house, head).await;
        let second = sends(&house, 5, 5);
        let report = house.process(&second).await;
        assert_eq!((report.stored, report.rounds), (5, 2), "counter at {head}");
        house.check(&[first, second].concat()).await;
        assert_eq!(house.process(&sends(&house, 10, 1)).await.rounds, 1, "it has been set right");
    }
}

/// Keeps how serious each record was.
#[derive(Debug, Clone, Default)]
struct Levels(Arc<Mutex<Vec<Level>>>);

impl Drain for Levels {
    type Ok = ();
    type Err = slog::Never;

    fn log(&self, record: &Record<'_>, _: &OwnedKVList) -> Result<(), slog::Never> {
        self.0.lock().expect("whole").push(record.level());
        Ok(())
    }
}

#[tokio::test]
async fn a_repeat_leaves_a_number_unused_and_nobody_is_warned_of_that() {
    let house = House::new().await;
    let levels = Levels::default();
    let pipeline = house.pipeline_with(Logger::root(levels.clone(), o!()));
    let first = sends(&house, 0, 2);
    pipeline.process(&first).await.expect("stored");
    house.kit.dedup.forget();
    assert_eq!(pipeline.process(&first[1..]).await.expect("recognised").repeated, 1);
    let second = sends(&house, 2, 1);
    assert_eq!(pipeline.process(&second).await.expect("stored").rounds, 2);
    assert_eq!(*levels.0.lock().expect("whole"), [Level::Debug]);

    set(&house, 1).await;
    pipeline.process(&sends(&house, 3, 1)).await.expect("stored");
    assert_eq!(
        *levels.0.lock().expect("whole"),
        [Level::Debug, Level::Warning],
        "a counter that fell behind"
    );
}

#[tokio::test]
async fn a_counter_that_keeps_running_away_ends_in_overloaded_and_loses_nothing() {
    let house = House::new().await;
    let batch = sends(&house, 0, 3);
    for _ in 0..house.settings.send_attempts {
        let (sequencer, heads) = (house.kit.ports.sequencer.clone(), [(house.single, Seq::new(99))]);
        house.faults.before("sequencer.reserve", async move {
            sequencer.restore(&heads).await.expect("set");
        });
    }
    let error = house.pipeline().process(&batch).await.expect_err("every number was wrong");
    assert_eq!(error.kind(), ErrorKind::Overloaded);
    assert!(house.kit.deliver.seen().is_empty() && house.texts(house.single).await.is_empty());
    house.insist(&batch, async || {}).await;
    house.check(&batch).await;
}

#[tokio::test]
async fn members_that_keep_changing_end_in_overloaded_and_lose_nothing() {
    let house = House::new().await;
    let [a, _, _, d, _] = house.users;
    let batch = [send(house.group, a, "1"), send(WORLD, a, "1")];
    for i in 0..house.settings.send_attempts {
        let what = if i % 2 == 0 { Change::Add(d) } else { Change::Remove(d) };
        house.faults.before("messages.append", change(house.kit.memory.clone(), house.group, what));
    }
    let error = house.pipeline().process(&batch).await.expect_err("it never holds still");
    assert_eq!(error.kind(), ErrorKind::Overloaded);
    assert!(house.kit.deliver.seen().is_empty());
    assert_eq!(house.texts(WORLD).await, ["1"], "what could be stored was");
    house.process(&batch).await;
    house.check(&batch).await;
}

#[tokio::test]
async fn forgotten_sends_are_recognised_by_the_store() {
    let house = House::new().await;
    let batch = sends(&house, 0, 4);
    house.process(&batch).await;
    house.kit.dedup.forget();
    let again: Vec<_> = batch.iter().rev().cloned().chain(sends(&house, 4, 1)).collect();
    let report = house.process(&again).await;
    assert_eq!((report.stored, report.repeated), (1, 4));
    house.check(&again).await;
}

#[tokio::test]
async fn what_was_remembered_wrongly_is_sent_as_new() {
    let house = House::new().await;
    let batch = sends(&house, 0, 2);
    let sent = |n: u64| gochat_core::model::Receipt {
        id: gochat_core::model::MessageId::new(n).expect("in range"),
        seq: Seq::new(n),
        sent_at: gochat_core::testing::ManualClock::START,
    };
    // Of a message that the store does not have, and of one that is another.
    house.process(&batch[..1]).await;
    let other = house.all(house.single).await[0].receipt();
    let more = sends(&house, 2, 2);
    let wrong = [(super::house::key(&more[0]), sent(9)), (super::house::key(&more[1]), other)];
    house.kit.ports.dedup.remember(&wrong).await.expect("remembered");
    let report = house.process(&more).await;
    assert_eq!((report.stored, report.repeated), (2, 0));
    house.check(&[&batch[..1], &more].concat()).await;
}

#[tokio::test]
async fn a_repeat_that_is_remembered_is_not_delivered_again() {
    let house = House::new().await;
    let batch = sends(&house, 0, 2);
    house.process(&batch).await;
    let before = house.kit.deliver.seen().len();
    house.process(&sends(&house, 0, 2)).await;
    let told = house.kit.deliver.seen().len() - before;
    assert_eq!((told, receipts(&house, before)), (2, vec![true, true]), "nothing but receipts");
}

#[tokio::test]
async fn what_the_system_does_again_is_no_repeat_of_the_clients() {
    let house = House::new().await;
    let batch = sends(&house, 0, 2);
    // Stored, and the process dies before anybody is told.
    house.faults.fail_all("deliver.deliver");
    house.pipeline().process(&batch).await.expect_err("it dies");
    house.faults.reset();
    house.process(&batch).await;
    let new = |deliveries: Vec<Delivery>| {
        deliveries.into_iter().filter(|d| matches!(d.event, Event::NewMessage(_))).count()
    };
    assert_eq!(new(house.kit.deliver.seen()), 2, "delivered again, since nobody knows whether they were");
    assert_eq!(receipts(&house, 0), [false, false]);
    // And once more by what is remembered, as when an offset was not committed.
    let before = house.kit.deliver.seen().len();
    house.process(&batch).await;
    assert_eq!(receipts(&house, before), [false, false]);
}

/// Whether the receipts that were sent say that the message was sent before.
fn receipts(house: &House, after: usize) -> Vec<bool> {
    let told = house.kit.deliver.seen().split_off(after);
    let repeated = |d: Delivery| match d.event {
        Event::Stored(receipt) => Some(receipt.repeated),
        _ => None,
    };
    told.into_iter().filter_map(repeated).collect()
}

/// Some of a batch was stored by a process that died before it delivered; the batch comes back in another company.
#[tokio::test]
async fn what_was_stored_and_not_delivered_goes_out_before_what_is_new() {
    let house = House::new().await;
    let old = sends(&house, 0, 3);
    house.faults.fail_all("deliver.deliver");
    house.pipeline().process(&old).await.expect_err("it dies before it delivers");
    house.faults.reset();
    house.crash();
    let new = sends(&house, 3, 2);
    let batch = vec![new[0].clone(), old[2].clone(), old[0].clone(), new[1].clone(), old[1].clone()];
    house.process(&batch).await;
    house.check(&batch).await;
}

/// Each as a task of its own, which give way to each other at every port call in another way for each seed.
#[tokio::test]
async fn several_pipelines_at_once_keep_sequences_dense_and_messages_single() {
    for seed in 0..100 {
        let house = House::new().await;
        house.faults.switch(seed);
        let work = async |mine: usize| {
            let pipeline = house.pipeline();
            for batch in 0..4 {
                let ids = (0..3).map(|i| format!("{mine}-{batch}-{i}"));
                let mut batch: Vec<_> =
                    ids.map(|id| send(house.single, house.users[mine % 2], &id)).collect();
                // All of them send this one.
                batch.push(send(house.single, house.users[0], "common"));
                let mut tries = 0;
                while let Err(e) = pipeline.process(&batch).await {
                    assert_eq!(e.kind(), ErrorKind::Overloaded);
                    tries += 1;
                    assert!(tries < 100, "seed {seed}: it never gets through");
                }
            }
        };
        tokio::join!(work(0), work(1), work(2));
        let all = house.all(house.single).await;
        assert_eq!(
            all.iter().map(|m| m.seq.get()).collect::<Vec<_>>(),
            (1..=37).collect::<Vec<_>>(),
            "seed {seed}"
        );
        let texts: Vec<_> = all.iter().map(|m| m.body.content.to_string()).collect();
        let mut single = texts.clone();
        single.sort_unstable();
        single.dedup();
        assert_eq!(single.len(), 37, "seed {seed}");
        for mine in 0..3 {
            let theirs = texts.iter().filter(|t| t.starts_with(&format!("{mine}-")));
            assert!(theirs.is_sorted(), "seed {seed}: one sender's messages changed places");
        }
    }
}
