//! Caches over stores in memory.

mod late;

use std::sync::Arc;

use async_trait::async_trait;
use gochat_core::model::{
    MembersVersion, Message, MessageBody, MessageId, NewMessage, PageLimit, PasswordHash, Role, Seq, User,
    UserId, Username, UsernameKey,
};
use gochat_core::ports::{
    Appended, Freshness, MemberPatch, NewGroup, NewUser, PageFrom, Ports, Result, UserPatch, UserStore,
};
use gochat_core::testing::conformance::{Fixture, OutboxFixture, Stores};
use gochat_core::testing::faults::Faults;
use gochat_core::testing::{Memory, TestKit};
use gochat_infra::redis::{Caches, Redis, RedisConfig};
use gochat_infra::runtime::metrics::Metrics;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::own::OwnServer;
use super::{Servers, at, conversation, open, user};

pub(crate) use late::{a_late_fill_undoes_no_write, a_late_fill_undoes_no_write_when_all_is_lost};

/// Stores in memory, with caches.
pub(crate) fn fixture(config: RedisConfig) -> Fixture {
    over(config, Arc::new(Memory::new()))
}

/// The same, and the outbox of the stores.
pub(crate) fn outbox(config: RedisConfig) -> OutboxFixture {
    let memory = Arc::new(Memory::new());
    OutboxFixture { fixture: over(config, memory.clone()), outbox: memory }
}

fn over(config: RedisConfig, memory: Arc<Memory>) -> Fixture {
    let caches = Caches::new(open(config), Metrics::new());
    let Stores { users, friends, logins, conversations, directory, groups, messages } = Stores::all(memory);
    Fixture::new(Stores {
        users: caches.users(users),
        friends: caches.friends(friends),
        logins,
        conversations: caches.conversations(conversations),
        directory: caches.directory(directory),
        groups: caches.groups(groups),
        messages: caches.messages(messages),
    })
}

/// A server that loses everything, again and again.
pub(crate) fn forgetful() -> OwnServer {
    let server = OwnServer::start();
    let url = server.url();
    std::thread::spawn(move || {
        let mut connection = redis::Client::open(url).and_then(|c| c.get_connection()).expect("a connection");
        while redis::cmd("FLUSHALL").exec(&mut connection).is_ok() {
            std::thread::sleep(std::time::Duration::from_micros(300));
        }
    });
    server
}

/// Ports in memory whose calls are counted, with caches over them.
struct Counted {
    redis: Redis,
    metrics: Metrics,
    faults: Arc<Faults>,
    ports: Ports,
    trips: u64,
}

impl Counted {
    fn new(config: RedisConfig) -> Self {
        let kit = TestKit::new();
        let faults = Faults::new();
        let (redis, metrics) = (open(config), Metrics::new());
        let mut ports = faults.wrap(&kit.ports);
        let caches = Caches::new(redis.clone(), metrics.clone());
        ports.users = caches.users(ports.users);
        ports.directory = caches.directory(ports.directory);
        ports.groups = caches.groups(ports.groups);
        ports.messages = caches.messages(ports.messages);
        ports.conversations = caches.conversations(ports.conversations);
        Self { redis, metrics, faults, ports, trips: 0 }
    }

    /// Round trips, and calls of the stores, since the last question.
    fn taken(&mut self) -> (u64, Vec<&'static str>) {
        let before = std::mem::replace(&mut self.trips, self.redis.stats().round_trips);
        let calls = self.faults.calls();
        self.faults.reset();
        (self.trips - before, calls)
    }

    async fn users(&self, n: u64) -> Vec<UserId> {
        for id in 2..2 + n {
            self.ports.users.create(&new_user(id)).await.expect("stored");
        }
        (2..2 + n).map(user).collect()
    }

    async fn group(&self, n: u64) -> Vec<UserId> {
        let users = self.users(n).await;
        let new = NewGroup {
            id: conversation(1_000),
            name: "group".into(),
            avatar: "".into(),
            description: "".into(),
            owner: users[0],
            members: users[1..].to_vec(),
            at: at(0),
        };
        self.ports.groups.create(&new).await.expect("stored");
        users
    }

