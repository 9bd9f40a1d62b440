//! The bare pair: one producer and one consumer of the same Kafka by the same client library, with nothing around them.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use hdrhistogram::Histogram;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::producer::{BaseProducer, BaseRecord};
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};
use tokio::runtime::Runtime;

use super::stage::server;
use crate::load::histogram;

/// Bytes of a record: about those of a send.
const RECORD: usize = 256;
/// Longest wait for what is on its way.
const PATIENCE: Duration = Duration::from_secs(10);

/// The two clients.
pub(super) struct Pair {
    producer: BaseProducer,
    consumer: BaseConsumer,
    topic: String,
    next: u64,
}

impl Pair {
    /// Makes a topic of one partition and connects both to it. Records go out at once, acknowledged by all replicas.
    pub(super) fn connect(topic: &str, runtime: &Runtime) -> Result<Self> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", server("KAFKA_BROKERS")?).set("socket.nagle.disable", "true");
        let admin: AdminClient<DefaultClientContext> = config.create()?;
        let new = NewTopic::new(topic, 1, TopicReplication::Fixed(-1));
        for made in runtime.block_on(admin.create_topics([&new], &AdminOptions::new()))? {
            ensure!(made.is_ok(), "{topic} can't be made: {made:?}");
        }
        let producer = config
            .clone()
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("linger.ms", "0")
            .create()?;
        let consumer: BaseConsumer = config
            .set("group.id", topic)
            .set("enable.auto.commit", "false")
            .set("fetch.wait.max.ms", "100")
            .create()?;
        let mut partition = TopicPartitionList::new();
        partition.add_partition_offset(topic, 0, Offset::Beginning)?;
        consumer.assign(&partition)?;
        let mut pair = Self { producer, consumer, topic: topic.to_owned(), next: 0 };
        // The first waits until the producer has its id.
        pair.run(10, Duration::from_secs(1))?;
        Ok(pair)
    }

    /// So many records a second by schedule; from the time that the schedule names to where the consumer has it. All must
    /// come, once and in order.
    pub(super) fn run(&mut self, rate: u32, span: Duration) -> Result<Histogram<u64>> {
        let gap = Duration::from_secs(1) / rate;
        let begun = Instant::now();
        let first = self.next;
        let (mut sent, mut seen, mut took) = (0_u32, 0_u32, histogram());
        loop {
            let now = Instant::now();
            let due = begun + gap * sent;
            let sending = gap * sent < span;
            if !sending && seen == sent {
                return Ok(took);
            }
            ensure!(now < begun + span + PATIENCE, "{} of {sent} records never came", sent - seen);
            if sending && now >= due {
                let mut payload = [7; RECORD];
                payload[..8].copy_from_slice(&(first + u64::from(sent)).to_le_bytes());
                let record = BaseRecord::<(), _>::to(&self.topic).payload(&payload[..]);
                self.producer.send(record).map_err(|(e, _)| e)?;
                (sent, self.next) = (sent + 1, self.next + 1);
                continue;
            }
            // As the generator does: waits for what comes, and spins for the last moments only.
            let wait = if sending { due.saturating_duration_since(now) } else { Duration::from_millis(10) };
            self.producer.poll(Duration::ZERO);
            let wait = wait.saturating_sub(Duration::from_millis(1)).as_millis() as u64;
            let Some(record) = self.consumer.poll(Duration::from_millis(wait)) else { continue };
            let (record, at) = (record?, Instant::now());
            let index =
                record.payload().and_then(|payload| payload.first_chunk()).map(|n| u64::from_le_bytes(*n));
            ensure!(
                index == Some(first + u64::from(seen)),
                "record {seen} is missing, doubled or out of order"
            );
            took.saturating_record((at - (begun + gap * seen)).as_nanos() as u64);
            seen += 1;
        }
    }
}
