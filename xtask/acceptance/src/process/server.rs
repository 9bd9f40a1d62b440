//! A server process of our own.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::client::Base;
use crate::world::World;

const PATIENCE: Duration = Duration::from_secs(30);

/// A folder for data and logs, used by one server after the other.
#[derive(Debug)]
pub(super) struct Home {
    folder: TempDir,
}

/// A running server.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    output: PathBuf,
    /// The way to it.
    pub(super) world: World,
}

/// How a program that ended did so.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    /// What it wrote to both outputs.
    pub(super) output: String,
}

/// The program under test.
fn program() -> Result<PathBuf> {
    std::env::var_os("GOCHAT_BIN").map(PathBuf::from).context("GOCHAT_BIN names the server's program")
}

impl Home {
    pub(super) fn new() -> Result<Self> {
        Ok(Self { folder: tempfile::tempdir()? })
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// A command in this folder, with no settings but those given: cheap passwords, and any free port.
    fn command(&self, args: &[&str]) -> Result<(Command, PathBuf)> {
        let output = self.path().join("output");
        let mut command = Command::new(program()?);
        let kept = std::env::vars_os().filter(|(name, _)| !name.to_string_lossy().starts_with("GOCHAT_"));
        command.env_clear().envs(kept.collect::<Vec<_>>());
        command.args(args).current_dir(self.path()).kill_on_drop(true).stdin(Stdio::null());
        let file = File::create(&output)?;
        command.stdout(file.try_clone()?).stderr(file);
        Ok((command, output))
    }

    /// Starts a server with these settings (`limits.frame=1KiB`), and waits until it answers.
    pub(super) async fn start(&self, settings: &[&str]) -> Result<Server> {
        let data = self.data();
        self.start_on(&data, settings).await
    }

    /// The same with another data folder.
    pub(super) async fn start_on(&self, data: &Path, settings: &[&str]) -> Result<Server> {
        let data = data.to_str().context("a path of UTF-8")?;
        let mut args = vec!["--listen", "127.0.0.1:0", "--data", data, "--set", "auth.bcrypt_cost=4"];
        for setting in settings {
            args.extend(["--set", setting]);
        }
        let (mut command, output) = self.command(&args)?;
        let mut child = command.spawn()?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let text = std::fs::read_to_string(&output)?;
            if let Some(url) = address(&text) {
                let server = Server { child, output, world: World::new(Base::parse(&url)?) };
                server.world.http.outside("GET", "/healthz").send().await?;
                return Ok(server);
            }
            if let Some(status) = child.try_wait()? {
                bail!("the server ended with {status} instead of starting:\n{text}");
            }
            if Instant::now() > deadline {
                bail!("the server does not say where it is:\n{text}");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Runs the program to its end.
    pub(super) async fn run(&self, args: &[&str], env: &[(&str, &str)]) -> Result<Ended> {
        let (mut command, output) = self.command(args)?;
        command.envs(env.iter().copied());
        let mut child = command.spawn()?;
        let ended = tokio::time::timeout(PATIENCE, child.wait()).await;
        let text = std::fs::read_to_string(&output)?;
        let status = ended.with_context(|| format!("{args:?} {env:?} does not end:\n{text}"))??;
        Ok(Ended { status, output: text })
    }
}

/// The first `http://` address in what the server printed.
fn address(text: &str) -> Option<String> {
    let line = text.lines().find(|line| line.contains("http://"))?;
    text.ends_with('\n').then_some(())?;
    let from = line.find("http://")?;
    line[from..].split_whitespace().next().map(|url| url.trim_end_matches('/').to_owned())
}

impl Server {
    /// Sends a signal.
    pub(super) fn signal(&self, signal: Signal) -> Result<()> {
        let id = self.child.id().context("the server has ended already")?;
        let id = Pid::from_raw(i32::try_from(id)?).context("a process has an id")?;
        Ok(kill_process(id, signal)?)
    }

    /// Whether it still runs.
    pub(super) fn runs(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// Waits until it has ended.
    pub(super) async fn ended(mut self) -> Result<Ended> {
        let status = tokio::time::timeout(PATIENCE + PATIENCE, self.child.wait())
            .await
            .context("the server does not end")??;
        Ok(Ended { status, output: std::fs::read_to_string(&self.output)? })
    }

    /// Ends it at once, as a power cut does.
    pub(super) async fn kill(self) -> Result<()> {
        self.signal(Signal::KILL)?;
        self.ended().await.map(|_| ())
    }
}
