//! Sessions coming and going, and writing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use gochat_core::model::*;
use gochat_core::ports::*;

use crate::house::{House, code, gateway};

fn session(n: u64) -> SessionId {
    SessionId::new(n).expect("above 0")
}

async fn friends(house: &House) -> [Caller; 2] {
    let (alice, bob) = (house.user("alice").await, house.user("bob").await);
    house.services.friends.befriend(&alice, bob.user).await.expect("friends");
    house.forget();
    [alice, bob]
}

async fn up(house: &House, who: &Caller, n: u64) {
    house.services.presences.opened(who, session(n), &gateway()).await.expect("registered");
}

async fn down(house: &House, who: &Caller, n: u64) {
    house.services.presences.closed(who, session(n)).await.expect("unregistered");
}

/// Lets time pass and does what a timer would.
async fn wait(house: &House, by: Duration) {
    house.kit.clock.advance(by);
    if house.services.presences.next_due().is_some_and(|due| due <= house.ports.clock.now()) {
        house.services.presences.tell_departures().await;
    }
}

const GRACE: Duration = Duration::from_secs(5);

#[tokio::test]
async fn friends_hear_of_the_first_session_up_and_the_last_one_gone() {
    let house = House::new();
    let [alice, _bob] = friends(&house).await;
    up(&house, &alice, 50).await;
    assert_eq!(house.heard(), ["bob: friend alice here"]);
    up(&house, &alice, 51).await;
    down(&house, &alice, 50).await;
    assert_eq!(house.services.presences.next_due(), None);
    down(&house, &alice, 51).await;
    wait(&house, GRACE - Duration::from_millis(1)).await;
    assert_eq!(house.heard(), [""; 0]);
    wait(&house, Duration::from_millis(1)).await;
    assert_eq!(house.heard(), ["bob: friend alice gone"]);
    wait(&house, GRACE).await;
    assert_eq!(house.heard(), [""; 0], "once");
    up(&house, &alice, 52).await;
    assert_eq!(house.heard(), ["bob: friend alice here"]);
}

#[tokio::test]
async fn a_reconnect_within_the_grace_says_nothing() {
    let house = House::new();
    let [alice, _bob] = friends(&house).await;
    up(&house, &alice, 50).await;
    house.forget();
    for n in 0..3 {
        down(&house, &alice, 50 + n).await;
        wait(&house, Duration::from_secs(4)).await;
        up(&house, &alice, 51 + n).await;
        wait(&house, Duration::from_secs(60)).await;
    }
    assert_eq!(house.heard(), [""; 0]);
}

#[tokio::test]
async fn small_groups_hear_of_their_members_and_large_ones_do_not() {
    let house = House::with(|s| s.group_presence_max = 3);
    let [alice, bob] = friends(&house).await;
    let (carl, dora) = (house.user("carl").await, house.user("dora").await);
    house.group(&alice, &[&bob, &carl]).await;
    house.group(&alice, &[&bob, &carl, &dora]).await;
    up(&house, &alice, 50).await;
    assert_eq!(house.heard(), ["bob: friend alice here", "bob carl: member alice here"]);
    down(&house, &alice, 50).await;
    wait(&house, GRACE).await;
    assert_eq!(house.heard(), ["bob: friend alice gone", "bob carl: member alice gone"]);
}

#[tokio::test]
async fn guests_come_and_go_unheard() {
    let house = House::new();
    let guest = house.guest("gast").await;
    let alice = house.user("alice").await;
    house.services.conversations.open_single(&alice, guest.user).await.expect("opened");
    house.forget();
    up(&house, &guest, 50).await;
    assert_eq!(house.ports.sessions.online(&[guest.user]).await.expect("memory"), [true]);
    down(&house, &guest, 50).await;
    assert_eq!(house.services.presences.next_due(), None);
    assert_eq!(house.ports.sessions.online(&[guest.user]).await.expect("memory"), [false]);
    assert_eq!(house.heard(), [""; 0]);
}

#[tokio::test]
async fn the_oldest_session_beyond_the_limit_ends() {
    let house = House::with(|s| s.sessions_max = 2);
    let [alice, _bob] = friends(&house).await;
    for n in 50..53 {
        house.kit.clock.advance(Duration::from_secs(1));
        up(&house, &alice, n).await;
    }
    assert_eq!(house.heard(), ["bob: friend alice here", "session 50 of alice: end: Replaced"]);
    down(&house, &alice, 50).await;
    assert_eq!(house.services.presences.next_due(), None, "the others are still up");
}

