//! Names of topics, and that they are there.

use std::sync::Arc;
use std::time::Duration;

use gochat_core::model::GatewayId;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::RDKafkaErrorCode as Code;
use slog::{Logger, info};
use tokio::time::{Instant, sleep};

use super::config::{LETTER_ROOM, RECORD_ROOM};
use super::context::Context;
use super::{KafkaConfig, KafkaError};

/// A topic that was just made is asked for again so soon.
const KNOWN_EVERY: Duration = Duration::from_millis(50);

/// The names of all topics under one prefix.
#[derive(Debug, Clone)]
pub struct Topics(Arc<str>);

impl Topics {
    /// The names under `prefix`.
    #[must_use]
    pub fn new(prefix: &str) -> Self {
        Self(prefix.into())
    }

    /// Sends on their way to the pipeline, by conversation.
    #[must_use]
    pub fn upstream(&self) -> String {
        format!("{}.messages.upstream", self.0)
    }

    /// Deliveries on their way to one gateway.
    #[must_use]
    pub fn downstream(&self, gateway: &GatewayId) -> String {
        format!("{}{}", self.downstreams(), gateway.as_str())
    }

    /// What the names of all those begin with.
    fn downstreams(&self) -> String {
        format!("{}.messages.downstream.", self.0)
    }

    /// Deliveries to all members of large conversations, by conversation.
    #[must_use]
    pub fn fanout(&self) -> String {
        format!("{}.tasks.fanout", self.0)
    }

    /// Facts for push, moderation, archive and hooks, by conversation.
    #[must_use]
    pub fn events(&self) -> String {
        format!("{}.events", self.0)
    }

    /// Where records of `topic` go that can't be handled.
    #[must_use]
    pub fn dead_letters(topic: &str) -> String {
        format!("{topic}.dlq")
    }

    /// The name of a group of consumers.
    #[must_use]
    pub fn group(&self, name: &str) -> String {
        format!("{}.{name}", self.0)
    }
}

struct Wanted {
    topic: String,
    partitions: i32,
    setting: &'static str,
    retention: String,
    of: Use,
}

enum Use {
    Shared,
    Letters,
    Gateway,
}

/// Makes, checks and removes topics.
pub struct TopicAdmin {
    client: Arc<AdminClient<Context>>,
    config: KafkaConfig,
    topics: Topics,
    log: Logger,
}

impl std::fmt::Debug for TopicAdmin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TopicAdmin").field("topics", &self.topics).finish_non_exhaustive()
    }
}

impl TopicAdmin {
    /// Makes a client. Nothing is asked of brokers yet.
    ///
    /// # Errors
    /// A setting that can't be.
    pub fn new(config: &KafkaConfig, log: &Logger) -> Result<Self, KafkaError> {
        config.check()?;
        let client = AdminClient::from_config_and_context(&config.client(), Context::new(log))?;
        let topics = Topics::new(&config.prefix);
        Ok(Self { client: Arc::new(client), config: config.clone(), topics, log: log.clone() })
    }

    /// Makes what is missing of the topics that services share, and checks the partitions of what is there.
    ///
    /// # Errors
    /// No broker answers, a topic can't be made, or one has another number of partitions.
    pub async fn ensure_shared(&self) -> Result<(), KafkaError> {
        let config = &self.config;
        let mut wanted = Vec::new();
        for (topic, partitions, setting) in [
            (self.topics.upstream(), config.upstream_partitions, "kafka.upstream_partitions"),
            (self.topics.fanout(), config.fanout_partitions, "kafka.fanout_partitions"),
            (self.topics.events(), config.events_partitions, "kafka.events_partitions"),
        ] {
            let retention = config.dead_letter_retention.as_millis().to_string();
            let dead = Topics::dead_letters(&topic);
            wanted.push(Wanted {
                topic: dead,
                partitions: 1,
                setting: "the design",
                retention,
                of: Use::Letters,
            });
            let retention = config.retention.as_millis().to_string();
            wanted.push(Wanted { topic, partitions, setting, retention, of: Use::Shared });
        }
        self.ensure(&wanted).await
    }

    /// Makes the topic of a gateway unless it is there: one partition, short retention. Before its consumer starts.
    ///
    /// # Errors
    /// As [`ensure_shared`](Self::ensure_shared).
    pub async fn ensure_downstream(&self, gateway: &GatewayId) -> Result<(), KafkaError> {
        let retention = self.config.downstream_retention.as_millis().to_string();
        let topic = self.topics.downstream(gateway);
        self.ensure(&[Wanted { topic, partitions: 1, setting: "the design", retention, of: Use::Gateway }])
            .await
    }

