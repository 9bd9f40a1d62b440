//! Which request something is done for, across tasks, calls and records.
//!
//! A [`TraceContext`] is made where a request comes in, follows it in the task that works on it ([`current`]), and goes along
//! with calls and records as the W3C header [`HEADER`]. A [`Span`] is one piece of that work; a [`Tracer`] decides which are
//! recorded, and hands them to a [`SpanSink`]. Without a sink a context costs a few random bits, and is written out only where
//! a log record or an answer names it.
//!
//! Knows no transport and no chat. Core knows nothing of it.

mod chance;
mod context;
#[cfg(any(feature = "web", feature = "grpc"))]
pub(crate) mod headers;
#[cfg(feature = "otel")]
#[cfg_attr(docsrs, doc(cfg(feature = "otel")))]
pub mod otlp;
mod span;

pub use context::{HEADER, TraceContext, TraceId};
pub use span::{FinishedSpan, Span, SpanKind, SpanSink, Tracer, Value};

tokio::task_local! {
    static CURRENT: TraceContext;
}

/// Runs `work` as a part of `context`: its calls, records and log records belong to it. Tasks that it spawns do not.
pub async fn within<T>(context: TraceContext, work: impl Future<Output = T>) -> T {
    CURRENT.scope(context, work).await
}

/// What this task works for, where that is known.
#[must_use]
pub fn current() -> Option<TraceContext> {
    CURRENT.try_with(|context| *context).ok()
}
