//! `gochat-acceptance --url http://127.0.0.1:8080 [--report FILE] [filters and flags of cargo test]`

use std::process::ExitCode;

use anyhow::{Context, Result};
use gochat_acceptance::client::Base;
use gochat_acceptance::run::{Options, run};
use gochat_acceptance::{cases, world::World};

fn main() -> ExitCode {
    start().unwrap_or_else(|error| {
        eprintln!("gochat-acceptance: {error:#}");
        ExitCode::from(2)
    })
}

fn start() -> Result<ExitCode> {
    let options = Options::from_args()?;
    let listing = options.harness.iter().any(|arg| arg == "--list" || arg == "--help");
    let url = match &options.url {
        Some(url) => url.clone(),
        None if listing => "http://127.0.0.1:8080".to_owned(),
        None => anyhow::bail!("no server: give --url http://host:port or set GOCHAT_URL"),
    };
    let base = Base::parse(&url)?;
    if !listing {
        std::net::TcpStream::connect(&base.authority)
            .with_context(|| format!("no server answers at {url}"))?;
    }
    // Cases mostly wait.
    run(options, "Acceptance of the client contract", cases::all(), &World::new(base), 8)
}
