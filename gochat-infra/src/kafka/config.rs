//! What can be set, and what librdkafka is told of it.

use std::time::Duration;

use rdkafka::ClientConfig;

use super::KafkaError;
use crate::runtime::Backoff;
use crate::runtime::trace::Tracer;

/// Room for what goes around a record, in bytes.
pub(super) const RECORD_ROOM: usize = 16 << 10;
/// Room for what goes around a record that was put aside.
pub(super) const LETTER_ROOM: usize = 32 << 10;

/// How records are packed on their way to brokers, and by these on disk and to consumers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    None,
    /// Quick.
    Lz4,
    /// Small.
    Zstd,
}

impl Compression {
    /// What librdkafka calls it.
    const fn codec(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

/// How to reach Kafka, and every bound of what is done there.
#[derive(Debug, Clone)]
pub struct KafkaConfig {
    /// Brokers to begin with: `host:port`, separated by commas.
    pub brokers: String,
    /// What all names of topics and groups begin with, so that several installations can share brokers.
    pub prefix: String,
    /// Name of this process in the brokers' logs.
    pub client_id: String,
    /// Partitions of the upstream topic: how many consumers can share its work.
    pub upstream_partitions: i32,
    /// Partitions of the fan-out topic.
    pub fanout_partitions: i32,
    /// Partitions of the events topic.
    pub events_partitions: i32,
    /// Copies of each record; the brokers' own default without one.
    pub replication: Option<i32>,
    /// How long records of shared topics are kept.
    pub retention: Duration,
    /// How long records of a gateway are kept: longer than it can lag.
    pub downstream_retention: Duration,
    /// How long dead letters are kept.
    pub dead_letter_retention: Duration,
    /// Longest wait for brokers at the start, and for a change of topics.
    pub connect_timeout: Duration,
    /// Longest wait of a gateway until a send is durable.
    pub submit_timeout: Duration,
    /// Longest wait until a delivery is durable.
    pub deliver_timeout: Duration,
    /// After so long a topic that brokers don't know does not exist.
    pub absent_after: Duration,
    /// Largest record, in bytes.
    pub record_bytes: usize,
    /// Most records that wait to be sent; more are refused as overloaded.
    pub queue_records: usize,
    /// Most bytes that wait to be sent.
    pub queue_bytes: usize,
    /// How long a record waits for others to go along with. 0: on a busy broker they gather while others are under way, and
    /// on an idle one waiting only makes a message late.
    pub linger: Duration,
    /// How producers pack what they send. Consumers read all kinds.
    pub compression: Compression,
    /// Most records that a handler gets at once.
    pub batch_records: usize,
    /// From so many bytes on nothing more is added to a batch.
    pub batch_bytes: usize,
    /// Records fetched ahead of the handler, for each partition.
    pub fetch_records: usize,
    /// Bytes fetched ahead of the handler, for each partition; one fetch may exceed it.
    pub fetch_bytes: usize,
    /// A consumer that was not heard of for so long is out of its group.
    pub session_timeout: Duration,
    /// How often a consumer is heard of: a rebalance takes one or two of these.
    pub heartbeat: Duration,
    /// How long a partition that is taken away may finish its batch.
    pub revoke_grace: Duration,
    /// A batch that takes longer is given up and tried again.
    pub handler_timeout: Duration,
    /// Pauses between tries of a batch, each lengthened by chance up to half.
    pub backoff: Backoff,
    /// A record that its handler named as poison so often is put aside.
    pub poison_attempts: u32,
    /// How often the lag of consumers is read.
    pub lag_interval: Duration,
    /// A consumer's client is made anew when records were there for so long (half of it at least) and did not come. Longer
    /// than a fetch ever takes.
    pub stall_after: Duration,
    /// Messages that a gateway remembers, to drop what comes twice.
    pub repeats_remembered: usize,
    /// What makes spans of batches; records nothing.
    pub tracer: Tracer,
}

impl KafkaConfig {
    /// The defaults, for these brokers.
    #[must_use]
    pub fn new(brokers: &str) -> Self {
        const DAY: Duration = Duration::from_secs(24 * 3_600);
        Self {
            brokers: brokers.to_owned(),
            prefix: "gochat".to_owned(),
            client_id: "gochat".to_owned(),
            upstream_partitions: 32,
            fanout_partitions: 32,
            events_partitions: 32,
            replication: None,
            retention: 7 * DAY,
            downstream_retention: Duration::from_secs(600),
            dead_letter_retention: 30 * DAY,
            connect_timeout: Duration::from_secs(10),
            submit_timeout: Duration::from_secs(4),
            deliver_timeout: Duration::from_secs(10),
            absent_after: Duration::from_secs(1),
            record_bytes: 1 << 20,
            queue_records: 100_000,
            queue_bytes: 64 << 20,
            linger: Duration::ZERO,
            compression: Compression::Lz4,
            batch_records: 500,
            batch_bytes: 4 << 20,
            fetch_records: 1_000,
            fetch_bytes: 4 << 20,
            session_timeout: Duration::from_secs(10),
            heartbeat: Duration::from_secs(1),
            revoke_grace: Duration::from_secs(10),
            handler_timeout: Duration::from_secs(60),
            backoff: Backoff { first: Duration::from_millis(50), max: Duration::from_secs(5) },
            poison_attempts: 3,
            lag_interval: Duration::from_secs(5),
            stall_after: Duration::from_secs(20),
            repeats_remembered: 16_384,
            tracer: Tracer::default(),
        }
    }

    /// Checks what brokers would refuse less clearly.
    ///
    /// # Errors
    /// The first setting that can't be.
    pub fn check(&self) -> Result<(), KafkaError> {
        let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let problems = [
            ("brokers", self.brokers.trim().is_empty(), "names no broker"),
            (
                "prefix",
                !(1..=100).contains(&self.prefix.len()) || !self.prefix.chars().all(name),
                "takes 1 to 100 letters, digits, `.`, `_` and `-`",
            ),
            ("upstream_partitions", self.upstream_partitions < 1, "must be at least 1"),
            ("fanout_partitions", self.fanout_partitions < 1, "must be at least 1"),
            ("events_partitions", self.events_partitions < 1, "must be at least 1"),
            ("replication", self.replication.is_some_and(|n| n < 1), "must be at least 1"),
            ("record_bytes", !(1_024..=64 << 20).contains(&self.record_bytes), "must be 1 KiB to 64 MiB"),
            ("queue_bytes", self.queue_bytes < self.record_bytes, "must hold the largest record"),
            ("queue_records", self.queue_records == 0, "must be at least 1"),
            ("batch_records", self.batch_records == 0, "must be at least 1"),
            ("batch_bytes", self.batch_bytes == 0, "must be at least 1"),
            ("fetch_records", self.fetch_records == 0, "must be at least 1"),
            ("fetch_bytes", self.fetch_bytes < 1_024, "must be at least 1 KiB"),
            (
                "heartbeat",
                self.heartbeat * 2 > self.session_timeout,
                "must be less than half of session_timeout",
            ),
            ("stall_after", self.stall_after.is_zero(), "must be longer than nothing"),
            ("linger", self.linger >= self.submit_timeout, "must be shorter than submit_timeout"),
        ];
        match problems.into_iter().find(|(_, wrong, _)| *wrong) {
            Some((setting, _, problem)) => Err(KafkaError::Setting { setting, problem }),
            None => Ok(()),
        }
    }

    /// What every client is told.
    pub(super) fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", &self.client_id)
            .set("socket.nagle.disable", "true")
            .set("socket.keepalive.enable", "true")
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "1000")
            .set("socket.connection.setup.timeout.ms", "5000")
            .set("allow.auto.create.topics", "false")
            .set("topic.metadata.propagation.max.ms", millis(self.absent_after))
            // What goes around a record: key, headers, and those of a dead letter.
            .set("message.max.bytes", (self.record_bytes + LETTER_ROOM).to_string());
        client
    }

