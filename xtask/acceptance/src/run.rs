//! Runs the cases as named tests, in parallel, on one runtime.

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use futures_util::FutureExt;
use libtest_mimic::{Arguments, Failed, Trial};

use crate::case::{Case, Company};
use crate::report::{Ended, Results};
use crate::world::World;

/// What comes before the flags of the test harness.
#[derive(Debug, Default)]
pub struct Options {
    /// `--url URL` or `GOCHAT_URL`.
    pub url: Option<String>,
    /// `--report FILE`.
    pub report: Option<PathBuf>,
    /// The harness's own: filters, `--list`, `--test-threads` and so on.
    pub harness: Vec<String>,
}

impl Options {
    /// Takes our own flags out of the command line.
    pub fn from_args() -> Result<Self> {
        let mut options = Self { url: std::env::var("GOCHAT_URL").ok(), ..Self::default() };
        let mut args = std::env::args();
        options.harness.extend(args.next());
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--url" => options.url = Some(args.next().context("--url needs a URL")?),
                "--report" => options.report = Some(args.next().context("--report needs a file")?.into()),
                _ => options.harness.push(arg),
            }
        }
        Ok(options)
    }
}

/// Runs `cases` and writes the report; so many at a time unless `--test-threads` says otherwise.
pub fn run(
    options: Options,
    title: &str,
    cases: Vec<Case>,
    world: &World,
    threads: usize,
) -> Result<ExitCode> {
    let runtime = Arc::new(tokio::runtime::Builder::new_multi_thread().enable_all().build()?);
    let results = Arc::new(Results::default());
    let mut arguments = Arguments::from_iter(options.harness);
    arguments.test_threads.get_or_insert(threads);
    let trials = cases.iter().map(|case| trial(case.clone(), world.clone(), &runtime, &results)).collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    if let Some(path) = options.report.filter(|_| !arguments.list) {
        results.write(&path, title, &cases)?;
    }
    Ok(conclusion.exit_code())
}

fn trial(case: Case, world: World, runtime: &Arc<tokio::runtime::Runtime>, results: &Arc<Results>) -> Trial {
    let (name, later) = (case.name, case.later);
    let (runtime, results) = (Arc::clone(runtime), Arc::clone(results));
    let body = move || {
        let ended = runtime.block_on(perform(&case, world));
        results.note(case.name, ended.clone());
        match ended {
            Ended::Passed(_) => Ok(()),
            Ended::Failed(why) => Err(Failed::from(format!("{why}\n  contract: {}", case.says))),
        }
    };
    Trial::test(name, body).with_ignored_flag(later)
}

async fn perform(case: &Case, world: World) -> Ended {
    let gate = Arc::clone(&world.alone);
    let (_alone, _shared) = match case.company {
        Company::Alone => (Some(gate.write_owned().await), None),
        Company::Shared => (None, Some(gate.read_owned().await)),
    };
    let started = Instant::now();
    let running = AssertUnwindSafe((case.run)(world)).catch_unwind();
    match tokio::time::timeout(case.limit, running).await {
        Ok(Ok(Ok(()))) => Ended::Passed(started.elapsed()),
        Ok(Ok(Err(error))) => Ended::Failed(chain(&error)),
        Ok(Err(panic)) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            Ended::Failed(format!("the case panicked: {}", text.unwrap_or("see above")))
        }
        Err(_late) => Ended::Failed(format!("not done within {:?}", case.limit)),
    }
}

/// The error and its causes, a line each; no backtrace, since the case's name says where.
fn chain(error: &anyhow::Error) -> String {
    let lines: Vec<String> = error.chain().map(ToString::to_string).collect();
    lines.join("\n  because: ")
}
