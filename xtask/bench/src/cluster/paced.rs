//! Few messages by schedule, from a client of one gateway to a client of the other.

use anyhow::Result;

use super::Plan;
use super::kafka::Pair;
use super::stage::Stage;
use crate::cases::{Outcome, Verdict, median, millis};
use crate::load::{Lanes, Pace, Tally, histogram};

const PAIRS: usize = 50;
/// Messages a second: few enough that each goes alone.
const RATE: u32 = 100;
const QUANTILES: [f64; 2] = [0.5, 0.99];
/// So many times as long as other cases: at this rate the slowest hundredth of a usual round would be six messages.
const LONGER: u32 = 3;

pub(super) fn run(plan: Plan, stage: &mut Stage) -> Result<Outcome> {
    let specs = stage.pairs("paced", PAIRS)?;
    let mut lanes = Lanes::over(&stage.gateways, &specs)?;
    let mut pair = Pair::connect(&format!("{}.bare", stage.cluster.name()), &stage.runtime)?;
    let pids = stage.pids()?;
    let mut details = vec![
        "| round | bare pair p50 / p99 ms | services p50 / p99 / max ms | acked p50 / p99 ms | services' CPU |".into(),
        "| --- | --- | --- | --- | --- |".into(),
    ];
    let (mut ours, mut bare) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    let mut tally = Tally::default();
    let mut all = histogram();
    let span = plan.measure * LONGER;
    for round in 1..=plan.rounds {
        pair.run(RATE, plan.warm)?;
        let plain = pair.run(RATE, span)?;
        let sample = lanes.run(Pace::Rate(RATE), plan.warm, span, &pids)?;
        for (at, quantile) in QUANTILES.into_iter().enumerate() {
            bare[at].push(millis(plain.value_at_quantile(quantile)));
            ours[at].push(millis(sample.delivered.value_at_quantile(quantile)));
        }
        details.push(format!(
            "| {round} | {:.2} / {:.2} | {:.2} / {:.2} / {:.2} | {:.2} / {:.2} | {:.0} % of a core |",
            bare[0][round - 1],
            bare[1][round - 1],
            ours[0][round - 1],
            ours[1][round - 1],
            millis(sample.delivered.max()),
            millis(sample.acked.value_at_quantile(0.5)),
            millis(sample.acked.value_at_quantile(0.99)),
            sample.server_cpu * 100.0
        ));
        tally.add(&sample.tally);
        all.add(&sample.delivered)?;
    }
    let mid = |values: &[f64]| median(values.iter().copied());
    let ratio = |at: usize| median(ours[at].iter().zip(&bare[at]).map(|(ours, bare)| ours / bare));
    details.push(format!(
        "\n{} deliveries in all; by schedule, so a stall counts for what it held up.",
        all.len()
    ));
    Ok(Outcome {
        name: "cluster-paced",
        what: "100 messages/s by schedule, client of one gateway to client of the other: send to deliver",
        reached: format!(
            "p99 {:.2} ms = {:.1}x, p50 {:.2} ms = {:.1}x",
            mid(&ours[1]),
            ratio(1),
            mid(&ours[0]),
            ratio(0)
        ),
        bare: format!("p99 {:.2} ms, p50 {:.2} ms", mid(&bare[1]), mid(&bare[0])),
        others: "a producer and a consumer of the same Kafka, one record, acks=all",
        must: "5x at p99",
        aim: "3x",
        verdict: Verdict::at_most(ratio(1), 5.0, 3.0),
        clean: true,
        checks: String::new(),
        details,
    }
    .judged_by(&tally))
}
