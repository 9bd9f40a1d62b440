//! What is counted of Kafka.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::{Latency, metric};

/// Counters of producers and consumers.
#[derive(Debug)]
pub struct KafkaCounters {
    /// Records acknowledged by brokers.
    pub produced: Counter,
    /// Records that were not acknowledged in time, or were refused.
    pub produce_failures: Counter,
    /// Batches refused because the producer's queue was full.
    pub overloaded: Counter,
    /// From the producer's queue to the acknowledgement of the batch.
    pub produce_seconds: Latency,
    /// Records handled; over the batches this is the mean batch.
    pub consumed: Counter,
    /// Batches handled.
    pub batches: Counter,
    /// How long a batch took from when it was taken to its effect, tries and pauses included.
    pub batch_seconds: Latency,
    /// Tries of batches after the first.
    pub retries: Counter,
    /// Records put aside as dead letters.
    pub dead_letters: Counter,
    /// Commits of offsets that failed; they are tried again.
    pub commit_failures: Counter,
    /// Partitions that were taken away.
    pub revoked: Counter,
    /// Clients made anew since records were there and did not come.
    pub stalls: Counter,
    /// Records of a gateway's topic that were dropped as repeats.
    pub repeats_dropped: Counter,
    /// Records of a gateway's topic that could not be read or delivered.
    pub downstream_skipped: Counter,
    lag: Family<Labels, Gauge>,
    fetched: Family<Labels, Gauge>,
}

impl KafkaCounters {
    pub(super) fn register(r: &mut Registry) -> Self {
        Self {
            produced: metric(r, "kafka_produced", "Records acknowledged by brokers"),
            produce_failures: metric(r, "kafka_produce_failures", "Records not acknowledged"),
            overloaded: metric(r, "kafka_overloaded", "Batches refused because the queue was full"),
            produce_seconds: metric(r, "kafka_produce_seconds", "From the queue to the acknowledgement"),
            consumed: metric(r, "kafka_consumed", "Records handled"),
            batches: metric(r, "kafka_batches", "Batches handled"),
            batch_seconds: metric(r, "kafka_batch_seconds", "From taking a batch to its effect"),
            retries: metric(r, "kafka_batch_retries", "Tries of batches after the first"),
            dead_letters: metric(r, "kafka_dead_letters", "Records put aside"),
            commit_failures: metric(r, "kafka_commit_failures", "Commits of offsets that failed"),
            revoked: metric(r, "kafka_partitions_revoked", "Partitions that were taken away"),
            stalls: metric(r, "kafka_stalls", "Clients made anew since records did not come"),
            repeats_dropped: metric(r, "kafka_repeats_dropped", "Records for sessions dropped as repeats"),
            downstream_skipped: metric(r, "kafka_downstream_skipped", "Records for sessions not readable"),
            lag: metric(r, "kafka_lag", "Records behind the newest, by partition"),
            fetched: metric(r, "kafka_fetched", "Records fetched and not handled yet, by partition"),
        }
    }

    /// Shows how far a consumer is behind, and how many records it has fetched and not handled.
    pub fn partition(&self, topic: &str, partition: i32, lag: i64, fetched: i64) {
        let labels = labels(topic, partition);
        self.lag.get_or_create(&labels).set(lag);
        self.fetched.get_or_create(&labels).set(fetched);
    }

    /// Forgets a partition that is another's now.
    pub fn forget_partition(&self, topic: &str, partition: i32) {
        self.lag.remove(&labels(topic, partition));
        self.fetched.remove(&labels(topic, partition));
    }
}

type Labels = [(&'static str, String); 2];

fn labels(topic: &str, partition: i32) -> Labels {
    [("topic", topic.to_owned()), ("partition", partition.to_string())]
}
