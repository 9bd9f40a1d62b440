//! `gochat-cluster --programs FOLDER [--gateways N] [--logic N] [--repo N] [--task N] [--set KEY=VALUE]… [-- COMMAND…]`
//!
//! Starts the four services over the servers that the environment names, and runs a command with `GOCHAT_URL` set to the
//! gateways (commas between), or serves until Ctrl-C. Then all must end well.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use gochat_acceptance::cluster::{Cluster, Sizes, asked_to_end};

fn main() -> ExitCode {
    let run = || -> Result<ExitCode> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(serve(std::env::args().skip(1)))
    };
    run().unwrap_or_else(|error| {
        eprintln!("gochat-cluster: {error:#}");
        ExitCode::FAILURE
    })
}

async fn serve(mut args: impl Iterator<Item = String>) -> Result<ExitCode> {
    let mut sizes = Sizes { gateways: 2, logic: 2, repo: 2, task: 2 };
    let (mut programs, mut extra, mut command) = (None, Vec::new(), Vec::new());
    while let Some(arg) = args.next() {
        if arg == "--" {
            command.extend(args.by_ref());
            break;
        }
        let value = args.next().with_context(|| format!("{arg} wants a value"))?;
        let number = || {
            value
                .parse::<usize>()
                .ok()
                .filter(|n| *n > 0)
                .with_context(|| format!("{arg} {value}: not a number"))
        };
        match arg.as_str() {
            "--gateways" => sizes.gateways = number()?,
            "--logic" => sizes.logic = number()?,
            "--repo" => sizes.repo = number()?,
            "--task" => sizes.task = number()?,
            "--programs" => programs = Some(PathBuf::from(value)),
            "--set" => extra.push(value),
            _ => bail!("there is no {arg}"),
        }
    }
    let programs = programs.context("--programs names the folder of im-gateway and the others")?;
    let programs = programs.canonicalize().with_context(|| programs.display().to_string())?;
    let mut cluster = Cluster::start(sizes, programs, &extra).await?;
    println!("GoChat is at {}", cluster.urls().join(" and "));
    let outcome = match command.split_first() {
        Some((program, args)) => {
            let mut command = tokio::process::Command::new(program);
            command.args(args).env("GOCHAT_URL", cluster.urls().join(",")).kill_on_drop(true);
            tokio::select! {
                status = command.status() => {
                    let status = status.with_context(|| program.clone())?;
                    ExitCode::from(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1))
                }
                ended = asked_to_end() => ended.map(|()| ExitCode::FAILURE)?,
            }
        }
        None => {
            println!("Ctrl-C stops.");
            asked_to_end().await?;
            ExitCode::SUCCESS
        }
    };
    if outcome != ExitCode::SUCCESS {
        eprintln!("{}", cluster.last_words()?);
    }
    cluster.stop().await?;
    Ok(outcome)
}
