//! Topics of its own for each case, and what stands in for the rest of the system.

pub(crate) mod consumer;
pub(crate) mod figures;
pub(crate) mod gateways;
pub(crate) mod hand_over;
pub(crate) mod hooks;
pub(crate) mod letters;
pub(crate) mod outage;
pub(crate) mod ports;
pub(crate) mod topics;
pub(crate) mod traces;

use std::collections::{HashMap, HashSet};
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use gochat_core::model::{ConversationId, GatewayId, SendCommand, UserId};
use gochat_core::ports::{Result, Upstream as _};
use gochat_core::testing::conformance;
use gochat_infra::kafka::{
    GroupConsumer, Handler, HandlerError, KafkaConfig, KafkaUpstream, Producer, Record, TopicAdmin, Topics,
};
use gochat_infra::routes::{Detours, Gateways, Routes};
use gochat_infra::runtime::metrics::Metrics;
use gochat_infra::runtime::{Backoff, Supervisor};
use parking_lot::Mutex;
use slog::{Drain as _, Logger, o};
use tokio::sync::mpsc;

/// The brokers of this run.
pub(crate) struct Servers {
    brokers: String,
}

static NEXT: AtomicU64 = AtomicU64::new(0);

impl Servers {
    pub(crate) fn from_env() -> Option<Self> {
        let brokers = std::env::var("KAFKA_BROKERS").ok().filter(|b| !b.is_empty())?;
        Some(Self { brokers })
    }

    /// Topics of its own.
    pub(crate) async fn bench(&self) -> Bench {
        Bench::over(&self.brokers).await
    }
}

/// One installation.
pub(crate) struct Bench {
    pub(crate) config: KafkaConfig,
    pub(crate) topics: Topics,
    pub(crate) log: Logger,
}

impl Bench {
    pub(crate) async fn over(brokers: &str) -> Self {
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut config = KafkaConfig::new(brokers);
        config.prefix = format!("gochat_t{}_{n}", std::process::id());
        (config.upstream_partitions, config.fanout_partitions, config.events_partitions) = (4, 2, 1);
        config.heartbeat = Duration::from_millis(300);
        config.session_timeout = Duration::from_secs(6);
        config.revoke_grace = Duration::from_secs(3);
        config.lag_interval = Duration::from_millis(200);
        config.backoff = Backoff { first: Duration::from_millis(10), max: Duration::from_millis(100) };
        let bench = Self { topics: Topics::new(&config.prefix), config, log: log() };
        bench.admin().ensure_shared().await.expect("topics");
        bench
    }

    pub(crate) fn admin(&self) -> TopicAdmin {
        TopicAdmin::new(&self.config, &self.log).expect("an admin")
    }

    pub(crate) fn producer(&self) -> Producer {
        Producer::for_deliveries(&self.config, &Metrics::new(), &self.log).expect("a producer")
    }

    pub(crate) fn upstream(&self) -> KafkaUpstream {
        let producer = Producer::for_sends(&self.config, &Metrics::new(), &self.log).expect("a producer");
        KafkaUpstream::new(producer, &self.config)
    }

    /// Starts a consumer of the upstream topic.
    pub(crate) fn consume(&self, handler: Arc<dyn Handler<SendCommand>>) -> Node {
        let (supervisor, metrics) = (Supervisor::new(&self.log), Metrics::new());
        let (topic, producer) = (self.topics.upstream(), self.producer());
        let started = GroupConsumer::start(
            &self.config,
            &topic,
            "logic",
            handler,
            producer,
            &supervisor,
            &metrics,
            &self.log,
        );
        started.expect("a consumer");
        Node { supervisor, metrics }
    }

    /// Sends numbered messages into a conversation, each call waiting for its acknowledgement.
    pub(crate) async fn send(
        &self,
        upstream: &KafkaUpstream,
        conversation: u64,
        numbers: std::ops::Range<u64>,
    ) {
        let sends = numbers.map(|n| send(conversation, n)).collect();
        upstream.submit(sends).await.expect("accepted");
    }
}

/// A consumer with its own supervisor.
pub(crate) struct Node {
    pub(crate) supervisor: Supervisor,
    pub(crate) metrics: Metrics,
}

impl Node {
    pub(crate) async fn shutdown(self) {
        assert!(self.supervisor.shutdown(Duration::from_secs(20)).await.is_clean());
    }
}

/// To the terminal when `GOCHAT_TEST_LOG` is set.
fn log() -> Logger {
    if std::env::var_os("GOCHAT_TEST_LOG").is_none() {
        return Logger::root(slog::Discard, o!());
    }
    let drain = Lines.fuse();
    Logger::root(drain, o!())
}

struct Lines;

impl slog::Drain for Lines {
    type Ok = ();
    type Err = slog::Never;