#[tokio::test]
async fn who_was_lost_with_a_gateway_is_gone_at_once_unless_elsewhere() {
    let house = House::new();
    let [alice, bob] = friends(&house).await;
    up(&house, &alice, 50).await;
    up(&house, &bob, 60).await;
    house.forget();
    // What the directory says when a gateway is dead: its sessions do not count. Alice's were there, bob's elsewhere.
    house.ports.sessions.unregister(alice.user, session(50)).await.expect("memory");
    house.services.presences.lost(&[alice.user, bob.user]).await;
    assert_eq!(house.heard(), ["bob: friend alice gone"]);
    assert_eq!(house.services.presences.next_due(), None);
    up(&house, &alice, 51).await;
    assert_eq!(house.heard(), ["bob: friend alice here"]);
}

#[tokio::test]
async fn who_was_lost_and_had_just_left_elsewhere_keeps_the_grace() {
    let house = House::new();
    let [alice, _bob] = friends(&house).await;
    up(&house, &alice, 50).await;
    down(&house, &alice, 50).await;
    house.forget();
    house.services.presences.lost(&[alice.user]).await;
    assert_eq!(house.heard(), [""; 0]);
    up(&house, &alice, 51).await;
    wait(&house, GRACE).await;
    assert_eq!(house.heard(), [""; 0], "back within the grace");
}

#[tokio::test]
async fn who_is_back_by_another_way_is_not_gone() {
    let house = House::new();
    let [alice, _bob] = friends(&house).await;
    up(&house, &alice, 50).await;
    down(&house, &alice, 50).await;
    // Through another process, of which this one hears nothing.
    let record = SessionRecord {
        user: alice.user,
        session: session(60),
        gateway: gateway(),
        login: alice.login,
        guest: false,
        at: house.ports.clock.now(),
    };
    house.ports.sessions.register(&record, 9).await.expect("memory");
    house.forget();
    wait(&house, GRACE).await;
    assert_eq!(house.heard(), [""; 0]);
    assert_eq!(house.services.presences.next_due(), None);
}

/// A directory of sessions that is away while told so, or where somebody comes up just after they were looked up.
#[derive(Debug)]
struct Shaky {
    sessions: Arc<dyn Sessions>,
    away: AtomicBool,
}

impl Shaky {
    fn check(&self) -> Result<()> {
        if self.away.load(Ordering::SeqCst) {
            return Err(StoreError::new(ErrorKind::Unavailable, Retry::Ambiguous, "sessions"));
        }
        Ok(())
    }
}

#[async_trait]
impl Sessions for Shaky {
    async fn register(&self, session: &SessionRecord, max: u32) -> Result<Registered> {
        // It happens, and the answer is lost.
        let done = self.sessions.register(session, max).await;
        self.check().and(done)
    }
    async fn unregister(&self, user: UserId, session: SessionId) -> Result<Unregistered> {
        let done = self.sessions.unregister(user, session).await;
        self.check().and(done)
    }
    async fn online(&self, users: &[UserId]) -> Result<Vec<bool>> {
        self.check()?;
        self.sessions.online(users).await
    }
    async fn online_count(&self) -> Result<u64> {
        self.check()?;
        self.sessions.online_count().await
    }
}

fn shaky() -> (House, Arc<Shaky>) {
    let mut shaky = None;
    let house = House::over(
        |_| {},
        |ports| {
            let it = Arc::new(Shaky { sessions: ports.sessions.clone(), away: AtomicBool::new(false) });
            ports.sessions = it.clone();
            shaky = Some(it);
        },
    );
    (house, shaky.expect("made"))
}

#[tokio::test]
async fn departures_that_cannot_be_looked_up_are_told_later() {
    let (house, shaky) = shaky();
    let [alice, _bob] = friends(&house).await;
    up(&house, &alice, 50).await;
    down(&house, &alice, 50).await;
    house.forget();
    shaky.away.store(true, Ordering::SeqCst);
    wait(&house, GRACE).await;
    assert_eq!(house.heard(), [""; 0]);
    shaky.away.store(false, Ordering::SeqCst);
    wait(&house, Duration::from_secs(1)).await;
    assert_eq!(house.heard(), ["bob: friend alice gone"]);
}

