//! GoChat in one process: API, WebSocket and page on one port, with its data in a folder.

mod app;
mod options;
mod signals;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use gochat_infra::process::cli::{Cli, Command};
use gochat_infra::process::config::{Effective, example};
use gochat_infra::process::{Problem, Problems, log, raise_open_files};
use gochat_infra::runtime::metrics::Metrics;
use slog::{info, warn};

use app::App;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            for line in format!("{e:#}").lines() {
                eprintln!("gochat: {line}");
            }
            // As for a wrong flag: nothing was started.
            ExitCode::from(if e.is::<Problems>() { 2 } else { 1 })
        }
    }
}

fn run(cli: &Cli) -> anyhow::Result<()> {
    let load = || cli.flags.layers(std::env::vars_os())?.load();
    match cli.command {
        Some(Command::Config { example: true }) => print!("{}", example()),
        Some(Command::Config { example: false }) => print!("{}", load()?.show()),
        Some(Command::Check) => {
            check(&load()?)?;
            println!("the settings are in order");
        }
        None | Some(Command::Serve) => {
            let effective = load()?;
            check(&effective)?;
            let threads = effective.config.server.threads;
            let mut runtime = tokio::runtime::Builder::new_multi_thread();
            if threads > 0 {
                runtime.worker_threads(threads);
            }
            return runtime.enable_all().build()?.block_on(serve(effective, &load));
        }
    }
    Ok(())
}

/// What the settings name must be there, before anything is opened.
fn check(effective: &Effective) -> Result<(), Problems> {
    let config = &effective.config;
    options::mount(config)?;
    options::server(config)?;
    options::signing_keys(config)?;
    let folder = &config.data.folder;
    if folder.exists() && !folder.is_dir() {
        let at = format!("{}: data.folder", effective.source("data.folder"));
        return Err(Problem::new(at, format!("{} is not a folder", folder.display()), "name another").into());
    }
    Ok(())
}

async fn serve(effective: Effective, load: &dyn Fn() -> Result<Effective, Problems>) -> anyhow::Result<()> {
    let config = &effective.config;
    let metrics = Metrics::new();
    let (log, guard) = log::start(&config.log, &metrics);
    let files = raise_open_files();
    if files.is_some_and(|n| n < config.server.max_connections as u64 + 100) {
        warn!(log, "fewer files may be open than connections"; "open_files" => files, "mend" => "ulimit -n");
    }
    let app = App::build(config, metrics, &log).await?;
    // In one write, and whoever started us may have stopped reading: that is no reason to end.
    let hello = format!("GoChat is at {}\nData: {}. Ctrl-C stops.\n", app.url(), show(&config.data.folder));
    let _nobody_reads = std::io::stdout().write_all(hello.as_bytes());
    signals::until_stop(app.stopping(), &effective, load, &guard, &log).await?;
    info!(log, "stopping"; "within_seconds" => config.server.shutdown_grace.as_secs());
    tokio::select! {
        clean = app.shutdown(config.server.shutdown_grace) => {
            anyhow::ensure!(clean, "something did not stop in time, or failed; the log names it");
            Ok(())
        }
        () = signals::again() => anyhow::bail!("stopped at once by the second signal"),
    }
}

fn show(folder: &Path) -> String {
    std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()).display().to_string()
}
