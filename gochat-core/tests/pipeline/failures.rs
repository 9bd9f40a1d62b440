//! Every single port call failed in turn, before and after it took effect; and every pair of them.

use gochat_core::model::SendCommand;
use gochat_core::testing::faults::When;

use super::house::{Change, House, WORLD, change, send};

/// What the batch meets.
#[derive(Debug, Clone, Copy)]
enum Scene {
    /// Warm counters and an empty memory of sends.
    Plain,
    /// Nothing beside the store is known.
    Cold,
    /// The counter has run ahead.
    Ahead,
    /// The counter is behind the store.
    Behind,
    /// Most of it was sent before, and nothing remembers it but the store.
    Repeats,
    /// Most of it was sent before and is remembered.
    Remembered,
    /// Members change between asking for rights and storing.
    Changing,
}

const SCENES: [Scene; 7] = [
    Scene::Plain,
    Scene::Cold,
    Scene::Ahead,
    Scene::Behind,
    Scene::Repeats,
    Scene::Remembered,
    Scene::Changing,
];

/// What happens between two tries.
#[derive(Debug, Clone, Copy)]
enum Between {
    Nothing,
    /// Another process takes over.
    Crash,
}

/// Sends of every fate: stored in three conversations, refused for body and rights, doubled within the batch.
fn batch(house: &House) -> Vec<SendCommand> {
    let [a, b, c, stranger, _] = house.users;
    let mut blank = send(house.single, a, "blank");
    blank.body.content = "  ".into();
    vec![
        send(house.single, a, "1"),
        send(house.group, b, "1"),
        send(WORLD, stranger, "1"),
        blank,
        send(house.group, stranger, "no right"),
        send(house.group, a, "2"),
        send(house.single, b, "2"),
        send(house.single, a, "1"),
        send(house.group, c, "3"),
        send(WORLD, a, "2"),
        send(house.single, a, "3"),
    ]
}

/// The house before the batch under test, and the batch.
async fn set(scene: Scene) -> (House, Vec<SendCommand>) {
    let house = House::new().await;
    let [a, b, ..] = house.users;
    let all = batch(&house);
    let before =
        vec![send(house.single, b, "before"), send(house.group, a, "before"), send(WORLD, b, "before")];
    house.process(&before).await;
    match scene {
        Scene::Plain | Scene::Changing => {}
        Scene::Cold => house.crash(),
        Scene::Ahead | Scene::Behind => {
            let off = if matches!(scene, Scene::Ahead) { 9 } else { 0 };
            let heads = [house.single, house.group, WORLD].map(|id| (id, gochat_core::model::Seq::new(off)));
            house.kit.ports.sequencer.restore(&heads).await.expect("set");
        }
        Scene::Repeats | Scene::Remembered => {
            let earlier: Vec<_> = [0, 1, 2, 5].into_iter().map(|i| all[i].clone()).collect();
            house.process(&earlier).await;
            if matches!(scene, Scene::Repeats) {
                house.kit.dedup.forget();
            }
        }
    }
    house.faults.reset();
    if matches!(scene, Scene::Changing) {
        let (memory, group, user) = (house.kit.memory.clone(), house.group, house.users[4]);
        house.faults.before("messages.append", change(memory, group, Change::Add(user)));
    }
    (house, all)
}

async fn run(scene: Scene, faults: &[(usize, When)], between: Between) -> usize {
    let (house, batch) = set(scene).await;
    for (nth, when) in faults {
        house.faults.fail(*nth, *when);
    }
    let act = async || {
        if matches!(between, Between::Crash) {
            house.crash();
        }
    };
    house.insist(&batch, act).await;
    house.check(&batch).await;
    let texts = |id| house.texts(id);
    assert_eq!(texts(house.single).await, ["before", "1", "2", "3"]);
    assert_eq!(texts(house.group).await, ["before", "1", "2", "3"]);
    assert_eq!(texts(WORLD).await, ["before", "1", "2"]);
    house.faults.calls().len()
}

#[tokio::test]
async fn every_call_failed_once() {
    for scene in SCENES {
        let calls = run(scene, &[], Between::Nothing).await;
        assert!(calls >= 7, "{scene:?} makes {calls} calls");
        for nth in 0..calls {
            for when in [When::Before, When::After] {
                for between in [Between::Nothing, Between::Crash] {
                    run(scene, &[(nth, when)], between).await;
                }
            }
        }
    }
}

#[tokio::test]
async fn every_two_calls_failed_after_they_took_effect() {
    for scene in SCENES {
        // A batch given twice makes about twice the calls.
        let calls = 2 * run(scene, &[], Between::Nothing).await;
        for first in 0..calls {
            for second in first + 1..calls {
                let fail = [(first, When::After), (second, When::After)];
                run(scene, &fail, Between::Crash).await;
            }
        }
    }
}

#[tokio::test]
async fn deduplication_that_is_away_fails_no_send() {
    let (house, batch) = set(Scene::Plain).await;
    house.faults.fail_all("dedup.seen");
    house.faults.fail_all("dedup.remember");
    house.process(&batch).await;
    house.check(&batch).await;
    let report = house.process(&batch).await;
    assert_eq!((report.stored, report.repeated), (0, 9));
    house.check(&batch).await;
}

#[tokio::test]
async fn what_is_needed_and_away_fails_the_batch_and_delivers_nothing() {
    for operation in
        ["users.by_ids", "directory.access", "sequencer.reserve", "messages.append", "deliver.deliver"]
    {
        let (house, batch) = set(Scene::Plain).await;
        let before = house.kit.deliver.seen().len();
        house.faults.fail_all(operation);
        for _ in 0..3 {
            let error = house.pipeline().process(&batch).await.expect_err(operation);
            assert_eq!(error.operation(), operation);
        }
        assert_eq!(house.kit.deliver.seen().len(), before, "{operation}");
        house.faults.reset();
        house.process(&batch).await;
        house.check(&batch).await;
    }
}
