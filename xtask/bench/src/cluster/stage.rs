//! A cluster to measure, without links in between, and what the generator needs to know of it.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result};
use gochat_acceptance::cluster::{Cluster, Sizes};
use tokio::runtime::Runtime;

use crate::load::{Api, LaneSpec, Login};

/// All that differs from the defaults: no limits of rate (0), and one thread for each process. Eight processes share two
/// cores, and one with a thread for each core wakes the other for every message alone.
const SETTINGS: [&str; 4] = [
    "limits.sends_per_second=0",
    "limits.registrations_per_minute=0",
    "limits.guests_per_minute=0",
    "server.threads=1",
];

/// A running cluster.
pub(super) struct Stage {
    pub(super) cluster: Cluster,
    pub(super) gateways: Vec<SocketAddr>,
    pub(super) runtime: Runtime,
}

impl Stage {
    /// Starts so many gateways, im-logic, im-repo and im-task, with `more` settings than those of all runs.
    pub(super) fn start(
        [gateways, logic, repo, task]: [usize; 4],
        programs: &Path,
        more: &[String],
    ) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let sizes = Sizes { gateways, logic, repo, task };
        let settings = [&SETTINGS.map(str::to_owned), more].concat();
        let cluster = runtime.block_on(Cluster::direct(sizes, programs.to_owned(), &settings))?;
        let address = |url: &String| -> Result<SocketAddr> {
            Ok(url.strip_prefix("http://").context("a gateway's URL is http")?.parse()?)
        };
        let gateways = cluster.urls().iter().map(address).collect::<Result<_>>()?;
        Ok(Self { cluster, gateways, runtime })
    }

    /// Ends it, with what its processes said last where something went wrong.
    pub(super) fn end<T>(mut self, outcome: Result<T>) -> Result<T> {
        if outcome.is_err() {
            let _within = self.runtime.enter();
            eprintln!("{}", self.cluster.last_words()?);
            return outcome;
        }
        let Self { cluster, runtime, .. } = self;
        runtime.block_on(cluster.stop())?;
        outcome
    }

    /// The client contract by way of one gateway.
    pub(super) fn api(&self) -> Api {
        Api { to: self.gateways[0] }
    }

    /// The processes of all services.
    pub(super) fn pids(&mut self) -> Result<Vec<u32>> {
        let names = self.cluster.names();
        names.iter().map(|name| self.pid(name)).collect()
    }

    /// The process of one.
    pub(super) fn pid(&mut self, name: &str) -> Result<u32> {
        Ok(u32::try_from(self.cluster.node(name)?.process()?.as_raw_nonzero().get())?)
    }

    /// So many single chats, each with its sender and its receiver.
    pub(super) fn pairs(&self, prefix: &str, count: usize) -> Result<Vec<LaneSpec>> {
        let users = self.api().users(prefix, 2 * count)?;
        let conversations = self.api().pairs(&users)?.into_iter();
        let lane = |(conversation, two): (String, &[Login])| LaneSpec {
            conversation,
            paths: two.iter().map(Login::path).collect(),
        };
        Ok(conversations.zip(users.chunks(2)).map(lane).collect())
    }
}

/// A variable of `cargo xtask servers`.
pub(super) fn server(variable: &str) -> Result<String> {
    std::env::var(variable)
        .with_context(|| format!("{variable} is not set: run `cargo xtask bench --cluster`"))
}
