//! Puts im-task together: the only place that names its back ends.

use std::net::SocketAddr;
use std::sync::Arc;

use clap::Subcommand;
use gochat_infra::archive::ArchiveJob;
use gochat_infra::grpc::repo::RepoClient;
use gochat_infra::grpc::serve::Routes;
use gochat_infra::kafka::{FanoutHandler, GroupConsumer, KafkaDeliver, Producer, Topics, replay};
use gochat_infra::process::Problems;
use gochat_infra::process::config::{Config, Effective};
use gochat_infra::process::program::{Program, SharedText, SharedTexts};
use gochat_infra::redis::{RedisDetours, RedisSessions};
use gochat_infra::runtime::metrics::Metrics;
use gochat_infra::runtime::{Phase, Supervisor};
use gochat_infra::service::{self, Node};
use slog::Logger;

use crate::hooks::{self, Hooks};

/// Commands beside serving.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Command {
    /// Put the dead letters of a topic back into it, each as it was: after what made them so was mended.
    Replay {
        /// The topic, such as gochat.messages.upstream.
        topic: String,
        /// At most so many of them, the oldest first.
        #[arg(long, default_value_t = u64::MAX)]
        max: u64,
    },
}

/// Fan-out to large groups, and what systems outside hear of, behind Kafka.
pub(crate) struct App {
    node: Node,
    address: SocketAddr,
}

impl Program for App {
    const NAME: &'static str = "im-task";
    const ABOUT: &'static str = "GoChat's tasks: fan-out to large groups, notifications, moderation";
    const LISTEN: &'static str = "service.listen";
    type Own = Command;

    fn check(effective: &Effective) -> Result<(), Problems> {
        Node::check(&effective.config)?;
        service::options::redis(&effective.config)?;
        service::options::kafka(&effective.config)?;
        hooks::check(&effective.config)
    }

    async fn first_text(config: &Config) -> anyhow::Result<Option<SharedText>> {
        Node::first_text(Self::NAME, config).await
    }

    fn texts(&self) -> Option<SharedTexts> {
        Some(self.node.texts())
    }

    async fn start(config: &Config, metrics: Metrics, log: &Logger) -> anyhow::Result<Self> {
        let node = Node::start(Self::NAME, config, metrics, log).await?;
        let (kafka, _) = node.kafka(config).await?;
        let producer = Producer::for_deliveries(&kafka, &node.metrics, &node.log)?;
        producer.watch(node.supervisor.phase(Phase::Work));
        producer.connect(&kafka).await?;
        let redis = node.redis(config)?;
        let detours = Arc::new(RedisDetours::new(redis.clone()));
        let sessions = Arc::new(RedisSessions::new(redis));
        let repo = Arc::new(RepoClient::new(node.channel("im-repo")?));
        let deliver = Arc::new(KafkaDeliver::new(producer.clone(), sessions.clone(), &kafka, &node.log));
        let handler = Arc::new(FanoutHandler::new(repo.clone(), deliver.clone(), detours, &node.log));
        if let Some(plan) = service::options::archive_plan(config) {
            let (clock, metrics, log) = (node.clock.clone(), node.metrics.clone(), node.log.clone());
            let archiver = repo.clone();
            ArchiveJob { archiver, plan, clock, metrics, log }.start(&node.supervisor);
        }
        Hooks { node: &node, kafka: &kafka, producer: &producer, repo, sessions, deliver }.start(config)?;
        let topic = Topics::new(&kafka.prefix).fanout();
        GroupConsumer::start(
            &kafka,
            &topic,
            Self::NAME,
            handler,
            producer,
            &node.supervisor,
            &node.metrics,
            &node.log,
        )?;
        node.ops(config, node.ready(None)).await?;
        // Nothing is called here but health.
        let address = node.serve(config, Routes::default()).await?;
        Ok(Self { node, address })
    }

    fn hello(&self, _: &Config) -> String {
        format!("im-task is at {}\n", self.address)
    }

    fn supervisor(&self) -> &Supervisor {
        &self.node.supervisor
    }

    async fn run(command: &Command, config: &Config, log: &Logger) -> anyhow::Result<()> {
        let Command::Replay { topic, max } = command;
        let kafka = service::options::kafka(config)?;
        let producer = Producer::for_deliveries(&kafka, &Metrics::new(), log)?;
        let done = replay(&kafka, topic, *max, &producer, log).await?;
        println!(
            "{} put back, {} too large to have been kept whole, {} left",
            done.records, done.cut, done.left
        );
        Ok(())
    }
}
