//! The benchmark: builds what is measured and what measures, both for release, and runs it.

use anyhow::Result;

use crate::sh::{self, cargo};
use crate::{cluster, servers};

pub(crate) fn run(args: &[String]) -> Result<()> {
    if let Some(at) = args.iter().position(|arg| arg == "--cluster") {
        return over_servers(&[&args[..at], &args[at + 1..]].concat());
    }
    // Alone: together with the generator it would get features that users' builds have not.
    sh::run(&mut cargo(&["build", "--release", "-p", "gochat"])).1?;
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    sh::run(&mut cargo(
        &[&["run", "--quiet", "--release", "-p", "gochat-bench", "--", "run"], &args[..]].concat(),
    ))
    .1
}

/// The four services over real servers, of this run alone.
fn over_servers(args: &[String]) -> Result<()> {
    let services =
        ["build", "--release", "-p", "im-gateway", "-p", "im-logic", "-p", "im-repo", "-p", "im-task"];
    sh::run(&mut cargo(&services)).1?;
    sh::run(&mut cargo(&["build", "--release", "-p", "gochat-bench", "--features", "cluster"])).1?;
    let folder = sh::target()?.join("release");
    let program = cluster::text(&folder.join("gochat-bench"))?;
    let folder = cluster::text(&folder)?;
    let words = ["run", "--", &program, "cluster", "--programs", &folder].map(str::to_owned);
    servers::run(&[&words[..], args].concat())
}