    /// The gateways that have a topic, whether they live or not.
    ///
    /// # Errors
    /// No broker answers.
    pub async fn downstream_gateways(&self) -> Result<Vec<GatewayId>, KafkaError> {
        let (client, timeout) = (self.client.clone(), self.config.connect_timeout);
        let prefix = self.topics.downstreams();
        // Blocks until brokers have answered.
        let asked = tokio::task::spawn_blocking(move || client.inner().fetch_metadata(None, timeout));
        let metadata = asked.await.map_err(|_| stopped(&prefix))?.map_err(|e| self.unreachable(e))?;
        let names = metadata.topics().iter().filter_map(|topic| topic.name().strip_prefix(&prefix));
        Ok(names.filter_map(GatewayId::new).collect())
    }

    /// Removes the topic of a gateway that will not come back; no error when it is gone already.
    ///
    /// # Errors
    /// No broker answers, or the topic can't be removed.
    pub async fn delete_downstream(&self, gateway: &GatewayId) -> Result<(), KafkaError> {
        let topic = self.topics.downstream(gateway);
        let answers = self.client.delete_topics(&[topic.as_str()], &self.options()).await;
        for answer in answers.map_err(|e| self.unreachable(e))? {
            match answer {
                Ok(_) | Err((_, Code::UnknownTopicOrPartition)) => {}
                Err((topic, code)) => return Err(KafkaError::Topic { topic, what: "removed", code }),
            }
        }
        Ok(())
    }

    fn options(&self) -> AdminOptions {
        let timeout = Some(self.config.connect_timeout);
        AdminOptions::new().request_timeout(timeout).operation_timeout(timeout)
    }

    fn unreachable(&self, source: rdkafka::error::KafkaError) -> KafkaError {
        KafkaError::Unreachable { brokers: self.config.brokers.clone(), source }
    }

    async fn ensure(&self, wanted: &[Wanted]) -> Result<(), KafkaError> {
        let replication = self.config.replication.unwrap_or(-1);
        let [record, letter] =
            [RECORD_ROOM, LETTER_ROOM].map(|room| (self.config.record_bytes + room).to_string());
        let new = wanted.iter().map(|w| {
            let topic = NewTopic::new(&w.topic, w.partitions, TopicReplication::Fixed(replication))
                .set("retention.ms", &w.retention);
            match w.of {
                Use::Shared => topic.set("max.message.bytes", &record),
                Use::Letters => topic.set("max.message.bytes", &letter),
                // Segments must end for their records to go.
                Use::Gateway => topic.set("max.message.bytes", &record).set("segment.ms", "60000"),
            }
        });
        let new: Vec<_> = new.collect();
        let answers =
            self.client.create_topics(&new, &self.options()).await.map_err(|e| self.unreachable(e))?;
        for (answer, wanted) in answers.into_iter().zip(wanted) {
            match answer {
                Ok(topic) => {
                    info!(self.log, "topic made"; "topic" => topic, "partitions" => wanted.partitions)
                }
                Err((_, Code::TopicAlreadyExists)) => self.check(wanted).await?,
                Err((topic, code)) => return Err(KafkaError::Topic { topic, what: "made", code }),
            }
        }
        Ok(())
    }

    async fn check(&self, wanted: &Wanted) -> Result<(), KafkaError> {
        let timeout = self.config.connect_timeout;
        let until = Instant::now() + timeout;
        let found = loop {
            let (client, name) = (self.client.clone(), wanted.topic.clone());
            // Blocks until brokers have answered.
            let asked =
                tokio::task::spawn_blocking(move || client.inner().fetch_metadata(Some(&name), timeout));
            let metadata =
                asked.await.map_err(|_| stopped(&wanted.topic))?.map_err(|e| self.unreachable(e))?;
            let found = metadata.topics().iter().find(|t| t.name() == wanted.topic);
            let found = found.map_or(0, |t| i32::try_from(t.partitions().len()).unwrap_or(i32::MAX));
            if found == wanted.partitions {
                return Ok(());
            }
            // Made a moment ago, by us or by another process: not every broker knows of it yet, and none tells when it does.
            if found > 0 || Instant::now() >= until {
                break found;
            }
            sleep(KNOWN_EVERY).await;
        };
        let (topic, setting, wanted) = (wanted.topic.clone(), wanted.setting, wanted.partitions);
        Err(KafkaError::Partitions { topic, setting, wanted, found })
    }
}

pub(super) fn stopped(topic: &str) -> KafkaError {
    KafkaError::consumer(topic, "the runtime is shutting down")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let topics = Topics::new("gochat");
        let gateway = GatewayId::new("gw-1").expect("a name");
        assert_eq!(topics.upstream(), "gochat.messages.upstream");
        assert_eq!(topics.downstream(&gateway), "gochat.messages.downstream.gw-1");
        assert_eq!(Topics::dead_letters(&topics.fanout()), "gochat.tasks.fanout.dlq");
        assert_eq!(topics.events(), "gochat.events");
    }
}
