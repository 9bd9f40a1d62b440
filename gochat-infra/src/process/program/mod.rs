//! What every program of GoChat does: read its settings, log, start, wait for a signal, drain.

mod signals;

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use slog::{Logger, info, warn};

use super::cli::{Cli, Command};
use super::config::{Config, Effective, example};
use super::{Problem, Problems, log, raise_open_files};
use crate::runtime::Supervisor;
use crate::runtime::metrics::Metrics;

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
    let load = || cli.flags.layers(P::LISTEN, std::env::vars_os())?.load();
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
            return runtime(&effective.config)?.block_on(P::run(own, &effective.config, &log));
        }
        None | Some(Command::Serve) => {
            let effective = load()?;
            check::<P>(&effective)?;
            return runtime(&effective.config)?.block_on(serve::<P>(effective, &load));
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
    load: &dyn Fn() -> Result<Effective, Problems>,
) -> anyhow::Result<()> {
    let config = &effective.config;
    let metrics = Metrics::new();
    let (log, guard) = log::start(&config.log, &metrics);
    let files = raise_open_files();
    if files.is_some_and(|n| n < config.server.max_connections as u64 + 100) {
        warn!(log, "fewer files may be open than connections"; "open_files" => files, "mend" => "ulimit -n");
    }
    let program = P::start(config, metrics, &log).await?;
    // In one write, and whoever started us may have stopped reading: that is no reason to end.
    let _nobody_reads = std::io::stdout().write_all(program.hello(config).as_bytes());
    let fault = program.supervisor().stopping().cancelled();
    signals::until_stop(fault, &effective, load, &guard, &log).await?;
    info!(log, "stopping"; "within_seconds" => config.server.shutdown_grace.as_secs());
    tokio::select! {
        clean = program.shutdown(config.server.shutdown_grace) => {
            anyhow::ensure!(clean, "something did not stop in time, or failed; the log names it");
            Ok(())
        }
        () = signals::again() => anyhow::bail!("stopped at once by the second signal"),
    }
}
