//! A part of the server for each case, servers of their own for those that end or empty them, and short ways to fill them.

pub(crate) mod cached;
pub(crate) mod calls;
pub(crate) mod faults;
pub(crate) mod gateways;
pub(crate) mod lost;
pub(crate) mod own;
pub(crate) mod throttles;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gochat_core::model::{
    ClientMsgId, ConversationId, GatewayId, LoginId, MessageId, MessageKey, Receipt, Seq, SessionId,
    Timestamp, UserId,
};
use gochat_core::ports::{Dedup, Sequencer, SessionRecord, Sessions};
use gochat_infra::redis::{
    GatewayLease, HeldSessions, Redis, RedisConfig, RedisDedup, RedisSequencer, RedisSessions,
};
use gochat_infra::runtime::{Phase, Supervisor};
use own::OwnServer;
use parking_lot::Mutex;
use redis::aio::MultiplexedConnection;
use tokio::sync::OnceCell;

/// The servers of this run.
pub(crate) struct Servers {
    url: String,
    next: AtomicU64,
    cluster: OnceCell<OwnServer>,
    forgetful: OnceCell<OwnServer>,
}

impl Servers {
    pub(crate) fn from_env() -> Option<Self> {
        let url = std::env::var("REDIS_URL").ok().filter(|url| !url.is_empty())?;
        OwnServer::is_there().then(|| Self {
            url,
            next: AtomicU64::new(0),
            cluster: OnceCell::new(),
            forgetful: OnceCell::new(),
        })
    }

    /// Keys of one case's own.
    pub(crate) fn prefix(&self) -> String {
        format!("t{}-{}", std::process::id(), self.next.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn config(&self) -> RedisConfig {
        let mut config = RedisConfig::new(&self.url);
        config.prefix = self.prefix();
        config.connections = 2;
        config
    }

    pub(crate) fn sequencer(&self) -> Arc<dyn Sequencer> {
        sequencer(self.config())
    }

    pub(crate) fn dedup(&self) -> Arc<dyn Dedup> {
        dedup(self.config())
    }

    pub(crate) async fn sessions(&self) -> Arc<dyn Sessions> {
        sessions(self.config()).await
    }

    /// A cluster: one node that has all slots, and refuses what names keys of two.
    pub(crate) async fn cluster(&'static self) -> Cluster {
        let server = self.cluster.get_or_init(|| async { OwnServer::cluster().await }).await;
        let mut config = RedisConfig::new(&server.url());
        (config.prefix, config.cluster) = (self.prefix(), true);
        // Slower than a single server: it is one connection, and a pipeline for each tag.
        config.call_timeout = Duration::from_secs(20);
        Cluster { config }
    }

    /// A server that loses everything all the time.
    pub(crate) async fn forgetful(&'static self) -> RedisConfig {
        let server = self.forgetful.get_or_init(|| async { cached::forgetful() }).await;
        let mut config = self.config();
        config.urls = vec![server.url()];
        config
    }

    /// No server.
    pub(crate) fn away(&self) -> RedisConfig {
        let mut config = self.config();
        // The discard port: nobody listens.
        config.urls = vec!["redis://127.0.0.1:9".to_owned()];
        config
    }

    pub(crate) fn clear(&self) {
        for server in [&self.cluster, &self.forgetful].into_iter().filter_map(OnceCell::get) {
            server.kill();
        }
    }
}

pub(crate) struct Cluster {
    pub(crate) config: RedisConfig,
}

impl Cluster {
    pub(crate) fn sequencer(self) -> Arc<dyn Sequencer> {
        sequencer(self.config)
    }

    pub(crate) fn dedup(self) -> Arc<dyn Dedup> {
        dedup(self.config)
    }

    pub(crate) async fn sessions(self) -> Arc<dyn Sessions> {
        sessions(self.config).await
    }
}

fn sequencer(config: RedisConfig) -> Arc<dyn Sequencer> {
    Arc::new(RedisSequencer::new(open(config)))
}

fn dedup(config: RedisConfig) -> Arc<dyn Dedup> {
    Arc::new(RedisDedup::new(open(config)))
}

/// A directory, with the gateway `local` that the suite's sessions are at.
async fn sessions(config: RedisConfig) -> Arc<dyn Sessions> {
    let redis = open(config);
    let (supervisor, _) = gateway(&redis, "local", Arc::new(Held::default())).await;
    // It lives as long as the runtime of its case.
    std::mem::forget(supervisor);
    Arc::new(RedisSessions::new(redis))
}

pub(crate) fn log() -> slog::Logger {
    slog::Logger::root(slog::Discard, slog::o!())
}

pub(crate) fn open(config: RedisConfig) -> Redis {
    Redis::open(config, &log()).expect("a good configuration")
}

/// A connection past the adapter.
pub(crate) async fn raw(url: &str) -> MultiplexedConnection {
    let client = redis::Client::open(url).expect("an address");
    client.get_multiplexed_async_connection().await.expect("a connection")
}

impl Servers {
    pub(crate) async fn raw(&self) -> MultiplexedConnection {
        raw(&self.url).await
    }
}

/// A gateway's lease, and what keeps it.
pub(crate) async fn gateway(redis: &Redis, name: &str, held: Arc<Held>) -> (Supervisor, GatewayLease) {
    let supervisor = Supervisor::new(&log());
    let tasks = supervisor.phase(Phase::Work);
    let lease =
        GatewayLease::take(redis.clone(), gateway_id(name), held, tasks, &log()).await.expect("a lease");
    (supervisor, lease)
}

/// Sessions that a gateway has.
#[derive(Debug, Default)]
pub(crate) struct Held(pub(crate) Mutex<Vec<SessionRecord>>, pub(crate) Mutex<Vec<SessionId>>);

impl HeldSessions for Held {
    fn each(&self, each: &mut dyn FnMut(SessionRecord)) {
        self.0.lock().iter().cloned().for_each(each);
    }

    fn holds(&self, session: SessionId) -> bool {
        // The second list: those who left while the first was being gone through.
        self.0.lock().iter().any(|r| r.session == session) && !self.1.lock().contains(&session)
    }
}

pub(crate) fn gateway_id(name: &str) -> GatewayId {
    GatewayId::new(name).expect("a name")
}

pub(crate) fn user(n: u64) -> UserId {
    UserId::new(n).expect("in range")
}

pub(crate) fn conversation(n: u64) -> ConversationId {
    ConversationId::new(n).expect("in range")
}

pub(crate) fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000 + ms)
}

/// The `n`-th session, of a user, at a gateway.
pub(crate) fn record(of: u64, n: u64, gateway: &str) -> SessionRecord {
    SessionRecord {
        user: user(of),
        session: SessionId::new(n).expect("in range"),
        gateway: gateway_id(gateway),
        login: LoginId::new(n).expect("in range"),
        guest: false,
        at: at(n as i64),
    }
}

pub(crate) fn key(of: u64, client: &str) -> MessageKey {
    let client_msg_id = ClientMsgId::new(client).expect("a good id");
    MessageKey { conversation: conversation(of), sender: user(2), client_msg_id }
}

pub(crate) fn receipt(n: u64) -> Receipt {
    Receipt { id: MessageId::new(n).expect("in range"), seq: Seq::new(n), sent_at: at(n as i64) }
}
