//! One process of a service.

use std::fs::{File, OpenOptions};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use super::link::{Link, Links};
use crate::client::{Base, Http};

/// Longest time to come up, and to end.
const PATIENCE: Duration = Duration::from_secs(60);
/// Lines of what it said that tell how a process came to its end.
const LAST_LINES: usize = 15;

/// How processes of one cluster are started.
#[derive(Debug, Clone)]
pub(super) struct Spec {
    /// Folder of the programs.
    pub(super) programs: PathBuf,
    /// Settings.
    pub(super) env: Vec<(String, String)>,
    /// Where they write what they say.
    pub(super) folder: PathBuf,
    /// Whether those that are called are called by way of a link.
    pub(super) linked: bool,
}

impl Spec {
    /// A program of the cluster, with its settings and no others.
    pub(super) fn command(&self, program: &str) -> Result<Command> {
        let path = self.programs.join(program);
        ensure!(path.exists(), "{} is not there: build it first", path.display());
        let mut command = Command::new(path);
        let kept = std::env::vars_os().filter(|(name, _)| !name.to_string_lossy().starts_with("GOCHAT_"));
        command.env_clear().envs(kept.collect::<Vec<_>>()).envs(self.env.iter().cloned());
        command.current_dir(&self.folder).kill_on_drop(true).stdin(Stdio::null());
        Ok(command)
    }
}

/// A process of a service. Restarted, it has the same name, settings and address.
#[derive(Debug)]
pub struct Node {
    spec: Spec,
    service: String,
    name: String,
    /// Where clients connect, of a gateway.
    listen: Option<String>,
    /// Where others call it, and by which link, of those that are called.
    called: Option<[String; 2]>,
    /// Where it shows its counters, if not beside what clients call.
    ops: String,
    child: Child,
    output: PathBuf,
    /// Where in its output the present process begins.
    begins: u64,
}

impl Node {
    pub(super) async fn start(spec: &Spec, service: &str, n: usize, links: &mut Links) -> Result<Self> {
        let name = format!("{service}-{n}");
        // Free now; the same after a restart.
        let [free, ops] = free()?;
        let (mut listen, mut called) = (None, None);
        match service {
            "im-gateway" => listen = Some(free),
            "im-logic" | "im-repo" if !spec.linked => called = Some([free.clone(), free]),
            "im-logic" | "im-repo" => {
                let link = Link::to(free.clone()).await?;
                called = Some([free, link.address().to_string()]);
                links.insert(name.clone(), link);
            }
            _ => {}
        }
        let output = spec.folder.join(format!("{name}.log"));
        File::create(&output)?;
        let child = spawn(spec, service, listen.as_deref(), called.as_ref(), &ops, &output)?;
        let (spec, service) = (spec.clone(), service.to_owned());
        Ok(Self { spec, service, name, listen, called, ops, child, output, begins: 0 })
    }

    /// Its name, such as `im-logic-1`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its service, such as `im-logic`.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.service
    }

    /// Where clients connect, of a gateway.
    #[must_use]
    pub fn url(&self) -> Option<String> {
        self.listen.as_ref().map(|listen| format!("http://{listen}"))
    }

    /// Its counters, as it shows them.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn metrics(&self) -> Result<String> {
        let address = self.listen.as_deref().unwrap_or(&self.ops);
        let base = Base::parse(&format!("http://{address}"))?;
        let reply = Http::new(base).outside("GET", "/metrics").send().await?;
        ensure!(reply.status.is_success(), "the counters of {}: {}", self.name, reply.shown());
        Ok(String::from_utf8(reply.body.into())?)
    }

    /// What it said since it was started last.
    ///
    /// # Errors
    /// Its output can't be read.
    pub fn said(&self) -> Result<String> {
        let all = std::fs::read(&self.output)?;
        let from = usize::try_from(self.begins)?.min(all.len());
        Ok(String::from_utf8_lossy(&all[from..]).into_owned())
    }

    /// How it is, and what it said last.
    ///
    /// # Errors
    /// Its output can't be read.
    pub fn last_words(&mut self) -> Result<String> {
        let state = self.ended()?.map_or_else(|| "runs".to_owned(), |status| format!("ended: {status}"));
        let said = self.said()?;
        let lines: Vec<&str> = said.lines().collect();
        let last = lines[lines.len().saturating_sub(LAST_LINES)..].join("\n");
        Ok(format!("{} ({state}), its last of {} lines\n{last}", self.name, lines.len()))
    }

    /// Waits until it says that it is up.
    ///
    /// # Errors
    /// It ended, or says nothing for a minute.
    pub async fn ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let said = self.said()?;
            if said.lines().any(|line| line.contains(" is at ")) {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended with {status} instead of starting:\n{said}", self.name);
            }
            ensure!(Instant::now() < deadline, "{} does not come up:\n{said}", self.name);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// It has ended.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        Ok(kill_process(self.process()?, signal)?)
    }

    /// Its process.
    ///
    /// # Errors
    /// It has ended.
    pub fn process(&self) -> Result<Pid> {
        let id = self.child.id().with_context(|| format!("{} has ended", self.name))?;
        Pid::from_raw(i32::try_from(id)?).context("a process has an id")
    }

    /// Asks it to end.
    ///
    /// # Errors
    /// It has ended.
    pub fn terminate(&self) -> Result<()> {
        self.signal(Signal::TERM)
    }

    /// Ends it at once, as a power cut does.
    ///
    /// # Errors
    /// It has ended already.
    pub async fn kill(&mut self) -> Result<()> {
        self.signal(Signal::KILL)?;
        self.child.wait().await?;
        Ok(())
    }

    /// Starts it again, after it has ended; [`ready`](Self::ready) waits until it is up.
    ///
    /// # Errors
    /// It still runs.
    pub fn restart(&mut self) -> Result<()> {
        ensure!(self.child.try_wait()?.is_some(), "{} still runs", self.name);
        self.begins = std::fs::metadata(&self.output)?.len();
        let (listen, called) = (self.listen.as_deref(), self.called.as_ref());
        self.child = spawn(&self.spec, &self.service, listen, called, &self.ops, &self.output)?;
        Ok(())
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// The system does not say.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Waits for the end of a process that was asked to end.
    ///
    /// # Errors
    /// It does not end within a minute, or with a failure.
    pub async fn ended_well(&mut self) -> Result<()> {
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        let well = ended.is_ok_and(|status| status.is_ok_and(|status| status.success()));
        ensure!(well, "asked to end: {}", self.last_words()?);
        Ok(())
    }
}

fn spawn(
    spec: &Spec,
    service: &str,
    listen: Option<&str>,
    called: Option<&[String; 2]>,
    ops: &str,
    output: &PathBuf,
) -> Result<Child> {
    let mut command = spec.command(service)?;
    if let Some([listen, link]) = called {
        command.args(["--listen", listen]).arg("--set").arg(format!("service.advertise={link}"));
    }
    if let Some(listen) = listen {
        command.args(["--listen", listen]);
    } else {
        command.arg("--set").arg(format!("service.ops={ops}"));
    }
    let file = OpenOptions::new().append(true).open(output)?;
    // Ctrl-C in the terminal is for whoever started the cluster, who ends its processes in order.
    command.process_group(0);
    command.stdout(file.try_clone()?).stderr(file);
    command.spawn().with_context(|| format!("can't start {service}"))
}

/// Two addresses that are free now.
fn free() -> Result<[String; 2]> {
    let (one, two) = (TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?);
    Ok([one.local_addr()?.to_string(), two.local_addr()?.to_string()])
}
