//! What goes wrong with Kafka, and what it means to callers of ports.

use std::sync::Arc;

use gochat_core::ports::{ErrorKind, Retry, StoreError};
use rdkafka::error::{KafkaError as Native, RDKafkaErrorCode as Code};

/// Why something can't start or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KafkaError {
    /// A setting that can't be.
    #[error("kafka.{setting} {problem}")]
    Setting {
        /// Which.
        setting: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// No broker answers.
    #[error("no answer from the Kafka brokers {brokers}: are they up, and is kafka.brokers right?")]
    Unreachable {
        /// Who was asked.
        brokers: String,
        /// What the client says.
        source: Native,
    },
    /// A topic can't be made, read or removed.
    #[error("topic {topic} can't be {what}: {code}")]
    Topic {
        /// Which.
        topic: String,
        /// What was tried.
        what: &'static str,
        /// The broker's answer.
        code: Code,
    },
    /// A topic has another number of partitions than the settings say.
    #[error(
        "topic {topic} has {found} partitions, but {setting} says {wanted}: set it to {found}, or stop every service and \
         make the topic again (a key changes its partition when their number does)"
    )]
    Partitions {
        /// Which.
        topic: String,
        /// The setting.
        setting: &'static str,
        /// What it says.
        wanted: i32,
        /// What there is.
        found: i32,
    },
    /// A producer that will never produce again: the process has to be started anew.
    #[error("the producer can never produce again: {why}")]
    Fatal {
        /// Why, in the client's words.
        why: Arc<str>,
    },
    /// Anything else that the client refuses.
    #[error("kafka client: {0}")]
    Client(#[from] Native),
    /// A consumer can't go on.
    #[error("consumer of {topic} can't go on: {why}")]
    Consumer {
        /// Which topic.
        topic: String,
        /// Why.
        why: String,
    },
}

impl KafkaError {
    pub(super) fn consumer(topic: &str, why: impl Into<String>) -> Self {
        Self::Consumer { topic: topic.to_owned(), why: why.into() }
    }
}

/// An error with what caused it, on one line.
pub(super) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// Whether the topic is not there (any more).
pub(super) fn is_absent(error: &Native) -> bool {
    let absent =
        [Code::UnknownTopic, Code::UnknownPartition, Code::UnknownTopicOrPartition, Code::UnknownTopicId];
    error.rdkafka_error_code().is_some_and(|code| absent.contains(&code))
}

/// Whether the client refuses everything from then on.
pub(super) fn is_fatal(error: &Native) -> bool {
    error.rdkafka_error_code() == Some(Code::Fatal)
}

/// Puts a failure to produce into the words of ports.
pub(super) fn produce_error(operation: &'static str, error: Native) -> StoreError {
    let (kind, retry) = match error.rdkafka_error_code() {
        Some(Code::QueueFull) => (ErrorKind::Overloaded, Retry::Safe),
        Some(Code::MessageSizeTooLarge | Code::MessageBatchTooLarge | Code::InvalidMessageSize) => {
            (ErrorKind::TooLarge, Retry::Never)
        }
        Some(Code::MessageTimedOut | Code::RequestTimedOut | Code::OperationTimedOut) => {
            (ErrorKind::Timeout, Retry::Ambiguous)
        }
        Some(Code::PurgeQueue) => (ErrorKind::Closed, Retry::Safe),
        Some(Code::PurgeInflight) => (ErrorKind::Closed, Retry::Ambiguous),
        Some(Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed) => {
            (ErrorKind::Internal, Retry::Safe)
        }
        _ if is_absent(&error) => (ErrorKind::NotFound, Retry::Safe),
        // Away, moving, or short of copies.
        _ => (ErrorKind::Unavailable, Retry::Ambiguous),
    };
    StoreError::new(kind, retry, operation).because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_whether_to_try_again() {
        for (code, kind, retry) in [
            (Code::QueueFull, ErrorKind::Overloaded, Retry::Safe),
            (Code::MessageSizeTooLarge, ErrorKind::TooLarge, Retry::Never),
            (Code::MessageTimedOut, ErrorKind::Timeout, Retry::Ambiguous),
            (Code::UnknownTopicOrPartition, ErrorKind::NotFound, Retry::Safe),
            (Code::NotEnoughReplicas, ErrorKind::Unavailable, Retry::Ambiguous),
            (Code::AllBrokersDown, ErrorKind::Unavailable, Retry::Ambiguous),
        ] {
            let e = produce_error("x", Native::MessageProduction(code));
            assert_eq!((e.kind(), e.retry()), (kind, retry), "{code:?}");
        }
    }
}
