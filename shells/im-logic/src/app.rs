//! Puts im-logic together: the only place that names its back ends.

use std::net::SocketAddr;
use std::sync::Arc;

use gochat_core::ports::Ports;
use gochat_core::send::Pipeline;
use gochat_core::usecase;
use gochat_core::usecase::relay::{Relay, RelayTerms};
use gochat_infra::auth::{JwtSigner, SigningKeys};
use gochat_infra::departures;
use gochat_infra::grpc::logic;
use gochat_infra::grpc::repo::RepoClient;
use gochat_infra::kafka::{GroupConsumer, KafkaDeliver, PipelineHandler, Producer, Topics};
use gochat_infra::outbox::{self, OutboxParts, Prompt};
use gochat_infra::process::config::{Config, Effective};
use gochat_infra::process::program::{NoCommand, Program, SharedText, SharedTexts};
use gochat_infra::process::{Problem, Problems, options};
use gochat_infra::redis::{RedisDedup, RedisDetours, RedisSequencer, RedisSessions};
use gochat_infra::runtime::metrics::Metrics;
use gochat_infra::runtime::{OsSecrets, Phase, Supervisor};
use gochat_infra::service::lost::{self, LostParts};
use gochat_infra::service::{self, Node};
use slog::Logger;

/// The use cases behind gRPC, and the pipeline behind Kafka.
pub(crate) struct App {
    node: Node,
    address: SocketAddr,
}

/// All instances sign with the same secret, so none can make its own.
fn keys(config: &Config) -> Result<SigningKeys, Problems> {
    options::signing_keys(config)?.ok_or_else(|| {
        let mend = "set it, the same for every im-logic; make one with: openssl rand -base64 48";
        Problem::new("auth.jwt_secret", "is not set", mend).into()
    })
}

impl Program for App {
    const NAME: &'static str = "im-logic";
    const ABOUT: &'static str = "GoChat's rules: calls of the gateways, and the way of each message";
    const LISTEN: &'static str = "service.listen";
    type Own = NoCommand;

    fn check(effective: &Effective) -> Result<(), Problems> {
        Node::check(&effective.config)?;
        keys(&effective.config)?;
        service::options::redis(&effective.config)?;
        service::options::kafka(&effective.config)?;
        Ok(())
    }

    async fn first_text(config: &Config) -> anyhow::Result<Option<SharedText>> {
        Node::first_text(Self::NAME, config).await
    }

    fn texts(&self) -> Option<SharedTexts> {
        Some(self.node.texts())
    }

    async fn start(config: &Config, metrics: Metrics, log: &Logger) -> anyhow::Result<Self> {
        let node = Node::start(Self::NAME, config, metrics, log).await?;
        let (kafka, topics) = node.kafka(config).await?;
        let (redis, ids) = (node.redis(config)?, node.ids().await?);
        let producer = Producer::for_deliveries(&kafka, &node.metrics, &node.log)?;
        producer.watch(node.supervisor.phase(Phase::Work));
        producer.connect(&kafka).await?;
        let sessions = Arc::new(RedisSessions::new(redis.clone()));
        let repo = Arc::new(RepoClient::new(node.channel("im-repo")?));
        let deliver = KafkaDeliver::new(producer.clone(), sessions.clone(), &kafka, &node.log)
            .keeping_order(Arc::new(RedisDetours::new(redis.clone())));
        let (tellings, told) = outbox::tellings();
        let ports = Ports {
            clock: Arc::clone(&node.clock),
            ids: Arc::new(ids.clone()),
            secrets: Arc::new(OsSecrets),
            users: repo.clone(),
            friends: repo.clone(),
            logins: repo.clone(),
            hasher: repo.clone(),
            tokens: Arc::new(JwtSigner::new(&keys(config)?)),
            conversations: repo.clone(),
            directory: repo.clone(),
            groups: repo.clone(),
            messages: repo.clone(),
            sequencer: Arc::new(RedisSequencer::new(redis.clone())),
            dedup: Arc::new(RedisDedup::new(redis)),
            deliver: Arc::new(if service::options::has_hooks(config) {
                deliver.with_facts()
            } else {
                deliver
            }),
            sessions: sessions.clone(),
            tellings: Some(Arc::new(tellings)),
        };
        let settings = Arc::new(config.settings());
        // Only who asks for a change is spared the wait: the pipeline's offset must not pass before its records.
        let prompt = Arc::new(Prompt::new(ports.deliver.clone()));
        let prompt = Ports { deliver: prompt, ..ports.clone() };
        let services = usecase::services(&prompt, Arc::clone(&settings), &node.log);
        let work = node.supervisor.phase(Phase::Work);
        let grace = settings.presence_grace;
        departures::tell(work, services.presences.clone(), node.clock.clone(), grace);
        let terms = RelayTerms::default();
        let relay = Relay::new(ports.clone(), repo.clone(), terms, Arc::clone(&settings), &node.log);
        let late = OutboxParts {
            relay,
            outbox: repo,
            told,
            patience: terms.patience,
            look: config.service.outbox_look,
            metrics: node.metrics.clone(),
            log: node.log.clone(),
        };
        outbox::tell(work, late);
        let lost_parts = LostParts {
            claimant: node.instance.as_str().to_owned(),
            instances: node.instances("im-gateway")?,
            wait: grace.saturating_sub(sessions.dead_at_end()),
            sessions: RedisSessions::clone(&sessions),
            presences: services.presences.clone(),
            topics,
            absent: config.kafka.gateway_absent,
            log: node.log.clone(),
        };
        lost::tell(work, lost_parts);
        let pipeline =
            Arc::new(PipelineHandler::new(Pipeline::new(ports, settings, node.log.clone()), &node.log));
        let topic = Topics::new(&kafka.prefix).upstream();
        GroupConsumer::start(
            &kafka,
            &topic,
            Self::NAME,
            pipeline,
            producer,
            &node.supervisor,
            &node.metrics,
            &node.log,
        )?;
        node.ops(config, node.ready(Some(&ids))).await?;
        let routes = logic::routes(&services, config.service.call_size.as_usize(), &node.log);
        let address = node.serve(config, routes).await?;
        Ok(Self { node, address })
    }

    fn hello(&self, _: &Config) -> String {
        format!("im-logic is at {}\n", self.address)
    }

    fn supervisor(&self) -> &Supervisor {
        &self.node.supervisor
    }

    async fn run(command: &NoCommand, _: &Config, _: &Logger) -> anyhow::Result<()> {
        match *command {}
    }
}
