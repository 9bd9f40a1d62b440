//! `GOCHAT_BIN=target/release/gochat gochat-acceptance-process [--report FILE] [filters and flags of cargo test]`

use std::process::ExitCode;

use anyhow::{Context, Result};
use gochat_acceptance::client::Base;
use gochat_acceptance::process;
use gochat_acceptance::run::{Options, run};
use gochat_acceptance::world::World;

const TITLE: &str = "Acceptance of the server's process

Starting, stopping, killing, settings, a full disk: what needs the program itself.
`GOCHAT_BIN=target/release/gochat cargo run -p gochat-acceptance --bin gochat-acceptance-process`.";

fn main() -> ExitCode {
    start().unwrap_or_else(|error| {
        eprintln!("gochat-acceptance-process: {error:#}");
        ExitCode::from(2)
    })
}

fn start() -> Result<ExitCode> {
    let options = Options::from_args()?;
    let listing = options.harness.iter().any(|arg| arg == "--list" || arg == "--help");
    if !listing {
        let program = std::env::var_os("GOCHAT_BIN").context("GOCHAT_BIN names the server's program")?;
        std::fs::metadata(&program).with_context(|| program.to_string_lossy().into_owned())?;
    }
    let mounts = listing || process::can_mount();
    // Each case starts servers of its own; this one is nobody's.
    let nowhere = World::new(Base::parse("http://127.0.0.1:9")?);
    run(options, TITLE, process::all(mounts), &nowhere, 3)
}
