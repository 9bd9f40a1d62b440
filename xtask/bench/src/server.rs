//! The servers under load, as child processes bound to their cores.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::settings;

const START: Duration = Duration::from_secs(20);
const STOP: Duration = Duration::from_secs(20);

/// A running server; stops when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) at: SocketAddr,
}

/// How the bare server is to be started.
#[derive(Debug, Default, Clone)]
pub(crate) struct BareOptions {
    pub(crate) store: bool,
    pub(crate) delivery_bytes: usize,
    pub(crate) ack_bytes: usize,
    pub(crate) fault: Option<String>,
}

impl Server {
    /// Starts this very program as the bare server, its file in `folder`.
    pub(crate) fn bare(options: &BareOptions, folder: &Path, cores: &str) -> anyhow::Result<Self> {
        let mut command = Command::new("taskset");
        command.args(["-c", cores]).arg(std::env::current_exe()?).arg("bare");
        command.arg(format!("--delivery-bytes={}", options.delivery_bytes));
        command.arg(format!("--ack-bytes={}", options.ack_bytes));
        if options.store {
            command.arg("--store").arg(folder.join("bare.log"));
        }
        if let Some(fault) = &options.fault {
            command.args(["--fault", fault]);
        }
        let mut child = command.stdout(Stdio::piped()).spawn().context("cannot start the bare server")?;
        let mut line = String::new();
        let stdout = child.stdout.take().context("no standard output")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let at = line.trim().strip_prefix("listening ").context("the bare server didn't start")?.parse()?;
        Ok(Self { child, at })
    }

    /// Starts GoChat with its data in `folder`, and waits until it answers.
    pub(crate) fn gochat(program: &Path, folder: &Path, cores: &str) -> anyhow::Result<Self> {
        let at = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let log_path = folder.join("server.log");
        let log = File::options().create(true).append(true).open(&log_path)?;
        let child = Command::new("taskset")
            .args(["-c", cores])
            .arg(program)
            .envs(settings::environment(at, &folder.join("data")))
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot start taskset (Debian: util-linux)")?;
        let mut server = Self { child, at };
        let begun = Instant::now();
        while TcpStream::connect(at).is_err() {
            let ended = server.child.try_wait()?;
            if ended.is_some() || begun.elapsed() > START {
                let said = std::fs::read_to_string(&log_path).unwrap_or_default();
                bail!("{} doesn't listen at {at} ({ended:?}); it said:\n{said}", program.display());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks the server to end, and waits for it; returns whether it did so by itself.
    pub(crate) fn stop(&mut self) -> bool {
        let begun = Instant::now();
        if let Some(pid) = Pid::from_raw(self.child.id() as i32) {
            let _ = kill_process(pid, Signal::TERM);
        }
        while begun.elapsed() < STOP {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        false
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
