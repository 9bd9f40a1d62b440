//! The way into topics: idempotent, bounded, in order.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gochat_core::ports::{ErrorKind, Result, Retry, StoreError};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::KafkaError as Native;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::future_producer::DeliveryFuture;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};
use slog::{Logger, debug};
use tokio::sync::watch;

use super::context::Context;
use super::error::{is_fatal, produce_error};
use super::{KafkaConfig, KafkaError};
use crate::runtime::metrics::Metrics;
use crate::runtime::trace::{self, HEADER, SpanKind, Tracer, Value};
use crate::runtime::{Policy, Tasks};

/// Header: what the value is, for whoever looks from outside.
pub(super) const CONTENT_TYPE: &str = "content-type";
/// Header: the full name of the protobuf message.
pub(super) const SCHEMA: &str = "schema";

/// A record to be produced.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Where to.
    pub topic: Arc<str>,
    /// What decides on its partition: records with one key keep their order.
    pub key: Option<String>,
    /// The full name of the protobuf message in it.
    pub schema: &'static str,
    /// What it was made for, as W3C `traceparent`, where that is not what the task that produces it works for.
    pub traceparent: Option<String>,
    /// The bytes of the message.
    pub payload: Vec<u8>,
}

/// Produces records: acknowledged by all replicas in step, none twice and none out of order for its own retries. Clones
/// share one queue.
#[derive(Clone)]
pub struct Producer {
    inner: Arc<Inner>,
}

struct Inner {
    client: FutureProducer<Context>,
    dead: watch::Sender<Option<Arc<str>>>,
    timeout: Duration,
    queue: usize,
    record_bytes: usize,
    metrics: Metrics,
    tracer: Tracer,
    log: Logger,
}

impl Inner {
    /// The client refuses everything from now on.
    fn die(&self) {
        let why = self.client.client().fatal_error();
        let why = why.map_or_else(|| "a fatal error".to_owned(), |(code, why)| format!("{code}: {why}"));
        self.dead.send_replace(Some(why.into()));
    }
}

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").field("waiting", &self.waiting()).finish_non_exhaustive()
    }
}

impl Producer {
    /// A producer of sends: a gateway's, whose records are given up after [`KafkaConfig::submit_timeout`].
    ///
    /// # Errors
    /// A setting that can't be. Brokers may be away.
    pub fn for_sends(
        config: &KafkaConfig,
        metrics: &Metrics,
        log: &Logger,
    ) -> std::result::Result<Self, KafkaError> {
        Self::new(config, config.submit_timeout, metrics, log)
    }

    /// A producer of deliveries and dead letters, whose records are given up after [`KafkaConfig::deliver_timeout`].
    ///
    /// # Errors
    /// A setting that can't be. Brokers may be away.
    pub fn for_deliveries(
        config: &KafkaConfig,
        metrics: &Metrics,
        log: &Logger,
    ) -> std::result::Result<Self, KafkaError> {
        Self::new(config, config.deliver_timeout, metrics, log)
    }

