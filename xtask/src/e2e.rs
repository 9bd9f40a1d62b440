//! The suites that know a server by its address alone, against the release server.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::sh::{self, Counts};
use crate::tools;

/// Longest time for a server to end when it is asked to: its grace, and some more.
const STOP: Duration = Duration::from_secs(40);

pub(crate) fn program(profile: &str, name: &str) -> Result<PathBuf> {
    Ok(sh::target()?.join(profile).join(name))
}

/// The contract, case by case; its table is written to `target/acceptance.md`.
pub(crate) fn acceptance() -> (Counts, Result<()>) {
    with_server(|url| {
        let mut suite = Command::new(program("debug", "gochat-acceptance")?);
        suite.args(["--url", url, "--report"]).arg(sh::target()?.join("acceptance.md"));
        Ok(suite)
    })
}

/// Crashes, full disks, bad configurations: the suite starts and kills servers itself.
pub(crate) fn process() -> (Counts, Result<()>) {
    let suite = || -> Result<Command> {
        let mut suite = Command::new(program("debug", "gochat-acceptance-process")?);
        suite.env("GOCHAT_BIN", program("release", "gochat")?);
        Ok(suite)
    };
    match suite() {
        Ok(mut suite) => sh::run(&mut suite),
        Err(e) => (Counts::default(), Err(e)),
    }
}

/// What the page is made of: its third-party files are those that npm has, and its parts do what they say.
pub(crate) fn page_parts() -> (Counts, Result<()>) {
    let (mut counts, result) = sh::run(&mut npm("check-vendor"));
    if result.is_err() {
        return (counts, result);
    }
    let (more, result) = sh::run(&mut npm("unit"));
    counts += more;
    (counts, result)
}

/// The page, in a browser.
pub(crate) fn page() -> (Counts, Result<()>) {
    with_server(|url| {
        let mut suite = npm("test");
        suite.env("GOCHAT_URL", url);
        suite.env("CHROMIUM", tools::chromium().context("there is no chromium")?);
        Ok(suite)
    })
}

fn npm(script: &str) -> Command {
    let mut npm = Command::new("npm");
    npm.args(["run", "--silent", script]).current_dir("examples/web");
    npm
}

/// Runs a suite against a fresh server, which must then end by itself when asked to.
fn with_server(suite: impl Fn(&str) -> Result<Command>) -> (Counts, Result<()>) {
    let mut server = match Server::start() {
        Ok(server) => server,
        Err(e) => return (Counts::default(), Err(e)),
    };
    let (counts, result) = match suite(&server.url) {
        Ok(mut suite) => sh::run(&mut suite),
        Err(e) => (Counts::default(), Err(e)),
    };
    (counts, result.and(server.stop()))
}

/// A release server on a free port, with its data in a folder that goes with it.
struct Server {
    child: Child,
    url: String,
    _folder: tempfile::TempDir,
}

impl Server {
    fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut command = Command::new(program("release", "gochat")?);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GOCHAT_"))
        {
            command.env_remove(name);
        }
        command
            .args(["--listen", "127.0.0.1:0", "--log-level", "warning", "--data"])
            .arg(folder.path().join("data"));
        // Hashing at the usual cost would measure bcrypt: the suites make hundreds of accounts.
        command.args(["--set", "auth.bcrypt_cost=4"]).current_dir(folder.path());
        let mut child =
            command.stdout(Stdio::piped()).stdin(Stdio::null()).spawn().context("can't start gochat")?;
        let out = child.stdout.take().context("its output is a pipe")?;
        let mut lines = BufReader::new(out).lines();
        let url = loop {
            let Some(line) = lines.next().transpose()? else {
                bail!("gochat ended before it listened ({})", child.wait()?);
            };
            if let Some(at) = line.find("http://") {
                break line[at..].trim().trim_end_matches('/').to_owned();
            }
        };
        println!("gochat is at {url}");
        // What it says later must go somewhere.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Self { child, url, _folder: folder })
    }

    fn stop(&mut self) -> Result<()> {
        let pid = self.child.id().to_string();
        ensure!(Command::new("kill").args(["-TERM", &pid]).status()?.success(), "gochat had ended already");
        let begun = Instant::now();
        while begun.elapsed() < STOP {
            if let Some(status) = self.child.try_wait()? {
                ensure!(status.success(), "gochat ended with {status}");
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("gochat did not end within {STOP:?} of SIGTERM")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
