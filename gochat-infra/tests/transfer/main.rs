//! A folder filled through the use cases goes into MySQL, and every port answers the same from both.
//!
//! Needs a server, as `mysql_conformance` does. A program of its own (`harness = false`): it starts itself as the transfer
//! that is killed.

mod answers;
mod cases;
mod fill;
#[path = "../mysql_kit/mod.rs"]
#[allow(dead_code, reason = "the other program uses the rest")]
mod mysql_kit;
#[path = "../servers_kit/mod.rs"]
mod servers_kit;

use std::process::ExitCode;

use mysql_kit::Servers;
use servers_kit::{run, trial};

const MISSING: &str = "MYSQL_PRIMARY_URL is not set";

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args().skip(1).collect();
    if let [mode, folder, url] = &*args
        && mode == cases::CHILD
    {
        return cases::child(folder, url);
    }
    let servers: &'static Option<Servers> = Box::leak(Box::new(Servers::from_env()));
    let mut trials = Vec::new();
    macro_rules! cases {
        ($($case:ident),+) => {$(
            trials.push(trial(stringify!($case).to_owned(), servers, MISSING, |servers| cases::$case(servers)));
        )+};
    }
    cases!(
        every_port_answers_the_same_from_both_sides,
        one_that_is_killed_goes_on_where_it_was,
        what_differs_in_the_end_is_named_and_not_served,
        damaged_rows_are_named_and_nothing_is_written,
        a_folder_in_use_or_missing_is_refused,
        a_database_with_something_else_in_it_is_refused,
        a_folder_that_was_used_in_between_is_another_one
    );
    run(trials, || servers.iter().for_each(Servers::clear))
}
