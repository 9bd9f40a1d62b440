//! What is noted with a change is told: at once, or late by the relay when the telling was lost.

use std::sync::Arc;
use std::time::Duration;

use gochat_core::model::*;
use gochat_core::ports::{Claim, Clock, Outbox, Ports};
use gochat_core::service::{GroupChange, GroupCreation, MemberChange};
use gochat_core::testing::RecordingTellings;
use gochat_core::testing::faults::{Faults, When};
use gochat_core::usecase::relay::{Relay, RelayTerms, Round};
use gochat_core::{Error, Settings};

use crate::house::{House, four, quiet, role};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Befriend,
    Open,
    Read,
    Recall,
    Create,
    Rename,
    Add,
    Remove,
    Leave,
    Promote,
    Mute,
    HandOver,
    Dissolve,
}

const ACTS: [Act; 13] = [
    Act::Befriend,
    Act::Open,
    Act::Read,
    Act::Recall,
    Act::Create,
    Act::Rename,
    Act::Add,
    Act::Remove,
    Act::Leave,
    Act::Promote,
    Act::Mute,
    Act::HandOver,
    Act::Dissolve,
];

const WRITES: [&str; 11] = [
    "friends.befriend",
    "conversations.open_single",
    "conversations.mark_read",
    "messages.recall",
    "groups.create",
    "groups.update",
    "groups.add",
    "groups.remove",
    "groups.change_member",
    "groups.transfer",
    "groups.dissolve",
];

/// alice owns a group with bob and carl in it, in which bob wrote something that alice has not read; dora is outside.
struct Scene {
    house: House,
    faults: Arc<Faults>,
    tellings: Arc<RecordingTellings>,
    people: [Caller; 4],
    group: ConversationId,
    message: MessageId,
}

async fn scene() -> Scene {
    let (faults, tellings) = (Faults::new(), Arc::new(RecordingTellings::new()));
    let house = House::over(
        |_| {},
        |ports| {
            ports.tellings = Some(tellings.clone());
            *ports = faults.wrap(ports);
        },
    );
    let people = four(&house).await;
    let group = house.group(&people[0], &[&people[1], &people[2]]).await;
    let message = house.say(&people[1], group, "hello").await.id;
    house.kit.memory.done(&tellings.take_told()).await.expect("cleared");
    assert_eq!(tellings.take_missed(), []);
    faults.reset();
    Scene { house, faults, tellings, people, group, message }
}

impl Scene {
    async fn act(&self, act: Act) -> Result<(), Error> {
        let services = &self.house.services;
        let [alice, bob, _, dora] = &self.people;
        let group = self.group;
        match act {
            Act::Befriend => services.friends.befriend(alice, dora.user).await.map(drop),
            Act::Open => services.conversations.open_single(alice, dora.user).await.map(drop),
            Act::Read => services.conversations.mark_read(alice, group, None).await.map(drop),
            Act::Recall => services.messages.recall(bob, self.message).await.map(drop),
            Act::Create => {
                let members = vec![bob.user, dora.user];
                let new = GroupCreation { name: "Club".to_owned(), members, ..GroupCreation::default() };
                services.groups.create(alice, new).await.map(drop)
            }
            Act::Rename => {
                let change = GroupChange { name: Some("Crew".to_owned()), ..GroupChange::default() };
                services.groups.update(alice, group, change).await.map(drop)
            }
            Act::Add => services.groups.add(alice, group, &[dora.user]).await.map(drop),
            Act::Remove => services.groups.remove(alice, group, bob.user).await,
            Act::Leave => services.groups.remove(bob, group, bob.user).await,
            Act::Promote => {
                services.groups.change_member(alice, group, bob.user, role(Role::Admin)).await.map(drop)
            }
            Act::Mute => {
                let until = self.house.kit.clock.now().after(Duration::from_secs(600));
                let change = MemberChange::Rights { role: None, muted_until: Some(Some(until)) };
                services.groups.change_member(alice, group, bob.user, change).await.map(drop)
            }
            Act::HandOver => {
                services.groups.change_member(alice, group, bob.user, MemberChange::Owner).await.map(drop)
            }
            Act::Dissolve => services.groups.dissolve(alice, group).await,
        }
    }

