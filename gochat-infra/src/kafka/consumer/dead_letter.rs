//! Where records go that can't be handled: `<topic>.dlq`, with headers that say why and whence.

use std::time::{SystemTime, UNIX_EPOCH};

use gochat_core::ports::{ErrorKind, Result};
use rdkafka::message::Header;

use super::handler::Raw;
use crate::kafka::{Producer, Topics};

/// What the headers of dead letters begin with.
const LETTER_PREFIX: &str = "dlq-";
/// Longest reason that is written down, in bytes.
const REASON_BYTES: usize = 1_000;

/// Whether a header is of the letter, not of the record in it.
pub(in crate::kafka) fn is_letter_header(key: &str) -> bool {
    key.starts_with(LETTER_PREFIX)
}

/// Puts a record aside; durable when it returns.
pub(super) async fn put_aside(producer: &Producer, topic: &str, record: &Raw, reason: &str) -> Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let mut end = reason.len().min(REASON_BYTES);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    let mut headers = record.headers.clone().unwrap_or_default();
    for (key, value) in [
        ("dlq-reason", &reason[..end]),
        ("dlq-topic", topic),
        ("dlq-partition", &record.partition.to_string()),
        ("dlq-offset", &record.offset.to_string()),
        ("dlq-time", &now.to_string()),
    ] {
        headers = headers.insert(Header { key, value: Some(value) });
    }
    let (letters, key) = (Topics::dead_letters(topic), record.key.as_deref());
    match producer.produce_raw(&letters, key, record.payload.as_deref(), headers.clone()).await {
        // Somebody else's record, beyond our bounds: better a letter without it than a partition that stands still.
        Err(e) if e.kind() == ErrorKind::TooLarge => {
            let headers = headers.insert(Header { key: "dlq-cut", value: Some("true") });
            producer.produce_raw(&letters, None, None, headers).await
        }
        done => done,
    }
}
