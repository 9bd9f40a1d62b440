//! What every process of the distributed mode is made of: its place in etcd, its calls, its probes.
//!
//! Only the shells of the four services use this; which ports they wire into which room is theirs.

mod limits;
pub mod lost;
pub mod options;
mod traces;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use gochat_core::model::GatewayId;
use gochat_core::ports::Clock;
use slog::{Logger, info, o};
use tokio::sync::watch;
use tonic::service::Routes;

use crate::etcd::{
    ConfigWatch, Discovery, Etcd, Instance, InstanceId, Instances, NodeIds, NodeOptions, Registration,
    ServiceName,
};
use crate::grpc::channel::Channel;
use crate::grpc::serve;
use crate::kafka::{KafkaConfig, TopicAdmin};
use crate::process::Problems;
use crate::process::config::Config;
use crate::process::config::choices::MetricsAccess;
use crate::process::program::{SharedText, SharedTexts};
use crate::redis::Redis;
use crate::runtime::metrics::Metrics;
use crate::runtime::trace::Tracer;
use crate::runtime::{Supervisor, SystemClock};
use crate::web::counters::{self, Readers};
use crate::web::http::{Health, probes};
use crate::web::server::{self, ServerConfig};
use options::Options;

pub use limits::RedisLimits;

/// One process of a service, before it does anything.
#[derive(Debug)]
pub struct Node {
    /// All its tasks.
    pub supervisor: Supervisor,
    /// What it counts.
    pub metrics: Metrics,
    /// Its log, with its name in each record.
    pub log: Logger,
    /// Its time.
    pub clock: Arc<dyn Clock>,
    /// Its name; no other process that lives has it.
    pub instance: GatewayId,
    /// What makes spans of what it does.
    pub tracer: Tracer,
    service: ServiceName,
    etcd: Etcd,
    discovery: Discovery,
    settings: ConfigWatch,
    options: Options,
}

/// Ready while it is not stopping and can make identifiers, if it makes any.
#[derive(Debug)]
pub struct Ready {
    supervisor: Supervisor,
    ids: Option<NodeIds>,
}

impl Health for Ready {
    fn ready(&self) -> Result<(), &'static str> {
        if self.supervisor.stopping().is_cancelled() {
            return Err("shutting down");
        }
        self.ids.as_ref().map_or(Ok(()), NodeIds::ready)
    }
}

impl Node {
    /// Checks the settings that all services need.
    ///
    /// # Errors
    /// What is not set.
    pub fn check(config: &Config) -> Result<(), Problems> {
        Options::of(config).map(drop)
    }

    /// The text of settings in etcd that all instances of a service share, as it is now.
    ///
    /// # Errors
    /// A setting, etcd is away, or it is no text.
    pub async fn first_text(service: &str, config: &Config) -> anyhow::Result<Option<SharedText>> {
        let (etcd, service) = (Options::of(config)?.etcd, ServiceName::new(service)?);
        // There is no log yet: what it is to be like stands in that text, too.
        let log = Logger::root(slog::Discard, o!());
        let supervisor = Supervisor::new(&log);
        let settings = ConfigWatch::start(Etcd::connect(etcd).await?, &service, &supervisor, &log).await?;
        let text = settings.text().borrow().as_deref().map(str::to_owned);
        // Following ends with it; nothing is lost if it does not in time.
        let _ = supervisor.shutdown(Duration::from_secs(1)).await;
        Ok(text.map(|text| (settings.key().to_owned(), text)))
    }

    /// The same text, and its changes.
    #[must_use]
    pub fn texts(&self) -> SharedTexts {
        SharedTexts { name: self.settings.key().to_owned(), text: self.settings.text() }
    }

    /// Connects to etcd. Nobody knows of this process yet.
    ///
    /// # Errors
    /// A setting, or etcd is away.
    pub async fn start(
        service: &'static str,
        config: &Config,
        metrics: Metrics,
        log: &Logger,
    ) -> anyhow::Result<Self> {
        let mut options = Options::of(config)?;
        options.channel.calls = metrics.calls_made.clone();
        options.serve.calls = metrics.calls_served.clone();
        let instance = options::instance(service, config).context("no random bytes for a name")?;
        let log = log.new(o!("service" => service, "instance" => instance.as_str().to_owned()));
        let etcd = Etcd::connect(options.etcd.clone()).await?;
        let supervisor = Supervisor::new(&log);
        metrics.watch_tasks(&supervisor);
        let tracer = traces::start(service, instance.as_str(), config, &supervisor, &metrics, &log)?;
        (options.channel.tracer, options.serve.tracer) = (tracer.clone(), tracer.clone());
        let discovery = Discovery::new(etcd.clone(), &supervisor, &log);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let service = ServiceName::new(service)?;
        let settings = ConfigWatch::start(etcd.clone(), &service, &supervisor, &log).await?;
        Ok(Self {
            supervisor,
            metrics,
            log,
            clock,
            instance,
            tracer,
            service,
            etcd,
            discovery,
            settings,
            options,
        })
    }

