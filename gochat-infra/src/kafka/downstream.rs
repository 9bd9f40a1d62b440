//! A gateway's end: reads its topic, and hands to the hub.

use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use gochat_core::model::{Audience, Delivery, Event, GatewayId, MessageId, UserId};
use gochat_core::ports::{Deliver, Retry};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{Consumer as _, StreamConsumer};
use rdkafka::error::KafkaError as Native;
use rdkafka::{Offset, TopicPartitionList};
use rustc_hash::FxHashMap;
use slog::{Logger, debug, error, info, o, warn};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::consumer::Raw;
use super::context::{Context, LAST_WORDS, close};
use super::deliver::SCHEMA;
use super::stall::Watch;
use super::topics::stopped;
use super::{KafkaConfig, KafkaError, Topics};
use crate::runtime::metrics::Metrics;
use crate::runtime::trace::Value;
use crate::runtime::{Phase, Policy, Supervisor};
use crate::wire;

/// Tries of a batch that the hub can't take; its clients find what they miss by their sequences.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(100);

/// The consumer of a gateway's own topic: without a group, from the end of the topic as of its start. It lives as long as
/// its supervisor.
#[derive(Debug)]
pub struct Downstream;

/// Resolves when the position in the topic is known: from then on nothing that is produced is missed.
#[derive(Debug)]
pub struct Ready(oneshot::Receiver<Result<(), KafkaError>>, String);

impl Ready {
    /// Waits for it. The gateway opens its listener, and takes its lease, only then.
    ///
    /// # Errors
    /// The topic can't be read; the node is told to stop.
    pub async fn ready(self) -> Result<(), KafkaError> {
        let Self(ready, topic) = self;
        ready.await.unwrap_or_else(|_| Err(stopped(&topic)))
    }
}

/// Between two questions for a topic that was just made.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// Whether a broker may just not have heard of the topic yet.
fn is_new(error: &Native) -> bool {
    use rdkafka::types::RDKafkaErrorCode as Code;

    let code = error.rdkafka_error_code();
    [Code::UnknownPartition, Code::UnknownTopicOrPartition, Code::UnknownTopic, Code::LeaderNotAvailable]
        .map(Some)
        .contains(&code)
}

impl Downstream {
    /// Starts the consumer of `gateway`, whose topic is there (see
    /// [`TopicAdmin::ensure_downstream`](super::TopicAdmin::ensure_downstream)), and hands what comes to `deliver`: the hub.
    ///
    /// What comes twice shortly after each other is handed on once. A record that can't be read is counted and skipped.
    ///
    /// # Errors
    /// A setting that can't be.
    pub fn start(
        config: &KafkaConfig,
        gateway: &GatewayId,
        deliver: Arc<dyn Deliver>,
        supervisor: &Supervisor,
        metrics: &Metrics,
        log: &Logger,
    ) -> Result<Ready, KafkaError> {
        config.check()?;
        let topic = Topics::new(&config.prefix).downstream(gateway);
        let log = log.new(o!("topic" => topic.clone()));
        let client = client(config, &topic, &log)?;
        let (known, ready) = oneshot::channel();
        let (config, metrics) = (config.clone(), metrics.clone());
        let repeats = Repeats::new(config.repeats_remembered);
        let tail =
            Tail { client, next: 0, topic: topic.as_str().into(), config, deliver, metrics, repeats, log };
        let tasks = supervisor.phase(Phase::Work);
        tasks.spawn("kafka-downstream", Policy::StopNode, tail.run(known, tasks.token().clone()));
        Ok(Ready(ready, topic))
    }
}

type Client = StreamConsumer<Context>;

fn client(config: &KafkaConfig, topic: &str, log: &Logger) -> Result<Arc<Client>, KafkaError> {
    let mut settings = config.consumer(topic);
    // What is wanted is all that is still there, should the position be lost.
    settings.set("fetch.wait.max.ms", "500").set("fetch.min.bytes", "1");
    Ok(Arc::new(Client::from_config_and_context(&settings, Context::new(log))?))
}

struct Tail {
    client: Arc<Client>,
    /// The offset of the next record.
    next: i64,
    topic: Arc<str>,
    config: KafkaConfig,
    deliver: Arc<dyn Deliver>,
    metrics: Metrics,
    repeats: Repeats,
    log: Logger,
}