    fn new(
        config: &KafkaConfig,
        timeout: Duration,
        metrics: &Metrics,
        log: &Logger,
    ) -> std::result::Result<Self, KafkaError> {
        config.check()?;
        let context = Context::new(log);
        let dead = context.dead();
        let client = FutureProducer::from_config_and_context(&config.producer(timeout), context)?;
        let (queue, record_bytes, metrics) = (config.queue_records, config.record_bytes, metrics.clone());
        let (tracer, log) = (config.tracer.clone(), log.clone());
        let inner = Inner { client, dead, timeout, queue, record_bytes, metrics, tracer, log };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Stops the node, with a failure, when this producer can never produce again, so that whoever looks after the process
    /// starts it anew. That is so after an error in the numbering of its records: another try could store one twice or out
    /// of order, so the client refuses every record from then on.
    pub fn watch(&self, tasks: &Tasks) {
        let (mut dead, stop) = (self.inner.dead.subscribe(), tasks.token().clone());
        tasks.spawn("kafka producer", Policy::StopNode, async move {
            let died = async {
                let why = dead.wait_for(Option::is_some).await.ok().and_then(|why| why.clone());
                match why {
                    Some(why) => KafkaError::Fatal { why },
                    // Its last handle is gone, and nobody can miss it.
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => Ok(()),
                why = died => Err(why),
            }
        });
    }

    /// Asks brokers for anything, so that a wrong address shows at the start.
    ///
    /// # Errors
    /// No broker answers within [`KafkaConfig::connect_timeout`].
    pub async fn connect(&self, config: &KafkaConfig) -> std::result::Result<(), KafkaError> {
        let (client, timeout) = (self.inner.client.clone(), config.connect_timeout);
        let topic = super::Topics::new(&config.prefix).upstream();
        let name = topic.clone();
        let asked = tokio::task::spawn_blocking(move || client.client().fetch_metadata(Some(&name), timeout));
        let answer = asked.await.map_err(|_| super::topics::stopped(&topic))?;
        answer.map_err(|source| KafkaError::Unreachable { brokers: config.brokers.clone(), source })?;
        Ok(())
    }

    /// How many records wait for their acknowledgement.
    #[must_use]
    pub fn waiting(&self) -> usize {
        usize::try_from(self.inner.client.in_flight_count()).unwrap_or(0)
    }

    /// Produces a batch: all are queued in order, then all are waited for. `Ok` when every one is durable.
    ///
    /// # Errors
    /// `Overloaded` when the queue has no room for all of them; `Timeout`, `Unavailable` and others, after which some may
    /// be durable, now or within about a second.
    pub async fn produce(&self, operation: &'static str, records: &[Outgoing]) -> Result<()> {
        for outcome in self.produce_each(operation, records).await? {
            outcome.map_err(|e| produce_error(operation, e))?;
        }
        Ok(())
    }

    /// As [`produce`](Self::produce), and says of each record what became of it.
    pub(super) async fn produce_each(
        &self,
        operation: &'static str,
        records: &[Outgoing],
    ) -> Result<Vec<std::result::Result<(), Native>>> {
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let mut span = self.inner.tracer.span(trace::current(), SpanKind::Producer, || operation.into());
        span.note("messaging.system", || Value::Text("kafka".into()));
        span.note("messaging.batch.message_count", || Value::number(records.len()));
        let header = span.context().to_string();
        let outcomes = span.run(self.produce_for(&header, operation, records)).await;
        if outcomes.is_err() {
            span.fail();
        }
        outcomes
    }

    async fn produce_for(
        &self,
        traceparent: &str,
        operation: &'static str,
        records: &[Outgoing],
    ) -> Result<Vec<std::result::Result<(), Native>>> {
        let kafka = &self.inner.metrics.kafka;
        if self.waiting() + records.len() > self.inner.queue {
            kafka.overloaded.inc();
            return Err(StoreError::new(ErrorKind::Overloaded, Retry::Safe, operation));
        }
        let begun = Instant::now();
        let mut queued = Vec::with_capacity(records.len());
        let mut refused = None;
        if records.iter().any(|record| record.payload.len() > self.inner.record_bytes) {
            return Err(StoreError::new(ErrorKind::TooLarge, Retry::Never, operation));
        }
        for record in records {
            match self.enqueue(record, traceparent) {
                Ok(delivery) => queued.push(delivery),
                // Nothing behind it may overtake it.
                Err(e) => {
                    refused = Some(e);
                    break;
                }
            }
        }
        let timeout = StoreError::new(ErrorKind::Timeout, Retry::Ambiguous, operation);
        // All are on their way: waiting for one after the other takes as long as the last of them.
        let all = async {
            let mut outcomes = Vec::with_capacity(records.len());
            for delivery in queued {
                outcomes.push(match delivery.await {
                    Ok(Ok(_)) => Ok(()),
                    Ok(Err((e, _))) => Err(e),
                    Err(_) => Err(Native::Canceled),
                });
            }
            outcomes
        };
        let Ok(mut outcomes) = tokio::time::timeout(self.inner.timeout, all).await else {
            kafka.produce_failures.inc();
            return Err(timeout);
        };
        if let Some(e) = refused {
            if e.rdkafka_error_code() == Some(rdkafka::error::RDKafkaErrorCode::QueueFull) {
                kafka.overloaded.inc();
            }
            outcomes.push(Err(e));
            outcomes.resize(records.len(), Err(Native::Canceled));
        }
        let failed = outcomes.iter().filter(|o| o.is_err()).count() as u64;
        if outcomes.iter().any(|outcome| outcome.as_ref().is_err_and(is_fatal)) {
            self.inner.die();
        }
        kafka.produce_failures.inc_by(failed);
        let done = outcomes.len() as u64 - failed;
        kafka.produced.inc_by(done);
        debug!(self.inner.log, "records produced"; "for" => operation, "records" => done, "failed" => failed);
        if done > 0 {
            kafka.produce_seconds.observe_many(begun.elapsed(), done);
        }
        Ok(outcomes)
    }

    fn enqueue(&self, record: &Outgoing, traceparent: &str) -> std::result::Result<DeliveryFuture, Native> {
        let header = |key, value| Header { key, value: Some(value) };
        let headers = OwnedHeaders::new_with_capacity(3)
            .insert(header(CONTENT_TYPE, "application/x-protobuf"))
            .insert(header(SCHEMA, record.schema))
            .insert(header(HEADER, record.traceparent.as_deref().unwrap_or(traceparent)));
        let mut out = FutureRecord::<str, [u8]>::to(&record.topic).payload(&record.payload).headers(headers);
        if let Some(key) = &record.key {
            out = out.key(key);
        }
        self.inner.client.send_result(out).map_err(|(e, _)| e)
    }

    /// Produces one record as it is, headers and all. For dead letters and their return.
    pub(super) async fn produce_raw(
        &self,
        topic: &str,
        key: Option<&[u8]>,
        payload: Option<&[u8]>,
        headers: OwnedHeaders,
    ) -> Result<()> {
        const OPERATION: &str = "kafka.produce_raw";
        let record = FutureRecord::<[u8], [u8]> { key, payload, ..FutureRecord::to(topic) }.headers(headers);
        let queued = self.inner.client.send_result(record).map_err(|(e, _)| produce_error(OPERATION, e))?;
        match queued.await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err((e, _))) => Err(produce_error(OPERATION, e)),
            Err(_) => Err(StoreError::new(ErrorKind::Closed, Retry::Ambiguous, OPERATION)),
        }
    }