    /// A relay of another process, whose ports work.
    fn relay(&self) -> Relay {
        self.relay_over(self.house.kit.ports.clone())
    }

    fn relay_over(&self, ports: Ports) -> Relay {
        let settings = Arc::new(Settings::default());
        Relay::new(ports, self.house.kit.memory.clone(), RelayTerms::default(), settings, &quiet())
    }

    fn wait(&self, seconds: u64) {
        self.house.kit.clock.advance(Duration::from_secs(seconds));
    }

    /// What is noted and not done, whoever has claimed it.
    async fn noted(&self) -> Vec<Note> {
        let end = Timestamp::from_millis(i64::MAX);
        let limit = PageLimit::new(100, 100).expect("a size");
        let claim = Claim { made_until: end, now: end, until: Timestamp::from_millis(0), limit };
        self.house.kit.memory.claim(&claim).await.expect("memory answers")
    }
}

/// `alice bob: event` as what each of them hears.
fn one_by_one(heard: &[String]) -> Vec<String> {
    let each = |line: &String| {
        let (to, what) = line.split_once(": ").expect("a receiver and an event");
        to.split(' ').map(|name| format!("{name}: {what}")).collect::<Vec<_>>()
    };
    heard.iter().flat_map(each).collect()
}

#[tokio::test]
async fn every_change_is_noted_once_and_told_at_once() {
    for act in ACTS {
        let scene = scene().await;
        scene.act(act).await.expect("done");
        let noted: Vec<_> = scene.noted().await.iter().map(|note| note.id).collect();
        assert_eq!(noted.len(), 1, "{act:?}");
        assert_eq!(scene.tellings.take_told(), noted, "{act:?}");
        assert_eq!(scene.tellings.take_missed(), [], "{act:?}");
        assert!(!scene.house.heard().is_empty(), "{act:?}");
        // Again: what changes nothing leaves nothing.
        if matches!(act, Act::Befriend | Act::Open | Act::Read | Act::Recall | Act::Add) {
            scene.house.kit.memory.done(&noted).await.expect("done");
            scene.act(act).await.expect("no error");
            assert_eq!(scene.noted().await, [], "{act:?}");
        }
    }
}

#[tokio::test]
async fn what_could_not_be_told_at_once_is_told_late() {
    for act in ACTS {
        let at_once = {
            let scene = scene().await;
            scene.act(act).await.expect("done");
            scene.house.heard()
        };
        let scene = scene().await;
        scene.faults.fail_all("deliver.deliver");
        scene.act(act).await.expect("the change is made");
        assert_eq!(scene.house.heard(), [""; 0], "{act:?}");
        let noted: Vec<_> = scene.noted().await.iter().map(|note| note.id).collect();
        assert_eq!(scene.tellings.take_missed(), noted, "{act:?}");
        assert_eq!((noted.len(), scene.tellings.take_told()), (1, vec![]), "{act:?}");

        let relay = scene.relay();
        assert_eq!(relay.round().await.expect("answers"), Round::default(), "{act:?}: it is young");
        scene.wait(6);
        let round = relay.round().await.expect("answers");
        let want = Round { told: 1, oldest: Duration::from_secs(6), ..Round::default() };
        assert_eq!(round, want, "{act:?}");
        let late = one_by_one(&scene.house.heard());
        for line in one_by_one(&at_once) {
            assert!(late.contains(&line), "{act:?}: {line} is missing in {late:?}");
        }
        assert_eq!(scene.noted().await, [], "{act:?}");
        scene.wait(60);
        assert_eq!(relay.round().await.expect("answers"), Round::default(), "{act:?}");
    }
}