impl Tail {
    async fn run(
        mut self,
        known: oneshot::Sender<Result<(), KafkaError>>,
        stop: CancellationToken,
    ) -> Result<(), KafkaError> {
        if let Err(e) = self.begin().await {
            let why = e.to_string();
            // Whoever waits hears the cause; the supervisor that it is over.
            let _waiting = known.send(Err(e));
            return Err(KafkaError::consumer(&self.topic, why));
        }
        info!(self.log, "reading deliveries"; "from" => self.next);
        let _waiting = known.send(Ok(()));
        let mut watch = self.watch();
        loop {
            let next = self.next;
            let batch = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = watch.stalled(|| [(0, Some(next))].into()) => {
                    watch.end().await;
                    self.anew().await?;
                    watch = self.watch();
                    continue;
                }
                batch = self.collect() => batch?,
            };
            let asked = batch.iter().filter_map(Raw::context);
            // Not by the topic's own name: there is one for each gateway that ever was.
            let mut span = self.config.tracer.batch(asked, || "process messages.downstream".into());
            span.note("messaging.system", || Value::Text("kafka".into()));
            span.note("messaging.batch.message_count", || Value::number(batch.len()));
            span.run(self.hand_on(batch)).await;
        }
        watch.end().await;
        let _in_time = close(self.client, LAST_WORDS).await;
        Ok(())
    }

    fn watch(&self) -> Watch<Context> {
        Watch::new(self.client.clone(), self.topic.clone(), &self.config, &self.log)
    }

    /// Goes on where it is, with a client made anew.
    async fn anew(&mut self) -> Result<(), KafkaError> {
        self.metrics.kafka.stalls.inc();
        let stalled = std::mem::replace(&mut self.client, client(&self.config, &self.topic, &self.log)?);
        self.assign()?;
        // It is in nobody's way if it does not end.
        let _in_time = close(stalled, LAST_WORDS).await;
        Ok(())
    }

    fn assign(&self) -> Result<(), KafkaError> {
        let mut list = TopicPartitionList::with_capacity(1);
        list.add_partition_offset(&self.topic, 0, Offset::Offset(self.next))?;
        Ok(self.client.assign(&list)?)
    }

    /// Finds the end of the topic and takes that as the position.
    async fn begin(&mut self) -> Result<(), KafkaError> {
        let (client, topic, timeout) = (self.client.clone(), self.topic.clone(), self.config.connect_timeout);
        // Blocks until the leader has answered. A topic that was made a moment ago is not known to every broker yet, and none
        // tells when it is.
        let asked = tokio::task::spawn_blocking(move || {
            let deadline = std::time::Instant::now() + timeout;
            loop {
                match client.fetch_watermarks(&topic, 0, timeout) {
                    Err(e) if is_new(&e) && std::time::Instant::now() < deadline => {
                        std::thread::sleep(ASK_AGAIN);
                    }
                    answer => return answer,
                }
            }
        });
        let answer = asked.await.map_err(|_| stopped(&self.topic))?;
        let (_, end) = answer
            .map_err(|source| KafkaError::Unreachable { brokers: self.config.brokers.clone(), source })?;
        self.next = end;
        self.assign()
    }

    /// Waits for a record, and takes those that are there already behind it.
    async fn collect(&self) -> Result<Vec<Raw>, KafkaError> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        let mut next = Some(self.client.recv().await);
        while let Some(polled) = next {
            match polled {
                Ok(record) => {
                    bytes += record.payload_len();
                    batch.push(Raw::of(&record));
                }
                Err(Native::MessageConsumptionFatal(code)) => {
                    let why = format!("the client failed for good: {code}");
                    return Err(KafkaError::consumer(&self.topic, why));
                }
                Err(e) => {
                    debug!(self.log, "consumer event"; "event" => %e);
                    break;
                }
            }
            if batch.len() >= self.config.batch_records || bytes >= self.config.batch_bytes {
                break;
            }
            next = self.client.recv().now_or_never();
        }
        Ok(batch)
    }

    async fn hand_on(&mut self, records: Vec<Raw>) {
        let Some(last) = records.last() else { return };
        self.next = last.offset + 1;
        let batch = self.read(&records);
        self.metrics.kafka.consumed.inc_by(records.len() as u64);
        // A record holds many: each session has room for so much at once, and must get at it in between.
        for part in batch.chunks(self.config.batch_records) {
            self.deliver(part).await;
        }
    }

    /// What is in records and can be read, but for repeats.
    fn read(&self, records: &[Raw]) -> Vec<(Option<Mark>, Delivery)> {
        let kafka = &self.metrics.kafka;
        let mut batch = Vec::with_capacity(records.len());
        let mut marks = Marks::default();
        let skipped = |record: &Raw, reason: &str| {
            kafka.downstream_skipped.inc();
            error!(self.log, "a delivery can't be read"; "offset" => record.offset, "reason" => reason);
        };
        for record in records {
            let read = record
                .value(SCHEMA)
                .and_then(|bytes| wire::deliveries::read(bytes).map_err(|e| e.to_string()));
            let deliveries = match read {
                Ok(deliveries) => deliveries,
                Err(reason) => {
                    skipped(record, &reason);
                    continue;
                }
            };
            for delivery in deliveries {
                let delivery = match delivery {
                    Ok(delivery) => delivery,
                    Err(reason) => {
                        skipped(record, &reason.to_string());
                        continue;
                    }
                };
                let mark = marks.of(&delivery);
                if mark.is_some_and(|mark| self.repeats.knows(&mark) || !marks.met.insert(mark)) {
                    kafka.repeats_dropped.inc();
                    continue;
                }
                batch.push((mark, delivery));
            }
        }
        batch
    }

    async fn deliver(&mut self, part: &[(Option<Mark>, Delivery)]) {
        let kafka = &self.metrics.kafka;
        for attempt in 1..=TRIES {
            let deliveries = part.iter().map(|(_, delivery)| delivery.clone()).collect();
            match self.deliver.deliver(deliveries).await {
                Ok(()) => {
                    debug!(self.log, "deliveries handed on"; "deliveries" => part.len());
                    kafka.batches.inc();
                    part.iter().filter_map(|(mark, _)| *mark).for_each(|mark| self.repeats.remember(mark));
                    return;
                }
                Err(e) if e.retry() != Retry::Never && attempt < TRIES => {
                    warn!(self.log, "deliveries are tried again"; "error" => %e, "attempt" => attempt);
                    tokio::time::sleep(PAUSE * attempt).await;
                }
                Err(e) => {
                    kafka.downstream_skipped.inc_by(part.len() as u64);
                    error!(self.log, "deliveries were skipped"; "error" => %e, "deliveries" => part.len());
                    return;
                }
            }
        }
    }
}

