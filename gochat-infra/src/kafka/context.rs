//! What librdkafka tells of itself goes to the log. An outage is an event; it mends itself. What does not is told to whoever
//! watches for it.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel as Level;
use rdkafka::consumer::{ConsumerContext, StreamConsumer};
use rdkafka::error::{KafkaError as Native, RDKafkaErrorCode as Code};
use slog::{Logger, debug, error, info, warn};
use tokio::sync::watch;
use tokio::time::timeout;

/// Longest wait for what a client does at its end.
pub(super) const LAST_WORDS: Duration = Duration::from_secs(5);

/// The log of one client, and its end.
#[derive(Debug, Clone)]
pub(super) struct Context {
    pub(super) log: Logger,
    dead: watch::Sender<Option<Arc<str>>>,
}

impl Context {
    pub(super) fn new(log: &Logger) -> Self {
        Self { log: log.clone(), dead: watch::Sender::new(None) }
    }

    /// Why this client does nothing any more, once it is so: librdkafka's fatal errors, after which it refuses every call
    /// rather than break what an idempotent producer promises. A producer that is refused says so here, too.
    pub(super) fn dead(&self) -> watch::Sender<Option<Arc<str>>> {
        self.dead.clone()
    }
}

impl ClientContext for Context {
    fn log(&self, level: Level, facility: &str, message: &str) {
        match level {
            Level::Emerg | Level::Alert | Level::Critical => {
                error!(self.log, "kafka client"; "facility" => facility, "text" => message);
            }
            Level::Error | Level::Warning => {
                warn!(self.log, "kafka client"; "facility" => facility, "text" => message);
            }
            Level::Notice | Level::Info => {
                info!(self.log, "kafka client"; "facility" => facility, "text" => message);
            }
            Level::Debug => debug!(self.log, "kafka client"; "facility" => facility, "text" => message),
        }
    }

    fn error(&self, error: Native, reason: &str) {
        match error.rdkafka_error_code() {
            Some(Code::AllBrokersDown) => {
                warn!(self.log, "no kafka broker answers; trying on"; "reason" => reason);
            }
            Some(Code::Fatal) => {
                error!(self.log, "a kafka client is at its end"; "reason" => reason);
                self.dead.send_replace(Some(reason.into()));
            }
            _ => debug!(self.log, "kafka client error"; "error" => %error, "reason" => reason),
        }
    }
}

impl ConsumerContext for Context {}

/// Ends a consumer, which leaves its group, and says whether that was done within `limit`.
pub(super) async fn close<C: ConsumerContext + 'static>(
    client: Arc<StreamConsumer<C>>,
    limit: Duration,
) -> bool {
    // Whoever has another handle waits for an answer, and ends it after that.
    let Some(client) = Arc::into_inner(client) else { return false };
    // Blocks until the client's threads have ended.
    let ended = tokio::task::spawn_blocking(move || drop(client));
    timeout(limit, ended).await.is_ok()
}
