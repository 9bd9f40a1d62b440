//! Puts im-repo together: the only place that names its back ends.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Subcommand;
use gochat_infra::archive::Archiver;
use gochat_infra::auth::BcryptHasher;
use gochat_infra::grpc::repo::RepoPorts;
use gochat_infra::mysql::MySqlStore;
use gochat_infra::process::config::{Config, Effective};
use gochat_infra::process::program::{Program, SharedText, SharedTexts};
use gochat_infra::process::{Problems, options};
use gochat_infra::redis::Caches;
use gochat_infra::runtime::Supervisor;
use gochat_infra::runtime::metrics::Metrics;
use gochat_infra::service::{self, Node};
use slog::Logger;

/// Commands beside serving.
#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum Command {
    /// Bring the database's schema up to date. Safe to run from several machines at once.
    Migrate,
}

/// The store ports over MySQL, with caches in Redis, behind gRPC.
pub(crate) struct App {
    node: Node,
    store: Arc<MySqlStore>,
    address: SocketAddr,
}

impl Program for App {
    const NAME: &'static str = "im-repo";
    const ABOUT: &'static str =
        "GoChat's storage: accounts, conversations and messages in MySQL, with caches in Redis";
    const LISTEN: &'static str = "service.listen";
    type Own = Command;

    fn check(effective: &Effective) -> Result<(), Problems> {
        Node::check(&effective.config)?;
        service::options::mysql(&effective.config)?;
        service::options::redis(&effective.config)?;
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
        let store = MySqlStore::open(service::options::mysql(config)?, node.log.clone()).await?;
        store.watch(&node.metrics);
        let archive = service::options::archive(config, &node.log)?;
        let archives = archive.is_some();
        let store = Arc::new(match archive {
            Some(archive) => store.with_archive(archive),
            None => store,
        });
        let caches = Caches::new(node.redis(config)?, node.metrics.clone());
        let ports = RepoPorts {
            users: caches.users(store.clone()),
            friends: caches.friends(store.clone()),
            logins: store.clone(),
            conversations: caches.conversations(store.clone()),
            directory: caches.directory(store.clone()),
            groups: caches.groups(store.clone()),
            messages: caches.messages(store.clone()),
            outbox: store.clone(),
            hasher: Arc::new(BcryptHasher::start(options::hasher(config))?),
            archiver: archives.then(|| store.clone() as Arc<dyn Archiver>),
        };
        node.ops(config, node.ready(None)).await?;
        let routes = ports.routes(config.service.call_size.as_usize(), &node.log);
        let address = node.serve(config, routes).await?;
        Ok(Self { node, store, address })
    }

    fn hello(&self, _: &Config) -> String {
        format!("im-repo is at {}\n", self.address)
    }

    fn supervisor(&self) -> &Supervisor {
        &self.node.supervisor
    }

    async fn shutdown(&self, grace: Duration) -> bool {
        let clean = self.node.supervisor.shutdown(grace).await.is_clean();
        self.store.close().await;
        clean
    }

    async fn run(command: &Command, config: &Config, _: &Logger) -> anyhow::Result<()> {
        match command {
            Command::Migrate => {
                let options = service::options::mysql(config)?;
                let schema =
                    MySqlStore::migrate(&options.primary).await.context("the schema is not up to date")?;
                println!("the database has schema {schema}");
                Ok(())
            }
        }
    }
}
