//! Scaling: what one more member, message or conversation costs. Flat is what is wanted.
//!
//! The cost is the server's CPU time for a message: it holds for any machine load, where a rate would also show
//! the generator.

use std::time::Instant;

use super::{Outcome, Verdict, grouped, millis};
use crate::load::{Api, Http, LaneSpec, Lanes, Login, Pace, Tally};
use crate::run::Bench;
use crate::server::Server;

const SIZES: [usize; 3] = [10, 1_000, 100_000];
const ONLINE: usize = 10;
const WINDOW: u32 = 8;

/// One measured line: what there is, how many of it, and the cost.
struct Line {
    of: &'static str,
    size: usize,
    rate: f64,
    micros: f64,
    p50: f64,
    beside: String,
}

pub(crate) fn run(bench: &Bench) -> anyhow::Result<Outcome> {
    anyhow::ensure!(!bench.bare_only, "the bare server has neither members nor history");
    let mut tally = Tally::default();
    let mut lines = Vec::new();
    for size in SIZES.into_iter().filter(|size| *size <= bench.max_scale) {
        lines.push(members(bench, size, &mut tally)?);
    }
    for size in SIZES.into_iter().filter(|size| *size <= bench.max_scale) {
        lines.push(messages(bench, size, &mut tally)?);
    }
    for size in SIZES.into_iter().filter(|size| *size <= bench.max_scale) {
        lines.push(conversations(bench, size, &mut tally)?);
    }
    let mut details = vec![
        "| | | messages/s | server CPU a message, µs | p50 ms | |".to_owned(),
        "| --- | --- | --- | --- | --- | --- |".to_owned(),
    ];
    for Line { of, size, rate, micros, p50, beside } in &lines {
        details.push(format!(
            "| {of} | {} | {} | {micros:.1} | {p50:.2} | {beside} |",
            grouped(*size as f64),
            grouped(*rate)
        ));
    }
    details.push(format!("\nOne sender, {WINDOW} in flight; members: {ONLINE} online, the rest offline."));
    let growth = |of: &str| {
        let of: Vec<f64> = lines.iter().filter(|line| line.of == of).map(|line| line.micros).collect();
        of.last().copied().unwrap_or_default() / of.first().copied().unwrap_or(1.0)
    };
    let grown = ["members", "messages", "conversations"].map(growth);
    Ok(Outcome {
        name: "scaling",
        what: "cost of one more member, message, conversation: 10 to 100,000",
        reached: format!(
            "cost of a message from the smallest to the largest: members {:.2}x, messages {:.2}x, conversations {:.2}x",
            grown[0], grown[1], grown[2]
        ),
        bare: "-".into(),
        others: "-",
        must: "flat",
        aim: "",
        verdict: if grown.iter().all(|grown| *grown < 1.5) { Verdict::Must } else { Verdict::Missed },
        clean: true,
        checks: String::new(),
        details,
    }
    .judged_by(&tally))
}

fn members(bench: &Bench, size: usize, tally: &mut Tally) -> anyhow::Result<Line> {
    let folder = tempfile::tempdir()?;
    let server = bench.gochat(folder.path())?;
    let api = Api { to: server.at };
    let online = api.users("member", ONLINE)?;
    let mut others: Vec<String> = online[1..].iter().map(|login| login.user.clone()).collect();
    others.extend(api.offline_users("offline", size - ONLINE)?);
    let begun = Instant::now();
    let conversation = api.group(&online[0], &others)?;
    let beside = format!("making the group {:.0} ms", begun.elapsed().as_secs_f64() * 1e3);
    let paths = online.iter().map(Login::path).collect();
    let mut lanes = Lanes::open(server.at, &[LaneSpec { conversation, paths }])?;
    measure(bench, &server, &mut lanes, "members", size, beside, tally)
}

fn messages(bench: &Bench, size: usize, tally: &mut Tally) -> anyhow::Result<Line> {
    let folder = tempfile::tempdir()?;
    let server = bench.gochat(folder.path())?;
    let api = Api { to: server.at };
    let users = api.users("message", 2)?;
    let conversation = api.pairs(&users)?.remove(0);
    let paths = users.iter().map(Login::path).collect();
    let mut lanes = Lanes::open(server.at, &[LaneSpec { conversation, paths }])?;
    lanes.fill(size as u64, 64)?;
    measure(bench, &server, &mut lanes, "messages", size, String::new(), tally)
}

fn conversations(bench: &Bench, size: usize, tally: &mut Tally) -> anyhow::Result<Line> {
    let folder = tempfile::tempdir()?;
    let server = bench.gochat(folder.path())?;
    let api = Api { to: server.at };
    let users = api.users("chat", 2)?;
    api.lone_groups(&users[0], size - 1)?;
    let conversation = api.pairs(&users)?.remove(0);
    let mut http = Http::connect(server.at)?;
    let begun = Instant::now();
    let list = http.json("GET", "/api/conversations", Some(&users[0].token), "")?;
    let took = begun.elapsed().as_secs_f64();
    let listed = list["data"].as_array().map_or(0, Vec::len);
    anyhow::ensure!(listed > 0, "no conversations listed");
    let each = took * 1e6 / listed as f64;
    let beside = format!("list of {}: {:.1} ms, {each:.1} µs for each", grouped(listed as f64), took * 1e3);
    let paths = users.iter().map(Login::path).collect();
    let mut lanes = Lanes::open(server.at, &[LaneSpec { conversation, paths }])?;
    measure(bench, &server, &mut lanes, "conversations", size, beside, tally)
}

fn measure(
    bench: &Bench,
    server: &Server,
    lanes: &mut Lanes,
    of: &'static str,
    size: usize,
    beside: String,
    tally: &mut Tally,
) -> anyhow::Result<Line> {
    let sample = lanes.run(Pace::Window(WINDOW), bench.warm, bench.measure, &[server.pid()])?;
    tally.add(&sample.tally);
    let line = Line {
        of,
        size,
        rate: sample.messages,
        micros: sample.server_cpu / sample.messages * 1e6,
        p50: millis(sample.delivered.value_at_quantile(0.5)),
        beside,
    };
    println!("{of} {size}: {} messages/s, {:.1} µs, {}", grouped(line.rate), line.micros, sample.tally);
    Ok(line)
}
