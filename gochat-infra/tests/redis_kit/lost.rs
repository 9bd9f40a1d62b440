//! What gateways that died have left.

use std::sync::Arc;
use std::time::Duration;

use gochat_core::model::UserId;
use gochat_core::ports::{SessionRecord, Sessions};
use gochat_infra::redis::{GatewayLease, GatewayStanding, LeaseError, Lost, LostPage, Redis, RedisSessions};
use gochat_infra::runtime::{Phase, Supervisor};

use super::gateways::{crash, short, until_online};
use super::{Held, Servers, gateway, gateway_id, log, open, record, user};

const LONG: Duration = Duration::from_secs(60);

async fn claim(sessions: &RedisSessions, of: &str, by: &str) -> Lost {
    sessions.claim(&gateway_id(of), by, LONG).await.expect("answers")
}

async fn page(sessions: &RedisSessions, of: &str, by: &str) -> LostPage {
    match claim(sessions, of, by).await {
        Lost::Page(page) => page,
        other => panic!("a page of {of} for {by}, not {other:?}"),
    }
}

async fn users(sessions: &RedisSessions, page: &LostPage) -> Vec<UserId> {
    let mut users = sessions.take_out(page).await.expect("answers");
    users.sort_unstable();
    users
}

async fn standing(sessions: &RedisSessions, of: &str) -> GatewayStanding {
    let all = sessions.standings().await.expect("answers");
    all.into_iter().find(|s| s.gateway.as_str() == of).expect("it is remembered")
}

/// `gw-1` has died with these sessions, and counts as dead.
async fn dead(redis: &Redis, sessions: &RedisSessions, left: &[SessionRecord]) {
    let (dying, lease) = gateway(redis, "gw-1", Held::default().into()).await;
    for record in left {
        sessions.register(record, 5).await.expect("registered");
    }
    assert_eq!(claim(sessions, "gw-1", "a").await, Lost::Nothing, "it lives");
    assert!(!standing(sessions, "gw-1").await.left);
    crash(dying, redis.clone(), "gw-1", lease).await;
    until_online(sessions, left[0].user.get(), false).await;
    let standing = standing(sessions, "gw-1").await;
    assert!(standing.left && standing.lives_for.is_zero() && standing.dead_for < LONG, "{standing:?}");
}

pub(crate) async fn what_a_dead_gateway_left_is_read_by_one(servers: &'static Servers) {
    let redis = open(short(servers.config()));
    let sessions = RedisSessions::new(redis.clone());
    let (_living, _lease) = gateway(&redis, "gw-2", Held::default().into()).await;
    let mut guest = record(4, 13, "gw-1");
    guest.guest = true;
    let left = [record(2, 10, "gw-1"), record(2, 11, "gw-1"), record(3, 12, "gw-1"), guest];
    sessions.register(&record(3, 20, "gw-2"), 5).await.expect("registered");
    dead(&redis, &sessions, &left).await;
    let read = page(&sessions, "gw-1", "a").await;
    assert_eq!(claim(&sessions, "gw-1", "b").await, Lost::Claimed);
    assert_eq!(users(&sessions, &read).await, [user(2), user(3)], "no guest");
    assert_eq!(sessions.online(&[user(2), user(3)]).await.expect("answers"), [false, true]);
    sessions.strike(&read).await.expect("struck out");
    for by in ["b", "a"] {
        assert_eq!(claim(&sessions, "gw-1", by).await, Lost::Nothing);
    }
    assert!(!standing(&sessions, "gw-1").await.left);
    assert_eq!(claim(&sessions, "gw-2", "a").await, Lost::Nothing);
    assert_eq!(sessions.online(&[user(3)]).await.expect("answers"), [true]);
}