    /// A source of identifiers that no other process makes.
    ///
    /// # Errors
    /// etcd is away, or all numbers are taken.
    pub async fn ids(&self) -> anyhow::Result<NodeIds> {
        let options = NodeOptions::new(self.instance.as_str());
        let ids =
            NodeIds::start(self.etcd.clone(), options, Arc::clone(&self.clock), &self.supervisor, &self.log);
        Ok(ids.await?)
    }

    /// Calls to another service, wherever its instances are.
    ///
    /// # Errors
    /// A name that no service can have.
    pub fn channel(&self, service: &str) -> anyhow::Result<Channel> {
        let addresses = self.discovery.addresses(&ServiceName::new(service)?);
        Ok(Channel::watched(addresses, self.options.channel.clone(), &self.log))
    }

    /// The instances of a service, as they come and go.
    ///
    /// # Errors
    /// A name that no service can have.
    pub fn instances(&self, service: &str) -> anyhow::Result<watch::Receiver<Instances>> {
        Ok(self.discovery.watch(&ServiceName::new(service)?))
    }

    /// Redis; it may be away.
    ///
    /// # Errors
    /// A setting.
    pub fn redis(&self, config: &Config) -> anyhow::Result<Redis> {
        Ok(Redis::open(options::redis(config)?, &self.log)?)
    }

    /// Kafka, with the shared topics made and checked.
    ///
    /// # Errors
    /// A setting, no broker answers, or a topic is not as it should be.
    pub async fn kafka(&self, config: &Config) -> anyhow::Result<(KafkaConfig, TopicAdmin)> {
        let mut kafka = options::kafka(config)?;
        self.instance.as_str().clone_into(&mut kafka.client_id);
        kafka.tracer = self.tracer.clone();
        let topics = TopicAdmin::new(&kafka, &self.log)?;
        topics.ensure_shared().await?;
        Ok((kafka, topics))
    }

    /// What says whether this process should be given work.
    #[must_use]
    pub fn ready(&self, ids: Option<&NodeIds>) -> Arc<dyn Health> {
        Arc::new(Ready { supervisor: self.supervisor.clone(), ids: ids.cloned() })
    }

    /// Serves calls, and only then tells the others that this process is there.
    ///
    /// # Errors
    /// The address can't be listened on, or etcd is away.
    pub async fn serve(&self, config: &Config, routes: Routes) -> anyhow::Result<SocketAddr> {
        let listen = config.service.listen;
        let listener = tokio::net::TcpListener::bind(listen)
            .await
            .with_context(|| format!("can't listen on {listen}: set service.listen to a free address"))?;
        let address = listener.local_addr()?;
        serve::serve(listener, routes, &self.options.serve, &self.supervisor, &self.log)?;
        let advertised = config.service.advertise.clone().unwrap_or_else(|| address.to_string());
        self.register(&advertised).await?;
        Ok(address)
    }

    /// Tells the others that this process is there, until it stops.
    ///
    /// # Errors
    /// etcd is away, or others could not reach that address.
    pub async fn register(&self, address: &str) -> anyhow::Result<()> {
        let instance = Instance {
            address: address.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: self.clock.now(),
        };
        let id = InstanceId::new(self.instance.as_str())?;
        let etcd = self.etcd.clone();
        Registration::register(etcd, &self.service, &id, &instance, &self.supervisor, &self.log).await?;
        Ok(())
    }

    /// Serves probes and counters, where an address is set for them.
    ///
    /// # Errors
    /// It can't be listened on.
    pub async fn ops(&self, config: &Config, health: Arc<dyn Health>) -> anyhow::Result<()> {
        let Some(listen) = config.service.ops else { return Ok(()) };
        let listener =
            server::bind(&listen.to_string(), &self.log).await.map_err(|e| anyhow::anyhow!("{e}"))?;
        info!(self.log, "probes and counters"; "address" => %listener.local_addr()?);
        let router = probes(health).merge(counters(config, &self.metrics));
        server::serve(listener, router, ServerConfig::default(), &self.supervisor, &self.log);
        Ok(())
    }
}

/// `/metrics`, for whom the settings name.
pub fn counters(config: &Config, metrics: &Metrics) -> axum::Router {
    match config.metrics.access {
        MetricsAccess::Loopback => counters::router(metrics.clone(), Readers::Loopback),
        MetricsAccess::All => counters::router(metrics.clone(), Readers::All),
        _ => axum::Router::new(),
    }
}
