//! The port by which a gateway hands sends on.

use std::sync::Arc;

use async_trait::async_trait;
use gochat_core::model::SendCommand;
use gochat_core::ports::{Result, Submitted, Upstream};

use super::consumer::Schema;
use super::{KafkaConfig, Outgoing, Producer, Topics};
use crate::wire;

/// Hands sends to the pipeline by way of the upstream topic, by conversation.
///
/// Accepted means acknowledged by all replicas in step. What one caller submits into one conversation is processed in its
/// order, also when a call begins before the one before it has ended. Nothing waits for room: a full queue is `Overloaded`.
#[derive(Debug, Clone)]
pub struct KafkaUpstream {
    producer: Producer,
    topic: Arc<str>,
}

impl KafkaUpstream {
    /// Over a producer made by [`Producer::for_sends`].
    #[must_use]
    pub fn new(producer: Producer, config: &KafkaConfig) -> Self {
        Self { producer, topic: Topics::new(&config.prefix).upstream().into() }
    }
}

#[async_trait]
impl Upstream for KafkaUpstream {
    async fn submit(&self, sends: Vec<SendCommand>) -> Result<Submitted> {
        let records: Vec<_> = sends
            .iter()
            .map(|send| Outgoing {
                topic: Arc::clone(&self.topic),
                key: Some(send.conversation.to_string()),
                schema: SendCommand::SCHEMA,
                traceparent: None,
                payload: wire::encode(send),
            })
            .collect();
        self.producer.produce("upstream.submit", &records).await?;
        Ok(Submitted::Accepted)
    }
}