    /// Waits until what is queued is acknowledged or given up, `timeout` at most. Before the process ends.
    pub async fn flush(&self, timeout: Duration) {
        let client = self.inner.client.clone();
        // Blocks. What is not acknowledged then was answered with an error already.
        let _late = tokio::task::spawn_blocking(move || client.flush(timeout)).await;
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::mocking::MockCluster;
    use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
    use slog::{Discard, o};

    use super::*;
    use crate::runtime::{Phase, Supervisor};

    /// Over the client's own broker for such cases: a real one gives this answer only when it has lost what it had stored.
    #[tokio::test]
    async fn one_that_can_never_produce_again_stops_its_node() {
        let log = Logger::root(Discard, o!());
        let broker = MockCluster::new(1).expect("a broker");
        broker.create_topic("t", 1, 1).expect("a topic");
        let config = KafkaConfig::new(&broker.bootstrap_servers());
        let producer = Producer::for_sends(&config, &Metrics::new(), &log).expect("a producer");
        let supervisor = Supervisor::new(&log);
        producer.watch(supervisor.phase(Phase::Work));
        let record =
            [Outgoing { topic: "t".into(), key: None, schema: "s", traceparent: None, payload: vec![1] }];
        producer.produce("test", &record).await.expect("produced");
        assert!(!supervisor.stopping().is_cancelled());

        let lost = RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
        broker.request_errors(RDKafkaApiKey::Produce, &[lost]);
        producer.produce("test", &record).await.expect_err("not produced");
        producer
            .produce("test", &record)
            .await
            .expect_err("the broker is well, and nothing is produced any more");
        supervisor.stopping().cancelled().await;
        assert!(supervisor.shutdown(Duration::from_secs(5)).await.is_clean());
    }
}
