//! Puts im-gateway together: the only place that names its back ends.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gochat_core::ports::IdGenerator;
use gochat_infra::grpc::logic::LogicClient;
use gochat_infra::hub::Hub;
use gochat_infra::kafka::{Downstream, KafkaUpstream, Producer, TopicAdmin};
use gochat_infra::process::config::{Config, Effective};
use gochat_infra::process::program::{NoCommand, Program, SharedText, SharedTexts};
use gochat_infra::process::{Problems, options};
use gochat_infra::redis::GatewayLease;
use gochat_infra::runtime::metrics::Metrics;
use gochat_infra::runtime::{Phase, Supervisor};
use gochat_infra::service::{self, Node, RedisLimits};
use gochat_infra::web::assets::{self, Asset};
use gochat_infra::web::mount::{self, MountParts};
use gochat_infra::web::server;
use gochat_infra::web::ws::JsonEncoder;
use slog::{Logger, warn};

static PAGE: &[Asset] = include!(concat!(env!("OUT_DIR"), "/page.rs"));

/// The client contract: calls go to im-logic, messages to Kafka, what comes back to sockets.
pub(crate) struct App {
    node: Node,
    topics: TopicAdmin,
    address: SocketAddr,
}

impl Program for App {
    const NAME: &'static str = "im-gateway";
    const ABOUT: &'static str = "GoChat's gateway: HTTP and WebSocket for clients";
    const LISTEN: &'static str = "server.listen";
    type Own = NoCommand;

    fn check(effective: &Effective) -> Result<(), Problems> {
        let config = &effective.config;
        Node::check(config)?;
        options::mount(config)?;
        options::server(config)?;
        service::options::redis(config)?;
        service::options::kafka(config)?;
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
        let (log, supervisor, gateway) = (&node.log, &node.supervisor, node.instance.clone());
        let listen = config.server.listen.to_string();
        let listener = server::bind(&listen, log).await.map_err(|e| anyhow::anyhow!("{e}"))?;
        let address = listener.local_addr()?;
        let (kafka, topics) = node.kafka(config).await?;
        topics.ensure_downstream(&gateway).await?;
        let (redis, ids) = (node.redis(config)?, node.ids().await?);
        let producer = Producer::for_sends(&kafka, &node.metrics, log)?;
        producer.watch(supervisor.phase(Phase::Work));
        producer.connect(&kafka).await?;
        let hub =
            Hub::new(gateway.clone(), Arc::new(JsonEncoder), options::queue(config), node.metrics.clone());
        let work = supervisor.phase(Phase::Work);
        let limits = RedisLimits::new(redis.clone(), &node.metrics);
        let lease = GatewayLease::take(redis, gateway.clone(), Arc::new(hub.clone()), work, log).await?;
        lease.watch(&node.metrics);
        // Whoever removes topics of the dead may have done so until we had the lease of this name.
        topics.ensure_downstream(&gateway).await?;
        // A session that is registered must miss nothing: what comes for it is read before anybody is let in.
        let deliver = Arc::new(hub.clone());
        Downstream::start(&kafka, &gateway, deliver, supervisor, &node.metrics, log)?.ready().await?;
        let mut mounted = options::mount(config)?;
        mounted.http.shared_limits = Some(Arc::new(limits));
        (mounted.http.tracer, mounted.ws.tracer) = (node.tracer.clone(), node.tracer.clone());
        let parts = MountParts {
            services: LogicClient::new(node.channel("im-logic")?).services(),
            upstream: Arc::new(KafkaUpstream::new(producer, &kafka)),
            hub,
            supervisor: supervisor.clone(),
            ids: Arc::new(ids.clone()) as Arc<dyn IdGenerator>,
            clock: Arc::clone(&node.clock),
            settings: Arc::new(config.settings()),
            health: node.ready(Some(&ids)),
            log: log.clone(),
        };
        let router = mount::router(parts, mounted)
            .merge(assets::router(PAGE))
            .merge(service::counters(config, &node.metrics));
        server::serve(listener, router, options::server(config)?, supervisor, log);
        node.ops(config, node.ready(Some(&ids))).await?;
        node.register(&config.service.advertise.clone().unwrap_or_else(|| address.to_string())).await?;
        Ok(Self { node, topics, address })
    }

    fn hello(&self, config: &Config) -> String {
        let scheme = if config.server.tls_cert.is_some() { "https" } else { "http" };
        format!("im-gateway is at {scheme}://{}\n", self.address)
    }

    fn supervisor(&self) -> &Supervisor {
        &self.node.supervisor
    }

    async fn shutdown(&self, grace: Duration) -> bool {
        let clean = self.node.supervisor.shutdown(grace).await.is_clean();
        // Nobody else reads it, and nobody is here any more.
        if let Err(e) = self.topics.delete_downstream(&self.node.instance).await {
            warn!(self.node.log, "the topic of this gateway is left"; "error" => %e);
        }
        clean
    }

    async fn run(command: &NoCommand, _: &Config, _: &Logger) -> anyhow::Result<()> {
        match *command {}
    }
}
