//! Pieces of work, timed.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::{TraceContext, chance, within};

/// Most links that are kept of one span.
const LINKS_MAX: usize = 128;

/// On which side of what a span stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanKind {
    /// Answers a request.
    Server,
    /// Makes a request, and waits.
    Client,
    /// Writes records.
    Producer,
    /// Handles records.
    Consumer,
}

/// What is said of a span beside its name. Ids and counts, never contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A text.
    Text(Cow<'static, str>),
    /// A number.
    Number(i64),
}

/// A span that has ended.
#[derive(Debug, Clone)]
pub struct FinishedSpan {
    /// Its own name, and that of its trace.
    pub context: TraceContext,
    /// What it is a part of.
    pub parent: Option<TraceContext>,
    /// On which side it stands.
    pub kind: SpanKind,
    /// What was done; one of few.
    pub name: Cow<'static, str>,
    /// When it began.
    pub begun: SystemTime,
    /// How long it took.
    pub lasted: Duration,
    /// Other work that it was done for; 128 at most.
    pub links: Vec<TraceContext>,
    /// What else is known.
    pub notes: Vec<(&'static str, Value)>,
    /// Whether it failed by a fault of ours.
    pub failed: bool,
}

/// Takes spans that have ended.
pub trait SpanSink: fmt::Debug + Send + Sync + 'static {
    /// Takes one, or drops it. Never waits.
    fn take(&self, span: FinishedSpan);
}

/// Begins spans, and decides which traces are recorded. Without a sink none are. Clones are handles on the same.
#[derive(Debug, Clone, Default)]
pub struct Tracer(Option<Arc<Recording>>);

#[derive(Debug)]
struct Recording {
    sink: Arc<dyn SpanSink>,
    /// The share of new traces that are recorded, of `u64::MAX`.
    share: u64,
}

impl Tracer {
    /// Records into `sink`; of the traces that begin here this share, 0 to 1.
    #[must_use]
    pub fn new(sink: Arc<dyn SpanSink>, share: f64) -> Self {
        // Saturates at both ends, and nonsense is 0.
        let share = (share * u64::MAX as f64) as u64;
        Self(Some(Arc::new(Recording { sink, share })))
    }

    fn chosen(&self) -> bool {
        self.0.as_ref().is_some_and(|r| r.share == u64::MAX || chance::next() < r.share)
    }

    /// Begins what somebody outside has asked for. Theirs is the name of the trace, if they gave one; whether it is recorded is
    /// decided here: a stranger must not make work.
    #[must_use]
    pub fn enter(
        &self,
        asked: Option<TraceContext>,
        kind: SpanKind,
        name: impl FnOnce() -> Cow<'static, str>,
    ) -> Span {
        let sampled = self.chosen();
        match asked {
            Some(asked) => self.span(Some(asked.with_sampled(sampled)), kind, name),
            None => self.begin(TraceContext::root(sampled), None, kind, name),
        }
    }

    /// Begins a part of `parent`, which has decided whether it is recorded; without one, a trace of its own.
    #[must_use]
    pub fn span(
        &self,
        parent: Option<TraceContext>,
        kind: SpanKind,
        name: impl FnOnce() -> Cow<'static, str>,
    ) -> Span {
        match parent {
            Some(parent) => self.begin(parent.child(), Some(parent), kind, name),
            None => self.begin(TraceContext::root(self.chosen()), None, kind, name),
        }
    }

    /// Begins the handling of a batch: a part of the first one's work that is recorded (else of the first one's), linked to the
    /// others'.
    #[must_use]
    pub fn batch(
        &self,
        asked: impl Iterator<Item = TraceContext> + Clone,
        name: impl FnOnce() -> Cow<'static, str>,
    ) -> Span {
        let parent = asked.clone().find(TraceContext::is_sampled).or_else(|| asked.clone().next());
        let mut span = self.span(parent, SpanKind::Consumer, name);
        if let Some(recorded) = &mut span.recorded {
            let others = asked.filter(|other| other.is_sampled() && Some(*other) != parent);
            recorded.span.links.extend(others.take(LINKS_MAX));
        }
        span
    }

    fn begin(
        &self,
        context: TraceContext,
        parent: Option<TraceContext>,
        kind: SpanKind,
        name: impl FnOnce() -> Cow<'static, str>,
    ) -> Span {
        let recorded = self.0.as_ref().filter(|_| context.is_sampled()).map(|recording| {
            let span = FinishedSpan {
                context,
                parent,
                kind,
                name: name(),
                begun: SystemTime::now(),
                lasted: Duration::ZERO,
                links: Vec::new(),
                notes: Vec::new(),
                failed: false,
            };
            Box::new(Recorded { sink: Arc::clone(&recording.sink), since: Instant::now(), span })
        });
        Span { context, recorded }
    }
}

