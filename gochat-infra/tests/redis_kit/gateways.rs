//! Leases of gateways, and what becomes of sessions with them.

use std::sync::Arc;
use std::time::Duration;

use gochat_core::ports::{Registered, Sessions};
use gochat_infra::redis::{GatewayLease, LeaseError, LeaseState, Redis, RedisConfig, RedisSessions};
use gochat_infra::routes::Routes;
use gochat_infra::runtime::{Phase, Supervisor};

use super::own::OwnServer;
use super::{Held, Servers, gateway, gateway_id, log, open, record, user};

/// Leases that end soon.
pub(crate) fn short(mut config: RedisConfig) -> RedisConfig {
    config.lease_ttl = Duration::from_millis(400);
    config.lease_renew = Duration::from_millis(100);
    config.gateways_age = Duration::from_millis(50);
    config.backoff_first = Duration::from_millis(5);
    config.backoff_max = Duration::from_millis(20);
    config
}

async fn online(sessions: &RedisSessions, of: u64) -> bool {
    sessions.online(&[user(of)]).await.expect("answers")[0]
}

pub(crate) async fn until_online(sessions: &RedisSessions, of: u64, wanted: bool) {
    while sessions.online(&[user(of)]).await.ok() != Some(vec![wanted]) {
        tokio::task::yield_now().await;
    }
}

/// Ends a gateway as a crash does: nothing is given up.
pub(crate) async fn crash(supervisor: Supervisor, redis: Redis, name: &str, lease: GatewayLease) {
    // Its task goes on, and can do nothing: somebody else has the lease now, for as long as it would have had it.
    let keys = redis_keys(&redis, name);
    let mut raw = super::raw(&keys.0).await;
    let taken = redis::cmd("SET").arg(&keys.1).arg("nobody").arg("XX").arg("KEEPTTL").clone();
    taken.exec_async(&mut raw).await.expect("set");
    let mut state = lease.state();
    state.wait_for(|state| *state == LeaseState::Taken).await.expect("it goes on");
    assert!(supervisor.shutdown(Duration::from_secs(5)).await.is_clean());
}

/// The address of the server, and the key of a lease there.
fn redis_keys(redis: &Redis, name: &str) -> (String, String) {
    let shown = format!("{redis:?}");
    let start = shown.find("prefix: \"").expect("shown") + 9;
    let prefix = shown[start..].split('"').next().expect("shown");
    let url = std::env::var("REDIS_URL").expect("given");
    (url, format!("{prefix}:{{g:{name}}}:lease"))
}

pub(crate) async fn a_dead_gateway_takes_its_sessions_along(servers: &'static Servers) {
    let redis = open(short(servers.config()));
    let sessions = RedisSessions::new(redis.clone());
    let (dying, lease) = gateway(&redis, "gw-1", Held::default().into()).await;
    let (_living, _other) = gateway(&redis, "gw-2", Held::default().into()).await;
    sessions.register(&record(2, 10, "gw-1"), 5).await.expect("registered");
    sessions.register(&record(3, 11, "gw-2"), 5).await.expect("registered");
    assert!(online(&sessions, 2).await && online(&sessions, 3).await);
    crash(dying, redis, "gw-1", lease).await;
    until_online(&sessions, 2, false).await;
    assert!(online(&sessions, 3).await, "the other one's are still there");
    assert_eq!(sessions.gateways().await.expect("answers"), [gateway_id("gw-2")]);
    assert_eq!(sessions.online_count().await.expect("answers"), 1);
    // Younger than the dead one's by more than a lease lasts.
    let found = sessions.register(&record(2, 10_000, "gw-2"), 5).await.expect("registered");
    assert_eq!(found, Registered { first: true, evicted: vec![] }, "the dead one's do not count");
}

