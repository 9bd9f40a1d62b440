//! The stages of `verify`, `e2e` and `test`, in an order that builds nothing twice and fails early.

use std::process::Command;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::sh::{Counts, cargo, run as sh};
use crate::{beside, cluster, criteria, deps, e2e, licences, servers, tidy, tools};

/// Slices of gochat-infra that are built by themselves: the plain ones, each adapter of the distributed mode, a program's.
/// `grpc` comes with `service`, which is what the four services take, and `sqlite` and `auth` with `embedded`.
const SLICES: [&str; 11] = [
    "",
    "embedded",
    "mysql",
    "archive",
    "transfer",
    "redis",
    "kafka",
    "etcd",
    "hooks",
    "service",
    "web,process,tracing",
];

/// How long `chaos` breaks things in CI: each kind of fault once takes nearly as long. Longer runs are for `cargo xtask chaos`:
/// the whole gate has to stay below 45 minutes on two cores.
const CHAOS_MINUTES: u32 = 10;

/// The suites over MySQL and what speaks its language.
const MYSQL: &[&str] = &["mysql_conformance", "mysql_outage", "transfer"];

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
    [at_sight(), compiled()].concat()
}

/// What is seen without a compiler.
fn at_sight() -> Vec<Stage> {
    vec![
        stage("tools", || no_counts(tools::rust().and_then(|()| tools::native()))),
        stage("format", || all(&[&["fmt", "--all", "--check"]])),
        stage("tidy", || no_counts(tidy())),
        stage("dependencies", || no_counts(deps::check().and_then(|()| licences::check()))),
    ]
}

