//! Keys of its own for each case, and short ways to use them.

pub(crate) mod away;
pub(crate) mod live;
pub(crate) mod nodes;
pub(crate) mod registry;

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use etcd_client::{Client, GetOptions};
use gochat_core::model::Timestamp;
use gochat_infra::etcd::{Etcd, EtcdConfig, Instance, InstanceId, ServiceName};
use gochat_infra::runtime::Supervisor;
use slog::Logger;
use tokio::sync::{oneshot, watch};

static NEXT: AtomicU64 = AtomicU64::new(0);

/// The servers of this run.
pub(crate) struct Servers {
    pub(crate) endpoints: Vec<String>,
}

impl Servers {
    pub(crate) fn from_env() -> Option<Self> {
        let named = std::env::var("ETCD_ENDPOINTS").ok().filter(|e| !e.is_empty())?;
        Some(Self { endpoints: named.split(',').map(str::to_owned).collect() })
    }

    /// A connection with a prefix of its own.
    pub(crate) async fn etcd(&self) -> Etcd {
        Etcd::connect(config(&self.endpoints)).await.expect("etcd answers")
    }

    /// A client past the adapter.
    pub(crate) async fn raw(&self) -> Client {
        Client::connect(&self.endpoints, None).await.expect("etcd answers")
    }
}

pub(crate) fn config(endpoints: &[String]) -> EtcdConfig {
    let mut config = EtcdConfig::new(endpoints);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    config.prefix = format!("/gochat-test/{}-{n}", std::process::id());
    config.lease_ttl = Duration::from_secs(1);
    config.timeout = Duration::from_secs(2);
    config
}

pub(crate) fn log() -> Logger {
    Logger::root(slog::Discard, slog::o!())
}

pub(crate) fn supervisor() -> Supervisor {
    Supervisor::new(&log())
}

pub(crate) async fn stop(supervisor: &Supervisor) {
    assert!(supervisor.shutdown(Duration::from_secs(10)).await.is_clean());
}

pub(crate) fn service() -> ServiceName {
    ServiceName::new("im-logic").expect("a good name")
}

pub(crate) fn id(name: &str) -> InstanceId {
    InstanceId::new(name).expect("a good name")
}

pub(crate) fn instance(address: &str) -> Instance {
    let started_at = Timestamp::from_millis(1_770_000_000_000);
    Instance { address: address.to_owned(), version: "0.1.0".to_owned(), started_at }
}

/// Waits until it holds.
pub(crate) async fn until<T>(of: &mut watch::Receiver<T>, holds: impl FnMut(&T) -> bool) {
    of.wait_for(holds).await.expect("it is still followed");
}

pub(crate) async fn keys(raw: &mut Client, prefix: &str) -> Vec<String> {
    let all = raw.get(prefix, Some(GetOptions::new().with_prefix())).await.expect("etcd answers");
    all.kvs().iter().map(|kv| kv.key_str().expect("text").to_owned()).collect()
}

/// A server of one case, to be killed.
pub(crate) struct Own {
    child: Child,
    folder: tempfile::TempDir,
    ports: [u16; 2],
}

impl Own {
    pub(crate) async fn start() -> Self {
        loop {
            let ports = [free_port(), free_port()];
            let folder = tempfile::tempdir().expect("a folder");
            // None: somebody else has taken a port since.
            if let Some(child) = launch(&folder, ports).await {
                return Self { child, folder, ports };
            }
        }
    }

    pub(crate) fn endpoints(&self) -> Vec<String> {
        vec![format!("http://127.0.0.1:{}", self.ports[0])]
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it was there");
        self.child.wait().expect("it is ours");
    }

    pub(crate) async fn restart(&mut self, without_data: bool) {
        if without_data {
            self.folder = tempfile::tempdir().expect("a folder");
        }
        self.child = launch(&self.folder, self.ports).await.expect("etcd starts again");
    }
}

/// Below the range of outgoing connections: nobody takes it while its server is away.
fn free_port() -> u16 {
    loop {
        let n = NEXT.fetch_add(1, Ordering::Relaxed) * 7 + u64::from(std::process::id()) * 131;
        let port = u16::try_from(12_000 + n % 8_000).expect("in range");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts it and waits until it says that it serves; `None` when it ends before.
async fn launch(folder: &tempfile::TempDir, [client, peer]: [u16; 2]) -> Option<Child> {
    let (client, peer) = (format!("http://127.0.0.1:{client}"), format!("http://127.0.0.1:{peer}"));
    let mut child = Command::new("etcd")
        .args(["--name", "own", "--heartbeat-interval", "20", "--election-timeout", "200", "--logger", "zap"])
        .arg("--data-dir")
        .arg(folder.path())
        .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
        .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
        .args(["--initial-cluster", &format!("own={peer}")])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("etcd is installed");
    let log = BufReader::new(child.stderr.take().expect("piped"));
    let (serves, served) = oneshot::channel();
    std::thread::spawn(move || {
        let mut serves = Some(serves);
        // To its end: a full pipe would stop it.
        for line in log.lines().map_while(Result::ok) {
            if line.contains("serving client")
                && let Some(serves) = serves.take()
            {
                let _ = serves.send(());
            }
        }
    });
    if served.await.is_err() {
        child.wait().expect("it is ours");
        return None;
    }
    Some(child)
}
