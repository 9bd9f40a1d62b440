//! Programs with their output read line by line, a server to talk to, and a cable to it that can be cut.

use std::ffi::OsStr;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use gochat_infra::embedded::{GoChat, Mount};
use gochat_infra::web::server::{ServerConfig, serve};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Waits, but not for ever.
pub(crate) async fn in_time<T>(what: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(60), what).await.expect("within a minute")
}

pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// A running example. Dropped, it is killed.
pub(crate) struct Program {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Program {
    pub(crate) fn start(path: &str, args: &[impl AsRef<OsStr>]) -> Self {
        let mut command = Command::new(path);
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("it starts");
        let stdout = child.stdout.take().expect("piped");
        Self { child, lines: BufReader::new(stdout).lines() }
    }

    /// The next line of its output that contains this.
    pub(crate) async fn line(&mut self, want: &str) -> String {
        let mut others = Vec::new();
        loop {
            match in_time(self.lines.next_line()).await.expect("readable") {
                Some(line) if line.contains(want) => return line,
                Some(line) => others.push(line),
                None => panic!("it ended without {want:?}: {others:#?}"),
            }
        }
    }

    pub(crate) async fn types(&mut self, line: &str) {
        let stdin = self.child.stdin.as_mut().expect("piped");
        stdin.write_all(format!("{line}\n").as_bytes()).await.expect("it reads");
        stdin.flush().await.expect("it reads");
    }

    /// Ctrl-C.
    pub(crate) fn interrupt(&self) {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        kill_process(id.expect("it runs"), Signal::INT).expect("it runs");
    }

    /// Waits until it has ended by itself.
    pub(crate) async fn end(mut self) -> ExitStatus {
        let rest = async {
            while let Some(line) = self.lines.next_line().await.expect("readable") {
                println!("{line}");
            }
        };
        in_time(rest).await;
        in_time(self.child.wait()).await.expect("it ends")
    }
}

/// The whole server in this process.
pub(crate) struct Server {
    pub(crate) chat: GoChat,
    pub(crate) address: String,
    _data: TempDir,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let data = folder();
        let chat = GoChat::builder(data.path()).bcrypt_cost(4).build().await.expect("a chat");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let app = chat.router(Mount::default());
        serve(listener, app, ServerConfig::default(), chat.supervisor(), chat.log());
        Self { chat, address, _data: data }
    }

    pub(crate) async fn stop(self) {
        in_time(self.chat.shutdown()).await;
    }
}

/// A way to a server that can be cut: what goes through it breaks off, and nobody new is let in until it is mended.
pub(crate) struct Cable {
    pub(crate) address: String,
    whole: watch::Sender<bool>,
    open: watch::Receiver<usize>,
    _tasks: JoinSet<()>,
}

impl Cable {
    pub(crate) async fn to(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let (whole, state) = watch::channel(true);
        let (count, open) = watch::channel(0);
        let mut tasks = JoinSet::new();
        tasks.spawn(carry(listener, server.to_owned(), state, Arc::new(count)));
        Self { address, whole, open, _tasks: tasks }
    }

    /// Cuts, and waits until nothing is carried any more.
    pub(crate) async fn cut(&self) {
        self.whole.send_replace(false);
        let mut open = self.open.clone();
        in_time(open.wait_for(|open| *open == 0)).await.expect("it is carried");
    }

    pub(crate) fn mend(&self) {
        self.whole.send_replace(true);
    }
}

async fn carry(
    listener: TcpListener,
    server: String,
    state: watch::Receiver<bool>,
    count: Arc<watch::Sender<usize>>,
) {
    let mut connections = JoinSet::new();
    loop {
        let (mut near, _) = listener.accept().await.expect("accepts");
        let (server, mut state, count) = (server.clone(), state.clone(), count.clone());
        if !*state.borrow() {
            continue;
        }
        count.send_modify(|open| *open += 1);
        connections.spawn(async move {
            let mut far = TcpStream::connect(server).await.expect("the server is there");
            tokio::select! {
                _ = copy_bidirectional(&mut near, &mut far) => {}
                _ = state.wait_for(|whole| !whole) => {}
            }
            count.send_modify(|open| *open -= 1);
        });
    }
}
