//! Logs of a program: a bounded queue, a thread that writes, a level that may change, and no flood of one error.
//!
//! A library never comes here: it takes the [`Logger`] of its host.

mod queue;
mod repeats;
mod traced;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use slog::{Discard, Drain, Level, Logger, Never, OwnedKVList, Record, o};
use slog_async::{AsyncCore, AsyncGuard};

use super::config::choices::{LogFormat, LogLevel};
use super::config::sections::Log;
use crate::runtime::metrics::Metrics;
use queue::Queue;
use repeats::Repeats;
use traced::Traced;

/// Keeps the log open: dropping it writes what waits.
pub struct LogGuard {
    level: Arc<AtomicUsize>,
    _writer: AsyncGuard,
}

impl LogGuard {
    /// Changes the least important level that is written.
    pub fn set_level(&self, level: LogLevel) {
        self.level.store(slog_level(level).as_usize(), Ordering::Relaxed);
    }
}

#[cfg(test)]
impl LogGuard {
    /// The least important level that is written.
    pub(super) fn level(&self) -> LogLevel {
        let all = [LogLevel::Critical, LogLevel::Error, LogLevel::Warning, LogLevel::Info, LogLevel::Debug];
        let now = self.level.load(Ordering::Relaxed);
        all.into_iter().find(|level| slog_level(*level).as_usize() == now).unwrap_or(LogLevel::Trace)
    }
}

/// Starts the log of the program on stderr. Dropped records are counted in `metrics`.
pub fn start(config: &Log, metrics: &Metrics) -> (Logger, LogGuard) {
    match config.format {
        LogFormat::Terminal => {
            let decorator = slog_term::TermDecorator::new().stderr().build();
            let format = slog_term::FullFormat::new(decorator).use_utc_timestamp().use_original_order();
            start_with(config, metrics, format.build().ignore_res())
        }
        LogFormat::Json => start_with(config, metrics, slog_json::Json::default(io::stderr()).ignore_res()),
    }
}

fn start_with<D>(config: &Log, metrics: &Metrics, writer: D) -> (Logger, LogGuard)
where
    D: Drain<Ok = (), Err = Never> + Send + 'static,
{
    let core = AsyncCore::custom(writer).chan_size(config.queue).thread_name("log".to_owned());
    let (core, writer) = core.build_with_guard();
    let level = Arc::new(AtomicUsize::new(slog_level(config.level).as_usize()));
    let drain = Filter {
        level: level.clone(),
        inner: Traced(Repeats::new(Queue::new(core, metrics.log_dropped.clone()), config.repeats)),
    };
    (Logger::root(drain, o!()), LogGuard { level, _writer: writer })
}

/// A log that goes nowhere.
pub fn none() -> Logger {
    Logger::root(Discard, o!())
}

const fn slog_level(level: LogLevel) -> Level {
    match level {
        LogLevel::Critical => Level::Critical,
        LogLevel::Error => Level::Error,
        LogLevel::Warning => Level::Warning,
        LogLevel::Info => Level::Info,
        LogLevel::Debug => Level::Debug,
        LogLevel::Trace => Level::Trace,
    }
}

/// Lets pass what is important enough; before anything else, as most records of a busy program are not.
struct Filter<D> {
    level: Arc<AtomicUsize>,
    inner: D,
}

impl<D: Drain<Ok = (), Err = Never>> Drain for Filter<D> {
    type Ok = ();
    type Err = Never;

    fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<(), Never> {
        if self.is_enabled(record.level()) { self.inner.log(record, values) } else { Ok(()) }
    }

    fn is_enabled(&self, level: Level) -> bool {
        level.as_usize() <= self.level.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use parking_lot::Mutex;
    use slog::{debug, error, info};

    use super::*;
    use crate::runtime::trace::{self, TraceContext};

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(buf);
            Ok(buf.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines(sink: &Sink) -> Vec<serde_json::Value> {
        let bytes = sink.0.lock().clone();
        let text = String::from_utf8(bytes).expect("utf-8");
        text.lines().map(|l| serde_json::from_str(l).expect("one object a line")).collect()
    }

    fn json(config: &Log) -> (Sink, Logger, LogGuard) {
        let sink = Sink::default();
        let (log, guard) =
            start_with(config, &Metrics::new(), slog_json::Json::default(sink.clone()).ignore_res());
        (sink, log, guard)
    }

    #[test]
    fn records_are_objects_with_their_fields_and_all_are_written_at_the_end() {
        let (sink, log, guard) = json(&Log::default());
        debug!(log, "not this");
        guard.set_level(LogLevel::Debug);
        debug!(log, "but this"; "n" => 7, "text" => "line\nbreak");
        info!(log.new(o!("user" => 1)), "and this");
        drop(guard);
        let lines = lines(&sink);
        let texts: Vec<_> = lines.iter().map(|l| l["msg"].as_str().expect("a text")).collect();
        assert_eq!(texts, ["but this", "and this"]);
        assert_eq!(
            (&lines[0]["n"], &lines[0]["text"], &lines[1]["user"]),
            (&7.into(), &"line\nbreak".into(), &1.into())
        );
    }

    #[tokio::test]
    async fn what_is_written_inside_a_trace_has_its_id_and_nothing_else_has() {
        let (sink, log, guard) = json(&Log::default());
        let context = TraceContext::root(false);
        let log = log.new(o!("service" => "im-logic"));
        info!(log, "before");
        trace::within(context, async {
            info!(log, "inside"; "n" => 1);
            tokio::task::yield_now().await;
            error!(log.new(o!("topic" => "t")), "inside still");
        })
        .await;
        info!(log, "after");
        drop(guard);
        let id = serde_json::Value::from(context.trace_id().to_string());
        let ids: Vec<_> = lines(&sink).into_iter().map(|l| l["trace_id"].clone()).collect();
        assert_eq!(ids, [serde_json::Value::Null, id.clone(), id, serde_json::Value::Null]);
        let inside = &lines(&sink)[1..3];
        assert_eq!((&inside[0]["n"], &inside[1]["topic"]), (&1.into(), &"t".into()));
        assert!(inside.iter().all(|l| l["service"] == "im-logic"), "{inside:?}");
    }

    #[tokio::test]
    async fn people_see_the_id_too() {
        let sink = Sink::default();
        let decorator = slog_term::PlainDecorator::new(sink.clone());
        let writer = slog_term::FullFormat::new(decorator).build().ignore_res();
        let (log, guard) = start_with(&Log::default(), &Metrics::new(), writer);
        let context = TraceContext::root(false);
        trace::within(context, async { info!(log, "inside") }).await;
        drop(guard);
        let text = String::from_utf8(sink.0.lock().clone()).expect("utf-8");
        assert!(text.contains(&format!("trace_id: {}", context.trace_id())), "{text}");
    }

    #[test]
    fn a_flood_of_one_error_is_cut_and_another_still_gets_through() {
        let (sink, log, guard) = json(&Log { repeats: 3, ..Log::default() });
        for i in 0..100 {
            error!(log, "disk gone"; "try" => i);
        }
        error!(log, "another");
        for _ in 0..10 {
            info!(log, "what happens is not cut");
        }
        drop(guard);
        assert_eq!(lines(&sink).len(), 3 + 1 + 10);
    }
}
