//! What a consumer hands to, and what it hears back.

use std::fmt::Debug;

use async_trait::async_trait;
use gochat_core::model::{Delivery, SendCommand};
use gochat_core::ports::{ErrorKind, StoreError};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _, OwnedHeaders};

use crate::kafka::producer::SCHEMA;
use crate::runtime::trace::{HEADER, TraceContext};
use crate::wire::{self, Wire};

/// A value of the model with a name on topics.
pub trait Schema {
    /// The full name of its protobuf message.
    const SCHEMA: &'static str;
}

impl Schema for SendCommand {
    const SCHEMA: &'static str = "gochat.events.v1.SendCommand";
}

impl Schema for Delivery {
    const SCHEMA: &'static str = "gochat.events.v1.Delivery";
}

/// A record as it was read.
#[derive(Debug)]
pub(in crate::kafka) struct Raw {
    pub(in crate::kafka) partition: i32,
    pub(in crate::kafka) offset: i64,
    pub(in crate::kafka) key: Option<Vec<u8>>,
    pub(in crate::kafka) payload: Option<Vec<u8>>,
    pub(in crate::kafka) headers: Option<OwnedHeaders>,
}

impl Raw {
    pub(in crate::kafka) fn of(message: &BorrowedMessage<'_>) -> Self {
        Self {
            partition: message.partition(),
            offset: message.offset(),
            key: message.key().map(<[u8]>::to_vec),
            payload: message.payload().map(<[u8]>::to_vec),
            headers: message.headers().map(|h| h.detach()),
        }
    }

    pub(in crate::kafka) fn size(&self) -> usize {
        self.payload.as_ref().map_or(0, Vec::len) + self.key.as_ref().map_or(0, Vec::len)
    }

    /// What it was produced for.
    pub(in crate::kafka) fn context(&self) -> Option<TraceContext> {
        TraceContext::parse(self.header(HEADER)?.as_bytes())
    }

    fn header(&self, key: &str) -> Option<&str> {
        let found = self.headers.as_ref()?.iter().find(|h| h.key == key)?;
        found.value.and_then(|value| std::str::from_utf8(value).ok())
    }

    /// The record's value, or why it can't be read.
    pub(in crate::kafka) fn read<T: Wire + Schema>(&self) -> Result<T, String> {
        wire::decode(self.value(T::SCHEMA)?).map_err(|e| e.to_string())
    }

    /// The bytes of the record's value, or why they are not of this schema.
    pub(in crate::kafka) fn value(&self, schema: &'static str) -> Result<&[u8], String> {
        if let Some(other) = self.header(SCHEMA).filter(|name| *name != schema) {
            return Err(format!("its schema is {other:?}, not {schema}"));
        }
        Ok(self.payload.as_deref().ok_or("it has no value")?)
    }
}

/// A record that was read.
#[derive(Debug)]
pub struct Record<T> {
    /// What it says.
    pub value: T,
    pub(super) raw: Raw,
}

impl<T> Record<T> {
    /// Its place in the partition.
    #[must_use]
    pub fn offset(&self) -> i64 {
        self.raw.offset
    }

    /// What it was produced for.
    #[must_use]
    pub fn context(&self) -> Option<TraceContext> {
        self.raw.context()
    }
}

/// Gives records their effect.
#[async_trait]
pub trait Handler<T: Sync>: Debug + Send + Sync + 'static {
    /// Takes records of one partition, at least one, in order. Their offset passes when this returns `Ok`.
    ///
    /// The same records may come again, here or elsewhere, after a failure or a crash. The future is dropped when the
    /// partition is taken away and grace is over, or after [`KafkaConfig::handler_timeout`](super::KafkaConfig).
    ///
    /// # Errors
    /// What to do with the batch; see [`HandlerError`].
    async fn handle(&self, partition: i32, batch: &[Record<T>]) -> Result<(), HandlerError>;

    /// Hears that a record which it named as poison is among the dead letters now; its offset has not passed yet.
    async fn given_up(&self, record: &Record<T>) {
        let _nobody_to_tell = record;
    }
}

/// What becomes of a batch that failed.
#[derive(Debug, thiserror::Error)]
pub enum HandlerError {
    /// It is handed again, whole, after a pause; what comes behind it waits.
    #[error("try again: {0}")]
    Again(Box<dyn std::error::Error + Send + Sync>),
    /// One record is to blame, whenever it is tried. Named so often enough, it goes to the dead letters, and the rest of the
    /// batch is handed again.
    #[error("record {index} is poison: {reason}")]
    Poison {
        /// Its place in the batch.
        index: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// Nothing can be handled any more: the node stops.
    #[error("can't go on: {0}")]
    Stop(String),
}

impl From<StoreError> for HandlerError {
    fn from(error: StoreError) -> Self {
        match error.kind() {
            ErrorKind::Unsupported => Self::Stop(format!("{error}, which no repetition changes")),
            _ => Self::Again(Box::new(error)),
        }
    }
}
