//! One-to-one: 200 pairs of single chats, by window and by schedule, against the bare server that stores.

use std::path::Path;

use super::rounds::{Rounds, Side};
use super::{Outcome, Verdict, grouped, millis};
use crate::load::{Api, LaneSpec, Lanes, Login, Pace, Sample};
use crate::run::Bench;

const PAIRS: usize = 200;
const WINDOW: u32 = 8;
const RATE: u32 = 200;
/// How often the two servers take turns in a round of the schedule.
const TURNS: u32 = 10;

pub(crate) fn windowed(bench: &Bench) -> anyhow::Result<Outcome> {
    let folder = tempfile::tempdir()?;
    let (mut gochat, mut bare) = sides(bench, folder.path())?;
    let rounds = Rounds::measure(bench, "pairs", Pace::Window(WINDOW), 1, &mut gochat, &mut bare)?;
    let (ratio, rate) = (rounds.ratio(|sample| sample.messages), rounds.gochat(|sample| sample.messages));
    let verdict = match bench.both_cores {
        false => Verdict::at_least(rate, 25_000.0, 60_000.0),
        true => Verdict::at_least(rate, 25_000.0, 100_000.0),
    };
    Ok(Outcome {
        name: "pairs",
        what: "one-to-one: 200 pairs, 8 in flight each, durable before the ack, delivered: messages/s",
        reached: format!("{}/s = {ratio:.3} of bare storing", grouped(rate)),
        bare: format!("{}/s", grouped(rounds.bare(|sample| sample.messages))),
        others: "Centrifugo, in memory only, 56,000 (0.11), WuKongIM 9,100 (0.02), Tinode 1,000",
        must: "25,000 (0.05)",
        aim: "60,000 (0.12); 100,000 on both cores",
        verdict,
        clean: true,
        checks: String::new(),
        details: rounds.details(),
    }
    .judged_by(&rounds.tally()))
}

pub(crate) fn paced(bench: &Bench) -> anyhow::Result<Outcome> {
    let folder = tempfile::tempdir()?;
    let (mut gochat, mut bare) = sides(bench, folder.path())?;
    let rounds = Rounds::measure(bench, "pairs-paced", Pace::Rate(RATE), TURNS, &mut gochat, &mut bare)?;
    let p50 = |sample: &Sample| millis(sample.delivered.value_at_quantile(0.5));
    let p99 = |sample: &Sample| millis(sample.delivered.value_at_quantile(0.99));
    let ratio = rounds.ratio(p50);
    let mut details = rounds.details();
    details.push(format!(
        "\nThe schedule is kept by spinning, so the generator's core is always busy. In a round the servers take turns, {TURNS} each."
    ));
    Ok(Outcome {
        name: "pairs-paced",
        what: "200 messages/s over all pairs by schedule: send to deliver, p50 and p99",
        reached: format!(
            "p50 {:.2} ms = {ratio:.2}x, p99 {:.2} ms = {:.2}x of bare storing",
            rounds.gochat(p50),
            rounds.gochat(p99),
            rounds.ratio(p99)
        ),
        bare: format!("p50 {:.2} ms, p99 {:.2} ms", rounds.bare(p50), rounds.bare(p99)),
        others: "WuKongIM 1.2x to 2x p50, Tinode 2x",
        must: "1.5x",
        aim: "1.1x",
        verdict: Verdict::at_most(ratio.max(rounds.ratio(p99)), 1.5, 1.1),
        clean: true,
        checks: String::new(),
        details,
    }
    .judged_by(&rounds.tally()))
}

fn sides(bench: &Bench, folder: &Path) -> anyhow::Result<(Option<Side>, Side)> {
    let pairs = if bench.quick { 50 } else { PAIRS };
    let mut gochat = None;
    let mut bytes = (0, 0);
    if !bench.bare_only {
        let server = bench.gochat(folder)?;
        let api = Api { to: server.at };
        let users = api.users("pair", 2 * pairs)?;
        let specs: Vec<LaneSpec> = api
            .pairs(&users)?
            .into_iter()
            .zip(users.chunks(2))
            .map(|(conversation, two)| LaneSpec {
                conversation,
                paths: two.iter().map(Login::path).collect(),
            })
            .collect();
        let mut lanes = Lanes::open(server.at, &specs)?;
        lanes.run(Pace::Window(1), bench.warm, bench.warm, &[server.pid()])?;
        bytes = lanes.frame_bytes();
        gochat = Some(Side { server, lanes });
    }
    let server = bench.bare(folder, true, bytes)?;
    let specs: Vec<LaneSpec> = (0..pairs)
        .map(|pair| LaneSpec {
            conversation: "7296349123456789504".into(),
            paths: vec![format!("/ws?room={pair}"), format!("/ws?room={pair}")],
        })
        .collect();
    let lanes = Lanes::open(server.at, &specs)?;
    Ok((gochat, Side { server, lanes }))
}