pub(crate) async fn sessions_of_the_dead_are_given_up(servers: &'static Servers) {
    let redis = open(short(servers.config()));
    let sessions = RedisSessions::new(redis.clone());
    let (dying, lease) = gateway(&redis, "gw-1", Held::default().into()).await;
    let (_living, _other) = gateway(&redis, "gw-2", Held::default().into()).await;
    for n in 10..13 {
        sessions.register(&record(2, n, "gw-1"), 3).await.expect("registered");
    }
    crash(dying, redis, "gw-1", lease).await;
    until_online(&sessions, 2, false).await;
    // Later by more than a lease lasts: the dead ones are no longer counted, and nobody alive has to go for them.
    let found = sessions.register(&record(2, 10_000, "gw-2"), 3).await.expect("registered");
    assert_eq!(found, Registered { first: true, evicted: vec![] });
    let found = sessions.register(&record(2, 10_001, "gw-2"), 2).await.expect("registered");
    assert_eq!(found, Registered { first: false, evicted: vec![] });
    assert!(!sessions.unregister(user(2), record(2, 10, "gw-1").session).await.expect("answers").last);
}

pub(crate) async fn a_name_is_one_gateways(servers: &'static Servers) {
    let redis = open(short(servers.config()));
    let (first, _lease) = gateway(&redis, "gw-1", Held::default().into()).await;
    let supervisor = Supervisor::new(&log());
    let tasks = supervisor.phase(Phase::Work);
    let log = log();
    let take =
        || GatewayLease::take(redis.clone(), gateway_id("gw-1"), Arc::new(Held::default()), tasks, &log);
    let refused = take().await.expect_err("it is in use");
    assert!(matches!(&refused, LeaseError::Held { name } if name == "gw-1"), "{refused}");
    assert!(first.shutdown(Duration::from_secs(5)).await.is_clean());
    take().await.expect("it is free again, at once");
}

pub(crate) async fn what_the_server_lost_is_put_back(servers: &'static Servers) {
    let own = OwnServer::start();
    let mut config = short(servers.config());
    config.urls = vec![own.url()];
    let redis = open(config);
    let sessions = RedisSessions::new(redis.clone());
    let held = Arc::new(Held::default());
    held.0.lock().extend((0..1_200).map(|n| record(2 + n / 2, 10_000 + n, "gw-1")));
    let (_gateway, lease) = gateway(&redis, "gw-1", held).await;
    until_online(&sessions, 601, true).await;
    let mut raw = super::raw(&own.url()).await;
    redis::cmd("FLUSHALL").exec_async(&mut raw).await.expect("flushed");
    until_online(&sessions, 2, true).await;
    until_online(&sessions, 601, true).await;
    assert_eq!(sessions.online_count().await.expect("answers"), 600);
    assert!(lease.counts()[1] >= 1, "a loss is counted");

    let mut state = lease.state();
    own.kill();
    state.wait_for(|state| *state == LeaseState::Away).await.expect("it goes on");
    assert!(sessions.online(&[user(2)]).await.is_err());
    own.begin();
    state.wait_for(|state| *state == LeaseState::Held).await.expect("it goes on");
    until_online(&sessions, 601, true).await;
    let found = sessions.register(&record(2, 20_000, "gw-1"), 2).await.expect("registered");
    assert_eq!(found, Registered { first: false, evicted: vec![record(2, 10_000, "gw-1").session] });
}

pub(crate) async fn one_that_leaves_while_all_are_put_back_stays_gone(servers: &'static Servers) {
    let redis = open(short(servers.config()));
    let sessions = RedisSessions::new(redis.clone());
    let held = Arc::new(Held::default());
    held.0.lock().extend([record(2, 10, "gw-1"), record(3, 11, "gw-1")]);
    held.1.lock().push(record(3, 11, "gw-1").session);
    let (_gateway, lease) = gateway(&redis, "gw-1", held).await;
    until_online(&sessions, 2, true).await;
    while lease.counts()[2] < 2 {
        tokio::task::yield_now().await;
    }
    until_online(&sessions, 3, false).await;
    assert_eq!(sessions.online_count().await.expect("answers"), 1);
}