    async fn version(&self) -> MembersVersion {
        let asked = [(conversation(1_000), user(2))];
        let access = self.ports.directory.access(&asked, 0, Freshness::Fresh).await.expect("answers");
        access[0].as_ref().expect("it exists").version
    }

    async fn append(&self, from: u64, to: u64) -> Vec<Appended> {
        let version = self.version().await;
        let batch: Vec<_> = (from..=to).map(|seq| message(seq, version)).collect();
        self.ports.messages.append(&batch).await.expect("answered")
    }

    async fn seqs(&self, from: PageFrom, n: u32) -> Vec<u64> {
        let page = self.ports.messages.page(conversation(1_000), from, limit(n)).await.expect("a page");
        page.iter().map(|message| message.seq.get()).collect()
    }
}

fn limit(n: u32) -> PageLimit {
    PageLimit::new(n, u32::MAX).expect("at least 1")
}

fn new_user(n: u64) -> NewUser {
    let user = User {
        id: user(n),
        name: Username::new(&format!("user-{n}")).expect("a good name"),
        nickname: None,
        avatar: "".into(),
        guest: false,
        created_at: at(0),
    };
    NewUser { user, password: None, external: None }
}

fn message(seq: u64, members_version: MembersVersion) -> NewMessage {
    let message = Message {
        id: MessageId::new(10_000 + seq).expect("in range"),
        conversation: conversation(1_000),
        seq: Seq::new(seq),
        sender: user(2),
        client_msg_id: super::key(1, &format!("c{seq}")).client_msg_id,
        body: MessageBody::text(&format!("text {seq}")),
        sent_at: at(seq as i64),
        edited_at: None,
        recalled: None,
    };
    NewMessage { message: Arc::new(message), members_version }
}

const NEWEST: PageFrom = PageFrom::Before(Seq::new(u64::MAX));

pub(crate) async fn hits_ask_nobody(servers: &'static Servers) {
    let mut it = Counted::new(servers.config());
    let users = it.users(100).await;
    it.ports.users.by_ids(&users[..1]).await.expect("answers");
    it.taken();
    // Each look-up of a new script sends its text once; so what is counted comes second.
    it.ports.users.by_ids(&users).await.expect("answers");
    assert_eq!(it.taken(), (2, vec!["users.by_ids"]), "a miss, and a fill");
    let found = it.ports.users.by_ids(&users).await.expect("answers");
    assert!(found.iter().zip(&users).all(|(found, id)| found.as_ref().is_some_and(|user| user.id == *id)));
    assert_eq!(it.taken(), (1, vec![]));
    let nickname = Some(Some("nick".into()));
    it.ports.users.update(users[7], &UserPatch { nickname, ..UserPatch::default() }).await.expect("updated");
    assert_eq!(it.taken(), (2, vec!["users.update"]));
    let found = it.ports.users.by_ids(&users).await.expect("answers");
    assert_eq!(found[7].as_ref().and_then(|user| user.nickname.as_deref()), Some("nick"));
    assert_eq!(it.taken(), (2, vec!["users.by_ids"]), "the one that changed");
    for asked in [1, 0] {
        assert_eq!(it.ports.users.by_ids(&[user(777)]).await.expect("answers"), [None]);
        assert_eq!(it.taken().1.len(), asked, "nobody is remembered too");
    }
    it.ports.users.create(&new_user(777)).await.expect("stored");
    assert!(it.ports.users.by_ids(&[user(777)]).await.expect("answers")[0].is_some());
}

