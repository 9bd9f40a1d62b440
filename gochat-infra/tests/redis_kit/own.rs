//! Servers that a test may end, empty, or start again.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use parking_lot::Mutex;

/// A server of its own process, without anything on disk. It ends with its handle.
pub(crate) struct OwnServer {
    port: u16,
    folder: tempfile::TempDir,
    cluster: bool,
    process: Mutex<Option<Child>>,
}

impl OwnServer {
    /// Whether the program can be found.
    pub(crate) fn is_there() -> bool {
        let asked = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status();
        asked.is_ok_and(|status| status.success())
    }

    pub(crate) fn start() -> Self {
        Self::launch(false)
    }

    /// One node that has all slots.
    pub(crate) async fn cluster() -> Self {
        let server = Self::launch(true);
        let mut node = super::raw(&server.url()).await;
        let mut all = redis::cmd("CLUSTER");
        all.arg("ADDSLOTSRANGE").arg(0).arg(16_383);
        all.exec_async(&mut node).await.expect("slots");
        loop {
            let info: String =
                redis::cmd("CLUSTER").arg("INFO").query_async(&mut node).await.expect("answers");
            if info.contains("cluster_state:ok") {
                return server;
            }
            tokio::task::yield_now().await;
        }
    }

    fn launch(cluster: bool) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
        let folder = tempfile::tempdir().expect("a folder");
        let server = Self { port, folder, cluster, process: Mutex::new(None) };
        server.begin();
        server
    }

    /// Starts it, empty, on its port; returns when it listens.
    pub(crate) fn begin(&self) {
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        command.arg("--port").arg(self.port.to_string()).arg("--dir").arg(self.folder.path());
        if self.cluster {
            // The bus takes the port above by 10,000, which need not be there.
            let bus =
                TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
            command.args(["--cluster-enabled", "yes", "--cluster-port"]).arg(bus.to_string());
        }
        let mut child = command.stdout(Stdio::piped()).spawn().expect("redis-server runs");
        let said = BufReader::new(child.stdout.take().expect("piped"));
        let ready =
            said.lines().map_while(Result::ok).any(|line| line.contains("eady to accept connections"));
        assert!(ready, "redis-server listens");
        *self.process.lock() = Some(child);
    }

    /// Ends it at once; nothing is kept.
    pub(crate) fn kill(&self) {
        if let Some(mut child) = self.process.lock().take() {
            child.kill().expect("killed");
            child.wait().expect("waited for");
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        self.kill();
    }
}
