//! Gateways that die: their users' departures are told once, by one of those who look, and their topics are removed.
//!
//! The tests ask for Redis, etcd and Kafka: `REDIS_URL`, `ETCD_ENDPOINTS` and `KAFKA_BROKERS`, as
//! `cargo xtask servers run redis etcd kafka -- cargo test …` gives. Without them they are reported as ignored; with `CI` set
//! they fail. `GOCHAT_SERVERS=later` leaves them all to the stage that brings the servers.

mod servers_kit;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use gochat_core::model::{Caller, ConversationId, GatewayId, LoginId, SessionId, Timestamp, UserId};
use gochat_core::ports::{SessionRecord, Sessions as _};
use gochat_core::service::{Presences, Result};
use gochat_infra::etcd::{Discovery, Etcd, EtcdConfig, Instance, InstanceId, Registration, ServiceName};
use gochat_infra::kafka::{KafkaConfig, TopicAdmin};
use gochat_infra::redis::{GatewayLease, HeldSessions, Redis, RedisConfig, RedisSessions};
use gochat_infra::runtime::{Phase, Supervisor};
use gochat_infra::service::lost::{self, LostParts};
use servers_kit::{run, trial};
use slog::{Discard, Logger, o};
use tokio::sync::mpsc;

const MISSING: &str = "REDIS_URL, ETCD_ENDPOINTS or KAFKA_BROKERS is not set";

/// The servers of this run.
struct Servers {
    redis: String,
    etcd: Vec<String>,
    kafka: String,
    next: AtomicU64,
}

impl Servers {
    fn from_env() -> Option<Self> {
        let var = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        Some(Self {
            redis: var("REDIS_URL")?,
            etcd: var("ETCD_ENDPOINTS")?.split(',').map(str::to_owned).collect(),
            kafka: var("KAFKA_BROKERS")?,
            next: AtomicU64::new(0),
        })
    }

    /// Names of one case's own, with short leases.
    fn installation(&self) -> Installation {
        let name = format!("lost{}-{}", std::process::id(), self.next.fetch_add(1, Ordering::Relaxed));
        let (mut redis, mut etcd) = (RedisConfig::new(&self.redis), EtcdConfig::new(&self.etcd));
        let mut kafka = KafkaConfig::new(&self.kafka);
        (redis.prefix, etcd.prefix, kafka.prefix) = (name.clone(), format!("/{name}"), name);
        redis.lease_ttl = Duration::from_millis(400);
        redis.lease_renew = Duration::from_millis(100);
        redis.gateways_age = Duration::from_millis(50);
        etcd.lease_ttl = Duration::from_secs(1);
        Installation { redis, etcd, kafka }
    }
}

#[derive(Clone)]
struct Installation {
    redis: RedisConfig,
    etcd: EtcdConfig,
    kafka: KafkaConfig,
}

/// A gateway with what it holds; dropped, its process has died: nothing is given up or taken back.
struct Gateway {
    runtime: Option<tokio::runtime::Runtime>,
    supervisor: Option<Supervisor>,
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // Dropped, it would tell its tasks to end well.
        std::mem::forget(self.supervisor.take());
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[derive(Debug)]
struct Nothing;

impl HeldSessions for Nothing {
    fn each(&self, _: &mut dyn FnMut(SessionRecord)) {}

    fn holds(&self, _: SessionId) -> bool {
        true
    }
}

impl Installation {
    fn redis(&self) -> Redis {
        Redis::open(self.redis.clone(), &log()).expect("a good configuration")
    }

    fn admin(&self) -> TopicAdmin {
        TopicAdmin::new(&self.kafka, &log()).expect("an admin")
    }

    async fn etcd(&self) -> Etcd {
        Etcd::connect(self.etcd.clone()).await.expect("etcd answers")
    }

    /// Starts a gateway as im-gateway does, with sessions of these users.
    async fn gateway(&self, name: &str, users: &[u64]) -> Gateway {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let (runtime, supervisor) = (runtime.expect("a runtime"), Supervisor::new(&log()));
        let (parts, tasks, name) = (self.clone(), supervisor.clone(), name.to_owned());
        let users = users.to_vec();
        let started = runtime.spawn(async move {
            let (redis, id) = (parts.redis(), gateway_id(&name));
            parts.admin().ensure_downstream(&id).await.expect("a topic");
            let work = tasks.phase(Phase::Work);
            GatewayLease::take(redis.clone(), id.clone(), Arc::new(Nothing), work, &log())
                .await
                .expect("a lease");
            let sessions = RedisSessions::new(redis);
            for user in users {
                sessions.register(&record(user, &id), 5).await.expect("registered");
            }
            let instance = Instance {
                address: "127.0.0.1:1".to_owned(),
                version: "0".to_owned(),
                started_at: Timestamp::from_millis(0),
            };
            let id = InstanceId::new(&name).expect("a name");
            Registration::register(parts.etcd().await, &service(), &id, &instance, &tasks, &log())
                .await
                .expect("registered");
        });
        started.await.expect("it starts");
        Gateway { runtime: Some(runtime), supervisor: Some(supervisor) }
    }

