//! A histogram of durations that is counted with two atomic additions.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};

/// Upper bounds in microseconds, inclusive: 100 µs to 10 s.
const BOUNDS: [u64; 16] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000,
];

/// Counts durations. Clones count together. (The histogram of the metrics crate takes a lock for each observation.)
#[derive(Debug, Clone, Default)]
pub struct Latency(Arc<Cells>);

#[derive(Debug, Default)]
struct Cells {
    buckets: [AtomicU64; BOUNDS.len() + 1],
    micros: AtomicU64,
}

impl Latency {
    /// Counts one.
    pub fn observe(&self, took: Duration) {
        self.observe_many(took, 1);
    }

    /// Counts `n` that took the same, such as all messages of a batch.
    pub fn observe_many(&self, took: Duration, n: u64) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.0.buckets[BOUNDS.partition_point(|bound| *bound < micros)].fetch_add(n, Ordering::Relaxed);
        self.0.micros.fetch_add(micros.saturating_mul(n), Ordering::Relaxed);
    }

    /// How many were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.buckets.iter().map(|b| b.load(Ordering::Relaxed)).sum()
    }
}

#[expect(clippy::cast_precision_loss, reason = "a few nanoseconds in a century")]
fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

impl TypedMetric for Latency {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for Latency {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let bounds = BOUNDS.iter().map(|b| seconds(*b)).chain([f64::INFINITY]);
        let counts = self.0.buckets.iter().map(|b| b.load(Ordering::Relaxed));
        let buckets: Vec<_> = bounds.zip(counts).collect();
        // From the same reading, so that the last bucket and the count agree.
        let count = buckets.iter().map(|(_, n)| n).sum();
        let sum = seconds(self.0.micros.load(Ordering::Relaxed));
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_inclusive_and_nothing_is_lost_above() {
        let l = Latency::default();
        for micros in [0, 100, 101, 10_000_000, 10_000_001] {
            l.observe(Duration::from_micros(micros));
        }
        let at = |i: usize| l.0.buckets[i].load(Ordering::Relaxed);
        assert_eq!((at(0), at(1), at(15), at(16), l.count()), (2, 1, 1, 1, 5));
    }
}
