//! Registration, discovery, node ids and live settings over a real etcd.
//!
//! The tests ask for a server: `ETCD_ENDPOINTS`, as `cargo xtask servers run etcd -- cargo test …` gives; some start one of
//! their own beside it, to kill it. Without one they are reported as ignored; with `CI` set they fail. `GOCHAT_SERVERS=later`
//! leaves them all to a stage that brings the servers.

mod etcd_kit;
mod servers_kit;

use std::process::ExitCode;

use etcd_kit::{Servers, away, live, nodes, registry};
use servers_kit::{run, trial};

const MISSING: &str = "ETCD_ENDPOINTS is not set";

fn main() -> ExitCode {
    let servers: &'static Option<Servers> = Box::leak(Box::new(Servers::from_env()));
    let mut trials = Vec::new();
    macro_rules! cases {
        ($($module:ident: $($case:ident),+;)+) => {$($(
            let name = format!("{}::{}", stringify!($module), stringify!($case));
            trials.push(trial(name, servers, MISSING, |servers| $module::$case(servers)));
        )+)+};
    }
    cases! {
        registry: who_registers_is_found_until_it_stops, who_dies_is_gone_with_its_lease, a_lost_entry_comes_back,
            addresses_are_sorted_and_rubbish_is_left_out, compaction_loses_nothing;
        nodes: two_race_for_the_last_number, many_at_once_never_make_the_same, a_lost_number_is_replaced,
            whoever_cannot_reserve_stops_and_the_next_begins_after_it, a_mark_ahead_is_passed_or_left_alone,
            a_number_is_given_back_and_taken_again;
        live: settings_are_followed;
        away: everything_goes_on_and_mends_when_etcd_is_killed, everything_mends_when_etcd_has_lost_its_data,
            nobody_there_is_told, users_are_asked_for;
    }
    run(trials, || {})
}