/// A piece of work under way; it ends when it is dropped.
#[derive(Debug)]
pub struct Span {
    context: TraceContext,
    recorded: Option<Box<Recorded>>,
}

#[derive(Debug)]
struct Recorded {
    sink: Arc<dyn SpanSink>,
    since: Instant,
    span: FinishedSpan,
}

impl Span {
    /// Its name.
    #[must_use]
    pub const fn context(&self) -> TraceContext {
        self.context
    }

    /// Runs `work` as what it is.
    pub async fn run<T>(&self, work: impl Future<Output = T>) -> T {
        within(self.context, work).await
    }

    /// Adds what else is known, if it is recorded.
    pub fn note(&mut self, key: &'static str, value: impl FnOnce() -> Value) {
        if let Some(recorded) = &mut self.recorded {
            recorded.span.notes.push((key, value()));
        }
    }

    /// Says that it failed by a fault of ours.
    pub fn fail(&mut self) {
        if let Some(recorded) = &mut self.recorded {
            recorded.span.failed = true;
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(recorded) = self.recorded.take() {
            let Recorded { sink, since, mut span } = *recorded;
            span.lasted = since.elapsed();
            sink.take(span);
        }
    }
}

impl Value {
    /// A count, or whatever fits into one.
    #[must_use]
    pub fn number(n: usize) -> Self {
        Self::Number(i64::try_from(n).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::*;

    #[derive(Debug, Default)]
    struct Kept(Mutex<Vec<FinishedSpan>>);

    impl SpanSink for Kept {
        fn take(&self, span: FinishedSpan) {
            self.0.lock().push(span);
        }
    }

    fn named() -> Cow<'static, str> {
        "x".into()
    }

    #[test]
    fn a_stranger_names_the_trace_and_does_not_decide_whether_it_is_recorded() {
        let kept = Arc::new(Kept::default());
        let asked = TraceContext::root(true);
        for (share, expected) in [(0.0, 0), (1.0, 1)] {
            let tracer = Tracer::new(kept.clone(), share);
            let span = tracer.enter(Some(asked), SpanKind::Server, named);
            assert_eq!(span.context().trace_id(), asked.trace_id());
            assert_eq!(span.context().is_sampled(), expected == 1);
            drop(span);
            assert_eq!(kept.0.lock().len(), expected);
        }
        assert_eq!(kept.0.lock()[0].parent.map(|p| p.span_id()), Some(asked.span_id()));
    }

    #[test]
    fn without_a_sink_there_are_names_and_no_records() {
        let tracer = Tracer::default();
        let outer = tracer.span(None, SpanKind::Server, || unreachable!("nobody reads it"));
        let inner = tracer.span(Some(outer.context()), SpanKind::Client, || unreachable!("nobody reads it"));
        assert!(!inner.context().is_sampled());
        assert_eq!(inner.context().trace_id(), outer.context().trace_id());
        assert_ne!(inner.context().span_id(), outer.context().span_id());
        // What was decided before goes along.
        let sampled = TraceContext::root(true);
        assert!(tracer.span(Some(sampled), SpanKind::Client, named).context().is_sampled());
    }

    #[test]
    fn a_share_of_the_traces_is_recorded() {
        let kept = Arc::new(Kept::default());
        let tracer = Tracer::new(kept.clone(), 0.5);
        for _ in 0..10_000 {
            drop(tracer.enter(None, SpanKind::Server, named));
        }
        // 50 standard deviations to either side.
        assert!((2_500..7_500).contains(&kept.0.lock().len()));
    }

    #[test]
    fn a_batch_is_a_part_of_the_first_that_is_recorded_and_linked_to_the_others() {
        let kept = Arc::new(Kept::default());
        let tracer = Tracer::new(kept.clone(), 1.0);
        let (quiet, a, b) = (TraceContext::root(false), TraceContext::root(true), TraceContext::root(true));
        drop(tracer.batch([quiet, a, b, a].into_iter(), named));
        let span = kept.0.lock().pop().expect("recorded");
        assert_eq!((span.parent, span.links), (Some(a), vec![b]));
        assert_eq!(tracer.batch([quiet].into_iter(), named).context().trace_id(), quiet.trace_id());
        let many = std::iter::repeat_with(|| TraceContext::root(true)).take(1_000).collect::<Vec<_>>();
        drop(tracer.batch(many.into_iter(), named));
        assert_eq!(kept.0.lock().pop().expect("recorded").links.len(), LINKS_MAX);
    }
}