pub(crate) async fn an_earlier_run_leaves_no_ghosts(servers: &'static Servers) {
    let redis = open(short(servers.config()));
    let sessions = RedisSessions::new(redis.clone());
    let (dying, lease) = gateway(&redis, "gw-1", Held::default().into()).await;
    for n in 0..700 {
        sessions.register(&record(2 + n, 10_000 + n, "gw-1"), 5).await.expect("registered");
    }
    crash(dying, redis.clone(), "gw-1", lease).await;
    // It waits for the end of the lease, and begins with nobody.
    let (_again, _lease) = gateway(&redis, "gw-1", Held::default().into()).await;
    let users: Vec<_> = (2..702).map(user).collect();
    let online = sessions.online(&users).await.expect("answers");
    assert_eq!(online.iter().filter(|on| **on).count(), 0);
    assert_eq!(sessions.online_count().await.expect("answers"), 0);
}

pub(crate) async fn a_lease_given_up_takes_its_sessions_along(servers: &'static Servers) {
    let redis = open(short(servers.config()));
    let sessions = RedisSessions::new(redis.clone());
    let (ending, lease) = gateway(&redis, "gw-1", Held::default().into()).await;
    sessions.register(&record(2, 10, "gw-1"), 5).await.expect("registered");
    assert!(ending.shutdown(Duration::from_secs(5)).await.is_clean());
    assert_eq!(*lease.state().borrow(), LeaseState::Ended);
    until_online(&sessions, 2, false).await;
    assert_eq!(sessions.online_count().await.expect("answers"), 0);
    let mut raw = servers.raw().await;
    let (_, key) = redis_keys(&redis, "gw-1");
    let there: u64 = redis::cmd("EXISTS").arg(key).query_async(&mut raw).await.expect("answers");
    assert_eq!(there, 0);
}

pub(crate) async fn users_at_several_are_counted_once(servers: &'static Servers) {
    let mut config = short(servers.config());
    config.exact_online = 4;
    let redis = open(config);
    let sessions = RedisSessions::new(redis.clone());
    let (_one, _lease) = gateway(&redis, "gw-1", Held::default().into()).await;
    let (_two, _other) = gateway(&redis, "gw-2", Held::default().into()).await;
    sessions.register(&record(2, 10, "gw-1"), 5).await.expect("registered");
    sessions.register(&record(2, 11, "gw-2"), 5).await.expect("registered");
    sessions.register(&record(3, 12, "gw-2"), 5).await.expect("registered");
    assert_eq!(sessions.online_count().await.expect("answers"), 2);
    let at = sessions.gateways_of(&[user(2), user(9), user(3)]).await.expect("answers");
    assert_eq!(at.iter().map(|at| at.len()).collect::<Vec<_>>(), [2, 0, 1]);
    for n in 20..24 {
        sessions.register(&record(n, n, "gw-1"), 5).await.expect("registered");
    }
    assert_eq!(sessions.online_count().await.expect("answers"), 7, "many: each gateway counts its own");
}

pub(crate) async fn sessions_whose_end_was_missed_are_swept_out(servers: &'static Servers) {
    let mut config = short(servers.config());
    config.sessions_ttl = Duration::from_millis(2_400);
    let redis = open(config);
    let sessions = RedisSessions::new(redis.clone());
    let held = Arc::new(Held::default());
    held.0.lock().push(record(3, 11, "gw-1"));
    let (_gateway, _lease) = gateway(&redis, "gw-1", held).await;
    sessions.register(&record(3, 11, "gw-1"), 5).await.expect("registered");
    sessions.register(&record(3, 12, "gw-1"), 5).await.expect("registered");
    let mut raw = servers.raw().await;
    let key = redis_keys(&redis, "gw-1").1.replace("{g:gw-1}:lease", "{u:3}:sessions");
    // The other one keeps the key alive.
    loop {
        let left: Vec<u64> = redis::cmd("HKEYS").arg(&key).query_async(&mut raw).await.expect("answers");
        if left == [11] {
            break;
        }
        assert!(left.contains(&11), "{left:?}");
    }
    assert!(online(&sessions, 3).await);
}
