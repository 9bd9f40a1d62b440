//! The four services, any number of each, as processes of our own over the servers that the environment names.

mod link;
mod node;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::timeout;

pub use link::{Link, Links, Weather};
pub use node::Node;

use crate::client::Base;
use crate::world::fresh;

/// Variables of `cargo xtask servers`, the settings that they become, and the links to them. (Kafka's brokers tell clients where
/// they are: only who comes by [`KAFKA_LINKS`] is led back to a link.)
const SERVERS: [(&str, &str, Option<&str>); 5] = [
    ("MYSQL_PRIMARY_URL", "GOCHAT_MYSQL__PRIMARY", Some("primary")),
    ("MYSQL_REPLICA_URL", "GOCHAT_MYSQL__REPLICAS", Some("replica")),
    ("REDIS_URL", "GOCHAT_REDIS__URL", Some("redis")),
    ("KAFKA_BROKERS", "GOCHAT_KAFKA__BROKERS", None),
    ("ETCD_ENDPOINTS", "GOCHAT_ETCD__ENDPOINTS", Some("etcd")),
];

/// Variable of `cargo xtask servers`: for each broker an address that it tells those who come by it, and where it listens for
/// them, as `ADDRESS=LISTENS`, with commas between. Nobody is at the addresses until there is a link.
const KAFKA_LINKS: &str = "KAFKA_LINKS";
/// Those that come by it: one of each service that speaks with brokers.
const SPLIT: [&str; 3] = ["im-gateway-1", "im-logic-1", "im-task-1"];

/// Longest wait for the counters of a process.
const ANSWER: Duration = Duration::from_secs(3);

/// The last words of a program that ends of a fault of its own.
const OWN_FAULT: &str = "stopped by a fault of its own; the log names it";

/// How many of each service.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "each field is the number of processes of that service")]
pub struct Sizes {
    pub gateways: usize,
    pub logic: usize,
    pub repo: usize,
    pub task: usize,
}

/// Running services. Dropping it kills them; [`stop`](Self::stop) asks them to end.
#[derive(Debug)]
pub struct Cluster {
    nodes: BTreeMap<String, Node>,
    urls: Vec<String>,
    links: Links,
    spec: node::Spec,
    name: String,
    _folder: TempDir,
}

impl Cluster {
    /// Makes the database ready and starts all; returns when all answer. Names in the servers are of this cluster alone, so
    /// several may share them. `extra` are settings for all, such as `limits.sends_per_second=0`.
    ///
    /// # Errors
    /// A server that is not named in the environment, or a process that does not come up: with what it said.
    pub async fn start(sizes: Sizes, programs: PathBuf, extra: &[String]) -> Result<Self> {
        Self::begin(sizes, programs, extra, true).await
    }

