//! What runs beside the stages: the release builds of the whole gate, and the soak.
//!
//! The builds have the lowest priority, so they take what one crate after another leaves of the cores, and a folder of their own
//! inside the target folder, so no stage waits for them before it needs them; then it runs the same builds itself, which finds
//! them done, or says what is wrong. The soak takes three minutes of little work.

use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail};

use crate::sh;

/// What users run, and what measures it: apart, for together the first would get features that users' builds have not.
pub(crate) const RELEASES: [&[&str]; 2] =
    [&["build", "--release", "-p", "gochat"], &["build", "--release", "-p", "gochat-bench"]];

static BUILDS: Beside = Beside::new("ahead");
static SOAK: Beside = Beside::new("soak");

/// Begins to build.
pub(crate) fn begin_builds() -> Result<()> {
    let builds = RELEASES.map(|args| format!("\"$CARGO\" {}", args.join(" "))).join(" && ");
    let mut command = Command::new("nice");
    command.args(["-n", "19", "sh", "-c", &builds]).env("CARGO", sh::cargo(&[]).get_program());
    BUILDS.begin(&mut command)
}

/// Waits for the builds that were begun, whatever becomes of them.
pub(crate) fn end_builds() -> Result<()> {
    BUILDS.end().map(drop)
}

/// Three minutes of connects, sends and disconnects. Others work meanwhile: nothing is timed.
fn soak() -> Result<Command> {
    let mut soak = Command::new(sh::target()?.join("release/gochat-bench"));
    soak.args(["run", "--case", "soak", "--busy"]);
    Ok(soak)
}

/// Begins the soak, once its programs are built.
pub(crate) fn begin_soak() -> Result<()> {
    build()?;
    SOAK.begin(&mut soak()?)
}

fn build() -> Result<()> {
    RELEASES.iter().try_for_each(|args| sh::run(&mut sh::cargo(args)).1)
}

/// Waits for the soak and shows what it said; soaks now, if that was not begun.
pub(crate) fn end_soak() -> Result<()> {
    if let Some(result) = SOAK.end()? {
        return result;
    }
    build()?;
    sh::run(&mut soak()?).1
}

/// A program with a file for what it says.
struct Beside {
    name: &'static str,
    under_way: Mutex<Option<Child>>,
}

impl Beside {
    const fn new(name: &'static str) -> Self {
        Self { name, under_way: Mutex::new(None) }
    }

    fn begin(&self, command: &mut Command) -> Result<()> {
        let said = File::create(sh::target()?.join(self.name).with_extension("log"))?;
        let child = command.stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said).spawn();
        let child = child.context(self.name)?;
        *self.under_way.lock().unwrap_or_else(PoisonError::into_inner) = Some(child);
        Ok(())
    }

    /// Waits for what was begun, and shows what it said. How it ended; nothing when nothing was begun.
    fn end(&self) -> Result<Option<Result<()>>> {
        let begun = self.under_way.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut child) = begun else { return Ok(None) };
        let status = child.wait().context(self.name)?;
        let said = fs::read(sh::target()?.join(self.name).with_extension("log"))?;
        let said = String::from_utf8_lossy(&said);
        print!("{said}");
        Ok(Some(if status.success() { Ok(()) } else { fail(self.name, &said) }))
    }
}

fn fail(name: &str, said: &str) -> Result<()> {
    let lines: Vec<_> = said.lines().collect();
    bail!("{name} failed\n{}", lines[lines.len().saturating_sub(sh::LAST_LINES)..].join("\n"))
}
