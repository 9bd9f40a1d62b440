//! Spans go to a collector: OTLP over gRPC, in batches, behind a bounded queue.
//!
//! The encoding and the client are OpenTelemetry's own; the queue and the task are ours, since every task is the supervisor's.
//! A collector that is away costs the spans, a count, and one record in the log.

use std::fmt;
use std::time::Duration;

use opentelemetry::trace::{Link, SpanContext, SpanId, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _, SpanLinks};
use slog::{Logger, info, warn};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::{FinishedSpan, SpanKind, SpanSink, TraceContext, Value};
use crate::runtime::metrics::{Counter, Metrics};
use crate::runtime::{Phase, Policy, Supervisor};

/// Where spans go, and the bounds on the way.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OtlpConfig {
    /// The collector: `http://host:port`.
    pub endpoint: String,
    /// What the service is called.
    pub service: String,
    /// Which of its instances this is.
    pub instance: String,
    /// Most spans that wait; further ones are dropped and counted. 8,192.
    pub queue: usize,
    /// Most spans of one export. 512.
    pub batch: usize,
    /// How long a span may wait for others to go along with. 1 s.
    pub linger: Duration,
    /// Longest time for one export. 5 s.
    pub timeout: Duration,
    /// How long what is left may take at the end. 2 s.
    pub last_words: Duration,
}

impl OtlpConfig {
    /// The defaults, for this collector.
    #[must_use]
    pub fn new(endpoint: &str, service: &str, instance: &str) -> Self {
        Self {
            endpoint: endpoint.to_owned(),
            service: service.to_owned(),
            instance: instance.to_owned(),
            queue: 8_192,
            batch: 512,
            linger: Duration::from_secs(1),
            timeout: Duration::from_secs(5),
            last_words: Duration::from_secs(2),
        }
    }
}

/// The collector's address is none.
#[derive(Debug, thiserror::Error)]
#[error("spans can't be exported to {endpoint}")]
pub struct BadEndpoint {
    endpoint: String,
    source: opentelemetry_otlp::ExporterBuildError,
}

/// The queue of an exporter.
pub struct Otlp {
    queue: mpsc::Sender<FinishedSpan>,
    dropped: Counter,
}

impl fmt::Debug for Otlp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Otlp").field("room", &self.queue.capacity()).finish_non_exhaustive()
    }
}

impl SpanSink for Otlp {
    fn take(&self, span: FinishedSpan) {
        if self.queue.try_send(span).is_err() {
            self.dropped.inc();
        }
    }
}

impl Otlp {
    /// Starts an exporter. It ends with the last phase of the supervisor, after all that makes spans, and exports what is left
    /// within [`OtlpConfig::last_words`]. The collector may be away, now or later.
    ///
    /// # Errors
    /// The endpoint is no address.
    pub fn start(
        config: OtlpConfig,
        supervisor: &Supervisor,
        metrics: &Metrics,
        log: &Logger,
    ) -> Result<Self, BadEndpoint> {
        let client = SpanExporter::builder()
            .with_tonic()
            .with_endpoint(&config.endpoint)
            .with_timeout(config.timeout)
            .build();
        let mut client =
            client.map_err(|source| BadEndpoint { endpoint: config.endpoint.clone(), source })?;
        let resource = Resource::builder_empty()
            .with_service_name(config.service.clone())
            .with_attribute(KeyValue::new("service.instance.id", config.instance.clone()))
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
        client.set_resource(&resource.build());
        let (queue, spans) = mpsc::channel(config.queue.max(1));
        let scope = InstrumentationScope::builder("gochat").build();
        let (metrics, log) = (metrics.clone(), log.clone());
        let dropped = metrics.spans_dropped.clone();
        let exporter = Exporter { client, scope, spans, config, metrics, log, away: false };
        let tasks = supervisor.phase(Phase::Store);
        let stop = tasks.token().clone();
        tasks.spawn("span-export", Policy::Log, exporter.run(stop));
        Ok(Self { queue, dropped })
    }
}

struct Exporter {
    client: SpanExporter,
    scope: InstrumentationScope,
    spans: mpsc::Receiver<FinishedSpan>,
    config: OtlpConfig,
    metrics: Metrics,
    log: Logger,
    away: bool,
}