    /// The same without links, which cost time: for whoever measures.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn direct(sizes: Sizes, programs: PathBuf, extra: &[String]) -> Result<Self> {
        Self::begin(sizes, programs, extra, false).await
    }

    async fn begin(sizes: Sizes, programs: PathBuf, extra: &[String], linked: bool) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let name = fresh("gochat_");
        let mut env: Vec<(String, String)> = Vec::new();
        let mut links = Links::new();
        for (variable, setting, link) in SERVERS {
            let value = std::env::var(variable).with_context(|| {
                format!("{variable} is not set: run this under `cargo xtask servers run -- …`")
            })?;
            // A database of its own, on the same server.
            let value = if variable.starts_with("MYSQL") { database(&value, &name)? } else { value };
            let value = match link.filter(|_| linked) {
                Some(link) => link::through(&value, link, &mut links).await?,
                None => value,
            };
            env.push((setting.to_owned(), value));
        }
        for (key, value) in [
            ("REDIS__PREFIX", name.clone()),
            ("KAFKA__PREFIX", name.clone()),
            ("ETCD__PREFIX", format!("/{name}")),
            ("AUTH__JWT_SECRET", fresh("secret-of-this-cluster-") + &fresh("")),
            ("AUTH__BCRYPT_COST", "4".to_owned()),
            ("LOG__LEVEL", std::env::var("CLUSTER_LOG").unwrap_or_else(|_| "warning".to_owned())),
        ] {
            env.push((format!("GOCHAT_{key}"), value));
        }
        for setting in extra {
            let (key, value) = setting.split_once('=').context("a setting is KEY=VALUE")?;
            env.push((format!("GOCHAT_{}", key.to_uppercase().replacen('.', "__", 1)), value.to_owned()));
        }
        create_database(&name).await?;
        let spec = node::Spec { programs, env, folder: folder.path().to_owned(), linked };
        let migrated = spec.command("im-repo")?.arg("migrate").output().await?;
        ensure!(migrated.status.success(), "im-repo migrate: {}", String::from_utf8_lossy(&migrated.stderr));

        let mut split = spec.clone();
        if linked && let Some(brokers) = kafka_link(&mut links).await? {
            split.env.push(("GOCHAT_KAFKA__BROKERS".to_owned(), brokers));
        }
        let mut nodes = BTreeMap::new();
        // Those that are called before those that call, so that nobody begins by failing.
        for (service, count) in [
            ("im-repo", sizes.repo),
            ("im-logic", sizes.logic),
            ("im-task", sizes.task),
            ("im-gateway", sizes.gateways),
        ] {
            for n in 1..=count {
                let spec = if SPLIT.contains(&format!("{service}-{n}").as_str()) { &split } else { &spec };
                let node = Node::start(spec, service, n, &mut links).await?;
                nodes.insert(node.name().to_owned(), node);
            }
            for node in nodes.values_mut().filter(|node| node.service() == service) {
                node.ready().await?;
            }
        }
        let urls = nodes.values().filter_map(Node::url).collect();
        Ok(Self { nodes, urls, links, spec, name, _folder: folder })
    }

    /// Starts one more of a service and waits until it is up; its name. Clients are not told of another gateway.
    ///
    /// # Errors
    /// It does not come up: with what it said.
    pub async fn join(&mut self, service: &str) -> Result<String> {
        let n = 1 + self.nodes.values().filter(|node| node.service() == service).count();
        let mut node = Node::start(&self.spec, service, n, &mut self.links).await?;
        node.ready().await?;
        let name = node.name().to_owned();
        self.nodes.insert(name.clone(), node);
        Ok(name)
    }

    /// Asks one to end, and waits for it; it is no part of the cluster any more.
    ///
    /// # Errors
    /// There is none of the name, or it did not end well: with what it said.
    pub async fn leave(&mut self, name: &str) -> Result<()> {
        let node = self.node(name)?;
        node.terminate()?;
        node.ended_well().await?;
        self.nodes.remove(name);
        self.links.remove(name);
        Ok(())
    }

    /// Where clients connect; one for each gateway.
    #[must_use]
    pub fn urls(&self) -> &[String] {
        &self.urls
    }

    /// What its database is called, and what the names of its topics and keys begin with.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// All gateways, to be taken in turn.
    ///
    /// # Errors
    /// There is none.
    pub fn base(&self) -> Result<Base> {
        Base::parse(&self.urls.join(","))
    }

    /// A process, such as `im-logic-1`.
    ///
    /// # Errors
    /// There is none of the name.
    pub fn node(&mut self, name: &str) -> Result<&mut Node> {
        self.nodes.get_mut(name).with_context(|| format!("there is no {name}"))
    }

    /// The way to a server, or to a process that others call; see [`Links`].
    ///
    /// # Errors
    /// There is none of the name.
    pub fn link(&self, name: &str) -> Result<&Link> {
        self.links.get(name).with_context(|| format!("there is no link {name}"))
    }

    /// All processes' names.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.nodes.keys().cloned().collect()
    }

    /// What each process said last, and which have ended: for whoever looks for the cause of a failure.
    ///
    /// # Errors
    /// Their outputs can't be read.
    pub fn last_words(&mut self) -> Result<String> {
        let words = self.nodes.values_mut().map(Node::last_words);
        Ok(words.collect::<Result<Vec<_>>>()?.join("\n\n"))
    }

    /// Which series of these metrics are not zero, and in which process: for whoever looks for the cause of a failure.
    pub async fn series(&self, names: &[&str]) -> Vec<String> {
        let mut found = Vec::new();
        for node in self.nodes.values() {
            // One that stands still answers nobody.
            let Ok(Ok(text)) = timeout(ANSWER, node.metrics()).await else {
                found.push(format!("{} does not tell its counters", node.name()));
                continue;
            };
            let named =
                |line: &&str| names.iter().any(|name| line.starts_with(name)) && !line.ends_with(" 0");
            found.extend(text.lines().filter(named).map(|line| format!("{}: {line}", node.name())));
        }
        found
    }

    /// Starts again those that have ended of a fault that they know of, and named: what looks after services does so, and they
    /// count on it. How many there were; each says why on our output.
    ///
    /// # Errors
    /// One ended in another way, such as by a signal, or does not come up again: with what it said.
    pub async fn look_after(&mut self) -> Result<usize> {
        let mut fallen = 0;
        for node in self.nodes.values_mut() {
            let Some(status) = node.ended()? else { continue };
            let words = node.last_words()?;
            ensure!(status.code() == Some(1) && words.ends_with(OWN_FAULT), "it crashed: {words}");
            println!("started again: {words}");
            node.restart()?;
            node.ready().await?;
            fallen += 1;
        }
        Ok(fallen)
    }

    /// Asks all to end, gateways first, and waits for it.
    ///
    /// # Errors
    /// One did not end by itself, or not well: with what it said.
    pub async fn stop(mut self) -> Result<()> {
        for service in ["im-gateway", "im-task", "im-logic", "im-repo"] {
            for node in self.nodes.values().filter(|node| node.service() == service) {
                node.terminate()?;
            }
            for node in self.nodes.values_mut().filter(|node| node.service() == service) {
                node.ended_well().await?;
            }
        }
        Ok(())
    }
}