fn compiled() -> Vec<Stage> {
    vec![
        stage("clippy", || {
            all(&[&["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"]])
        }),
        // Each slice as somebody may take it; together they would hide what one of them lacks.
        stage("clippy of the slices", clippy_of_the_slices),
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

/// Both parts, so that one run tells all that is wrong.
pub(crate) fn tidy() -> Result<()> {
    let (files, tests) = (tidy::check(), criteria::check());
    match (files, tests) {
        (Err(files), Err(tests)) => bail!("{files:#}\n{tests:#}"),
        (files, tests) => files.and(tests),
    }
}

pub(crate) fn e2e() -> Vec<Stage> {
    [suites(), page()].concat()
}

fn suites() -> Vec<Stage> {
    vec![
        stage("browser and its tools", || no_counts(tools::browser())),
        stage("protocol", || no_counts(tools::buf().and_then(|()| protocol()))),
        stage("programs", programs),
        stage("acceptance", e2e::acceptance),
        stage("process", e2e::process),
    ]
}

/// The rules of `proto/buf.yaml`.
fn protocol() -> Result<()> {
    sh(Command::new("proto/node_modules/.bin/buf").args(["lint", "proto"])).1
}

fn page() -> Vec<Stage> {
    vec![stage("parts of the page", e2e::page_parts), stage("page in a browser", e2e::page)]
}

pub(crate) fn soak() -> Vec<Stage> {
    vec![stage("soak", || no_counts(beside::end_soak()))]
}

/// The release server as users build it, and all other programs out of what the tests were built of: nothing is compiled twice.
fn programs() -> (Counts, Result<()>) {
    if let Err(e) = beside::end_builds() {
        return no_counts(Err(e));
    }
    all(&[beside::RELEASES[0], &["build", "--workspace", "--all-features", "--bins", "--tests"]])
}

pub(crate) fn all_of_them() -> Vec<Stage> {
    let ahead = vec![stage("release builds begin", || no_counts(beside::begin_builds()))];
    let soaking = vec![stage("soak begins", || no_counts(beside::begin_soak()))];
    [at_sight(), ahead, compiled(), real_servers(), suites(), soaking, page(), soak(), four_services()]
        .concat()
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

/// The suites of the adapters over real servers. Built with all others of the workspace, so that nothing is built twice.
fn suite(server: &[&str], names: &[&str]) -> (Counts, Result<()>) {
    let names = names.iter().flat_map(|name| ["--test", name]);
    let args: Vec<_> = ["test", "--workspace", "--all-features"].into_iter().chain(names).collect();
    servers::with(server, &args)
}

/// The suite, and the tests in the adapter's own rooms that have brokers where there are any.
fn kafka() -> (Counts, Result<()>) {
    let (mut counts, result) = suite(&["kafka"], &["kafka"]);
    if result.is_err() {
        return (counts, result);
    }
    let rooms = ["test", "--workspace", "--all-features", "--lib", "kafka::"];
    let (more, result) = servers::with(&["kafka"], &rooms);
    counts += more;
    (counts, result)
}

/// MySQL storage over a primary and a replica, and the way of a data folder into it: over MariaDB, and over MySQL 8.
pub(crate) fn mysql() -> Vec<Stage> {
    vec![
        stage("mysql", || suite(&["db"], MYSQL)),
        stage("mysql 8", || suite(&["db", "--db", "mysql8"], MYSQL)),
    ]
}

fn real_servers() -> Vec<Stage> {
    let rest = vec![
        stage("redis", || suite(&["redis"], &["redis_conformance"])),
        stage("etcd", || suite(&["etcd"], &["etcd"])),
        stage("kafka", kafka),
        stage("lost gateways", || suite(&["redis", "etcd", "kafka"], &["lost"])),
    ];
    [mysql(), rest].concat()
}

/// The four services over all servers: as clients see them, and under faults. Their programs come from `e2e`.
fn four_services() -> Vec<Stage> {
    vec![
        stage("cluster acceptance", cluster::acceptance),
        stage("cluster page", cluster::page),
        stage("chaos", || cluster::faults(CHAOS_MINUTES)),
        stage("lost brokers", cluster::lost_brokers),
    ]
}

/// What each feature is by itself, and core without its own.
fn clippy_of_the_slices() -> (Counts, Result<()>) {
    let warnings = ["--", "-D", "warnings"];
    let core = [&["clippy", "-p", "gochat-core", "--no-default-features"], &warnings[..]].concat();
    let (counts, mut result) = all(&[&core]);
    for slice in SLICES {
        if result.is_err() {
            break;
        }
        let infra = ["clippy", "-p", "gochat-infra", "--no-default-features", "--features", slice];
        result = all(&[&[&infra[..], &warnings].concat()]).1;
    }
    (counts, result)
}

/// What `df` says is left where things are built, and for temporary files.
fn free_space() -> String {
    let temp = std::env::temp_dir();
    let mut df = Command::new("df");
    let said = df.args(["-h", "--output=avail,target", "."]).arg(temp).output();
    let said = said.map(|out| String::from_utf8_lossy(&out.stdout).into_owned()).unwrap_or_default();
    said.lines()
        .skip(1)
        .map(|l| l.split_whitespace().collect::<Vec<_>>().join(" in "))
        .collect::<Vec<_>>()
        .join(", ")
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
            println!("<== {} FAILED after {took} s", stage.name);
            // A full disk looks like anything: a linker that dies, a server that does not start.
            failed.push((stage.name, format!("{e:#}\nfree space: {}", free_space())));
            // Nothing later can work without these.
            if matches!(stage.name, "tools" | "programs") {
                break;
            }
        } else {
            println!("<== {} ok after {took} s", stage.name);
        }
    }
    println!("\n{}", lines.join("\n"));
    // At the very end, where it is found.
    for (stage, why) in &failed {
        println!("\n{stage}: {why}");
    }
    println!();
    if counts != Counts::default() {
        println!("{} passed, {} failed, {} skipped", counts.passed, counts.failed, counts.skipped);
    }
    if failed.is_empty() {
        return Ok(());
    }
    bail!("failed: {}", failed.iter().map(|(stage, _)| *stage).collect::<Vec<_>>().join(", "))
}
