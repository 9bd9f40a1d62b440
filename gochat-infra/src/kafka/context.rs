//! What librdkafka tells of itself goes to the log. An outage is an event; it mends itself.

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel as Level;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError as Native, RDKafkaErrorCode as Code};
use slog::{Logger, debug, error, info, warn};

/// The log of one client.
#[derive(Debug, Clone)]
pub(super) struct Context {
    pub(super) log: Logger,
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
        if error.rdkafka_error_code() == Some(Code::AllBrokersDown) {
            warn!(self.log, "no kafka broker answers; trying on"; "reason" => reason);
        } else {
            debug!(self.log, "kafka client error"; "error" => %error, "reason" => reason);
        }
    }
}

impl ConsumerContext for Context {}
