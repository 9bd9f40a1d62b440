//! What goes wrong, and how it is mended.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Command;

use super::change;
use crate::cluster::{Cluster, Weather};

/// A slow process stands still for so long, which is less than any session or lease lasts, and then goes on for so long.
const LIMP: [Duration; 2] = [Duration::from_millis(800), Duration::from_millis(150)];
/// Until a group has a new member, or has taken over from one: two rounds at the pace of heartbeats, or a few when one is slow.
const HAND_OVER: Duration = Duration::from_secs(10);

/// The servers under the services, by the script that started them.
#[derive(Debug, Clone)]
pub struct Servers {
    /// `xtask/servers/servers.sh`.
    pub script: PathBuf,
    /// How Redis is reached, for `FLUSHALL`.
    pub redis: String,
}

/// One fault, with its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// kill -9 of a service, and its restart.
    Kill(String),
    /// A service stops where it is for so long, and goes on.
    Pause(String, Duration),
    /// A server is killed, stays away for so long, and is started again over its data.
    Server(&'static str, Duration),
    /// A server stops where it is for so long, and goes on.
    Freeze(&'static str, Duration),
    /// Everything in Redis is gone.
    Flush,
    /// The network to a server or process is like this for so long.
    Network(String, Weather, Duration),
    /// One more of the service joins and leaves again while another of it is slow, so that partitions change hands while
    /// batches of theirs are in hand.
    Join(&'static str, String),
    /// A group is changed while a broker is away for so long, and a member who stays connected hears of it afterwards.
    Change(&'static str, Duration),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kill(node) => write!(f, "{node} is killed, and started again"),
            Self::Pause(node, time) => write!(f, "{node} stands still for {time:?}"),
            Self::Server(server, time) => write!(f, "{server} is killed, and away for {time:?}"),
            Self::Freeze(server, time) => write!(f, "{server} stands still for {time:?}"),
            Self::Flush => f.write_str("Redis loses everything"),
            Self::Network(to, weather, time) => write!(f, "the network to {to} is {weather:?} for {time:?}"),
            Self::Join(service, slow) => {
                write!(f, "one more {service} joins and leaves while {slow} is slow")
            }
            Self::Change(broker, time) => write!(f, "a group changes while {broker} is away for {time:?}"),
        }
    }
}

impl Servers {
    pub(super) async fn script(&self, command: &str, server: &str) -> Result<()> {
        let status = Command::new("bash").arg(&self.script).args([command, server]).status().await?;
        ensure!(status.success(), "{command} {server}: {status}");
        Ok(())
    }
}

impl Fault {
    /// Lets it happen, and mends it; the system may still have to recover.
    ///
    /// # Errors
    /// What was to be broken is not there, or does not come up again.
    pub async fn happen(&self, cluster: &mut Cluster, servers: &Servers) -> Result<()> {
        match self {
            Self::Kill(name) => {
                let node = cluster.node(name)?;
                node.kill().await?;
                node.restart()?;
                node.ready().await
            }
            Self::Pause(name, time) => {
                cluster.node(name)?.signal(Signal::STOP)?;
                tokio::time::sleep(*time).await;
                cluster.node(name)?.signal(Signal::CONT)
            }
            Self::Server(server, time) => {
                servers.script("kill", server).await?;
                tokio::time::sleep(*time).await;
                servers.script("restart", server).await
            }
            Self::Freeze(server, time) => {
                servers.script("pause", server).await?;
                tokio::time::sleep(*time).await;
                servers.script("resume", server).await
            }
            Self::Flush => {
                let status =
                    Command::new("redis-cli").args(["-u", &servers.redis, "FLUSHALL"]).status().await?;
                ensure!(status.success(), "FLUSHALL: {status}");
                Ok(())
            }
            Self::Network(to, weather, time) => {
                cluster.link(to)?.set(*weather);
                tokio::time::sleep(*time).await;
                cluster.link(to)?.set(Weather::Fair);
                Ok(())
            }
            Self::Join(service, slow) => {
                let slow = cluster.node(slow)?.process()?;
                let change = async {
                    let name = cluster.join(service).await?;
                    tokio::time::sleep(HAND_OVER).await;
                    cluster.leave(&name).await?;
                    tokio::time::sleep(HAND_OVER / 2).await;
                    Ok(())
                };
                let done = tokio::select! {
                    done = change => done,
                    failed = limp(slow) => failed,
                };
                kill_process(slow, Signal::CONT)?;
                done
            }
            Self::Change(broker, time) => change::is_heard(cluster, servers, broker, *time).await,
        }
    }

    /// Each kind of fault once, on the processes of this cluster and so many Kafka brokers. A pause outlasts Kafka's session
    /// timeout.
    #[must_use]
    pub fn each(cluster: &Cluster, brokers: usize) -> Vec<Self> {
        let mut all = Vec::new();
        if brokers == 1 {
            all.push(Self::Change("kafka1", Duration::from_secs(8)));
        }
        for name in cluster.names().into_iter().filter(|name| name.ends_with("-1")) {
            all.push(Self::Kill(name.clone()));
            all.push(Self::Pause(name, Duration::from_secs(12)));
        }
        all.extend([
            Self::Flush,
            Self::Server("redis", Duration::from_secs(20)),
            Self::Server("primary", Duration::from_secs(3)),
            Self::Freeze("replica", Duration::from_secs(10)),
            Self::Server("etcd", Duration::from_secs(20)),
            Self::Server("kafka1", Duration::from_secs(1)),
        ]);
        if brokers > 2 {
            all.push(Self::Server("kafka2", Duration::from_secs(10)));
        }
        let network =
            |to: &str, weather, seconds| Self::Network(to.to_owned(), weather, Duration::from_secs(seconds));
        all.extend([
            network("primary", Weather::Cut, 3),
            network("primary", Weather::Still, 6),
            network("redis", Weather::Still, 6),
            network("redis", Weather::Slow(Duration::from_millis(200)), 6),
            network("im-repo-1", Weather::Cut, 5),
            network("im-repo-2", Weather::Still, 8),
            network("im-logic-1", Weather::Still, 8),
            network("im-logic-2", Weather::Slow(Duration::from_millis(300)), 6),
            network("etcd", Weather::Still, 12),
            // One way only: what was asked for is not done, or is done and nobody hears of it.
            network("primary", Weather::Unheard, 5),
            network("primary", Weather::Unanswered, 5),
            network("redis", Weather::Unanswered, 5),
            network("im-repo-1", Weather::Unheard, 6),
            network("im-repo-1", Weather::Unanswered, 6),
        ]);
        if cluster.link("kafka").is_ok() {
            // One of each service is split from the brokers, and all others go on; once for longer than a group waits.
            all.extend([
                network("kafka", Weather::Cut, 14),
                network("kafka", Weather::Unheard, 8),
                network("kafka", Weather::Unanswered, 8),
            ]);
        }
        all.extend(["im-logic", "im-task"].map(|service| Self::Join(service, format!("{service}-1"))));
        all
    }

    /// `n` faults drawn by a seed, each at another place.
    #[must_use]
    pub fn drawn(cluster: &Cluster, brokers: usize, seed: u64, n: usize) -> Vec<Self> {
        // Those that make users need a system that is whole, as it is at first.
        let mut all = Self::each(cluster, brokers);
        all.retain(|fault| !matches!(fault, Self::Change(..)));
        let mut dice = seed | 1;
        let mut roll = move || {
            // Steele, Lea and Flood's SplitMix64.
            dice = dice.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = dice;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            z ^ (z >> 31)
        };
        (0..n).map(|_| all[(roll() % all.len() as u64) as usize].clone()).collect()
    }
}

/// Lets a process stand still most of the time. Does not end by itself; then the process may stand still.
async fn limp(process: Pid) -> Result<()> {
    let [still, runs] = LIMP;
    loop {
        kill_process(process, Signal::STOP)?;
        tokio::time::sleep(still).await;
        kill_process(process, Signal::CONT)?;
        tokio::time::sleep(runs).await;
    }
}
