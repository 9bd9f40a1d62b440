//! Rounds of two servers in turn, so that both meet the same machine, and their medians.

use crate::cases::{grouped, millis};
use crate::load::{Lanes, Pace, Sample, Tally};
use crate::run::Bench;
use crate::server::Server;

/// A server with its lanes connected.
pub(crate) struct Side {
    pub(crate) server: Server,
    pub(crate) lanes: Lanes,
}

/// The rounds of a case, GoChat's and the bare server's.
pub(crate) struct Rounds {
    gochat: Vec<Sample>,
    bare: Vec<Sample>,
}

impl Rounds {
    /// In each round the two take turns, `turns` each: more than one for what is so short that the machine's own ups and
    /// downs, which last for seconds, would tell more than the servers.
    pub(crate) fn measure(
        bench: &Bench,
        name: &str,
        pace: Pace,
        turns: u32,
        gochat: &mut Option<Side>,
        bare: &mut Side,
    ) -> anyhow::Result<Self> {
        let (warm, measure) = (bench.warm / turns, bench.measure / turns);
        let mut rounds = Self { gochat: Vec::new(), bare: Vec::new() };
        for round in 1..=bench.rounds {
            let (mut ours, mut its) = (Vec::new(), Vec::new());
            let mut profile = None;
            for turn in 1..=turns {
                its.push(bare.lanes.run(pace, warm, measure, &[bare.server.pid()])?);
                if let Some(side) = gochat {
                    if (round, turn) == (1, 1) {
                        profile = bench.profile(&side.server, name)?;
                    }
                    ours.push(side.lanes.run(pace, warm, measure, &[side.server.pid()])?);
                }
            }
            profile.as_mut().map(|child| child.wait()).transpose()?;
            rounds.bare.extend(Sample::of_all(its));
            print(round, "bare", rounds.bare.last());
            if let Some(sample) = Sample::of_all(ours) {
                rounds.gochat.push(sample);
                print(round, "gochat", rounds.gochat.last());
            }
        }
        Ok(rounds)
    }

    pub(crate) fn gochat(&self, value: impl Fn(&Sample) -> f64) -> f64 {
        median(self.gochat.iter().map(value))
    }

    pub(crate) fn bare(&self, value: impl Fn(&Sample) -> f64) -> f64 {
        median(self.bare.iter().map(value))
    }

    /// The median of the ratios, each within its round.
    pub(crate) fn ratio(&self, value: impl Fn(&Sample) -> f64) -> f64 {
        median(self.gochat.iter().zip(&self.bare).map(|(ours, bare)| value(ours) / value(bare)))
    }

    pub(crate) fn tally(&self) -> Tally {
        let mut all = Tally::default();
        self.gochat.iter().chain(&self.bare).for_each(|sample| all.add(&sample.tally));
        all
    }

    /// A table of medians, one line a server.
    pub(crate) fn details(&self) -> Vec<String> {
        let mut lines = vec![
            "| | deliveries/s | messages/s | delivered p50 / p99 / max ms | acked p50 / p99 ms | server CPU: µs a delivery | of a core | generator CPU | others' CPU |".into(),
            "| --- | --- | --- | --- | --- | --- | --- | --- | --- |".into(),
        ];
        for (name, samples) in [("GoChat", &self.gochat), ("bare", &self.bare)] {
            if samples.is_empty() {
                continue;
            }
            let mid = |value: fn(&Sample) -> f64| median(samples.iter().map(value));
            lines.push(format!(
                "| {name} | {} | {} | {:.2} / {:.2} / {:.2} | {:.2} / {:.2} | {:.2} | {:.0} % | {:.0} % | {:.0} % |",
                grouped(mid(|s| s.deliveries)),
                grouped(mid(|s| s.messages)),
                mid(|s| millis(s.delivered.value_at_quantile(0.5))),
                mid(|s| millis(s.delivered.value_at_quantile(0.99))),
                mid(|s| millis(s.delivered.max())),
                mid(|s| millis(s.acked.value_at_quantile(0.5))),
                mid(|s| millis(s.acked.value_at_quantile(0.99))),
                mid(|s| s.server_cpu / s.deliveries) * 1e6,
                mid(|s| s.server_cpu) * 100.0,
                mid(|s| s.own_cpu) * 100.0,
                mid(|s| s.foreign_cpu) * 100.0,
            ));
        }
        lines
    }
}

fn print(round: usize, name: &str, sample: Option<&Sample>) {
    let Some(sample) = sample else { return };
    println!(
        "round {round} {name:>6}: {:>10} deliveries/s {:>9} messages/s, p50 {:.3} p99 {:.3} ms, server {:.0} % ({:.2} µs a delivery), generator {:.0} %, others {:.0} %, {}",
        grouped(sample.deliveries),
        grouped(sample.messages),
        millis(sample.delivered.value_at_quantile(0.5)),
        millis(sample.delivered.value_at_quantile(0.99)),
        sample.server_cpu * 100.0,
        sample.server_cpu / sample.deliveries * 1e6,
        sample.own_cpu * 100.0,
        sample.foreign_cpu * 100.0,
        sample.tally,
    );
}

/// The middle value; 0 of nothing.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        len if len % 2 == 1 => values[len / 2],
        len => f64::midpoint(values[len / 2 - 1], values[len / 2]),
    }
}