    fn log(&self, record: &slog::Record<'_>, _: &slog::OwnedKVList) -> std::result::Result<(), slog::Never> {
        struct Pairs(String);
        impl slog::Serializer for Pairs {
            fn emit_arguments(&mut self, key: slog::Key, value: &std::fmt::Arguments<'_>) -> slog::Result {
                self.0.push_str(&format!(" {key}={value}"));
                Ok(())
            }
        }
        let mut pairs = Pairs(String::new());
        let _shown = slog::KV::serialize(&record.kv(), record, &mut pairs);
        eprintln!("{} {}{}", record.level(), record.msg(), pairs.0);
        Ok(())
    }
}

pub(crate) fn user(n: u64) -> UserId {
    UserId::new(n).expect("in range")
}

pub(crate) fn room(n: u64) -> ConversationId {
    ConversationId::new(n).expect("in range")
}

pub(crate) fn gateway(name: &str) -> GatewayId {
    GatewayId::new(name).expect("a name")
}

pub(crate) fn send(conversation: u64, n: u64) -> SendCommand {
    conformance::upstream::send(conversation, 2, n)
}

/// A conversation and the number of a message in it.
pub(crate) type Got = (u64, u64);

pub(crate) fn got(send: &SendCommand) -> Got {
    (send.conversation.get(), send.client_msg_id.as_str().parse().expect("a number"))
}

/// What a handler does with a batch before it takes it.
#[async_trait]
pub(crate) trait Before: Debug + Send + Sync + 'static {
    async fn before(&self, batch: &[Got]) -> std::result::Result<(), HandlerError>;
}

/// Takes everything.
#[derive(Debug)]
pub(crate) struct Nothing;

#[async_trait]
impl Before for Nothing {
    async fn before(&self, _: &[Got]) -> std::result::Result<(), HandlerError> {
        Ok(())
    }
}

/// Tells what it takes, once for each batch.
#[derive(Debug)]
pub(crate) struct Taker<B> {
    pub(crate) name: &'static str,
    pub(crate) taken: mpsc::Sender<(&'static str, Vec<Got>)>,
    pub(crate) before: B,
}

#[async_trait]
impl<B: Before> Handler<SendCommand> for Taker<B> {
    async fn handle(&self, _: i32, batch: &[Record<SendCommand>]) -> std::result::Result<(), HandlerError> {
        let batch: Vec<_> = batch.iter().map(|r| got(&r.value)).collect();
        self.before.before(&batch).await?;
        self.taken.send((self.name, batch)).await.map_err(|e| HandlerError::Again(Box::new(e)))
    }
}

/// Who had what, in order.
pub(crate) type Taken = mpsc::Receiver<(&'static str, Vec<Got>)>;

pub(crate) fn taker<B: Before>(
    name: &'static str,
    taken: &mpsc::Sender<(&'static str, Vec<Got>)>,
    before: B,
) -> Arc<Taker<B>> {
    Arc::new(Taker { name, taken: taken.clone(), before })
}

/// Takes batches until `n` different messages were taken; checks that each conversation's come in order (again from where
/// they were taken up, where they are repeated) and without holes.
pub(crate) async fn take(taken: &mut Taken, n: usize) -> Vec<(&'static str, Got)> {
    let mut next: HashMap<u64, u64> = HashMap::new();
    let mut all = Vec::new();
    let mut fresh = 0;
    while fresh < n {
        let (who, batch) = taken.recv().await.expect("a handler lives");
        for (conversation, number) in batch {
            let expected = next.entry(conversation).or_default();
            assert!(number <= *expected, "{who} got {number} of {conversation} where {expected} is next");
            if number == *expected {
                fresh += 1;
            }
            *expected = (*expected).max(number + 1);
            all.push((who, (conversation, number)));
        }
    }
    all
}

/// Conversations that went the long way; for ever.
#[derive(Debug, Default)]
pub(crate) struct Noted(pub(crate) Mutex<HashSet<ConversationId>>);

#[async_trait]
impl Detours for Noted {
    async fn lately(&self, conversations: &[ConversationId]) -> Result<Vec<bool>> {
        let noted = self.0.lock();
        Ok(conversations.iter().map(|c| noted.contains(c)).collect())
    }

    async fn note(&self, conversations: &[ConversationId]) -> Result<()> {
        self.0.lock().extend(conversations);
        Ok(())
    }
}

/// Gateways by a table.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) users: Mutex<HashMap<UserId, Vec<GatewayId>>>,
    pub(crate) all: Mutex<Vec<GatewayId>>,
    pub(crate) asked: AtomicU64,
}

#[async_trait]
impl Routes for Table {
    async fn gateways_of(&self, users: &[UserId]) -> Result<Vec<Gateways>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let table = self.users.lock();
        let of = |user: &UserId| table.get(user).map(|g| g.iter().cloned().collect()).unwrap_or_default();
        Ok(users.iter().map(of).collect())
    }

    async fn gateways(&self) -> Result<Vec<GatewayId>> {
        Ok(self.all.lock().clone())
    }

    fn gateways_guess(&self) -> usize {
        self.all.lock().len()
    }
}
