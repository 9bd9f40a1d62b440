//! `gochat-acceptance --url http://127.0.0.1:8080 [--report FILE] [filters and flags of cargo test]`

use std::process::ExitCode;

use anyhow::{Context, Result};
use gochat_acceptance::client::Base;
use gochat_acceptance::run::{Options, run};
use gochat_acceptance::{cases, world::World};

const TITLE: &str = "Acceptance of the client contract

For any implementation: it is given an address, makes its own users, and knows nothing of how the server was made.
`cargo run -p gochat-acceptance -- --url http://127.0.0.1:8080 [filter]`; settings are the defaults, but for cheap
passwords (`auth.bcrypt_cost=4`). The group `later` is for later rows of the contract and runs with `--ignored`.";

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
    // Cases mostly wait, so there are more of them than cores.
    run(options, TITLE, cases::all(), &World::new(base), 8)
}
