//! How tests ask for real servers: what all programs that need one do alike.
//!
//! Without a server its tests are reported as ignored; with `CI` set they fail. `GOCHAT_SERVERS=later` leaves them all to the
//! stage that brings the servers.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::ExitCode;
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};

/// Longest time for one case.
const TIME: Duration = Duration::from_secs(60);
/// Longest time for what a case has left behind to end.
const END: Duration = Duration::from_secs(5);

/// One test; `missing` says what is not set where there are no servers.
pub(crate) fn trial<S, F, T>(
    name: String,
    servers: &'static Option<S>,
    missing: &'static str,
    case: F,
) -> Trial
where
    S: Sync,
    F: FnOnce(&'static S) -> T + Send + 'static,
    T: Future<Output = ()>,
{
    let needed = std::env::var_os("CI").is_some_and(|ci| !ci.is_empty());
    let run = move || {
        let servers = servers.as_ref().ok_or_else(|| Failed::from(missing))?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let run = || runtime.block_on(async { tokio::time::timeout(TIME, case(servers)).await });
        let done = catch_unwind(AssertUnwindSafe(run));
        // After a panic too: dropping the runtime would wait for ever for a client that nobody closes any more.
        runtime.shutdown_timeout(END);
        match done {
            Ok(done) => done.map_err(|_| Failed::from("it did not end within a minute")),
            Err(panic) => resume_unwind(panic),
        }
    };
    Trial::test(name, run).with_ignored_flag(servers.is_none() && !needed)
}

/// Runs the tests, unless they are left to another stage; then `clear` removes what they have left in the servers.
pub(crate) fn run(trials: Vec<Trial>, clear: impl FnOnce()) -> ExitCode {
    if std::env::var_os("GOCHAT_SERVERS").is_some_and(|when| when == "later") {
        println!("{} tests are left to the stage that brings the servers", trials.len());
        return ExitCode::SUCCESS;
    }
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials);
    clear();
    conclusion.exit_code()
}