#[tokio::test]
async fn the_lost_that_cannot_be_looked_up_are_told_later() {
    let (house, shaky) = shaky();
    let [alice, _bob] = friends(&house).await;
    shaky.away.store(true, Ordering::Relaxed);
    house.services.presences.lost(&[alice.user]).await;
    assert_eq!(house.heard(), [""; 0]);
    shaky.away.store(false, Ordering::Relaxed);
    wait(&house, GRACE).await;
    assert_eq!(house.heard(), ["bob: friend alice gone"]);
}

#[tokio::test]
async fn a_close_whose_answer_is_lost_is_a_departure_all_the_same() {
    let (house, shaky) = shaky();
    let [alice, _bob] = friends(&house).await;
    up(&house, &alice, 50).await;
    house.forget();
    shaky.away.store(true, Ordering::SeqCst);
    assert_eq!(code(house.services.presences.closed(&alice, session(50)).await), "UNAVAILABLE");
    shaky.away.store(false, Ordering::SeqCst);
    wait(&house, GRACE).await;
    assert_eq!(house.heard(), ["bob: friend alice gone"]);
}

#[tokio::test]
async fn a_session_that_is_refused_is_not_left_registered() {
    let (house, shaky) = shaky();
    let [alice, _bob] = friends(&house).await;
    shaky.away.store(true, Ordering::SeqCst);
    assert_eq!(code(house.services.presences.opened(&alice, session(50), &gateway()).await), "UNAVAILABLE");
    shaky.away.store(false, Ordering::SeqCst);
    assert_eq!(house.ports.sessions.online(&[alice.user]).await.expect("here again"), [false]);
    assert_eq!(house.heard(), [""; 0]);
}

#[tokio::test]
async fn a_list_of_conversations_does_not_fail_for_the_number_of_those_online() {
    let (house, shaky) = shaky();
    let [alice, _bob] = friends(&house).await;
    shaky.away.store(true, Ordering::SeqCst);
    let list = house.services.conversations.list(&alice).await.expect("without the number");
    assert_eq!(list[0].online, None);
    assert_eq!(code(house.services.friends.list(&alice).await), "UNAVAILABLE", "offline would be a lie");
}

#[tokio::test]
async fn typing_is_told_to_the_others_and_not_too_often() {
    let house = House::new();
    let [alice, bob] = friends(&house).await;
    let carl = house.user("carl").await;
    let group = house.group(&alice, &[&bob, &carl]).await;
    let presences = &house.services.presences;
    presences.typing(&alice, group, true).await.expect("a member");
    presences.typing(&alice, group, true).await.expect("dropped silently");
    presences.typing(&bob, group, true).await.expect("another's turn");
    assert_eq!(house.heard(), ["bob carl: alice typing true", "alice carl: bob typing true"]);
    house.kit.clock.advance(Duration::from_secs(2));
    presences.typing(&alice, group, false).await.expect("a member");
    assert_eq!(house.heard(), ["bob carl: alice typing false"]);
}

#[tokio::test]
async fn typing_where_many_are_shares_one_turn() {
    let house = House::with(|s| s.direct_fanout_max = 1);
    let [alice, bob] = friends(&house).await;
    let group = house.group(&alice, &[&bob]).await;
    let presences = &house.services.presences;
    for who in [&alice, &bob] {
        presences.typing(who, group, true).await.expect("a member");
        presences.typing(who, ConversationId::WORLD, true).await.expect("everyone's");
    }
    assert_eq!(house.heard(), ["members: alice typing true", "everyone: alice typing true"]);
}

#[tokio::test]
async fn strangers_do_not_type() {
    let house = House::new();
    let [alice, bob] = friends(&house).await;
    let eve = house.user("eve").await;
    let group = house.group(&alice, &[&bob]).await;
    let presences = &house.services.presences;
    let nowhere = ConversationId::new(77).expect("an id");
    assert_eq!(code(presences.typing(&eve, group, true).await), "CONVERSATION_NOT_FOUND");
    assert_eq!(code(presences.typing(&eve, nowhere, true).await), "CONVERSATION_NOT_FOUND");
    assert_eq!(house.heard(), [""; 0]);
}
