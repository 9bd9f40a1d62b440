//! The benchmark: builds what is measured and what measures, both for release, and runs it.

use anyhow::Result;

use crate::sh::{cargo, run as sh};

pub(crate) fn run(args: &[String]) -> Result<()> {
    // Alone: together with the generator it would get features that users' builds have not.
    sh(&mut cargo(&["build", "--release", "-p", "gochat"])).1?;
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    sh(&mut cargo(&[&["run", "--quiet", "--release", "-p", "gochat-bench", "--", "run"], &args[..]].concat()))
        .1
}