pub(crate) async fn what_one_does_not_finish_another_does(servers: &'static Servers) {
    let redis = open(short(servers.config()));
    let sessions = RedisSessions::new(redis.clone());
    let left: Vec<_> = (0..1_200).map(|n| record(2 + n, 5_000 + n, "gw-1")).collect();
    dead(&redis, &sessions, &left).await;
    let name = gateway_id("gw-1");
    let mut found = Vec::new();
    let first = page(&sessions, "gw-1", "a").await;
    found.extend(users(&sessions, &first).await);
    sessions.strike(&first).await.expect("struck out");
    // The second page is read and taken out, and its reader dies: the claim is as short as it gets.
    let Lost::Page(second) = sessions.claim(&name, "a", Duration::from_millis(1)).await.expect("answers")
    else {
        panic!("more than a page was left");
    };
    users(&sessions, &second).await;
    let third = loop {
        match claim(&sessions, "gw-1", "b").await {
            Lost::Page(page) => break page,
            _ => tokio::task::yield_now().await,
        }
    };
    found.extend(users(&sessions, &third).await);
    sessions.strike(&third).await.expect("struck out");
    let last = page(&sessions, "gw-1", "b").await;
    found.extend(users(&sessions, &last).await);
    sessions.strike(&last).await.expect("struck out");
    assert_eq!(claim(&sessions, "gw-1", "b").await, Lost::Nothing);
    found.sort_unstable();
    assert_eq!(found, left.iter().map(|record| record.user).collect::<Vec<_>>(), "each once");
}

pub(crate) async fn an_earlier_run_is_told_of(servers: &'static Servers) {
    let redis = open(short(servers.config()));
    let sessions = RedisSessions::new(redis.clone());
    dead(&redis, &sessions, &[record(2, 10, "gw-1")]).await;
    // It begins again before anybody has looked.
    let (_again, _lease) = gateway(&redis, "gw-1", Held::default().into()).await;
    sessions.register(&record(3, 10_000, "gw-1"), 5).await.expect("registered");
    let now = standing(&sessions, "gw-1").await;
    assert!(now.left && !now.lives_for.is_zero(), "{now:?}");
    let read = page(&sessions, "gw-1", "a").await;
    assert_eq!(users(&sessions, &read).await, [user(2)]);
    sessions.strike(&read).await.expect("struck out");
    assert_eq!(claim(&sessions, "gw-1", "a").await, Lost::Nothing);
    until_online(&sessions, 3, true).await;
    assert_eq!(sessions.online(&[user(2)]).await.expect("answers"), [false]);
}

pub(crate) async fn a_gateway_that_lives_again_keeps_its_sessions(servers: &'static Servers) {
    let redis = open(short(servers.config()));
    let sessions = RedisSessions::new(redis.clone());
    let left: Vec<_> = (0..600).map(|n| record(2 + n, 5_000 + n, "gw-1")).collect();
    dead(&redis, &sessions, &left).await;
    let first = page(&sessions, "gw-1", "a").await;
    users(&sessions, &first).await;
    sessions.strike(&first).await.expect("struck out");
    // As a process does that was only stopped: it takes its lease again, and clears nothing.
    assert!(sessions.bar(&gateway_id("gw-1"), "itself", LONG).await.expect("answers"));
    let second = page(&sessions, "gw-1", "a").await;
    let [alive, ..] = users(&sessions, &second).await[..] else { panic!("somebody is left") };
    let found = sessions.unregister(alive, record(alive.get(), alive.get() + 4_998, "gw-1").session).await;
    assert!(found.expect("answers").last, "its session was still there");
}

pub(crate) async fn a_barred_name_waits(servers: &'static Servers) {
    let redis = open(short(servers.config()));
    let sessions = RedisSessions::new(redis.clone());
    let name = gateway_id("gw-1");
    let (living, _lease) = gateway(&redis, "gw-1", Held::default().into()).await;
    assert!(!sessions.bar(&name, "a", LONG).await.expect("answers"), "it lives");
    assert!(living.shutdown(Duration::from_secs(5)).await.is_clean());
    assert!(sessions.bar(&name, "a", LONG).await.expect("answers"));
    assert!(!sessions.bar(&name, "b", LONG).await.expect("answers"));
    sessions.unbar(&name, "b").await.expect("answers");
    // No longer than a lease: then it can begin.
    let (supervisor, log) = (Supervisor::new(&log()), log());
    let held = Arc::new(Held::default());
    let begun = std::time::Instant::now();
    let lease =
        GatewayLease::take(redis.clone(), name.clone(), held, supervisor.phase(Phase::Work), &log).await;
    assert!(!matches!(lease, Err(LeaseError::Held { .. })), "{lease:?}");
    assert!(begun.elapsed() > Duration::from_millis(100), "it waited");
    sessions.unbar(&name, "a").await.expect("answers");
    assert!(!sessions.bar(&name, "b", LONG).await.expect("answers"), "only its own is given back");
}
