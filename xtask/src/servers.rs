//! `servers`: the real servers that tests ask for; the work is done by `xtask/servers/servers.sh`.

use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result};

use crate::sh::{Counts, root, run as sh};

/// The script with these arguments.
pub(crate) fn script(args: &[String]) -> Command {
    let mut script = Command::new("bash");
    script.arg(root().join("xtask/servers/servers.sh")).args(args);
    script
}

/// Becomes the script: the terminal is its own, with Ctrl-C and the question before it installs. Returns only when it can't.
pub(crate) fn run(args: &[String]) -> Result<()> {
    Err(script(args).exec()).context("can't run bash")
}

/// Runs cargo with `args` while `servers` are up, as CI does: what is missing fails.
pub(crate) fn with(servers: &[&str], args: &[&str]) -> (Counts, Result<()>) {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let words = [&["run"], servers, &["--", &cargo], args].concat();
    let words: Vec<_> = words.into_iter().map(str::to_owned).collect();
    sh(script(&words).env("CARGO_TERM_PROGRESS_WHEN", "never").env("RUST_BACKTRACE", "0"))
}
