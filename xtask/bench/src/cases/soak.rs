//! Soak: minutes of connects, sends and disconnects. Memory must be flat after warm-up, every gauge back where it was.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::{Outcome, Verdict, grouped};
use crate::load::{Api, Handler, Http, LaneSpec, Lanes, Login, Outbox, Pool, SendFrame, Tally};
use crate::machine;
use crate::run::Bench;
use crate::scan::{Kind, Scan};
use crate::server::Server;

/// Messages sent beforehand: they fill the server's caches, which are bounded, so that what grows afterwards is a leak.
const WARM_UP: u64 = 200_000;
const MEMBERS: usize = 200;
/// Sockets held at a time, and how many are replaced every step.
const HELD: usize = 150;
const REPLACED: usize = 5;
const STEP: Duration = Duration::from_millis(20);
/// Memory may grow this much from the end of the warm-up to the end: allocators keep some, a leak is more.
const GROWTH: f64 = 1.10;
const GROWTH_BYTES: u64 = 4 << 20;

pub(crate) fn run(bench: &Bench) -> anyhow::Result<Outcome> {
    anyhow::ensure!(!bench.bare_only, "the soak is for GoChat");
    let folder = tempfile::tempdir()?;
    let server = bench.gochat(folder.path())?;
    let api = Api { to: server.at };
    let users = api.users("soak", MEMBERS)?;
    let chat = api.pairs(&users[..2])?.remove(0);
    let two = users[..2].iter().map(Login::path).collect();
    let warm_up = if bench.quick { WARM_UP / 20 } else { WARM_UP };
    Lanes::open(server.at, &[LaneSpec { conversation: chat, paths: two }])?.fill(warm_up, 512)?;
    let others: Vec<String> = users[1..].iter().map(|login| login.user.clone()).collect();
    let conversation = api.group(&users[0], &others)?;
    let before = gauges(&server)?;
    let mut soak = Soak::new(&users, &conversation)?;
    let samples = soak.churn(&server, bench.soak)?;
    soak.pool.close_all();
    soak.state.check_holes();
    let (after, waited) = settled(&server, &before)?;

    let third = samples.len() / 3;
    let (warm, end) = (peak(&samples[third..third * 2]), peak(&samples[third * 2..]));
    let flat = end <= ((warm as f64 * GROWTH) as u64).max(warm + GROWTH_BYTES);
    let back = after == before;
    let answered = soak.state.acked == soak.state.sent && soak.state.tally.is_clean();
    let word = |good: bool| if good { "PASS" } else { "FAIL" };
    let mib = |bytes: u64| bytes as f64 / (1 << 20) as f64;
    let mut details = vec![
        format!(
            "- {}: memory flat: peak {:.1} MiB in the second third, {:.1} MiB in the last",
            word(flat),
            mib(warm),
            mib(end)
        ),
        format!(
            "- {}: gauges back {:.1} s after the last disconnect: {}",
            word(back),
            waited.as_secs_f64(),
            differences(&before, &after)
        ),
        format!(
            "- {}: every send acknowledged, {} of {}, and what every socket got: {}",
            word(answered),
            soak.state.acked,
            soak.state.sent,
            soak.state.tally
        ),
    ];
    let shown: Vec<String> =
        samples.iter().step_by((samples.len() / 12).max(1)).map(|rss| format!("{:.1}", mib(*rss))).collect();
    details.push(format!("- RSS in MiB over the time: {}", shown.join(", ")));
    Ok(Outcome {
        name: "soak",
        what: "minutes of connects, sends and disconnects: memory flat, gauges back",
        reached: format!(
            "{} connects, {} messages, {} deliveries in {} s: {}",
            grouped(soak.state.connects as f64),
            grouped(soak.state.sent as f64),
            grouped(soak.state.deliveries as f64),
            bench.soak.as_secs(),
            word(flat && back && answered)
        ),
        bare: "-".into(),
        others: "-",
        must: "flat, gauges at 0",
        aim: "",
        verdict: if flat && back && answered { Verdict::Must } else { Verdict::Missed },
        clean: flat && back && answered,
        checks: soak.state.tally.to_string(),
        details,
    })
}

struct Soak {
    pool: Pool,
    paths: VecDeque<String>,
    held: VecDeque<usize>,
    frame: SendFrame,
    state: State,
}

#[derive(Default)]
struct State {
    scan: Option<Scan>,
    connects: u64,
    sent: u64,
    acked: u64,
    deliveries: u64,
    seen: Vec<Seen>,
    tally: Tally,
}

/// What one socket got: dense sequences, but for the one message that it sent itself.
#[derive(Clone, Copy, Default)]
struct Seen {
    next: u64,
    hole: u64,
    own: u64,
}

impl Soak {
    fn new(users: &[Login], conversation: &str) -> anyhow::Result<Self> {
        Ok(Self {
            pool: Pool::new()?,
            paths: users.iter().map(Login::path).collect(),
            held: VecDeque::new(),
            frame: SendFrame::new(conversation, 0),
            state: State { scan: Some(Scan::new()), ..State::default() },
        })
    }

