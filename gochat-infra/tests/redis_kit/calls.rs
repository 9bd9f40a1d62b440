//! What calls cost, and what becomes of keys.

use gochat_core::model::Seq;
use gochat_core::ports::{Dedup, Sequencer, Sessions};
use gochat_infra::redis::{Redis, RedisDedup, RedisSequencer, RedisSessions};
use gochat_infra::routes::Routes;

use super::{Held, Servers, conversation, gateway, key, open, receipt, record, user};

/// Round trips since the last question.
struct Trips<'a>(&'a Redis, u64);

impl Trips<'_> {
    fn taken(&mut self) -> u64 {
        let before = std::mem::replace(&mut self.1, self.0.stats().round_trips);
        self.1 - before
    }
}

pub(crate) async fn round_trips_are_counted(servers: &'static Servers) {
    let mut config = servers.config();
    // Long enough that the lease and the view of gateways don't get between.
    config.gateways_age = std::time::Duration::from_secs(60);
    let redis = open(config);
    let (sequencer, dedup) = (RedisSequencer::new(redis.clone()), RedisDedup::new(redis.clone()));
    let mut trips = Trips(&redis, 0);
    let many: Vec<_> = (1..=500).map(conversation).collect();
    let heads: Vec<_> = many.iter().map(|id| (*id, Seq::new(7))).collect();
    sequencer.restore(&heads).await.expect("restored");
    assert_eq!(trips.taken(), 1, "restore");
    let wanted: Vec<_> = many.iter().map(|id| (*id, 3)).collect();
    // The first call of a script on a new server sends its text.
    sequencer.reserve(&wanted[..1]).await.expect("answers");
    trips.taken();
    let first = sequencer.reserve(&wanted).await.expect("answers");
    assert_eq!((first[0], first[499]), (Some(Seq::new(11)), Some(Seq::new(8))));
    assert_eq!(trips.taken(), 1, "reserve");
    let sent: Vec<_> = (1..=500).map(|n| (key(n, "a"), receipt(n))).collect();
    dedup.remember(&sent).await.expect("remembered");
    assert_eq!(trips.taken(), 1, "remember");
    let keys: Vec<_> = sent.iter().map(|(key, _)| key.clone()).collect();
    assert_eq!(dedup.seen(&keys).await.expect("answers").iter().flatten().count(), 500);
    assert_eq!(trips.taken(), 1, "seen");

    let other = open({
        let mut config = servers.config();
        config.prefix = redis_prefix(&redis);
        config
    });
    let (_supervisor, _lease) = gateway(&other, "gw-1", Held::default().into()).await;
    let sessions = RedisSessions::new(redis.clone());
    assert_eq!(sessions.gateways().await.expect("answers").len(), 1);
    trips.taken();
    sessions.register(&record(2, 10, "gw-1"), 1).await.expect("registered");
    sessions.unregister(user(2), record(2, 10, "gw-1").session).await.expect("gone");
    trips.taken();
    sessions.register(&record(2, 10, "gw-1"), 1).await.expect("registered");
    assert_eq!(trips.taken(), 1, "register");
    sessions.register(&record(2, 11, "gw-1"), 1).await.expect("registered");
    assert_eq!(trips.taken(), 2, "register, with an eviction");
    let users: Vec<_> = (1..=500).map(user).collect();
    assert_eq!(sessions.online(&users).await.expect("answers").iter().filter(|on| **on).count(), 1);
    assert_eq!(trips.taken(), 1, "online");
    assert_eq!(sessions.gateways_of(&users).await.expect("answers")[1].len(), 1);
    assert_eq!(trips.taken(), 1, "gateways_of");
    assert_eq!(sessions.online_count().await.expect("answers"), 1);
    assert_eq!(trips.taken(), 1, "online_count");
    sessions.gateways().await.expect("answers");
    assert_eq!((trips.taken(), sessions.gateways_guess()), (1, 1), "gateways");
    sessions.unregister(user(2), record(2, 11, "gw-1").session).await.expect("gone");
    assert_eq!(trips.taken(), 2, "unregister");
}

