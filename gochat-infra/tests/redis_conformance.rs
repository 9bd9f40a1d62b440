//! What Redis holds does what every port's suite asks: on a server, on a cluster, and where stores are cached also without a
//! server and on one that loses everything.
//!
//! The tests ask for a server: `REDIS_URL`, as `cargo xtask servers run redis -- cargo test …` gives, and for the program
//! `redis-server` to start their own, which they end and empty. Without one they are reported as ignored; with `CI` set they
//! fail. `GOCHAT_SERVERS=later` leaves them all to the stage that brings the servers.

mod redis_kit;
mod servers_kit;

use std::process::ExitCode;

use gochat_core::testing::conformance;
use redis_kit::{Servers, cached, calls, faults, gateways, lost, throttles};
use servers_kit::{run, trial};

const MISSING: &str = "REDIS_URL is not set, or there is no program redis-server";

fn main() -> ExitCode {
    let servers: &'static Option<Servers> = Box::leak(Box::new(Servers::from_env()));
    let mut trials = Vec::new();
    macro_rules! suite {
        ($name:literal, $suite:ident, |$server:ident| $fixture:expr) => {
            for case in conformance::$suite::CASES {
                let name = format!("{}::{}::{case}", $name, stringify!($suite));
                trials.push(trial(name, servers, MISSING, move |$server| async move {
                    let fixture = $fixture;
                    conformance::$suite::run(case, fixture).await;
                }));
            }
        };
    }
    suite!("server", sequencer, |servers| servers.sequencer());
    suite!("server", dedup, |servers| servers.dedup());
    suite!("server", sessions, |servers| servers.sessions().await);
    suite!("cluster", sequencer, |servers| servers.cluster().await.sequencer());
    suite!("cluster", dedup, |servers| servers.cluster().await.dedup());
    suite!("cluster", sessions, |servers| servers.cluster().await.sessions().await);
    macro_rules! stores {
        ($($suite:ident),+) => {$(
            suite!("cached", $suite, |servers| cached::fixture(servers.config()));
            suite!("cached_cluster", $suite, |servers| cached::fixture(servers.cluster().await.config));
            suite!("cached_away", $suite, |servers| cached::fixture(servers.away()));
            suite!("cached_forgetful", $suite, |servers| cached::fixture(servers.forgetful().await));
        )+};
    }
    stores!(users, friends, conversations, directory, groups, messages);
    suite!("cached", outbox, |servers| cached::outbox(servers.config()));
    macro_rules! own {
        ($($module:ident: $($case:ident),+;)+) => {$($(
            let name = format!("{}::{}", stringify!($module), stringify!($case));
            trials.push(trial(name, servers, MISSING, |servers| $module::$case(servers)));
        )+)+};
    }
    own! {
        cached: hits_ask_nobody, rights_are_known_until_they_change, the_newest_messages_are_there,
            what_rots_is_read_from_the_store, of_many_who_miss_one_asks, a_late_fill_undoes_no_write,
            a_late_fill_undoes_no_write_when_all_is_lost;
        calls: round_trips_are_counted, lost_scripts_are_sent_again, what_rots_is_as_good_as_lost, keys_end_by_themselves;
        faults: nobody_waits_for_a_server_that_is_away, a_server_that_hangs_is_given_up, a_server_that_comes_back_is_found,
            one_that_refuses_us_is_away, a_full_server_stores_nothing;
        gateways: a_dead_gateway_takes_its_sessions_along, a_name_is_one_gateways, what_the_server_lost_is_put_back,
            an_earlier_run_leaves_no_ghosts, a_lease_given_up_takes_its_sessions_along, users_at_several_are_counted_once,
            sessions_of_the_dead_are_given_up, one_that_leaves_while_all_are_put_back_stays_gone,
            sessions_whose_end_was_missed_are_swept_out;
        lost: what_a_dead_gateway_left_is_read_by_one, what_one_does_not_finish_another_does,
            an_earlier_run_is_told_of, a_gateway_that_lives_again_keeps_its_sessions, a_barred_name_waits;
        throttles: processes_count_together, a_cluster_counts_all_at_once, what_is_no_list_is_an_error;
    }
    run(trials, || servers.iter().for_each(Servers::clear))
}