/// Waits until this process is asked to end: by Ctrl-C, or SIGTERM.
///
/// # Errors
/// Signals can't be listened for.
pub async fn asked_to_end() -> Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => Ok(pressed?),
        _ = terminate.recv() => Ok(()),
    }
}

/// The link to all brokers, and the addresses by which one comes by it; none where the brokers have no such addresses.
async fn kafka_link(links: &mut Links) -> Result<Option<String>> {
    let Ok(pairs) = std::env::var(KAFKA_LINKS) else { return Ok(None) };
    let (mut link, mut brokers) = (None::<Link>, Vec::new());
    for pair in pairs.split(',') {
        let (address, listens) = pair.split_once('=').with_context(|| format!("{KAFKA_LINKS}: {pair}"))?;
        brokers.push(address);
        link = Some(match link {
            None => Link::between(address, listens.to_owned()).await?,
            Some(link) => link.and(address, listens.to_owned()).await?,
        });
    }
    links.extend(link.map(|link| ("kafka".to_owned(), link)));
    Ok(Some(brokers.join(",")))
}

/// Makes an empty database on the server that the environment names.
async fn create_database(name: &str) -> Result<()> {
    let url = std::env::var("MYSQL_PRIMARY_URL")?;
    let parts = url.strip_prefix("mysql://").and_then(|rest| {
        let (user, place) = rest.split_once('@')?;
        let (user, password) = user.split_once(':')?;
        let (host, port) = place.split_once('/')?.0.split_once(':')?;
        Some([format!("-u{user}"), format!("-p{password}"), format!("-h{host}"), format!("-P{port}")])
    });
    let parts = parts.with_context(|| format!("{url} is not mysql://user:password@host:port/database"))?;
    let mut client = Command::new("mariadb");
    client.arg("--no-defaults").args(parts).args(["-e", &format!("CREATE DATABASE {name}")]);
    let made = client.output().await.context("mariadb, the client, is needed to make a database")?;
    ensure!(made.status.success(), "CREATE DATABASE: {}", String::from_utf8_lossy(&made.stderr));
    Ok(())
}

/// The same server with another database.
fn database(url: &str, name: &str) -> Result<String> {
    let (server, _) = url.rsplit_once('/').context("a MySQL URL ends with a database")?;
    Ok(format!("{server}/{name}"))
}
