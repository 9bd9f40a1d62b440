//! Dead letters go back to where they came from.

use std::sync::Arc;

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{CommitMode, Consumer as _, StreamConsumer};
use rdkafka::error::KafkaError as Native;
use rdkafka::message::{Header, Headers as _, OwnedHeaders};
use rdkafka::{Offset, TopicPartitionList};
use slog::{Logger, info, o};
use tokio::time::timeout;

use super::consumer::{Raw, is_letter_header};
use super::context::{Context, LAST_WORDS, close};
use super::topics::stopped;
use super::{KafkaConfig, KafkaError, Producer, Topics};

/// What a replay did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replayed {
    /// Records that are in their topic again.
    pub records: u64,
    /// Letters passed over, since the record in them was too large to be kept.
    pub cut: u64,
    /// Letters that were there at the start and are left: more than were asked for.
    pub left: u64,
}

/// Brings at most `max` dead letters of `topic` back, oldest first: each with the key, value and headers that it had. Those
/// that are brought back are remembered (as offsets of the group `<prefix>.replay`), so that none is brought back twice by
/// calls that follow each other. Letters that arrive meanwhile are left, so a record that is poison still ends in them again
/// and not in a circle.
///
/// Not for two calls at once on one topic: both would bring back the same.
///
/// # Errors
/// Brokers are away, or a record is not taken. What was brought back until then is remembered, but for the last one's
/// failure, which may be ambiguous.
pub async fn replay(
    config: &KafkaConfig,
    topic: &str,
    max: u64,
    producer: &Producer,
    log: &Logger,
) -> Result<Replayed, KafkaError> {
    config.check()?;
    let letters = Topics::dead_letters(topic);
    let log = log.new(o!("topic" => letters.clone()));
    let settings = config.consumer(&Topics::new(&config.prefix).group("replay"));
    let client = Arc::new(StreamConsumer::from_config_and_context(&settings, Context::new(&log))?);
    let place = Place { client, letters, config };
    let (begin, end) = place.find().await?;
    let mut done = Replayed { records: 0, cut: 0, left: 0 };
    let mut next = begin;
    let outcome = async {
        while next < end && done.records + done.cut < max {
            let record = place.read().await?;
            if record.offset >= end {
                next = end;
                break;
            }
            if is_cut(&record) {
                done.cut += 1;
            } else {
                let (key, payload) = (record.key.as_deref(), record.payload.as_deref());
                let back = producer.produce_raw(topic, key, payload, without_letter(&record));
                back.await.map_err(|e| place.failed(&e.to_string()))?;
                done.records += 1;
            }
            next = record.offset + 1;
        }
        Ok(())
    };
    let outcome: Result<(), KafkaError> = outcome.await;
    if next > begin {
        place.remember(next).await?;
    }
    done.left = u64::try_from(end - next).unwrap_or(0);
    info!(log, "dead letters replayed"; "records" => done.records, "cut" => done.cut, "left" => done.left);
    let _in_time = close(place.client, LAST_WORDS).await;
    outcome.map(|()| done)
}

fn is_cut(record: &Raw) -> bool {
    record.headers.as_ref().is_some_and(|headers| headers.iter().any(|h| h.key == "dlq-cut"))
}

/// The headers that the record had before it was put aside.
fn without_letter(record: &Raw) -> OwnedHeaders {
    let mut own = OwnedHeaders::new();
    for header in record.headers.iter().flat_map(|headers| headers.iter()) {
        if !is_letter_header(header.key) {
            own = own.insert(Header { key: header.key, value: header.value });
        }
    }
    own
}

struct Place<'a> {
    client: Arc<StreamConsumer<Context>>,
    letters: String,
    config: &'a KafkaConfig,
}

impl Place<'_> {
    fn failed(&self, why: &str) -> KafkaError {
        KafkaError::consumer(&self.letters, why)
    }

    fn list(&self, offset: Offset) -> Result<TopicPartitionList, Native> {
        let mut list = TopicPartitionList::with_capacity(1);
        list.add_partition_offset(&self.letters, 0, offset)?;
        Ok(list)
    }

    /// Where the letters not yet brought back begin, and where they end now.
    async fn find(&self) -> Result<(i64, i64), KafkaError> {
        let (client, letters, timeout) =
            (self.client.clone(), self.letters.clone(), self.config.connect_timeout);
        let list = self.list(Offset::Invalid)?;
        // Both block until brokers have answered.
        let asked = tokio::task::spawn_blocking(move || {
            let (low, high) = client.fetch_watermarks(&letters, 0, timeout)?;
            let committed = client.committed_offsets(list, timeout)?;
            let known = committed.find_partition(&letters, 0).and_then(|e| match e.offset() {
                Offset::Offset(offset) => Some(offset),
                _ => None,
            });
            Ok((known.unwrap_or(low).clamp(low, high), high))
        });
        let answer = asked.await.map_err(|_| stopped(&self.letters))?;
        let (begin, end) = answer
            .map_err(|source| KafkaError::Unreachable { brokers: self.config.brokers.clone(), source })?;
        self.client.assign(&self.list(Offset::Offset(begin))?)?;
        Ok((begin, end))
    }

    async fn read(&self) -> Result<Raw, KafkaError> {
        let next = async {
            loop {
                match self.client.recv().await {
                    Ok(record) => return Ok(Raw::of(&record)),
                    Err(Native::MessageConsumptionFatal(code)) => return Err(self.failed(&code.to_string())),
                    // An outage, which mends itself or runs into the limit.
                    Err(_) => {}
                }
            }
        };
        timeout(self.config.connect_timeout, next).await.map_err(|_| self.failed("no answer from brokers"))?
    }

    async fn remember(&self, next: i64) -> Result<(), KafkaError> {
        let (client, list) = (self.client.clone(), self.list(Offset::Offset(next))?);
        // Blocks until the broker has answered.
        let commit = tokio::task::spawn_blocking(move || client.commit(&list, CommitMode::Sync));
        Ok(commit.await.map_err(|_| stopped(&self.letters))??)
    }
}