    /// Starts an im-logic's part in it.
    async fn keeper(&self, name: &str, supervisor: &Supervisor, told: mpsc::Sender<Vec<UserId>>) {
        let mut instances = Discovery::new(self.etcd().await, supervisor, &log()).watch(&service());
        instances.changed().await.expect("a first list");
        let parts = LostParts {
            claimant: name.to_owned(),
            instances,
            sessions: RedisSessions::new(self.redis()),
            presences: Arc::new(Told(told)),
            topics: self.admin(),
            wait: Duration::from_millis(100),
            absent: Duration::from_secs(1),
            log: log(),
        };
        lost::tell(supervisor.phase(Phase::Work), parts);
    }
}

/// Notes who is told to be gone.
#[derive(Debug)]
struct Told(mpsc::Sender<Vec<UserId>>);

#[async_trait]
impl Presences for Told {
    async fn opened(&self, _: &Caller, _: SessionId, _: &GatewayId) -> Result<()> {
        unreachable!("nobody comes")
    }

    async fn closed(&self, _: &Caller, _: SessionId) -> Result<()> {
        unreachable!("nobody goes")
    }

    async fn typing(&self, _: &Caller, _: ConversationId, _: bool) -> Result<()> {
        unreachable!("nobody writes")
    }

    async fn lost(&self, users: &[UserId]) {
        self.0.send(users.to_vec()).await.expect("the case listens");
    }

    async fn tell_departures(&self) {}

    fn next_due(&self) -> Option<Timestamp> {
        None
    }
}

async fn who_was_at_a_gateway_that_died_is_told_once(servers: &'static Servers) {
    let parts = servers.installation();
    let ours = Supervisor::new(&log());
    let (told, mut heard) = mpsc::channel(16);
    let (dies, _lives) = (parts.gateway("gw-1", &[2, 3]).await, parts.gateway("gw-2", &[3, 4]).await);
    // Two look, as two of im-logic do.
    for name in ["logic-1", "logic-2"] {
        parts.keeper(name, &ours, told.clone()).await;
    }
    let admin = parts.admin();
    assert_eq!(topics(&admin).await, ["gw-1", "gw-2"]);
    assert!(heard.try_recv().is_err(), "both live");

    drop(dies);
    let mut users = heard.recv().await.expect("somebody tells");
    users.sort_unstable();
    assert_eq!(users, [user(2), user(3)], "who has another session is for the rules to know");
    let sessions = RedisSessions::new(parts.redis());
    let online = sessions.online(&[user(2), user(3), user(4)]).await.expect("answers");
    assert_eq!(online, [false, true, true]);
    while topics(&admin).await != ["gw-2"] {
        tokio::task::yield_now().await;
    }
    assert!(ours.shutdown(Duration::from_secs(10)).await.is_clean());
    assert!(heard.try_recv().is_err(), "told by one of the two, once, and nobody of the other gateway");
}

async fn who_died_before_anybody_looked_is_told(servers: &'static Servers) {
    let parts = servers.installation();
    let ours = Supervisor::new(&log());
    let (told, mut heard) = mpsc::channel(16);
    let dies = parts.gateway("gw-1", &[2]).await;
    drop(dies);
    parts.keeper("logic-1", &ours, told).await;
    assert_eq!(heard.recv().await.expect("somebody tells"), [user(2)]);
    assert!(ours.shutdown(Duration::from_secs(10)).await.is_clean());
}

async fn topics(admin: &TopicAdmin) -> Vec<String> {
    let gateways = admin.downstream_gateways().await.expect("answers");
    let mut names: Vec<_> = gateways.iter().map(|gateway| gateway.as_str().to_owned()).collect();
    names.sort_unstable();
    names
}

fn log() -> Logger {
    Logger::root(Discard, o!())
}

fn service() -> ServiceName {
    ServiceName::new("im-gateway").expect("a name")
}

fn gateway_id(name: &str) -> GatewayId {
    GatewayId::new(name).expect("a name")
}

fn user(n: u64) -> UserId {
    UserId::new(n).expect("in range")
}

fn record(of: u64, gateway: &GatewayId) -> SessionRecord {
    static NEXT: AtomicU64 = AtomicU64::new(100);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    SessionRecord {
        user: user(of),
        session: SessionId::new(n).expect("in range"),
        gateway: gateway.clone(),
        login: LoginId::new(n).expect("in range"),
        guest: false,
        at: Timestamp::from_millis(i64::try_from(now.as_millis()).expect("in range")),
    }
}

fn main() -> ExitCode {
    let servers: &'static Option<Servers> = Box::leak(Box::new(Servers::from_env()));
    macro_rules! cases {
        ($($case:ident),+) => {
            vec![$(trial(stringify!($case).to_owned(), servers, MISSING, |servers| $case(servers))),+]
        };
    }
    let trials = cases![who_was_at_a_gateway_that_died_is_told_once, who_died_before_anybody_looked_is_told];
    run(trials, || {})
}