impl Exporter {
    async fn run(mut self, stop: CancellationToken) {
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                more = self.gather(&mut batch) => if !more { break },
            }
            tokio::select! {
                biased;
                // Begun anew below, with what else is left: a collector drops spans that it has.
                () = stop.cancelled() => break,
                () = self.export(&batch) => batch.clear(),
            }
        }
        self.spans.close();
        let last_words = self.config.last_words;
        let all = async {
            loop {
                let room = self.config.batch.saturating_sub(batch.len()).max(1);
                if self.spans.recv_many(&mut batch, room).await == 0 && batch.is_empty() {
                    return;
                }
                self.export(&batch).await;
                batch.clear();
            }
        };
        if timeout(last_words, all).await.is_err() {
            let left = self.spans.len() + batch.len();
            self.metrics.spans_dropped.inc_by(left as u64);
            warn!(self.log, "the last spans were not exported in time"; "spans" => left);
        }
    }

    /// Waits for a span, and for those that come within a moment; whether there may be more.
    async fn gather(&mut self, batch: &mut Vec<FinishedSpan>) -> bool {
        let max = self.config.batch.max(1);
        if batch.is_empty() && self.spans.recv_many(batch, max).await == 0 {
            return false;
        }
        let end = Instant::now() + self.config.linger;
        while batch.len() < max {
            match timeout_at(end, self.spans.recv_many(batch, max - batch.len())).await {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
        }
        true
    }

    async fn export(&mut self, batch: &[FinishedSpan]) {
        let spans = batch.iter().map(|span| self.data(span)).collect();
        let failed = match timeout(self.config.timeout, self.client.export(spans)).await {
            Ok(Ok(())) => None,
            Ok(Err(e)) => Some(e.to_string()),
            Err(_) => Some("it did not answer in time".to_owned()),
        };
        let size = batch.len() as u64;
        match failed {
            None => {
                self.metrics.spans_exported.inc_by(size);
                if std::mem::take(&mut self.away) {
                    info!(self.log, "spans are exported again");
                }
            }
            Some(why) => {
                self.metrics.spans_dropped.inc_by(size);
                // Told once, until it is back: nobody waits for it.
                if !std::mem::replace(&mut self.away, true) {
                    warn!(self.log, "spans can't be exported; they are dropped and counted";
                        "endpoint" => &self.config.endpoint, "error" => why);
                }
            }
        }
    }

    fn data(&self, span: &FinishedSpan) -> SpanData {
        let mut links = SpanLinks::default();
        links.links.extend(span.links.iter().map(|other| Link::new(outside(*other), Vec::new(), 0)));
        SpanData {
            span_context: context(span.context, false),
            parent_span_id: span.parent.map_or(SpanId::INVALID, |parent| span_id(&parent)),
            // Requests and records come from elsewhere; what is asked of others is a part of something here.
            parent_span_is_remote: matches!(span.kind, SpanKind::Server | SpanKind::Consumer),
            span_kind: match span.kind {
                SpanKind::Server => opentelemetry::trace::SpanKind::Server,
                SpanKind::Client => opentelemetry::trace::SpanKind::Client,
                SpanKind::Producer => opentelemetry::trace::SpanKind::Producer,
                SpanKind::Consumer => opentelemetry::trace::SpanKind::Consumer,
            },
            name: span.name.clone(),
            start_time: span.begun,
            end_time: span.begun + span.lasted,
            attributes: span.notes.iter().map(|(key, value)| attribute(key, value)).collect(),
            dropped_attributes_count: 0,
            events: opentelemetry_sdk::trace::SpanEvents::default(),
            links,
            status: if span.failed { Status::error("") } else { Status::Unset },
            instrumentation_scope: self.scope.clone(),
        }
    }
}

fn attribute(key: &'static str, value: &Value) -> KeyValue {
    match value {
        Value::Text(text) => KeyValue::new(key, text.clone()),
        Value::Number(n) => KeyValue::new(key, *n),
    }
}

fn span_id(context: &TraceContext) -> SpanId {
    SpanId::from_bytes(context.span_id().to_be_bytes())
}

fn outside(other: TraceContext) -> SpanContext {
    context(other, true)
}

fn context(of: TraceContext, remote: bool) -> SpanContext {
    let trace = TraceId::from_bytes(of.trace_id().get().to_be_bytes());
    let flags = if of.is_sampled() { TraceFlags::SAMPLED } else { TraceFlags::NOT_SAMPLED };
    SpanContext::new(trace, span_id(&of), flags, remote, TraceState::NONE)
}
