//! Kafka carries what the ports promise, on real brokers: order, nothing lost, hand-over, dead letters, gateways, outages.
//!
//! The tests ask for a broker: `KAFKA_BROKERS`, as `cargo xtask servers run kafka -- cargo test …` gives. Without one they are
//! reported as ignored; with `CI` set they fail. `GOCHAT_SERVERS=later` leaves them all to the stage that brings the servers.
//! Each has topics of its own. The one about an outage starts a broker of its own, which it kills.

mod hooks_kit;
mod kafka_kit;
mod servers_kit;

use std::process::ExitCode;

use gochat_core::testing::conformance;
use kafka_kit::{
    Servers, consumer, figures, gateways, hand_over, hooks, letters, outage, ports, topics, traces,
};
use servers_kit::{run, trial};

const MISSING: &str = "KAFKA_BROKERS is not set";

fn main() -> ExitCode {
    let servers: &'static Option<Servers> = Box::leak(Box::new(Servers::from_env()));
    let mut trials = Vec::new();
    for case in conformance::upstream::CASES {
        trials.push(trial(format!("upstream::{case}"), servers, MISSING, move |servers| async move {
            conformance::upstream::run(case, ports::upstream(servers).await).await;
        }));
    }
    for case in conformance::deliver::CASES {
        trials.push(trial(format!("deliver::{case}"), servers, MISSING, move |servers| async move {
            conformance::deliver::run(case, ports::deliver(servers).await).await;
        }));
    }
    macro_rules! own {
        ($($module:ident: $($case:ident),+;)+) => {$($(
            let name = format!("{}::{}", stringify!($module), stringify!($case));
            trials.push(trial(name, servers, MISSING, |servers| $module::$case(servers)));
        )+)+};
    }
    own! {
        topics: made_once_and_checked;
        consumer: a_batch_that_fails_comes_again_before_what_follows, an_offset_passes_after_its_effect,
            a_slow_partition_holds_up_no_other, one_that_cannot_go_on_stops_its_node;
        hand_over: what_a_dead_consumer_had_in_hand_goes_to_the_other, two_share_and_hand_over_in_order;
        letters: poison_is_put_aside_and_comes_back;
        gateways: nothing_from_before_and_all_after_ready, one_record_for_each_gateway, many_go_whole_to_each_gateway,
            a_record_stays_small, a_large_record_reaches_the_hub_in_parts, one_that_is_gone_fails_nobody,
            one_that_lives_is_never_taken_for_gone,
            repeats_are_dropped_and_poison_is_skipped, large_conversations_share_a_walk,
            one_that_shrinks_stays_behind_what_waits;
        hooks: those_away_are_notified_and_what_is_objected_to_goes, what_is_refused_holds_up_nobody_and_comes_back;
        outage: nothing_acknowledged_is_lost, nobody_waits_for_brokers_that_are_away;
        traces: a_trace_goes_from_a_send_to_its_deliveries;
        figures: produce_to_deliver;
    }
    run(trials, || {})
}