    /// Replaces some sockets each step, each new one sends; returns the server's memory by the second.
    fn churn(&mut self, server: &Server, span: Duration) -> anyhow::Result<Vec<u64>> {
        let (begun, mut samples) = (Instant::now(), Vec::new());
        let mut step = begun;
        while begun.elapsed() < span {
            let mut paths = Vec::new();
            for _ in 0..REPLACED {
                if self.held.len() + paths.len() >= HELD {
                    self.held.pop_front().into_iter().for_each(|at| self.pool.close(at));
                }
                self.paths.rotate_left(1);
                paths.push(self.paths[0].clone());
            }
            let first = self.state.connects as usize;
            self.pool.connect(server.at, &paths, REPLACED, &mut self.state)?;
            for at in first..first + paths.len() {
                self.held.push_back(at);
                self.state.connects += 1;
                self.state.sent += 1;
                self.frame.write(
                    self.pool.out().queue(at),
                    self.state.sent,
                    begun.elapsed().as_millis() as u64,
                );
            }
            // A machine that others keep busy does fewer steps, and is not behind for ever.
            let sent = Instant::now();
            step = (step + STEP).max(sent);
            while self.state.acked < self.state.sent || Instant::now() < step {
                self.pool.turn(Some(Duration::from_millis(5)), &mut self.state)?;
                if sent.elapsed() > Duration::from_secs(10) {
                    anyhow::bail!("a send was not acknowledged in 10 s: {}", self.state.tally);
                }
            }
            if begun.elapsed().as_secs() as usize > samples.len() {
                samples.push(machine::resident(server.pid())?);
            }
        }
        Ok(samples)
    }
}

impl State {
    fn seen(&mut self, socket: usize) -> &mut Seen {
        if self.seen.len() <= socket {
            self.seen.resize(socket + 1, Seen::default());
        }
        &mut self.seen[socket]
    }

    fn delivered(&mut self, socket: usize, seq: u64) {
        let seen = self.seen(socket);
        let next = seen.next;
        seen.next = next.max(seq + 1);
        if next == 0 || seq == next {
            return;
        }
        if seq == next + 1 && seen.hole == 0 {
            seen.hole = next;
        } else if seq < next {
            self.tally.doubled += 1;
            self.tally.note(|| format!("socket {socket} has seq {seq} already, next is {next}"));
        } else {
            self.tally.missing += seq - next;
            self.tally.note(|| format!("socket {socket} got seq {seq} instead of {next}"));
        }
    }

    /// The one hole that a socket may have is its own message.
    fn check_holes(&mut self) {
        for (socket, Seen { hole, own, .. }) in self.seen.clone().into_iter().enumerate() {
            if hole != 0 && hole != own {
                self.tally.missing += 1;
                self.tally.note(|| format!("socket {socket} never got seq {hole}, its own is {own}"));
            }
        }
    }
}

impl Handler for State {
    fn frame(&mut self, _: &mut Outbox, socket: usize, payload: &[u8], _: Instant) {
        let Some(scan) = &self.scan else { return };
        match scan.kind(payload) {
            Kind::NewMessage => {
                let seq = scan.seq(payload).unwrap_or_default();
                self.deliveries += 1;
                self.delivered(socket, seq);
            }
            Kind::Ack if scan.is_stored(payload) => {
                let seq = scan.seq(payload).unwrap_or_default();
                self.acked += 1;
                self.seen(socket).own = seq;
            }
            Kind::Error => {
                self.tally.errors += 1;
                self.tally.note(|| String::from_utf8_lossy(payload).into_owned());
            }
            _ => {}
        }
    }

    fn closed(&mut self, socket: usize, why: String) {
        self.tally.closed += 1;
        self.tally.note(|| format!("socket {socket}: {why}"));
    }
}

fn peak(samples: &[u64]) -> u64 {
    samples.iter().copied().max().unwrap_or_default()
}

/// Waits until the gauges are as they were, or for so long that they won't be.
fn settled(
    server: &Server,
    before: &BTreeMap<String, String>,
) -> anyhow::Result<(BTreeMap<String, String>, Duration)> {
    let begun = Instant::now();
    loop {
        let now = gauges(server)?;
        if now == *before || begun.elapsed() > Duration::from_secs(15) {
            return Ok((now, begun.elapsed()));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// All gauges of `/metrics` by name and labels, but those that say how the process is.
fn gauges(server: &Server) -> anyhow::Result<BTreeMap<String, String>> {
    let mut http = Http::connect(server.at)?;
    let status = http.call("GET", "/metrics", None, "")?;
    anyhow::ensure!(status == 200, "GET /metrics: {status}");
    let text = String::from_utf8_lossy(&http.body).into_owned();
    let names: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" gauge"))
        .filter(|name| !name.contains("resident_memory") && !name.ends_with("_info"))
        .collect();
    let is_gauge = |line: &&str| names.iter().any(|name| line.split(['{', ' ']).next() == Some(name));
    Ok(text
        .lines()
        .filter(is_gauge)
        .filter_map(|line| line.rsplit_once(' '))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect())
}

fn differences(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> String {
    let changed: Vec<String> = after
        .iter()
        .filter(|(name, value)| before.get(*name) != Some(value))
        .map(|(name, value)| format!("{name} {} -> {value}", before.get(name).map_or("-", String::as_str)))
        .collect();
    match changed.is_empty() {
        true => format!("all {} as before", after.len()),
        false => changed.join(", "),
    }
}
