//! Values that are looked up when they are asked for.

use std::fmt;
use std::sync::Weak;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::runtime::Supervisor;
use crate::runtime::supervisor::Inner;

/// Live tasks by name.
pub(super) struct TaskCensus(Weak<Inner>);

impl TaskCensus {
    pub(super) fn of(supervisor: &Supervisor) -> Self {
        // Weak: counters may outlive the node, whose tasks end with the last handle on their supervisor.
        Self(supervisor.downgrade())
    }
}

impl fmt::Debug for TaskCensus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TaskCensus")
    }
}

impl Collector for TaskCensus {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(supervisor) = self.0.upgrade().map(Supervisor::of) else { return Ok(()) };
        let mut family =
            encoder.encode_descriptor("tasks", "Live tasks, by name", None, MetricType::Gauge)?;
        for left in supervisor.census() {
            let value = ConstGauge::new(i64::try_from(left.tasks).unwrap_or(i64::MAX));
            value.encode(family.encode_family(&[("task", left.name)])?)?;
        }
        Ok(())
    }
}

/// One value of somebody else's.
pub(super) struct Reading {
    name: &'static str,
    help: &'static str,
    read: Box<dyn Fn() -> i64 + Send + Sync>,
}

impl Reading {
    pub(super) fn new(
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> i64 + Send + Sync + 'static,
    ) -> Self {
        Self { name, help, read: Box::new(read) }
    }
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Collector for Reading {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let gauge = encoder.encode_descriptor(self.name, self.help, None, MetricType::Gauge)?;
        ConstGauge::new((self.read)()).encode(gauge)
    }
}

/// The process itself: since when, and how much memory. Memory only where `/proc` tells it.
#[derive(Debug)]
pub(super) struct Process {
    started: i64,
}

impl Default for Process {
    fn default() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started: i64::try_from(since.as_secs()).unwrap_or(i64::MAX) }
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut show = |name, help, value| {
            ConstGauge::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)
        };
        show("start_time_seconds", "Start of this node, in seconds since 1970", self.started)?;
        match resident_bytes() {
            Some(bytes) => show("resident_memory_bytes", "Memory of the whole process", bytes),
            None => Ok(()),
        }
    }
}

fn resident_bytes() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<i64>().ok()?.checked_mul(1_024)
}
