//! Fan-out: one group of 1,000, all online, one of them sends.

use super::rounds::{Rounds, Side};
use super::{Outcome, Verdict, grouped};
use crate::load::{Api, LaneSpec, Lanes, Login, Pace};
use crate::run::Bench;

pub(crate) struct Variant {
    name: &'static str,
    what: &'static str,
    window: u32,
    others: &'static str,
    must: (f64, &'static str),
    aim: (f64, &'static str),
}

pub(crate) const ONE: Variant = Variant {
    name: "fanout-1",
    what: "fan-out to 1,000 sockets, one message outstanding: deliveries/s",
    window: 1,
    others: "Centrifugo 0.49 (stores nothing), Tinode 0.26, WuKongIM 0.14",
    must: (0.65, "0.65 of bare"),
    aim: (0.90, "0.90"),
};

pub(crate) const MANY: Variant = Variant {
    name: "fanout-64",
    what: "the same, 64 outstanding",
    window: 64,
    others: "Centrifugo 0.15, WuKongIM 0.022, Tinode 0.007",
    must: (0.35, "0.35 of bare"),
    aim: (0.60, "0.60"),
};

pub(crate) fn run(bench: &Bench, variant: Variant) -> anyhow::Result<Outcome> {
    let members = if bench.quick { 200 } else { 1_000 };
    let folder = tempfile::tempdir()?;
    let pace = Pace::Window(variant.window);
    let mut gochat = None;
    let mut bytes = (0, 0);
    if !bench.bare_only {
        let server = bench.gochat(folder.path())?;
        let api = Api { to: server.at };
        let users = api.users("fan", members)?;
        let others: Vec<String> = users[1..].iter().map(|login| login.user.clone()).collect();
        let conversation = api.group(&users[0], &others)?;
        let paths = users.iter().map(Login::path).collect();
        let mut lanes = Lanes::open(server.at, &[LaneSpec { conversation, paths }])?;
        lanes.run(pace, bench.warm, bench.warm, &[server.pid()])?;
        bytes = lanes.frame_bytes();
        gochat = Some(Side { server, lanes });
    }
    let server = bench.bare(folder.path(), false, bytes)?;
    let paths = (0..members).map(|_| "/ws?room=1".to_owned()).collect();
    let lanes = Lanes::open(server.at, &[LaneSpec { conversation: "7296349123456789504".into(), paths }])?;
    let mut bare = Side { server, lanes };
    let rounds = Rounds::measure(bench, variant.name, pace, 1, &mut gochat, &mut bare)?;
    let ratio = rounds.ratio(|sample| sample.deliveries);
    let mut details = rounds.details();
    let (ours, its) = (bytes, bare.lanes.frame_bytes());
    details.push(format!(
        "\nA delivery is {} bytes of JSON, the bare server's {}; an ack {} and {}.",
        ours.0, its.0, ours.1, its.1
    ));
    Ok(Outcome {
        name: variant.name,
        what: variant.what,
        reached: format!("{}/s = {ratio:.2} of bare", grouped(rounds.gochat(|sample| sample.deliveries))),
        bare: format!("{}/s", grouped(rounds.bare(|sample| sample.deliveries))),
        others: variant.others,
        must: variant.must.1,
        aim: variant.aim.1,
        verdict: Verdict::at_least(ratio, variant.must.0, variant.aim.0),
        clean: true,
        checks: String::new(),
        details,
    }
    .judged_by(&rounds.tally()))
}
