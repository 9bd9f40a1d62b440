//! Runs the cases: starts the servers, measures in turn, prints the table and writes the report.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail, ensure};

use crate::cases::{self, Outcome};
use crate::server::{BareOptions, Server};
use crate::{machine, report};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only this case; may be given more than once. All of them by default.
    #[arg(long = "case", value_name = "NAME", value_parser = clap::builder::PossibleValuesParser::new(cases::NAMES))]
    cases: Vec<String>,
    /// Each case in a few seconds with less of everything: shows that it works, not what it reaches.
    #[arg(long)]
    quick: bool,
    /// The server to measure.
    #[arg(long, value_name = "PATH", default_value = "target/release/gochat")]
    server: PathBuf,
    /// Writes the results between the markers of this file; a whole run that is not quick writes
    /// `docs/benchmarks.md` by itself.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Server and generator may both use both cores, instead of one each.
    #[arg(long)]
    both_cores: bool,
    /// Measures the bare server alone.
    #[arg(long)]
    bare_only: bool,
    /// Records the server with `perf` while it is measured, into `target/bench/CASE.perf`.
    #[arg(long)]
    perf: bool,
    /// Doesn't wait for others to leave the processors alone.
    #[arg(long)]
    busy: bool,
    /// Rounds to take the median of.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds that the soak lasts.
    #[arg(long, default_value_t = 180)]
    seconds: u64,
    /// The largest size of the case `scaling`.
    #[arg(long, default_value_t = 100_000)]
    max_scale: usize,
    /// Messages in the conversation of the case `history`.
    #[arg(long, default_value_t = 1_000_000)]
    history: u64,
    /// Lets the bare server spoil some deliveries, to see the checks fail.
    #[arg(long, hide = true)]
    fault: Option<String>,
}

/// Runs what `options` ask for; fails where a receiver found something missing, doubled or out of order.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    machine::raise_open_files()?;
    machine::wait_when_others_work(!options.busy);
    let bench = Bench::new(options)?;
    let facts = machine::facts()?;
    facts.iter().for_each(|(name, value)| println!("{name}: {value}"));
    let wanted: Vec<&str> = match options.cases.is_empty() {
        true => cases::NAMES.to_vec(),
        false => options.cases.iter().map(String::as_str).collect(),
    };
    let mut outcomes = Vec::new();
    for name in wanted {
        println!("\n== {name}");
        let outcome = cases::run(name, &bench).with_context(|| format!("case {name}"))?;
        outcome.print();
        outcomes.push(outcome);
    }
    println!("\n{}", report::table(&report::ALONE, &outcomes));
    let whole = options.cases.is_empty() && !options.quick && !options.bare_only;
    if let Some(out) = options.out.as_deref().or(whole.then_some(Path::new("docs/benchmarks.md"))) {
        report::write(&report::ALONE, out, &facts, &outcomes, options.quick)?;
    }
    let failed: Vec<&str> =
        outcomes.iter().filter(|outcome| !outcome.clean).map(|outcome| outcome.name).collect();
    ensure!(failed.is_empty(), "checks failed in: {}", failed.join(", "));
    Ok(())
}

/// What the cases share.
pub(crate) struct Bench {
    pub(crate) quick: bool,
    pub(crate) rounds: usize,
    pub(crate) warm: Duration,
    pub(crate) measure: Duration,
    pub(crate) soak: Duration,
    pub(crate) max_scale: usize,
    pub(crate) history: u64,
    pub(crate) bare_only: bool,
    pub(crate) both_cores: bool,
    program: PathBuf,
    server_cores: &'static str,
    perf: bool,
    fault: Option<String>,
}

impl Bench {
    fn new(options: &Options) -> anyhow::Result<Self> {
        if !options.bare_only && !options.server.is_file() {
            bail!(
                "no server at {}: run `cargo build --release` first, or name one with --server",
                options.server.display()
            );
        }
        machine::pin(if options.both_cores { &[0, 1] } else { &[1] })?;
        let millis = |quick, full| Duration::from_millis(if options.quick { quick } else { full });
        Ok(Self {
            quick: options.quick,
            rounds: if options.quick { 1 } else { options.rounds },
            warm: millis(300, 1_000),
            measure: millis(1_000, 5_000),
            soak: if options.quick { Duration::from_secs(6) } else { Duration::from_secs(options.seconds) },
            max_scale: if options.quick { 1_000 } else { options.max_scale },
            history: if options.quick { 20_000 } else { options.history },
            bare_only: options.bare_only,
            both_cores: options.both_cores,
            program: std::path::absolute(&options.server)?,
            server_cores: if options.both_cores { "0,1" } else { "0" },
            perf: options.perf,
            fault: options.fault.clone(),
        })
    }

    /// Starts the bare server; its frames as long as `bytes` says (delivery, ack).
    pub(crate) fn bare(&self, folder: &Path, store: bool, bytes: (usize, usize)) -> anyhow::Result<Server> {
        let options =
            BareOptions { store, delivery_bytes: bytes.0, ack_bytes: bytes.1, fault: self.fault.clone() };
        Server::bare(&options, folder, self.server_cores)
    }

    pub(crate) fn gochat(&self, folder: &Path) -> anyhow::Result<Server> {
        let server = Server::gochat(&self.program, folder, self.server_cores)?;
        println!("gochat: pid {}, {}", server.pid(), server.at);
        Ok(server)
    }

    /// Records `server` for the next measured stretch, where that is wished for.
    pub(crate) fn profile(&self, server: &Server, name: &str) -> anyhow::Result<Option<Child>> {
        if !self.perf {
            return Ok(None);
        }
        std::fs::create_dir_all("target/bench")?;
        let span = (self.warm + self.measure).as_secs_f64().to_string();
        let child = Command::new("perf")
            .args(["record", "-q", "-F", "999", "-g", "-p", &server.pid().to_string(), "-o"])
            .arg(format!("target/bench/{name}.perf"))
            .args(["--", "sleep", &span])
            .stdout(Stdio::null())
            .spawn()
            .context("cannot start perf (Debian: linux-perf)")?;
        Ok(Some(child))
    }
}

/// Prints an outcome when its case is done.
impl Outcome {
    fn print(&self) {
        println!("{}: {} ({})", self.name, self.reached, self.checks);
        self.details.iter().for_each(|line| println!("{line}"));
    }
}
