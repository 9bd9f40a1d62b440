//! The release builds of the whole gate, beside the stages that wait for servers more than they work.
//!
//! They have the lowest priority and a folder of their own inside the target folder, so no stage waits for them before it
//! needs them; then it runs the same builds itself, which finds them done, or says what is wrong.

use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};

use crate::sh;

/// What users run, and what measures it: apart, for together the first would get features that users' builds have not.
pub(crate) const RELEASES: [&[&str]; 2] =
    [&["build", "--release", "-p", "gochat"], &["build", "--release", "-p", "gochat-bench"]];

static UNDER_WAY: Mutex<Option<Child>> = Mutex::new(None);

/// Begins to build.
pub(crate) fn begin() -> Result<()> {
    let said = File::create(sh::target()?.join("ahead.log"))?;
    let builds = RELEASES.map(|args| format!("\"$CARGO\" {}", args.join(" "))).join(" && ");
    let mut command = Command::new("nice");
    command.args(["-n", "19", "sh", "-c", &builds]).env("CARGO", sh::cargo(&[]).get_program());
    let child = command.stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said).spawn();
    let child = child.context("nice")?;
    *UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner) = Some(child);
    Ok(())
}

/// Waits for what was begun, whatever becomes of it.
pub(crate) fn end() -> Result<()> {
    let begun = UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner).take();
    begun.map_or(Ok(()), |mut child| child.wait().map(drop)).context("the builds that were begun")
}
