//! What becomes of a call when telling others fails, takes long, or is cut off.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use gochat_core::model::*;
use gochat_core::ports::*;
use gochat_core::service::{GroupChange, GroupCreation, MemberChange};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::house::{House, gateway};

/// A way out that fails, or waits at a gate, when told to.
#[derive(Debug)]
struct Gate {
    inner: Arc<dyn Deliver>,
    broken: AtomicBool,
    closed: AtomicBool,
    /// One permit for each delivery that waits, and one for each that may go on.
    waiting: Semaphore,
    open: Semaphore,
    /// One permit for each delivery that was dropped while it waited.
    cut: Semaphore,
}

impl Gate {
    async fn somebody_waits(&self) {
        self.waiting.acquire().await.expect("never closed").forget();
    }

    /// Waits until it is known where the use cases are, which may be elsewhere.
    async fn one_was_cut_off(&self) {
        self.cut.acquire().await.expect("never closed").forget();
    }

    fn let_go(&self) {
        self.closed.store(false, Ordering::SeqCst);
        self.open.add_permits(1);
    }
}

/// A delivery that waits.
struct Waiting<'a>(&'a Gate);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.cut.add_permits(1);
    }
}

#[async_trait]
impl Deliver for Gate {
    async fn deliver(&self, batch: Vec<Delivery>) -> Result<()> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(StoreError::new(ErrorKind::Unavailable, Retry::Ambiguous, "deliver"));
        }
        if self.closed.load(Ordering::SeqCst) {
            self.waiting.add_permits(1);
            let waiting = Waiting(self);
            self.open.acquire().await.expect("never closed").forget();
            std::mem::forget(waiting);
        }
        self.inner.deliver(batch).await
    }
}

fn gated() -> (Arc<House>, Arc<Gate>) {
    let mut gate = None;
    let house = House::over(
        |_| {},
        |ports| {
            let it = Arc::new(Gate {
                inner: ports.deliver.clone(),
                broken: AtomicBool::new(false),
                closed: AtomicBool::new(false),
                waiting: Semaphore::new(0),
                open: Semaphore::new(0),
                cut: Semaphore::new(0),
            });
            ports.deliver = it.clone();
            gate = Some(it);
        },
    );
    (Arc::new(house), gate.expect("made"))
}

fn session(n: u64) -> SessionId {
    SessionId::new(n).expect("above 0")
}

/// bob's friend alice has been away for the grace time.
async fn alice_is_leaving(house: &House) -> Caller {
    let (alice, bob) = (house.user("alice").await, house.user("bob").await);
    house.services.friends.befriend(&alice, bob.user).await.expect("friends");
    house.services.presences.opened(&alice, session(50), &gateway()).await.expect("up");
    house.services.presences.closed(&alice, session(50)).await.expect("down");
    house.kit.clock.advance(Duration::from_secs(5));
    house.forget();
    alice
}

#[tokio::test]
async fn what_is_done_is_done_though_nobody_can_be_told() {
    let (house, gate) = gated();
    let (alice, bob, carl) = (house.user("alice").await, house.user("bob").await, house.user("carl").await);
    let login = house.services.accounts.login("alice", crate::house::PASSWORD).await.expect("login");
    let message = house.say(&alice, ConversationId::WORLD, "oops").await;
    gate.broken.store(true, Ordering::SeqCst);

    let services = &house.services;
    services.friends.befriend(&alice, bob.user).await.expect("friends");
    services.conversations.open_single(&alice, carl.user).await.expect("opened");
    let new = GroupCreation { name: "Team".to_owned(), members: vec![bob.user], ..GroupCreation::default() };
    let group = services.groups.create(&alice, new).await.expect("made").conversation.entry.conversation.id;
    services.groups.add(&alice, group, &[carl.user]).await.expect("added");
    let change = GroupChange { name: Some("New".to_owned()), ..GroupChange::default() };
    services.groups.update(&alice, group, change).await.expect("renamed");
    services.groups.remove(&alice, group, carl.user).await.expect("removed");
    services.groups.change_member(&alice, group, bob.user, MemberChange::Owner).await.expect("handed over");
    services.groups.dissolve(&bob, group).await.expect("dissolved");
    services.messages.recall(&alice, message.id).await.expect("recalled");
    services.conversations.mark_read(&bob, ConversationId::WORLD, None).await.expect("read");
    services.presences.opened(&alice, session(50), &gateway()).await.expect("up");
    services.presences.typing(&alice, ConversationId::WORLD, true).await.expect("typed");
    services.accounts.logout(&login.access_token).await.expect("ended");
    assert_eq!(house.heard(), [""; 0]);
}

#[tokio::test]
async fn a_recall_that_could_not_be_told_is_told_by_recalling_again() {
    let (house, gate) = gated();
    let alice = house.user("alice").await;
    let message = house.say(&alice, ConversationId::WORLD, "oops").await;
    gate.broken.store(true, Ordering::SeqCst);
    house.services.messages.recall(&alice, message.id).await.expect("recalled");
    gate.broken.store(false, Ordering::SeqCst);
    house.services.messages.recall(&alice, message.id).await.expect("again");
    assert_eq!(house.heard(), ["everyone: recalled 1 by alice"]);
}

