//! `cargo xtask`: the commands of a contributor. `verify` is the gate, `test` is all that CI runs.

mod bench;
mod beside;
mod cluster;
mod criteria;
mod deps;
mod e2e;
mod licences;
mod servers;
mod sh;
mod stages;
mod tidy;
mod tools;

use std::process::ExitCode;

use anyhow::{Result, bail};

const HELP: &str = "\
cargo xtask COMMAND

  test           everything that CI runs: verify, the suites over real servers, e2e, the cluster, chaos, soak
  mysql          the suites of MySQL storage, over MariaDB and over MySQL 8
  servers ARGS   real servers for tests: up, down, status, env, kill, logs, run … -- COMMAND
  cluster ARGS   the four services over real servers: up, or run … -- COMMAND; --gateways N --logic N --repo N --task N
  chaos [ARGS]   breaks the four services and their servers under load: --minutes N --seed N --clients N --only TEXT
                 --kafka-nodes 3
  verify         the gate: format, tidy, dependencies, clippy, tests, doctests, docs; changes nothing
  e2e            the acceptance suite, the process suite and the browser suite against the release server
  soak           three minutes of connects, sends and disconnects; memory flat, gauges back at 0
  bench [ARGS]   the benchmark; ARGS go to `gochat-bench run`, such as --quick or --case pairs; --cluster: of the four services
  stage NAMES    single stages of test by name, such as \"page in a browser\"; without a name it lists them
  tidy | deps    single parts of verify
  help           this text";

/// The names of all commands, for the check that documents name no others.
const COMMANDS: [&str; 13] = [
    "test", "verify", "e2e", "soak", "mysql", "servers", "cluster", "chaos", "bench", "stage", "tidy",
    "deps", "help",
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("error: {e:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<()> {
    let (command, rest) = args.split_first().map_or(("help", &[][..]), |(c, rest)| (c.as_str(), rest));
    if !rest.is_empty() && !matches!(command, "bench" | "chaos" | "cluster" | "servers" | "stage") {
        bail!("{command} takes no arguments\n\n{HELP}");
    }
    std::env::set_current_dir(sh::root())?;
    match command {
        "test" => stages::run(&stages::all_of_them()),
        "stage" => stages::run(&stages::named(rest)?),
        "verify" => stages::run(&stages::verify()),
        "e2e" => stages::run(&stages::e2e()),
        "soak" => stages::run(&stages::soak()),
        "mysql" => stages::run(&stages::mysql()),
        "servers" => servers::run(rest),
        "cluster" => cluster::run(rest),
        "chaos" => cluster::chaos(rest),
        "bench" => bench::run(rest),
        "tidy" => stages::tidy(),
        "deps" => deps::check(),
        "help" | "--help" | "-h" => {
            println!("{HELP}");
            Ok(())
        }
        other => bail!("there is no command {other}\n\n{HELP}"),
    }
}
