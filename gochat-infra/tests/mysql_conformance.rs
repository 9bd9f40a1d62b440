//! MySQL storage does what every port's suite asks, and what only it promises.
//!
//! The tests ask for a server: `MYSQL_PRIMARY_URL`, and `MYSQL_REPLICA_URL` for a replica of it, as
//! `cargo xtask servers run db -- cargo test …` gives. Without one they are reported as ignored; with `CI` set they fail.
//! `GOCHAT_SERVERS=later` leaves them all to `cargo xtask mysql`.

mod mysql_kit;
mod servers_kit;

use std::process::ExitCode;

use gochat_core::testing::conformance;
use mysql_kit::{Servers, archive, faults, mend, migrations, outbox, own, plans, replicas};
use servers_kit::{run, trial};

const MISSING: &str = "MYSQL_PRIMARY_URL is not set";

fn main() -> ExitCode {
    let servers: &'static Option<Servers> = Box::leak(Box::new(Servers::from_env()));
    let mut trials = Vec::new();
    macro_rules! suites {
        ($($suite:ident),+) => {$(
            for case in conformance::$suite::CASES {
                let name = format!("{}::{case}", stringify!($suite));
                trials.push(trial(name, servers, MISSING, move |servers| async move {
                    conformance::$suite::run(case, servers.fixture().await).await;
                }));
            }
        )+};
    }
    for case in conformance::outbox::CASES {
        trials.push(trial(format!("outbox::{case}"), servers, MISSING, move |servers| async move {
            conformance::outbox::run(case, servers.outbox().await).await;
        }));
    }
    suites!(users, friends, logins, conversations, directory, groups, messages);
    for case in conformance::messages::CASES {
        let name = format!("archive::behind::{case}");
        trials.push(trial(name, servers, MISSING, move |servers| async move {
            conformance::messages::run(case, archive::behind::fixture(servers).await).await;
        }));
    }
    macro_rules! own {
        ($($module:ident: $($case:ident),+;)+) => {$($(
            let name = format!("{}::{}", stringify!($module), stringify!($case));
            trials.push(trial(name, servers, MISSING, |servers| $module::$case(servers)));
        )+)+};
    }
    own! {
        migrations: several_instances_migrate_at_once, a_schema_that_is_not_ours_is_refused;
        own: a_row_that_rots_is_not_passed_on, a_change_in_flight_is_waited_for, round_trips_do_not_grow_with_the_batch;
        faults: killed_connections_are_replaced, a_full_pool_refuses, those_who_meet_begin_again;
        mend: a_rotten_row_is_mended_from_a_replica, a_copy_that_is_older_or_rotten_mends_nothing;
        replicas: a_replica_answers_history, a_replica_that_is_behind_is_not_believed, a_dead_replica_costs_nothing;
        outbox: a_write_that_is_cut_off_leaves_both_or_nothing, a_note_that_can_not_be_read_is_dropped;
        archive: archived_history_is_the_same_to_the_byte, what_is_cut_short_loses_nothing, a_recall_wins,
            what_rots_in_an_archive_is_not_passed_on, one_archives_at_a_time;
        plans: no_statement_walks_over_a_table;
    }
    run(trials, || servers.iter().for_each(Servers::clear))
}