pub(crate) async fn rights_are_known_until_they_change(servers: &'static Servers) {
    let mut it = Counted::new(servers.config());
    let users = it.group(5).await;
    let id = conversation(1_000);
    let asked: Vec<_> = users.iter().map(|user| (id, *user)).chain([(id, user(99))]).collect();
    let cached = Freshness::Cached;
    it.ports.directory.access(&asked, 500, cached).await.expect("answers");
    it.taken();
    let access = it.ports.directory.access(&asked, 500, cached).await.expect("answers");
    assert_eq!(it.taken(), (1, vec![]));
    let shown = |n: usize| access[n].as_ref().expect("it exists");
    assert_eq!(shown(0).member.map(|m| m.role), Some(Role::Owner));
    assert_eq!(shown(1).member.map(|m| m.role), Some(Role::Member));
    assert_eq!((shown(5).member, shown(5).members.as_deref()), (None, Some(&users[..])));
    let small = it.ports.directory.access(&asked[..1], 4, cached).await.expect("answers");
    assert!(small[0].as_ref().expect("it exists").members.is_none(), "more than asked for");
    assert_eq!(it.taken(), (1, vec![]));

    let patch = MemberPatch { role: Some(Role::Admin), muted_until: None };
    it.ports.groups.change_member(id, users[1], &patch, shown(0).version).await.expect("changed");
    assert_eq!(it.taken(), (2, vec!["groups.change_member"]));
    let after = it.ports.directory.access(&asked, 500, cached).await.expect("answers");
    assert_eq!(after[1].as_ref().and_then(|a| a.member).map(|m| m.role), Some(Role::Admin));
    assert!(after[0].as_ref().expect("it exists").version > shown(0).version);
    assert_eq!(it.taken(), (2, vec!["directory.access"]));
    it.ports.directory.access(&asked, 500, Freshness::Fresh).await.expect("answers");
    assert_eq!(it.taken(), (2, vec!["directory.access"]), "past the cache, and into it");
    it.ports.directory.access(&asked, 500, cached).await.expect("answers");
    assert_eq!(it.taken(), (1, vec![]));
}

pub(crate) async fn the_newest_messages_are_there(servers: &'static Servers) {
    let mut config = servers.config();
    config.recent_max = 20;
    let mut it = Counted::new(config);
    it.group(2).await;
    it.append(1, 10).await;
    assert_eq!(it.seqs(NEWEST, 20).await, (1..=10).collect::<Vec<_>>());
    it.taken();
    assert_eq!(it.seqs(NEWEST, 20).await, (1..=10).collect::<Vec<_>>());
    assert_eq!(it.taken(), (1, vec!["messages.heads"]));
    assert_eq!(it.seqs(PageFrom::Before(Seq::new(8)), 3).await, [5, 6, 7]);
    assert_eq!(it.taken(), (1, vec![]), "it does not reach the head");
    assert_eq!(it.seqs(PageFrom::After(Seq::new(2)), 3).await, [3, 4, 5]);
    assert_eq!(it.taken(), (1, vec![]));
    it.append(11, 40).await;
    it.taken();
    assert_eq!(it.seqs(PageFrom::After(Seq::new(30)), 20).await, (31..=40).collect::<Vec<_>>());
    assert_eq!(it.taken(), (1, vec!["messages.heads"]), "what is appended is added");
    assert_eq!(it.seqs(NEWEST, 20).await, (21..=40).collect::<Vec<_>>());
    assert_eq!(it.taken(), (1, vec!["messages.heads"]));
    assert_eq!(it.seqs(PageFrom::Before(Seq::new(22)), 5).await, (17..=21).collect::<Vec<_>>());
    assert_eq!(it.taken(), (1, vec!["messages.page"]), "as far as it goes");

    // One that got in behind the cache's back.
    let hidden = message(41, it.version().await);
    it.taken();
    let prefix_only = Counted::new(servers.config());
    drop(prefix_only);
    let mut raw = servers.raw().await;
    it.append(41, 41).await;
    let key = key_of(&it.redis, "{c:1000}:recent");
    let gone = redis::cmd("ZREMRANGEBYSCORE").arg(&key).arg(41).arg(41).clone();
    gone.exec_async(&mut raw).await.expect("removed");
    it.taken();
    assert_eq!(it.seqs(PageFrom::After(Seq::new(40)), 5).await, [41], "{hidden:?}");
    assert_eq!(it.seqs(PageFrom::After(Seq::new(39)), 5).await, [40, 41]);
    assert_eq!(it.seqs(NEWEST, 5).await, [37, 38, 39, 40, 41]);

    it.ports.messages.recall(hidden.message.id, user(2), at(99)).await.expect("recalled");
    let page = it.ports.messages.page(conversation(1_000), NEWEST, limit(5)).await.expect("a page");
    assert!(page[4].recalled.is_some() && page[4].body.content.is_empty());
    let page = it.ports.messages.page(conversation(1_000), NEWEST, limit(5)).await.expect("a page");
    assert!(page[4].recalled.is_some());
    it.append(42, 42).await;
    assert_eq!(it.seqs(NEWEST, 3).await, [40, 41, 42]);
}