fn redis_prefix(redis: &Redis) -> String {
    let shown = format!("{redis:?}");
    let start = shown.find("prefix: \"").expect("shown") + 9;
    shown[start..].split('"').next().expect("shown").to_owned()
}

pub(crate) async fn lost_scripts_are_sent_again(servers: &'static Servers) {
    let own = super::own::OwnServer::start();
    let mut config = servers.config();
    config.urls = vec![own.url()];
    let sequencer = RedisSequencer::new(open(config));
    let mut raw = super::raw(&own.url()).await;
    sequencer.restore(&[(conversation(7), Seq::new(0))]).await.expect("restored");
    for n in 0..3 {
        redis::cmd("SCRIPT").arg("FLUSH").exec_async(&mut raw).await.expect("flushed");
        let wanted = [(conversation(7), 1), (conversation(8), 1), (conversation(7), 1)];
        let first = sequencer.reserve(&wanted).await.expect("answers");
        assert_eq!(first, [Some(Seq::new(2 * n + 1)), None, Some(Seq::new(2 * n + 2))]);
    }
}

pub(crate) async fn what_rots_is_as_good_as_lost(servers: &'static Servers) {
    let config = servers.config();
    let prefix = config.prefix.clone();
    let redis = open(config);
    let (sequencer, dedup) = (RedisSequencer::new(redis.clone()), RedisDedup::new(redis));
    let mut raw = servers.raw().await;
    let set = async |raw: &mut redis::aio::MultiplexedConnection, key: &str, value: &str| {
        redis::cmd("SET").arg(format!("{prefix}:{key}")).arg(value).exec_async(raw).await.expect("set");
    };
    sequencer
        .restore(&[(conversation(7), Seq::new(5)), (conversation(8), Seq::new(5))])
        .await
        .expect("restored");
    set(&mut raw, "{c:7}:seq", "seven").await;
    let wanted = [(conversation(7), 1), (conversation(8), 1)];
    assert_eq!(sequencer.reserve(&wanted).await.expect("answers"), [None, Some(Seq::new(6))]);
    sequencer.restore(&[(conversation(7), Seq::new(5))]).await.expect("restored");
    assert_eq!(sequencer.reserve(&wanted[..1]).await.expect("answers"), [Some(Seq::new(6))]);

    dedup.remember(&[(key(7, "a"), receipt(1)), (key(7, "b"), receipt(2))]).await.expect("remembered");
    set(&mut raw, "{c:7}:dedup:2:a", "something else").await;
    let seen = dedup.seen(&[key(7, "a"), key(7, "b")]).await.expect("answers");
    assert_eq!(seen, [None, Some(receipt(2))]);
}

pub(crate) async fn keys_end_by_themselves(servers: &'static Servers) {
    let config = servers.config();
    let prefix = config.prefix.clone();
    let redis = open(config);
    let (_supervisor, _lease) = gateway(&redis, "gw-1", Held::default().into()).await;
    let sequencer = RedisSequencer::new(redis.clone());
    sequencer.restore(&[(conversation(7), Seq::new(5))]).await.expect("restored");
    sequencer.reserve(&[(conversation(7), 1)]).await.expect("answers");
    RedisDedup::new(redis.clone()).remember(&[(key(7, "a"), receipt(1))]).await.expect("remembered");
    RedisSessions::new(redis).register(&record(2, 10, "gw-1"), 5).await.expect("registered");
    let mut raw = servers.raw().await;
    let asked = redis::cmd("KEYS").arg(format!("{prefix}:*")).clone();
    let keys: Vec<String> = asked.query_async(&mut raw).await.expect("answers");
    assert!(keys.len() >= 7, "{keys:?}");
    for key in keys {
        let ttl: i64 = redis::cmd("TTL").arg(&key).query_async(&mut raw).await.expect("answers");
        assert!(ttl > 0, "{key} stays for good");
    }
}