    /// What a producer is told, whose records are given up after `timeout`.
    pub(super) fn producer(&self, timeout: Duration) -> ClientConfig {
        let mut client = self.client();
        client
            .set("enable.idempotence", "true")
            .set("acks", "all")
            // What Java clients choose by: a key has its partition whoever produces.
            .set("partitioner", "murmur2_random")
            .set("compression.type", self.compression.codec())
            .set("linger.ms", (self.linger.as_secs_f64() * 1e3).to_string())
            .set("message.timeout.ms", millis(timeout))
            .set("retry.backoff.ms", "100")
            .set("retry.backoff.max.ms", "1000")
            .set("queue.buffering.max.messages", self.queue_records.to_string())
            .set("queue.buffering.max.kbytes", (self.queue_bytes / 1_024).to_string());
        client
    }

    /// What a consumer is told. `group` is a name even where no group is joined: librdkafka asks for one.
    pub(super) fn consumer(&self, group: &str) -> ClientConfig {
        let mut client = self.client();
        client
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest")
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", millis(self.session_timeout))
            .set("heartbeat.interval.ms", millis(self.heartbeat))
            .set("fetch.wait.max.ms", "100")
            .set("fetch.error.backoff.ms", "100")
            .set("queued.min.messages", self.fetch_records.to_string())
            .set("queued.max.messages.kbytes", (self.fetch_bytes / 1_024).to_string())
            // How soon a queue that was full is looked at again. The default, a second, would hold a busy partition to
            // `fetch_records` a second.
            .set("fetch.queue.backoff.ms", "5")
            .set("fetch.message.max.bytes", self.fetch_bytes.min(1 << 20).to_string())
            .set("isolation.level", "read_committed");
        client
    }
}

pub(super) fn millis(time: Duration) -> String {
    time.as_millis().max(1).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_hold_and_what_cannot_be_is_named() {
        let good = KafkaConfig::new("127.0.0.1:9092");
        good.check().expect("the defaults are good");
        for (named, bad) in [
            ("brokers", KafkaConfig::new(" ")),
            ("prefix", KafkaConfig { prefix: "a b".into(), ..good.clone() }),
            ("upstream_partitions", KafkaConfig { upstream_partitions: 0, ..good.clone() }),
            ("queue_bytes", KafkaConfig { queue_bytes: 1, ..good.clone() }),
            ("stall_after", KafkaConfig { stall_after: Duration::ZERO, ..good.clone() }),
            ("heartbeat", KafkaConfig { heartbeat: good.session_timeout, ..good.clone() }),
        ] {
            let e = bad.check().expect_err(named);
            assert!(matches!(e, KafkaError::Setting { setting, .. } if setting == named), "{e}");
        }
    }

    #[test]
    fn librdkafka_knows_every_setting() {
        let config = KafkaConfig::new("127.0.0.1:1");
        config.consumer("g").create_native_config().expect("known settings");
        for compression in [Compression::None, Compression::Lz4, Compression::Zstd] {
            let producer = KafkaConfig { compression, ..config.clone() }.producer(config.submit_timeout);
            producer.create_native_config().expect("known settings");
        }
    }
}
