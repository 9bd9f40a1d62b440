//! The stages of `verify`, `e2e` and `test`, in an order that builds nothing twice and fails early.

use std::time::Instant;

use anyhow::{Result, bail};

use crate::sh::{Counts, cargo, run as sh};
use crate::{deps, e2e, licences, servers, tidy, tools};

/// One stage: a name, and what it does.
#[derive(Clone, Copy)]
pub(crate) struct Stage {
    name: &'static str,
    run: fn() -> (Counts, Result<()>),
}

const fn stage(name: &'static str, run: fn() -> (Counts, Result<()>)) -> Stage {
    Stage { name, run }
}

fn no_counts(result: Result<()>) -> (Counts, Result<()>) {
    (Counts::default(), result)
}

/// Runs several commands until one fails.
fn all(commands: &[&[&str]]) -> (Counts, Result<()>) {
    let mut counts = Counts::default();
    for args in commands {
        let (more, result) = sh(&mut cargo(args));
        counts += more;
        if result.is_err() {
            return (counts, result);
        }
    }
    (counts, Ok(()))
}

pub(crate) fn verify() -> Vec<Stage> {
    vec![
        stage("tools", || no_counts(tools::rust().and_then(|()| tools::native()))),
        stage("format", || all(&[&["fmt", "--all", "--check"]])),
        stage("tidy", || no_counts(tidy::check())),
        stage("dependencies", || no_counts(deps::check().and_then(|()| licences::check()))),
        stage("clippy", || {
            all(&[&["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"]])
        }),
        // Each slice as somebody may take it; together they would hide what one of them lacks.
        stage("clippy of the slices", || {
            let slice = ["--", "-D", "warnings"];
            all(&[
                &[&["clippy", "-p", "gochat-core", "--no-default-features"], &slice[..]].concat(),
                &[&["clippy", "-p", "gochat-infra", "--no-default-features"], &slice[..]].concat(),
                &[
                    &["clippy", "-p", "gochat-infra", "--no-default-features", "--features", "embedded"],
                    &slice[..],
                ]
                .concat(),
                &[
                    &["clippy", "-p", "gochat-infra", "--no-default-features", "--features", "mysql"],
                    &slice[..],
                ]
                .concat(),
                &[
                    &["clippy", "-p", "gochat-infra", "--no-default-features", "--features", "web"],
                    &slice[..],
                ]
                .concat(),
                &[
                    &[
                        "clippy",
                        "-p",
                        "gochat-infra",
                        "--no-default-features",
                        "--features",
                        "process,tracing",
                    ],
                    &slice[..],
                ]
                .concat(),
            ])
        }),
        stage("tests and doctests", || {
            // Those that need servers run in stages of their own.
            sh(cargo(&["test", "--workspace", "--all-features", "--no-fail-fast"])
                .env("GOCHAT_SERVERS", "later"))
        }),
        stage("docs", || {
            sh(cargo(&["doc", "--workspace", "--all-features", "--no-deps"])
                .env("RUSTDOCFLAGS", "-D warnings"))
        }),
    ]
}

pub(crate) fn e2e() -> Vec<Stage> {
    vec![
        stage("browser and its tools", || no_counts(tools::browser())),
        stage("release build", || {
            all(&[&["build", "--release", "-p", "gochat"], &["build", "-p", "gochat-acceptance"]])
        }),
        stage("acceptance", e2e::acceptance),
        stage("process", e2e::process),
        stage("parts of the page", e2e::page_parts),
        stage("page in a browser", e2e::page),
    ]
}

pub(crate) fn soak() -> Vec<Stage> {
    vec![stage("soak", || {
        all(&[
            &["build", "--release", "-p", "gochat"],
            &["run", "--quiet", "--release", "-p", "gochat-bench", "--", "run", "--case", "soak"],
        ])
    })]
}

pub(crate) fn all_of_them() -> Vec<Stage> {
    [verify(), mysql(), etcd(), e2e(), soak()].concat()
}

/// The stages of these names, in the order of the whole.
pub(crate) fn named(names: &[String]) -> Result<Vec<Stage>> {
    let all = all_of_them();
    let unknown = names.iter().find(|n| !all.iter().any(|s| s.name == n.as_str()));
    if names.is_empty() || unknown.is_some() {
        let known = all.iter().map(|s| format!("  {}", s.name)).collect::<Vec<_>>().join("\n");
        bail!("name one or more of these stages:\n{known}");
    }
    Ok(all.into_iter().filter(|s| names.iter().any(|n| n == s.name)).collect())
}

/// MySQL storage over real servers. A build of its own, with little in it.
pub(crate) fn mysql() -> Vec<Stage> {
    vec![stage("mysql", || {
        let suites = ["--test", "mysql_conformance"];
        let slice = ["test", "-p", "gochat-infra", "--no-default-features", "--features", "mysql"];
        servers::with(&["db"], &[&slice[..], &suites].concat())
    })]
}

/// Registration, node ids and live settings over a real etcd. A build of its own, with little in it.
fn etcd() -> Vec<Stage> {
    vec![stage("etcd", || {
        let slice =
            ["test", "-p", "gochat-infra", "--no-default-features", "--features", "etcd", "--test", "etcd"];
        servers::with(&["etcd"], &slice)
    })]
}

/// Runs the stages, with a line for each, and closes with the counts of all. Goes on after a failure: one run tells all.
pub(crate) fn run(stages: &[Stage]) -> Result<()> {
    let (mut counts, mut failed, mut lines) = (Counts::default(), Vec::new(), Vec::new());
    for (i, stage) in stages.iter().enumerate() {
        println!("\n==> [{}/{}] {}", i + 1, stages.len(), stage.name);
        let begun = Instant::now();
        let (stage_counts, result) = (stage.run)();
        counts += stage_counts;
        let took = begun.elapsed().as_secs();
        let how = if result.is_ok() { "ok" } else { "FAILED" };
        lines.push(format!("{how:>6}  {took:>5} s  {}", stage.name));
        if let Err(e) = result {
            println!("<== {} FAILED after {took} s: {e:#}", stage.name);
            failed.push(stage.name);
            // Nothing later can work without these.
            if matches!(stage.name, "tools" | "release build") {
                break;
            }
        } else {
            println!("<== {} ok after {took} s", stage.name);
        }
    }
    println!("\n{}\n", lines.join("\n"));
    if counts != Counts::default() {
        println!("{} passed, {} failed, {} skipped", counts.passed, counts.failed, counts.skipped);
    }
    if failed.is_empty() {
        return Ok(());
    }
    bail!("failed: {}", failed.join(", "))
}