#[tokio::test]
async fn who_comes_back_while_it_is_told_that_they_are_gone_is_last_told_to_be_here() {
    let (house, gate) = gated();
    let alice = alice_is_leaving(&house).await;
    gate.closed.store(true, Ordering::SeqCst);
    let mut telling = JoinSet::new();
    let presences = Arc::clone(&house.services.presences);
    telling.spawn(async move { presences.tell_departures().await });
    gate.somebody_waits().await;
    house.services.presences.opened(&alice, session(51), &gateway()).await.expect("back");
    assert_eq!(house.heard(), [""; 0], "not before the other news");
    gate.let_go();
    telling.join_next().await.expect("one task").expect("no panic");
    assert_eq!(house.heard(), ["bob: friend alice gone", "bob: friend alice here"]);
}

#[tokio::test]
async fn departures_that_are_cut_off_while_they_are_told_are_told_again() {
    let (house, gate) = gated();
    alice_is_leaving(&house).await;
    gate.closed.store(true, Ordering::SeqCst);
    let mut telling = JoinSet::new();
    let presences = Arc::clone(&house.services.presences);
    telling.spawn(async move { presences.tell_departures().await });
    gate.somebody_waits().await;
    telling.shutdown().await;
    gate.closed.store(false, Ordering::SeqCst);
    let due = house.services.presences.next_due().expect("not forgotten");
    house.kit.clock.set(due);
    house.services.presences.tell_departures().await;
    assert_eq!(house.heard(), ["bob: friend alice gone"]);
}

/// bob's friends, of whom the first is being told to be here.
async fn a_crowd_comes(house: &House, gate: &Gate) -> (Vec<Caller>, JoinSet<()>) {
    let bob = house.user("bob").await;
    let mut crowd = Vec::new();
    for i in 0..4_u64 {
        let who = house.user(&format!("user{i}")).await;
        house.services.friends.befriend(&bob, who.user).await.expect("friends");
        crowd.push(who);
    }
    house.forget();
    gate.closed.store(true, Ordering::SeqCst);
    let mut telling = JoinSet::new();
    let (presences, first) = (Arc::clone(&house.services.presences), crowd[0]);
    telling.spawn(async move { presences.opened(&first, session(50), &gateway()).await.expect("up") });
    gate.somebody_waits().await;
    (crowd, telling)
}

#[tokio::test]
async fn one_who_comes_tells_of_all_who_come_meanwhile() {
    let (house, gate) = gated();
    let (crowd, mut telling) = a_crowd_comes(&house, &gate).await;
    for (who, n) in crowd[1..].iter().zip(51..) {
        house.services.presences.opened(who, session(n), &gateway()).await.expect("up, without waiting");
    }
    assert_eq!(house.heard(), [""; 0]);
    gate.let_go();
    telling.join_next().await.expect("one task").expect("no panic");
    let want: Vec<_> = (0..4).map(|i| format!("bob: friend user{i} here")).collect();
    assert_eq!(house.heard(), want);
    assert_eq!(house.services.presences.next_due(), None);
}

#[tokio::test]
async fn when_the_one_who_tells_is_cut_off_nobody_is_forgotten() {
    let (house, gate) = gated();
    let (crowd, mut telling) = a_crowd_comes(&house, &gate).await;
    house.services.presences.opened(&crowd[1], session(51), &gateway()).await.expect("up");
    telling.shutdown().await;
    gate.one_was_cut_off().await;
    gate.closed.store(false, Ordering::SeqCst);
    assert_eq!(house.services.presences.next_due(), Some(house.ports.clock.now()));
    house.services.presences.tell_departures().await;
    assert_eq!(house.heard(), ["bob: friend user0 here", "bob: friend user1 here"]);
    house.services.presences.opened(&crowd[2], session(52), &gateway()).await.expect("up");
    assert_eq!(house.heard(), ["bob: friend user2 here"]);
}

#[tokio::test]
async fn departures_beyond_one_batch_are_told_in_one_call() {
    let house = House::new();
    let bob = house.user("bob").await;
    for i in 0..1_001_u64 {
        let who = house.user(&format!("user{i}")).await;
        if i % 500 == 0 {
            house.services.friends.befriend(&bob, who.user).await.expect("friends");
        }
        house.services.presences.opened(&who, session(i + 1), &gateway()).await.expect("up");
        house.services.presences.closed(&who, session(i + 1)).await.expect("down");
    }
    house.forget();
    house.kit.clock.advance(Duration::from_secs(5));
    house.services.presences.tell_departures().await;
    assert_eq!(
        house.heard(),
        ["bob: friend user0 gone", "bob: friend user500 gone", "bob: friend user1000 gone"]
    );
    assert_eq!(house.services.presences.next_due(), None);
}
