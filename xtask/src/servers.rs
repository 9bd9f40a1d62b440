//! `servers`: the real servers that tests ask for; the work is done by `xtask/servers/servers.sh`.

use std::process::Command;

use anyhow::{Result, bail};

use crate::sh::{Counts, root, run as sh};

/// The script with these arguments.
pub(crate) fn script(args: &[String]) -> Command {
    let mut script = Command::new("bash");
    script.arg(root().join("xtask/servers/servers.sh")).args(args);
    script
}

/// Hands the arguments on. The terminal too: it asks before it installs, and so may what it runs.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let status = script(args).status()?;
    if !status.success() {
        bail!("servers failed ({status})");
    }
    Ok(())
}

/// Runs cargo with `args` while `servers` are up, as CI does: what is missing fails.
pub(crate) fn with(servers: &[&str], args: &[&str]) -> (Counts, Result<()>) {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let words = [&["run"], servers, &["--", &cargo], args].concat();
    let words: Vec<_> = words.into_iter().map(str::to_owned).collect();
    sh(script(&words).env("CARGO_TERM_PROGRESS_WHEN", "never").env("RUST_BACKTRACE", "0"))
}