/// A key's whole name.
fn key_of(redis: &Redis, name: &str) -> String {
    let shown = format!("{redis:?}");
    let start = shown.find("prefix: \"").expect("shown") + 9;
    format!("{}:{name}", shown[start..].split('"').next().expect("shown"))
}

pub(crate) async fn what_rots_is_read_from_the_store(servers: &'static Servers) {
    let it = Counted::new(servers.config());
    let users = it.group(3).await;
    let asked: Vec<_> = users.iter().map(|user| (conversation(1_000), *user)).collect();
    it.append(1, 5).await;
    let newest =
        async || it.ports.messages.page(conversation(1_000), NEWEST, limit(5)).await.expect("a page");
    let (faces, messages) = (it.ports.users.by_ids(&users).await.expect("answers"), newest().await);
    let mut raw = servers.raw().await;
    for round in 1..=3 {
        let found = it.ports.users.by_ids(&users).await.expect("answers");
        assert_eq!(found.iter().flatten().count(), 3);
        let access = it.ports.directory.access(&asked, 500, Freshness::Cached).await.expect("answers");
        assert_eq!(access[0].as_ref().and_then(|a| a.member).map(|m| m.role), Some(Role::Owner));
        assert_eq!(it.seqs(NEWEST, 5).await, [1, 2, 3, 4, 5]);
        if round == 1 {
            continue;
        }
        let keys: Vec<String> =
            redis::cmd("KEYS").arg(key_of(&it.redis, "*")).query_async(&mut raw).await.expect("answers");
        let mut spoilt = 0;
        for key in keys.iter().filter(|key| !key.ends_with(":guard")) {
            if key.ends_with(":recent") {
                let newest = redis::cmd("ZRANGE").arg(key).arg(-1).arg(-1).clone();
                let newest: Vec<Vec<u8>> = newest.query_async(&mut raw).await.expect("answers");
                let Some(mut rotten) = newest.into_iter().next() else { continue };
                let last = rotten.len() - 1;
                rotten[last] ^= 1;
                let mut swap = redis::pipe();
                swap.cmd("ZREMRANGEBYRANK").arg(key).arg(-1).arg(-1);
                swap.cmd("ZADD").arg(key).arg(5).arg(rotten);
                swap.exec_async(&mut raw).await.expect("spoilt");
            } else {
                let mut rotten: Vec<u8> =
                    redis::cmd("GET").arg(key).query_async(&mut raw).await.expect("answers");
                let last = rotten.len() - 1;
                rotten[last] ^= 1;
                redis::cmd("SET").arg(key).arg(rotten).exec_async(&mut raw).await.expect("spoilt");
            }
            spoilt += 1;
        }
        assert!(spoilt >= 5, "{keys:?}");
        let before = it.metrics.cache_errors.get();
        assert_eq!(it.ports.users.by_ids(&users).await.expect("answers"), faces);
        it.ports.directory.access(&asked, 500, Freshness::Cached).await.expect("answers");
        assert_eq!(newest().await, messages);
        assert!(it.metrics.cache_errors.get() >= before + 5, "they are counted");
    }
}

pub(crate) async fn of_many_who_miss_one_asks(servers: &'static Servers) {
    let mut config = servers.config();
    // All on one, so that the others have missed before the first has filled.
    config.connections = 1;
    let mut it = Counted::new(config);
    let users = it.group(3).await;
    it.ports.users.by_ids(&users[..1]).await.expect("answers");
    it.taken();
    let many = futures_util::future::join_all((0..50).map(|_| it.ports.users.by_ids(&users)));
    for found in many.await {
        assert_eq!(found.expect("answers").iter().flatten().count(), 3);
    }
    assert_eq!(it.taken().1, ["users.by_ids"]);
    let asked = [(conversation(1_000), users[0])];
    let many = (0..50).map(|_| it.ports.directory.access(&asked, 500, Freshness::Cached));
    for found in futures_util::future::join_all(many).await {
        assert_eq!(found.expect("answers").iter().flatten().count(), 1);
    }
    assert_eq!(it.taken().1, ["directory.access"]);
}
