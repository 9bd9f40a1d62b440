//! Runs programs, shows what they say, and reads the counts of test runners from it.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// How many of its last lines tell what was wrong with a program: test runners say at the end what failed and why.
pub(crate) const LAST_LINES: usize = 20;

/// The repository's folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is in the repository").to_owned()
}

/// The cargo that runs us, so that toolchains don't mix.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(args).env("CARGO_TERM_PROGRESS_WHEN", "never");
    cargo
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> Result<PathBuf> {
    let metadata: serde_json::Value =
        serde_json::from_str(&output(&mut cargo(&["metadata", "--format-version=1", "--no-deps"]))?)?;
    Ok(metadata["target_directory"].as_str().context("cargo names its target folder")?.into())
}

/// Tests that ran.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl Counts {
    /// What a line of a test runner adds: cargo's `test result: …`, or node's `# pass 3` (`ℹ pass 3`).
    fn of_line(line: &str) -> Self {
        let mut counts = Self::default();
        if let Some(result) = line.trim_start().strip_prefix("test result: ") {
            for part in result.split(['.', ';']) {
                match part.trim().split_once(' ').and_then(|(n, what)| Some((n.parse().ok()?, what))) {
                    Some((n, "passed")) => counts.passed = n,
                    Some((n, "failed")) => counts.failed = n,
                    Some((n, "ignored")) => counts.skipped = n,
                    _ => {}
                }
            }
        } else if let Some((what, n)) =
            line.strip_prefix("# ").or(line.strip_prefix("ℹ ")).and_then(|rest| rest.split_once(' '))
        {
            match (what, n.parse()) {
                ("pass", Ok(n)) => counts.passed = n,
                ("fail", Ok(n)) => counts.failed = n,
                ("skipped" | "todo", Ok(n)) => counts.skipped = n,
                _ => {}
            }
        }
        counts
    }
}

/// Runs a program; what it says goes on to the reader. Fails when it does, with its last lines and the counts that there were.
pub(crate) fn run(command: &mut Command) -> (Counts, Result<()>) {
    let mut counts = Counts::default();
    let result = watch(command, &mut counts);
    (counts, result)
}

fn watch(command: &mut Command, counts: &mut Counts) -> Result<()> {
    let name = describe(command);
    let mut child = command.stdout(Stdio::piped()).stdin(Stdio::null()).spawn().context(name.clone())?;
    let out = child.stdout.take().context("its output is a pipe")?;
    let (mut last, mut failures) = (VecDeque::with_capacity(LAST_LINES), Vec::new());
    for line in BufReader::new(out).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        *counts += Counts::of_line(&line);
        if last.len() == LAST_LINES {
            last.pop_front();
        }
        let closes = line.trim_start().starts_with("test result: FAILED");
        last.push_back(line.into_owned());
        if closes {
            // What other runners say after it would push it out.
            failures.extend(last.drain(..));
        }
    }
    let status = child.wait()?;
    if !status.success() {
        let said = if failures.is_empty() { last.into() } else { failures };
        bail!("`{name}` failed ({status})\n{}", said.join("\n"));
    }
    Ok(())
}

/// What a program says; fails when it does.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let name = describe(command);
    let out = command.stderr(Stdio::inherit()).output().context(name.clone())?;
    if !out.status.success() {
        bail!("`{name}` failed ({})", out.status);
    }
    Ok(String::from_utf8(out.stdout)?)
}

fn describe(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = command.get_args().map(|a| a.to_string_lossy().into_owned());
    std::iter::once(program.to_string_lossy().into_owned()).chain(words).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_come_from_the_closing_lines_of_cargo_and_node() {
        for (line, expected) in [
            (
                "test result: ok. 19 passed; 2 failed; 1 ignored; 0 measured; 4 filtered out; finished in 0.10s",
                (19, 2, 1),
            ),
            ("# pass 7", (7, 0, 0)),
            ("ℹ fail 3", (0, 3, 0)),
            ("# skipped 1", (0, 0, 1)),
            ("# tests 7", (0, 0, 0)),
            ("test result_is_kept ... ok", (0, 0, 0)),
        ] {
            let c = Counts::of_line(line);
            assert_eq!((c.passed, c.failed, c.skipped), expected, "{line}");
        }
    }

    #[test]
    fn a_failing_program_is_named_with_what_it_said_last() {
        let (_, result) = run(Command::new("sh").args(["-c", "seq 100; exit 3"]));
        let said = result.expect_err("it fails").to_string();
        assert!(said.starts_with("`sh -c seq 100; exit 3` failed"), "{said}");
        assert!(said.ends_with("\n99\n100") && !said.contains("\n80\n"), "{said}");
        let tests = "echo 'why it failed'; echo 'test result: FAILED. 0 passed; 1 failed'; seq 100; exit 101";
        let (counts, result) = run(Command::new("sh").args(["-c", tests]));
        let said = result.expect_err("it fails").to_string();
        assert!(said.contains("\nwhy it failed\n") && !said.contains("\n100"), "{said}");
        assert_eq!(counts.failed, 1);
    }
}
