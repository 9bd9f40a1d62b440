//! What every program of GoChat does: read its settings, log, start, wait for a signal, drain.

mod live;
mod signals;

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use slog::{Logger, info, warn};

use super::cli::{Cli, Command};
use super::config::{Config, Effective, Layers, example};
use super::{Problem, Problems, log, raise_open_files};
use crate::runtime::Supervisor;
use crate::runtime::metrics::Metrics;
use live::{Live, Load};
use signals::{Cause, Signals};

pub use live::{SharedText, SharedTexts};

/// How long a program waits for calls that block when all else has ended.
const BLOCKED_CALLS: Duration = Duration::from_secs(2);

/// A program: what is its own among the things that all do.
pub trait Program: Sized {
    /// What it is called.
    const NAME: &'static str;
    /// What it is, in a sentence.
    const ABOUT: &'static str;
    /// The setting that `--listen` sets.
    const LISTEN: &'static str;
    /// Whether it has a data folder, which `--data` sets.
    const DATA: bool = false;
    /// Commands of its own; [`NoCommand`] for none.
    type Own: Subcommand;

    /// Checks what the settings name, and opens nothing.
    ///
    /// # Errors
    /// Everything that is wrong.
    fn check(effective: &Effective) -> Result<(), Problems>;

    /// The text of settings that all its instances share, as it is before anything is opened; none unless there is such a
    /// place. Only serving reads it: commands go by what is given to them.
    ///
    /// # Errors
    /// One line: what, why, how to mend it.
    fn first_text(_: &Config) -> impl Future<Output = anyhow::Result<Option<SharedText>>> {
        async { Ok(None) }
    }

    /// The same text, and its changes.
    fn texts(&self) -> Option<SharedTexts> {
        None
    }

    /// Opens everything; fails before anybody is let in.
    ///
    /// # Errors
    /// One line: what, why, how to mend it.
    fn start(config: &Config, metrics: Metrics, log: &Logger) -> impl Future<Output = anyhow::Result<Self>>;

    /// What it says on the terminal once it is up.
    fn hello(&self, config: &Config) -> String;

    /// Its tasks.
    fn supervisor(&self) -> &Supervisor;

    /// Lets everybody go; whether all ended well.
    fn shutdown(&self, grace: Duration) -> impl Future<Output = bool> {
        async move { self.supervisor().shutdown(grace).await.is_clean() }
    }

    /// Runs one of its own commands.
    ///
    /// # Errors
    /// One line: what, why, how to mend it.
    fn run(command: &Self::Own, config: &Config, log: &Logger) -> impl Future<Output = anyhow::Result<()>>;
}

/// A program without commands of its own has none of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum NoCommand {}

/// The whole of a program's `main`. 0 is well; 1 a failure; 2 a wrong flag or setting, with which nothing was started.
#[must_use]
pub fn main<P: Program>() -> ExitCode {
    let cli = Cli::<P::Own>::parse_as(P::NAME, P::ABOUT, P::DATA);
    match run::<P>(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            for line in format!("{e:#}").lines() {
                eprintln!("{}: {line}", P::NAME);
            }
            ExitCode::from(if e.is::<Problems>() { 2 } else { 1 })
        }
    }
}

fn run<P: Program>(cli: &Cli<P::Own>) -> anyhow::Result<()> {
    let load_with = |shared| {
        let layers = cli.flags.layers(P::LISTEN, std::env::vars_os())?;
        Layers { shared, ..layers }.load()
    };
    let load = || load_with(None);
    match &cli.command {
        Some(Command::Config { example: true }) => print!("{}", example()),
        Some(Command::Config { example: false }) => print!("{}", load()?.show()),
        Some(Command::Check) => {
            check::<P>(&load()?)?;
            println!("the settings are in order");
        }
        Some(Command::Own(own)) => {
            let effective = load()?;
            check::<P>(&effective)?;
            let (log, _guard) = log::start(&effective.config.log, &Metrics::new());
            let runtime = runtime(&effective.config)?;
            let ended = runtime.block_on(P::run(own, &effective.config, &log));
            runtime.shutdown_timeout(BLOCKED_CALLS);
            return ended;
        }
        None | Some(Command::Serve) => {
            // The runtime that serves is made as the whole of the settings says.
            let small = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let text = small.block_on(P::first_text(&load()?.config))?;
            drop(small);
            let load = |shared| load_with(shared).and_then(|new| check::<P>(&new).map(|()| new));
            let effective = load(text.clone())?;
            let runtime = runtime(&effective.config)?;
            let ended = runtime.block_on(serve::<P>(effective, text, &load));
            // Every task has ended, or the log names it. A call that blocks, such as leaving a group whose brokers are silent,
            // would be waited for without a limit.
            runtime.shutdown_timeout(BLOCKED_CALLS);
            return ended;
        }
    }
    Ok(())
}

fn runtime(config: &Config) -> std::io::Result<tokio::runtime::Runtime> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if config.server.threads > 0 {
        runtime.worker_threads(config.server.threads);
    }
    runtime.enable_all().build()
}

/// What the settings name must be there, before anything is opened.
fn check<P: Program>(effective: &Effective) -> Result<(), Problems> {
    P::check(effective)?;
    let folder = &effective.config.data.folder;
    if P::DATA && folder.exists() && !folder.is_dir() {
        let at = format!("{}: data.folder", effective.source("data.folder"));
        return Err(Problem::new(at, format!("{} is not a folder", folder.display()), "name another").into());
    }
    Ok(())
}

async fn serve<P: Program>(
    effective: Effective,
    text: Option<SharedText>,
    load: &Load<'_>,
) -> anyhow::Result<()> {
    let config = &effective.config;
    let metrics = Metrics::new();
    let (log, guard) = log::start(&config.log, &metrics);
    let files = raise_open_files();
    if files.is_some_and(|n| n < config.server.max_connections as u64 + 100) {
        warn!(log, "fewer files may be open than connections"; "open_files" => files, "mend" => "ulimit -n");
    }
    let program = P::start(config, metrics, &log).await?;
    let mut signals = Signals::new()?;
    // In one write, and whoever started us may have stopped reading: that is no reason to end.
    let _nobody_reads = std::io::stdout().write_all(program.hello(config).as_bytes());
    let fault = program.supervisor().stopping().cancelled();
    let mut live = Live { running: &effective, load, shared: program.texts(), guard: &guard, log: &log };
    live.started_with(text.as_ref());
    let cause = signals.until_stop(fault, live).await;
    info!(log, "stopping"; "within_seconds" => config.server.shutdown_grace.as_secs());
    tokio::select! {
        clean = program.shutdown(config.server.shutdown_grace) => {
            anyhow::ensure!(clean, "something did not stop in time, or failed; the log names it");
            // Whoever looks after the program starts it again after a failure.
            anyhow::ensure!(cause == Cause::Asked, "stopped by a fault of its own; the log names it");
            Ok(())
        }
        () = signals.again() => anyhow::bail!("stopped at once by the second signal"),
    }
}
