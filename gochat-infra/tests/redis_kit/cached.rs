//! Caches over stores in memory.

use std::sync::Arc;

use async_trait::async_trait;
use gochat_core::model::{
    MembersVersion, Message, MessageBody, MessageId, NewMessage, PageLimit, PasswordHash, Role, Seq, User,
    UserId, Username, UsernameKey,
};
use gochat_core::ports::{
    Appended, Freshness, MemberPatch, NewGroup, NewUser, PageFrom, Ports, Result, UserPatch, UserStore,
};
use gochat_core::testing::conformance::{Fixture, Stores};
use gochat_core::testing::faults::Faults;
use gochat_core::testing::{Memory, TestKit};
use gochat_infra::redis::{Caches, Redis, RedisConfig};
use gochat_infra::runtime::metrics::Metrics;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::own::OwnServer;
use super::{Servers, at, conversation, open, user};

/// Stores in memory, with caches.
pub(crate) fn fixture(config: RedisConfig) -> Fixture {
    let caches = Caches::new(open(config), Metrics::new());
    let Stores { users, friends, logins, conversations, directory, groups, messages } =
        Stores::all(Arc::new(Memory::new()));
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

/// A store whose next look-up waits, with its answer, until it is told to go on.
#[derive(Debug)]
struct Slow {
    inner: Arc<Memory>,
    held: Mutex<Option<(Arc<Notify>, Arc<Notify>)>>,
}

#[async_trait]
impl UserStore for Slow {
    async fn create(&self, new: &NewUser) -> Result<()> {
        self.inner.create(new).await
    }

    async fn by_ids(&self, ids: &[UserId]) -> Result<Vec<Option<Arc<User>>>> {
        let found = UserStore::by_ids(&*self.inner, ids).await;
        let held = self.held.lock().take();
        if let Some((read, go_on)) = held {
            read.notify_one();
            go_on.notified().await;
        }
        found
    }

    async fn by_name(&self, key: &UsernameKey) -> Result<Option<Arc<User>>> {
        self.inner.by_name(key).await
    }

    async fn by_external(&self, external: &str) -> Result<Option<Arc<User>>> {
        self.inner.by_external(external).await
    }

    async fn password(&self, user: UserId) -> Result<Option<PasswordHash>> {
        self.inner.password(user).await
    }

    async fn update(&self, user: UserId, patch: &UserPatch) -> Result<Arc<User>> {
        UserStore::update(&*self.inner, user, patch).await
    }

    async fn search(&self, prefix: &str, viewer: UserId, limit: PageLimit) -> Result<Vec<Arc<User>>> {
        self.inner.search(prefix, viewer, limit).await
    }
}

/// Whether a reader that read before a write, and fills after it, is seen by those who read later.
async fn late_fill(config: RedisConfig, between: impl AsyncFnOnce(&Arc<dyn UserStore>)) {
    let slow = Arc::new(Slow { inner: Arc::new(Memory::new()), held: Mutex::new(None) });
    // Two processes.
    let users = Caches::new(open(config.clone()), Metrics::new()).users(slow.clone());
    let others = Caches::new(open(config), Metrics::new()).users(slow.clone());
    users.create(&new_user(2)).await.expect("stored");
    let (read, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    *slow.held.lock() = Some((read.clone(), go_on.clone()));
    let ids = [user(2)];
    let (late, ()) = tokio::join!(users.by_ids(&ids), async {
        read.notified().await;
        let nickname = Some(Some("new".into()));
        others.update(user(2), &UserPatch { nickname, ..UserPatch::default() }).await.expect("updated");
        between(&others).await;
        // Who asks while the late one is still on its way does not wait for its answer.
        let now = users.by_ids(&ids).await.expect("answers");
        assert_eq!(now[0].as_ref().and_then(|user| user.nickname.as_deref()), Some("new"));
        go_on.notify_one();
    });
    assert_eq!(late.expect("answers")[0].as_ref().and_then(|user| user.nickname.as_deref()), None);
    for users in [users, others] {
        let now = users.by_ids(&ids).await.expect("answers");
        assert_eq!(now[0].as_ref().and_then(|user| user.nickname.as_deref()), Some("new"));
    }
}

pub(crate) async fn a_late_fill_undoes_no_write(servers: &'static Servers) {
    late_fill(servers.config(), async |_| {}).await;
}

pub(crate) async fn a_late_fill_undoes_no_write_when_all_is_lost(servers: &'static Servers) {
    let own = OwnServer::start();
    let mut config = servers.config();
    config.urls = vec![own.url()];
    let mut raw = super::raw(&own.url()).await;
    late_fill(config, async |_| {
        redis::cmd("FLUSHALL").exec_async(&mut raw).await.expect("flushed");
    })
    .await;
}