#[tokio::test]
async fn a_note_is_there_exactly_when_the_change_is_whichever_call_fails() {
    for act in ACTS {
        for when in [When::Before, When::After] {
            for nth in 0.. {
                let scene = scene().await;
                scene.faults.fail(nth, when);
                let _answer = scene.act(act).await;
                let failed = scene.faults.failed();
                let Some((operation, _)) = failed.first() else { break };
                let writes = scene.faults.calls().iter().filter(|call| WRITES.contains(call)).count();
                let prevented = when == When::Before && WRITES.contains(operation);
                let made = writes - usize::from(prevented);
                let noted = scene.noted().await;
                assert_eq!(noted.len(), made, "{act:?}, {operation} failed {when:?}");
                // Whoever died: what is not known to be told, is told.
                scene.house.kit.memory.done(&scene.tellings.take_told()).await.expect("done");
                let left = scene.noted().await.len();
                scene.house.forget();
                scene.wait(6);
                let round = scene.relay().round().await.expect("answers");
                assert_eq!((round.told, scene.noted().await.len()), (left, 0), "{act:?}, {operation}");
                assert_eq!(scene.house.heard().is_empty(), left == 0, "{act:?}, {operation}");
            }
        }
    }
}

#[tokio::test]
async fn told_late_is_what_is_true_then() {
    let scene = scene().await;
    let [alice, ..] = &scene.people;
    scene.faults.fail_all("deliver.deliver");
    scene.act(Act::Add).await.expect("done");
    scene.act(Act::Promote).await.expect("done");
    let dora = scene.people[3].user;
    scene.house.services.groups.remove(alice, scene.group, dora).await.expect("done");
    scene.act(Act::Remove).await.expect("done");
    scene.act(Act::Rename).await.expect("done");
    scene.wait(6);
    assert_eq!(scene.relay().round().await.expect("answers").told, 5);
    let want = [
        "alice carl: dora Removed as out by alice",
        "dora: dora Removed as out by alice",
        "alice carl: bob Removed as out by alice",
        "bob: bob Removed as out by alice",
        "alice: changed conversation of alice, 1 unread",
        "carl: changed conversation of carl, 1 unread",
    ];
    assert_eq!(scene.house.heard(), want, "nothing of dora's coming, and nothing of bob's rank");

    scene.act(Act::Add).await.expect("done");
    scene.act(Act::Dissolve).await.expect("done");
    scene.wait(6);
    assert_eq!(scene.relay().round().await.expect("answers").told, 2);
    assert_eq!(scene.house.heard(), ["alice carl dora: alice Dissolved as out by alice"]);
}

#[tokio::test]
async fn a_pointer_that_moved_often_is_told_once() {
    let scene = scene().await;
    let bob = &scene.people[1];
    scene.faults.fail_all("deliver.deliver");
    for _ in 0..5 {
        scene.house.say(bob, scene.group, "more").await;
        scene.act(Act::Read).await.expect("done");
    }
    assert_eq!(scene.noted().await.len(), 5);
    scene.wait(6);
    assert_eq!(scene.relay().round().await.expect("answers").told, 5);
    assert_eq!(scene.house.heard(), ["alice: read 6, 0 unread"]);
}

#[tokio::test]
async fn what_a_relay_takes_and_cannot_tell_another_tells_later() {
    let scene = scene().await;
    scene.faults.fail_all("deliver.deliver");
    scene.act(Act::Befriend).await.expect("done");
    scene.act(Act::Remove).await.expect("done");
    scene.wait(6);
    let broken = Faults::new();
    let relay = scene.relay_over(broken.wrap(&scene.house.kit.ports));
    broken.fail_all("deliver.deliver");
    relay.round().await.expect_err("the way is closed");
    let other = scene.relay();
    assert_eq!(other.round().await.expect("answers"), Round::default(), "they are claimed");
    scene.wait(16);
    assert_eq!(other.round().await.expect("answers").told, 2);

    // A store that is away for one of two leaves that one.
    scene.act(Act::Rename).await.expect("done");
    scene.act(Act::Read).await.expect("done");
    scene.wait(6);
    broken.reset();
    broken.fail_all("directory.access");
    let round = relay.round().await.expect("answers");
    assert_eq!((round.told, round.left, round.dropped), (1, 1, 0));
    scene.wait(16);
    assert_eq!(other.round().await.expect("answers").told, 1);
}