/// What makes two records the same delivery of a message.
type Mark = (MessageId, u64);

/// The marks of a batch.
#[derive(Default)]
struct Marks {
    met: HashSet<Mark>,
    /// Of lists, by where they are, each kept there: no other takes its place meanwhile.
    lists: FxHashMap<usize, (Arc<[UserId]>, u64)>,
}

impl Marks {
    fn of(&mut self, delivery: &Delivery) -> Option<Mark> {
        let Event::NewMessage(view) = &delivery.event else { return None };
        let of_list = |users: &[UserId]| {
            let mut hasher = DefaultHasher::new();
            users.hash(&mut hasher);
            hasher.finish()
        };
        let mut hasher = DefaultHasher::new();
        match &delivery.audience {
            Audience::Users(users) => {
                let list = self.lists.entry(users.as_ptr().addr());
                let (_, mark) = list.or_insert_with(|| (Arc::clone(users), of_list(users)));
                hasher.write_u64(*mark);
            }
            Audience::Everyone => hasher.write_u8(1),
            _ => return None,
        }
        delivery.except.hash(&mut hasher);
        Some((view.message.id, hasher.finish()))
    }
}

/// The last marks, a bounded number of them.
struct Repeats {
    known: HashSet<Mark>,
    order: VecDeque<Mark>,
    max: usize,
}

impl Repeats {
    fn new(max: usize) -> Self {
        Self { known: HashSet::new(), order: VecDeque::new(), max }
    }

    fn knows(&self, mark: &Mark) -> bool {
        self.known.contains(mark)
    }

    fn remember(&mut self, mark: Mark) {
        if self.max == 0 || !self.known.insert(mark) {
            return;
        }
        self.order.push_back(mark);
        if self.order.len() > self.max
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests;
