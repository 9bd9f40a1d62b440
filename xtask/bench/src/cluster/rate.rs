//! As many messages as go through, beside plain inserts into the same database; and what they cost in round trips.

use std::collections::BTreeMap;

use anyhow::Result;

use super::Plan;
use super::cost::{self, Cost};
use super::counts::Counts;
use super::plain::{BATCH, Plain};
use super::stage::Stage;
use crate::cases::{Outcome, Verdict, grouped, median, millis};
use crate::load::{Lanes, Pace, Tally};

const PAIRS: usize = 200;
/// Messages of each conversation in flight: enough that batches can be full.
const WINDOW: u32 = 64;
/// Calls of im-logic to im-repo for a batch: senders, rights, append (counted by a test of the pipeline).
const CALLS_A_BATCH: f64 = 3.0;

/// `cluster-rate` and `cluster-trips`.
pub(super) fn run(plan: Plan, stage: &mut Stage) -> Result<[Outcome; 2]> {
    let specs = stage.pairs("rate", if plan.quick { 50 } else { PAIRS })?;
    let mut lanes = Lanes::over(&stage.gateways, &specs)?;
    let mut plain = stage.runtime.block_on(Plain::connect(stage.cluster.name()))?;
    let pids = stage.pids()?;
    let mut details = vec![
        "| round | plain client rows/s | services messages/s | delivered p50 / p99 ms | messages a batch | services' CPU | generator's | servers' and others' |".into(),
        "| --- | --- | --- | --- | --- | --- | --- | --- |".into(),
    ];
    let (mut ours, mut bare, mut tally) = (Vec::new(), Vec::new(), Tally::default());
    let (mut messages, mut counted, mut spent) = (0.0, Vec::new(), BTreeMap::<String, f64>::new());
    for round in 1..=plan.rounds {
        bare.push(stage.runtime.block_on(plain.run(plan.measure))?);
        let (cost, before, sent) = (Cost::now(stage)?, Counts::now(stage)?, lanes.sent());
        let sample = lanes.run(Pace::Window(WINDOW), plan.warm, plan.measure, &pids)?;
        let counts = Counts::now(stage)?.since(before);
        for (part, seconds) in Cost::now(stage)?.since(&cost) {
            *spent.entry(part).or_default() += seconds;
        }
        messages += (lanes.sent() - sent) as f64;
        ours.push(sample.messages);
        details.push(format!(
            "| {round} | {} | {} | {:.1} / {:.1} | {:.0} | {:.0} % of a core | {:.0} % | {:.0} % |",
            grouped(bare[round - 1]),
            grouped(sample.messages),
            millis(sample.delivered.value_at_quantile(0.5)),
            millis(sample.delivered.value_at_quantile(0.99)),
            counts.consumed / counts.batches,
            sample.server_cpu * 100.0,
            sample.own_cpu * 100.0,
            sample.foreign_cpu * 100.0,
        ));
        counted.push(counts);
        tally.add(&sample.tally);
    }
    let ratio = median(ours.iter().zip(&bare).map(|(ours, bare)| ours / bare));
    let mid = |values: &[f64]| grouped(median(values.iter().copied()));
    details.push(format!("\nA row of the plain client is a message of the same length; {BATCH} of them are one INSERT and one commit, one after the other."));
    details.extend(cost::table(&spent, messages));
    let rate = Outcome {
        name: "cluster-rate",
        what: "200 conversations, 64 in flight each, stored and delivered over two gateways: messages/s",
        reached: format!("{}/s = {:.0} %", mid(&ours), ratio * 100.0),
        bare: format!("{}/s", mid(&bare)),
        others: "rows/s of one plain client, 500 a commit, the same table and MySQL",
        must: "25 %",
        aim: "60 %",
        verdict: Verdict::at_least(ratio, 0.25, 0.60),
        clean: true,
        checks: String::new(),
        details,
    }
    .judged_by(&tally);
    Ok([rate, trips(&counted, messages, &tally)])
}

fn trips(counted: &[Counts], messages: f64, tally: &Tally) -> Outcome {
    let total = |value: fn(&Counts) -> f64| counted.iter().map(value).sum::<f64>() / messages;
    let (reads, statements) = (total(|c| c.redis_reads), total(|c| c.statements));
    let batches = total(|c| c.batches);
    let counts_calls = counted.iter().all(|c| c.calls.is_some());
    let calls = if counts_calls { total(|c| c.calls.unwrap_or_default()) } else { CALLS_A_BATCH * batches };
    let by = if counts_calls {
        "counted by the services"
    } else {
        "batches counted by im-logic, times 3 calls each"
    };
    let most = reads.max(statements).max(calls);
    Outcome {
        name: "cluster-trips",
        what: "round trips for a message while `cluster-rate` runs, of all services together",
        reached: format!("Redis {reads:.3}, gRPC {calls:.3}, MySQL {statements:.3}"),
        bare: "-".into(),
        others: "counted, none",
        must: "below 0.2 each",
        aim: "0.05",
        verdict: Verdict::at_most(most, 0.2, 0.05),
        clean: true,
        checks: String::new(),
        details: vec![format!(
            "For {:.0} messages in batches of {:.0}: Redis read {reads:.4} times a message from its sockets (one for a round \
             trip, more where it is long) and had {:.1} commands in them; gRPC {calls:.4} calls ({by}); MySQL {statements:.4} \
             statements, primary and replica. What runs beside the messages, such as renewals of sessions, is in it.",
            messages,
            1.0 / batches,
            total(|c| c.redis_commands),
        )],
    }
    .judged_by(tally)
}
