//! Stands in for im-repo where the database must not be what limits: everything is in memory, in the reference of what
//! stores promise. Speaks to others as im-repo does, and is started as it is.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;
use gochat_core::testing::Memory;
use gochat_infra::auth::BcryptHasher;
use gochat_infra::grpc::repo::RepoPorts;
use gochat_infra::process::config::{Config, Effective};
use gochat_infra::process::program::{Program, SharedText, SharedTexts};
use gochat_infra::process::{Problems, options};
use gochat_infra::runtime::Supervisor;
use gochat_infra::runtime::metrics::Metrics;
use gochat_infra::service::Node;
use slog::Logger;

fn main() -> ExitCode {
    gochat_infra::process::program::main::<App>()
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum Command {
    /// There is nothing to bring up to date.
    Migrate,
}

struct App {
    node: Node,
    address: SocketAddr,
}

impl Program for App {
    const NAME: &'static str = "im-repo";
    const ABOUT: &'static str = "Stands in for im-repo in benchmarks: keeps all in memory";
    const LISTEN: &'static str = "service.listen";
    type Own = Command;

    fn check(effective: &Effective) -> Result<(), Problems> {
        Node::check(&effective.config)
    }

    async fn first_text(config: &Config) -> anyhow::Result<Option<SharedText>> {
        Node::first_text(Self::NAME, config).await
    }

    fn texts(&self) -> Option<SharedTexts> {
        Some(self.node.texts())
    }

    async fn start(config: &Config, metrics: Metrics, log: &Logger) -> anyhow::Result<Self> {
        let node = Node::start(Self::NAME, config, metrics, log).await?;
        let hasher = Arc::new(BcryptHasher::start(options::hasher(config))?);
        let ports = RepoPorts::all(Arc::new(Memory::new()), hasher);
        node.ops(config, node.ready(None)).await?;
        let routes = ports.routes(config.service.call_size.as_usize(), &node.log);
        let address = node.serve(config, routes).await?;
        Ok(Self { node, address })
    }

    fn hello(&self, _: &Config) -> String {
        format!("what stands in for im-repo is at {}\n", self.address)
    }

    fn supervisor(&self) -> &Supervisor {
        &self.node.supervisor
    }

    async fn run(command: &Command, _: &Config, _: &Logger) -> anyhow::Result<()> {
        match command {
            Command::Migrate => Ok(()),
        }
    }
}
