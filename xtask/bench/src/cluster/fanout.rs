//! One group, all of it online over two gateways, beside the bare broadcaster.

use anyhow::Result;

use super::Plan;
use super::stage::Stage;
use crate::cases::{Outcome, Verdict, grouped, median, millis};
use crate::load::{LaneSpec, Lanes, Login, Pace, Tally};
use crate::machine;
use crate::server::{BareOptions, Server};

/// A group: its members, and what the table says of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    members: usize,
    quick: usize,
    name: &'static str,
    what: &'static str,
    /// Messages outstanding. All are shown, the last is judged: a rate is what a system carries when there is enough to carry,
    /// and the way through four services is longer than the broadcaster's, so that few outstanding tell of its length.
    windows: &'static [u32],
}

pub(super) const SIZES: [Size; 2] = [
    Size {
        members: 500,
        quick: 100,
        name: "cluster-fanout-500",
        what: "a group of 500 online over two gateways, 512 messages outstanding: deliveries/s",
        windows: &[1, 8, 64, 512],
    },
    Size {
        members: 10_000,
        quick: 1_000,
        name: "cluster-fanout-10000",
        what: "a group of 10,000, by way of im-task, 512 messages outstanding: deliveries/s",
        windows: &[1, 8, 64, 512],
    },
];

/// What the generator has open beside its sockets.
const SPARE_FILES: usize = 200;

pub(super) fn run(plan: Plan, stage: &mut Stage, sizes: &[Size]) -> Result<Vec<Outcome>> {
    let members = |size: &Size| if plan.quick { size.quick } else { size.members };
    let most = sizes.iter().map(members).max().unwrap_or_default();
    let users = stage.api().users("fan", most)?;
    sizes.iter().map(|size| one(plan, stage, *size, &users[..members(size)])).collect()
}

fn one(plan: Plan, stage: &mut Stage, size: Size, users: &[Login]) -> Result<Outcome> {
    let others: Vec<String> = users[1..].iter().map(|login| login.user.clone()).collect();
    let conversation = stage.api().group(&users[0], &others)?;
    let paths = users.iter().map(Login::path).collect();
    let mut lanes = Lanes::over(&stage.gateways, &[LaneSpec { conversation, paths }])?;
    let pids = stage.pids()?;
    lanes.run(Pace::Window(1), plan.warm / 2, plan.warm / 2, &pids)?;
    let (delivery_bytes, ack_bytes) = lanes.frame_bytes();
    let folder = tempfile::tempdir()?;
    let options = BareOptions { store: false, delivery_bytes, ack_bytes, fault: None };
    let server = Server::bare(&options, folder.path(), "0,1")?;
    // As many sockets, or nearly, where one process may not open twice as many: what one delivery costs stays the same.
    let sockets = users.len().min(machine::open_files().saturating_sub(users.len() + SPARE_FILES));
    let paths = (0..sockets).map(|_| "/ws?room=1".to_owned()).collect();
    let mut bare = Lanes::open(server.at, &[LaneSpec { conversation: "7296349123456789504".into(), paths }])?;
    let mut details = vec![
        "| outstanding | round | bare deliveries/s | services deliveries/s | of bare | messages/s | delivered p50 / p99 ms | services' CPU | generator's |"
            .into(),
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |".into(),
    ];
    if sockets < users.len() {
        details.insert(
            0,
            format!("The bare broadcaster has {sockets} sockets: the generator may open no more.\n"),
        );
    }
    let mut tally = Tally::default();
    let mut rates: Vec<(f64, f64)> = Vec::new();
    for window in size.windows {
        rates.clear();
        let pace = Pace::Window(*window);
        for round in 1..=plan.rounds {
            let plain = bare.run(pace, plan.warm / 2, plan.measure, &[server.pid()])?;
            tally.add(&plain.tally);
            let sample = lanes.run(pace, plan.warm, plan.measure, &pids)?;
            tally.add(&sample.tally);
            rates.push((sample.deliveries, plain.deliveries));
            details.push(format!(
                "| {window} | {round} | {} | {} | {:.0} % | {:.1} | {:.1} / {:.1} | {:.0} % of a core | {:.0} % |",
                grouped(plain.deliveries),
                grouped(sample.deliveries),
                sample.deliveries / plain.deliveries * 100.0,
                sample.messages,
                millis(sample.delivered.value_at_quantile(0.5)),
                millis(sample.delivered.value_at_quantile(0.99)),
                sample.server_cpu * 100.0,
                sample.own_cpu * 100.0,
            ));
        }
    }
    let mid = |value: fn(&(f64, f64)) -> f64| median(rates.iter().map(value));
    let ratio = mid(|(ours, bare)| ours / bare);
    Ok(Outcome {
        name: size.name,
        what: size.what,
        reached: format!("{}/s = {:.0} %", grouped(mid(|(ours, _)| *ours)), ratio * 100.0),
        bare: format!("{}/s", grouped(mid(|(_, bare)| *bare))),
        others: "the bare broadcaster: one epoll loop, stores nothing; as many outstanding",
        must: "40 %",
        aim: "70 %",
        verdict: Verdict::at_least(ratio, 0.40, 0.70),
        clean: true,
        checks: String::new(),
        details,
    }
    .judged_by(&tally))
}
