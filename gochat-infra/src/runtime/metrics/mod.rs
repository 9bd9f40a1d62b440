//! Counters of one node, and their text for `GET /metrics`.
//!
//! Names are `gochat_…` in base units, as Prometheus asks. No user or conversation is ever a label. Counting is one atomic
//! addition; only reading them out takes a lock.

#[cfg(feature = "grpc")]
mod calls;
mod collect;
#[cfg(feature = "kafka")]
mod kafka;
mod latency;
#[cfg(feature = "mysql")]
mod pool;

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use prometheus_client::encoding::text;
pub use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
pub use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry};

#[cfg(feature = "grpc")]
pub use calls::{CallCount, CallCounters};
#[cfg(feature = "kafka")]
pub use kafka::KafkaCounters;
pub use latency::Latency;
#[cfg(feature = "mysql")]
pub use pool::PoolCounters;

use super::Supervisor;

/// The content type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All counters of one node. Clones count together; each node of a process has its own.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Mutex<Registry>,
    counters: Counters,
}

/// What is counted; [`Metrics`] derefs to it.
#[derive(Debug)]
pub struct Counters {
    /// Open WebSocket connections.
    pub connections: Gauge,
    /// WebSocket connections opened.
    pub connects: Counter,
    disconnects: Family<[(&'static str, u32); 1], Counter>,
    /// Frames received from clients.
    pub frames_in: Counter,
    /// Frames written to clients.
    pub frames_out: Counter,
    /// Bytes of frames received.
    pub bytes_in: Counter,
    /// Bytes of frames written.
    pub bytes_out: Counter,
    /// Messages stored.
    pub sends_stored: Counter,
    /// Repeated messages, answered with their first receipt.
    pub sends_repeated: Counter,
    /// Messages refused: a client's mistake, or a right that it has not.
    pub sends_refused: Counter,
    /// Messages refused because the sender is over its rate.
    pub sends_limited: Counter,
    /// Messages that failed by a fault of ours.
    pub sends_failed: Counter,
    /// From a message's arrival to its being durable.
    pub accepted_to_stored: Latency,
    /// From a message's being durable to its being in the queues of its receivers' sessions.
    pub stored_to_delivered: Latency,
    /// Frames put into session queues.
    pub deliveries: Counter,
    /// Bytes that wait in session queues.
    pub queue_bytes: Gauge,
    /// Frames thrown away because their session was cut off as too slow.
    pub drops: Counter,
    /// Look-ups in caches that found nothing.
    pub cache_misses: Counter,
    /// Look-ups in caches that found something.
    pub cache_hits: Counter,
    /// Caches that failed; the request went on without.
    pub cache_errors: Counter,
    /// Logins that succeeded.
    pub logins_ok: Counter,
    /// Logins with a wrong name or password.
    pub logins_bad: Counter,
    /// HTTP requests by class of their status, `http_requests[2]` for 2xx.
    pub http_requests: [Counter; 6],
    /// From an HTTP request's head to its answer's.
    pub http_seconds: Latency,
    /// Commits of the store; messages stored over this is the mean batch.
    pub store_commits: Counter,
    /// How long the commits of the store took.
    pub store_commit_seconds: Latency,
    /// Messages whose contents were moved into archives.
    pub archived_messages: Counter,
    /// Bytes of the objects that they were moved into.
    pub archived_bytes: Counter,
    /// Failed tries to archive; each is made again.
    pub archive_failures: Counter,
    /// Changes that others were told of late, by the relay.
    pub notes_told: Counter,
    /// Changes that others could not be told of at all.
    pub notes_dropped: Counter,
    /// Log records thrown away because the log's queue was full.
    pub log_dropped: Counter,
    /// Spans that a collector has taken.
    pub spans_exported: Counter,
    /// Spans thrown away: more than the queue holds, or the collector was away.
    pub spans_dropped: Counter,
    /// What is counted of Kafka.
    #[cfg(feature = "kafka")]
    pub kafka: KafkaCounters,
    /// Calls that this process makes of other services.
    #[cfg(feature = "grpc")]
    pub calls_made: CallCounters,
    /// Calls that other services make of it.
    #[cfg(feature = "grpc")]
    pub calls_served: CallCounters,
    /// Tries to tell or ask a system outside, by its hook and what came of it.
    #[cfg(feature = "hooks")]
    hook_tries: Family<[(&'static str, &'static str); 2], Counter>,
}

impl Metrics {
    /// Makes all counters, at 0.
    #[must_use]
    pub fn new() -> Self {
        let mut r = Registry::with_prefix("gochat");
        let counters = Counters::register(&mut r);
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        r.register("build", "This program", build);
        r.register_collector(Box::new(collect::Process::default()));
        Self(Arc::new(Inner { registry: Mutex::new(r), counters }))
    }

    /// Lets the live tasks of `supervisor` be shown, by name, until it is dropped.
    pub fn watch_tasks(&self, supervisor: &Supervisor) {
        self.0.registry.lock().register_collector(Box::new(collect::TaskCensus::of(supervisor)));
    }

    /// Shows a value that `read` looks up each time it is asked for, such as the length of a queue. `name` is without prefix.
    pub fn watch(
        &self,
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> i64 + Send + Sync + 'static,
    ) {
        self.0.registry.lock().register_collector(Box::new(collect::Reading::new(name, help, read)));
    }

    /// All counters as text, of the type [`CONTENT_TYPE`].
    #[must_use]
    pub fn render(&self) -> String {
        let mut out = String::with_capacity(16 << 10);
        text::encode(&mut out, &self.0.registry.lock()).expect("a string takes all that is written");
        out
    }
}

impl Counters {
    fn register(r: &mut Registry) -> Self {
        let [sends_stored, sends_repeated, sends_refused, sends_limited, sends_failed] = labelled(
            r,
            "sends",
            "Messages sent, by result",
            "result",
            ["stored", "repeated", "refused", "limited", "failed"],
        );
        let [cache_hits, cache_misses, cache_errors] =
            labelled(r, "cache_lookups", "Look-ups in caches, by result", "result", ["hit", "miss", "error"]);
        let [spans_exported, spans_dropped] =
            labelled(r, "spans", "Spans of traces, by result", "result", ["exported", "dropped"]);
        let [logins_ok, logins_bad] = labelled(r, "logins", "Logins, by result", "result", ["ok", "bad"]);
        Self {
            connections: metric(r, "connections", "Open WebSocket connections"),
            connects: metric(r, "connects", "WebSocket connections opened"),
            disconnects: metric(r, "disconnects", "WebSocket connections closed, by close code"),
            frames_in: metric(r, "frames_received", "Frames received from clients"),
            frames_out: metric(r, "frames_sent", "Frames written to clients"),
            bytes_in: metric(r, "received_bytes", "Bytes of frames received"),
            bytes_out: metric(r, "sent_bytes", "Bytes of frames written"),
            sends_stored,
            sends_repeated,
            sends_refused,
            sends_limited,
            sends_failed,
            accepted_to_stored: metric(
                r,
                "accepted_to_stored_seconds",
                "From arrival of a message to durable",
            ),
            stored_to_delivered: metric(
                r,
                "stored_to_delivered_seconds",
                "From durable to the queues of sessions",
            ),
            deliveries: metric(r, "deliveries", "Frames put into session queues"),
            queue_bytes: metric(r, "queue_bytes", "Bytes that wait in session queues"),
            drops: metric(r, "drops", "Frames thrown away with sessions that were too slow"),
            cache_misses,
            cache_hits,
            cache_errors,
            logins_ok,
            logins_bad,
            http_requests: labelled(
                r,
                "http_requests",
                "HTTP requests, by class of status",
                "status",
                ["other", "1xx", "2xx", "3xx", "4xx", "5xx"],
            ),
            http_seconds: metric(r, "http_request_seconds", "From an HTTP request's head to its answer's"),
            store_commits: metric(r, "store_commits", "Commits of the store"),
            store_commit_seconds: metric(r, "store_commit_seconds", "How long commits of the store took"),
            spans_exported,
            spans_dropped,
            archived_messages: metric(r, "archived_messages", "Messages whose contents were archived"),
            archived_bytes: metric(r, "archived_bytes", "Bytes of archives written"),
            archive_failures: metric(r, "archive_failures", "Failed tries to archive"),
            notes_told: metric(r, "notes_told", "Changes told late"),
            notes_dropped: metric(r, "notes_dropped", "Changes that could not be told"),
            log_dropped: metric(r, "log_dropped", "Log records thrown away because the log's queue was full"),
            #[cfg(feature = "kafka")]
            kafka: KafkaCounters::register(r),
            #[cfg(feature = "grpc")]
            calls_made: CallCounters::register(r, ["grpc_client_calls", "grpc_client_seconds"], "made"),
            #[cfg(feature = "grpc")]
            calls_served: CallCounters::register(r, ["grpc_server_calls", "grpc_server_seconds"], "served"),
            #[cfg(feature = "hooks")]
            hook_tries: metric(r, "hook_tries", "Tries of hooks, by what came of it"),
        }
    }

    /// Counts a connection that ended with `code`; 1006 when it ended without one.
    pub fn disconnected(&self, code: u16) {
        self.disconnects.get_or_create(&[("code", code.into())]).inc();
    }

    /// The counters of a hook: tries that were answered, that failed and are made again, and the last of those that are not.
    #[cfg(feature = "hooks")]
    #[must_use]
    pub fn hook(&self, name: &'static str) -> [Counter; 3] {
        let of = |result| self.hook_tries.get_or_create(&[("hook", name), ("result", result)]).clone();
        [of("ok"), of("again"), of("failed")]
    }

    /// Counts an HTTP answer.
    pub fn http_answered(&self, status: u16) {
        self.http_requests[usize::from(status / 100).min(5)].inc();
    }
}

fn metric<M: Metric + Clone + Default>(r: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    r.register(name, help, metric.clone());
    metric
}

/// A counter for each value of a label, all there from the start, so that a rate over them has no gap.
fn labelled<const N: usize>(
    r: &mut Registry,
    name: &str,
    help: &str,
    label: &'static str,
    values: [&'static str; N],
) -> [Counter; N] {
    let family: Family<[(&'static str, &'static str); 1], Counter> = metric(r, name, help);
    values.map(|value| family.get_or_create(&[(label, value)]).clone())
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl std::ops::Deref for Metrics {
    type Target = Counters;

    fn deref(&self) -> &Counters {
        &self.0.counters
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.counters.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use slog::{Discard, Logger, o};

    use super::*;

    #[tokio::test]
    async fn text_shows_what_was_counted_and_what_lives() {
        let m = Metrics::new();
        let supervisor = Supervisor::new(&Logger::root(Discard, o!()));
        m.watch_tasks(&supervisor);
        m.watch("store_queue_length", "Waiting writes", || 7);
        supervisor.spawn("pipeline", crate::runtime::Policy::Log, std::future::pending::<()>());
        m.connections.inc();
        m.disconnected(4000);
        m.sends_repeated.inc();
        m.http_answered(404);
        m.http_answered(999);
        m.accepted_to_stored.observe_many(Duration::from_millis(2), 3);
        let text = m.render();
        for line in [
            "gochat_connections 1",
            "gochat_disconnects_total{code=\"4000\"} 1",
            "gochat_sends_total{result=\"repeated\"} 1",
            "gochat_sends_total{result=\"failed\"} 0",
            "gochat_http_requests_total{status=\"4xx\"} 1",
            "gochat_http_requests_total{status=\"5xx\"} 1",
            "gochat_accepted_to_stored_seconds_bucket{le=\"0.001\"} 0",
            "gochat_accepted_to_stored_seconds_bucket{le=\"0.0025\"} 3",
            "gochat_accepted_to_stored_seconds_bucket{le=\"+Inf\"} 3",
            "gochat_accepted_to_stored_seconds_count 3",
            "gochat_tasks{task=\"pipeline\"} 1",
            "gochat_store_queue_length 7",
        ] {
            assert!(text.lines().any(|l| l == line), "no line {line} in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
        drop(supervisor);
        assert!(!m.render().contains("pipeline"), "a node that is gone has no tasks to show");
    }
}
