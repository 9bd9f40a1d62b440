//! Records between services, on Kafka.
//!
//! Gateways hand sends to im-logic ([`KafkaUpstream`]), im-logic and im-task hand deliveries to gateways ([`KafkaDeliver`],
//! [`Downstream`]), and large conversations go through im-task ([`FanoutHandler`]). What systems outside hear of goes there as
//! facts ([`MessageStored`], [`PushHandler`], [`ModerationHandler`]). What comes in by a group
//! ([`GroupConsumer`]) is passed only after its effect; what can't be handled goes to a dead-letter topic, from which
//! [`replay`] brings it back.
//!
//! Knows topics, records and order; the model as protobuf is [`wire`](crate::wire)'s, what a record means is the handler's.

#[cfg(test)]
mod brokers;
mod config;
mod consumer;
mod context;
mod deliver;
mod downstream;
mod error;
mod facts;
mod fanout;
mod pipeline;
mod producer;
mod replay;
mod stall;
mod topics;
mod upstream;

pub use config::{Compression, KafkaConfig};
pub use consumer::{GroupConsumer, Handler, HandlerError, Record, Schema};
pub use deliver::KafkaDeliver;
pub use downstream::{Downstream, Ready};
pub use error::KafkaError;
pub use facts::{MessageStored, ModerationHandler, PushHandler};
pub use fanout::FanoutHandler;
pub use pipeline::PipelineHandler;
pub use producer::{Outgoing, Producer};
pub use replay::{Replayed, replay};
pub use topics::{TopicAdmin, Topics};
pub use upstream::KafkaUpstream;
