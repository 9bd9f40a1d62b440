//! The four services, two of each, over real servers on this machine, beside what their servers give without them: a bare
//! pair of Kafka clients, a plain client of MySQL, and the bare broadcaster of the other cases.
//!
//! Everything shares this machine's processors, the generator and the references too. Nothing is bound to a core, but
//! where a case says so.

mod cost;
mod counts;
mod fanout;
mod feed;
mod kafka;
mod logic;
mod paced;
mod plain;
mod rate;
mod share;
mod stage;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::cases::Outcome;
use crate::{machine, report};
use stage::Stage;

const NAMES: [&str; 6] = [
    "cluster-paced",
    "cluster-rate",
    "cluster-trips",
    "cluster-fanout-500",
    "cluster-fanout-10000",
    "cluster-logic",
];

const PAGE: report::Page = report::Page {
    names: &NAMES,
    head: "| case | four services | reference | must | aim | | the reference |\n\
           | --- | --- | --- | --- | --- | --- | --- |\n",
    quick: "A quick run: it shows that the cases work, not what the services reach.\n\n",
};

/// More than twice the largest group.
const OPEN_FILES: u64 = 40_000;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only this case; may be given more than once. All of them by default.
    #[arg(long = "case", value_name = "NAME", value_parser = clap::builder::PossibleValuesParser::new(NAMES))]
    cases: Vec<String>,
    /// Each case in a few seconds with less of everything: shows that it works, not what it reaches.
    #[arg(long)]
    quick: bool,
    /// Folder of im-gateway and the others.
    #[arg(long, value_name = "FOLDER", default_value = "target/release")]
    programs: PathBuf,
    /// Writes the results between the markers of this file; a whole run that is not quick writes `docs/scaling.md` by
    /// itself.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Doesn't wait for others to leave the processors alone.
    #[arg(long)]
    busy: bool,
    /// Rounds to take the median of.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// A setting for all services, to see what it changes; may be given more than once.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
}

/// How long and how often.
#[derive(Debug, Clone, Copy)]
struct Plan {
    quick: bool,
    rounds: usize,
    warm: Duration,
    measure: Duration,
}

/// Runs what `options` ask for; fails where a receiver found something missing, doubled or out of order.
pub(crate) fn run(options: &Options) -> Result<()> {
    machine::raise_open_files()?;
    // Of a group, each member is connected twice: to the services, and to the bare broadcaster.
    machine::more_open_files(OPEN_FILES);
    machine::wait_when_others_work(!options.busy);
    machine::wait_for_quiet();
    // From here on the servers themselves are never quite quiet.
    machine::wait_when_others_work(false);
    let plan = Plan {
        quick: options.quick,
        rounds: if options.quick { 1 } else { options.rounds },
        warm: Duration::from_secs(if options.quick { 1 } else { 2 }),
        measure: Duration::from_secs(if options.quick { 2 } else { 6 }),
    };
    let programs = options.programs.canonicalize().context("build the services for release first")?;
    let mut facts = machine::facts()?;
    facts.push(("shared by all", "servers, services, references and generator".to_owned()));
    if !options.settings.is_empty() {
        facts.push(("settings", options.settings.join(", ")));
    }
    facts.iter().for_each(|(name, value)| println!("{name}: {value}"));
    let asks = |name: &str| options.cases.is_empty() || options.cases.iter().any(|case| case == name);
    // What a case gave is shown also when a later one can't be run.
    let (mut outcomes, mut done) = (Vec::new(), Ok(()));
    if NAMES[..5].iter().any(|name| asks(name)) {
        let mut stage = Stage::start([2, 2, 2, 2], &programs, &options.settings)?;
        done = over_all(plan, &mut stage, &asks, &mut outcomes);
        done = stage.end(done);
    }
    if done.is_ok() && asks(NAMES[5]) {
        done = logic::run(plan, &programs, &options.settings)
            .context(NAMES[5])
            .map(|outcome| add(&mut outcomes, outcome));
    }
    println!("\n{}", report::table(&PAGE, &outcomes));
    let whole = options.cases.is_empty() && options.settings.is_empty() && !options.quick;
    if let Some(out) = options.out.as_deref().or(whole.then_some(Path::new("docs/scaling.md"))) {
        report::write(&PAGE, out, &facts, &outcomes, options.quick)?;
    }
    done?;
    let failed: Vec<&str> =
        outcomes.iter().filter(|outcome| !outcome.clean).map(|outcome| outcome.name).collect();
    ensure!(failed.is_empty(), "checks failed in: {}", failed.join(", "));
    Ok(())
}

/// The cases that share one cluster.
fn over_all(
    plan: Plan,
    stage: &mut Stage,
    asks: &impl Fn(&str) -> bool,
    outcomes: &mut Vec<Outcome>,
) -> Result<()> {
    if asks(NAMES[0]) {
        add(outcomes, paced::run(plan, stage).context(NAMES[0])?);
    }
    if asks(NAMES[1]) || asks(NAMES[2]) {
        let both = rate::run(plan, stage).context(NAMES[1])?;
        both.into_iter().filter(|outcome| asks(outcome.name)).for_each(|outcome| add(outcomes, outcome));
    }
    let sizes: Vec<_> = fanout::SIZES
        .iter()
        .zip(&NAMES[3..5])
        .filter(|(_, name)| asks(name))
        .map(|(size, _)| *size)
        .collect();
    for outcome in fanout::run(plan, stage, &sizes).context("cluster-fanout")? {
        add(outcomes, outcome);
    }
    Ok(())
}

fn add(outcomes: &mut Vec<Outcome>, outcome: Outcome) {
    println!("\n== {}: {} ({})", outcome.name, outcome.reached, outcome.checks);
    outcome.details.iter().for_each(|line| println!("{line}"));
    outcomes.push(outcome);
}
