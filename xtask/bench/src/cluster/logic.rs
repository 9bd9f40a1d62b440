//! Two im-logic against one, where neither the database nor the generator is what limits.
//!
//! What stands in for im-repo keeps all in memory. The sends are in the topic before the clock runs: im-logic is stopped while
//! it is filled. And since all of this machine has two cores, each im-logic gets a small share of one, as if it were on a
//! small machine of its own: else two would only take from Kafka and Redis what those need to serve them.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;

use super::Plan;
use super::feed::Feed;
use super::share::Share;
use super::stage::Stage;
use crate::cases::{Outcome, Verdict, grouped, median};
use crate::machine::CpuTime;

/// Of a core, for each im-logic.
const SHARE: f64 = 0.25;
const CHATS: usize = 200;
const LOOK: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(90);
const BOTH: [&str; 2] = ["im-logic-1", "im-logic-2"];

pub(super) fn run(plan: Plan, programs: &Path, settings: &[String]) -> Result<Outcome> {
    let folder = tempfile::tempdir()?;
    for name in ["im-gateway", "im-logic", "im-task"] {
        std::os::unix::fs::symlink(programs.join(name), folder.path().join(name))?;
    }
    std::os::unix::fs::symlink(programs.join("gochat-bench-repo"), folder.path().join("im-repo"))?;
    let mut stage = Stage::start([1, 2, 1, 1], folder.path(), settings)?;
    // Processes are started and waited for in between, which the runtime hears of.
    let runtime = stage.runtime.handle().clone();
    let _within = runtime.enter();
    let done = measure(plan, &mut stage);
    stage.end(done)
}

fn measure(plan: Plan, stage: &mut Stage) -> Result<Outcome> {
    let mut feed = Feed::open(stage, CHATS)?;
    let mut details = vec![
        "| round | one im-logic: messages/s | two | CPU of im-logic, µs a message, one / two |".into(),
        "| --- | --- | --- | --- |".into(),
    ];
    let count = if plan.quick { 20_000 } else { 100_000 };
    // Caches warm.
    feed.fill(stage, 2_000)?;
    settled(&mut feed)?;
    let (mut one, mut two) = (Vec::new(), Vec::new());
    for round in 1..=plan.rounds {
        let both = stretch(stage, &mut feed, &BOTH, count)?;
        let second = stage.cluster.node(BOTH[1])?;
        second.terminate()?;
        stage.runtime.block_on(second.ended_well())?;
        let alone = stretch(stage, &mut feed, &BOTH[..1], count)?;
        let Stage { cluster, runtime, .. } = stage;
        let second = cluster.node(BOTH[1])?;
        second.restart()?;
        runtime.block_on(second.ready())?;
        details.push(format!(
            "| {round} | {} | {} | {:.1} / {:.1} |",
            grouped(alone.rate),
            grouped(both.rate),
            alone.cpu * 1e6,
            both.cpu * 1e6
        ));
        one.push(alone.rate);
        two.push(both.rate);
    }
    let ratio = median(two.iter().zip(&one).map(|(two, one)| two / one));
    let mid = |values: &[f64]| grouped(median(values.iter().copied()));
    details.push(format!(
        "\nEach im-logic has {:.0} % of a core. {} sends wait in 32 partitions when the clock begins; the rate is that of the \
         middle 60 % of them.",
        SHARE * 100.0,
        grouped(count as f64)
    ));
    Ok(Outcome {
        name: "cluster-logic",
        what: "two im-logic against one over 32 partitions, without a database: messages/s",
        reached: format!("{}/s = {ratio:.2}x", mid(&two)),
        bare: format!("{}/s", mid(&one)),
        others: "one im-logic",
        must: "1.5x",
        aim: "1.9x",
        verdict: Verdict::at_least(ratio, 1.5, 1.9),
        clean: true,
        checks: String::new(),
        details,
    }
    .judged_by(&feed.check().context("what came back")?))
}

/// Waits until nothing more comes back.
fn settled(feed: &mut Feed) -> Result<()> {
    let (mut last, mut since) = (feed.heard()?, Instant::now());
    while last == 0 || since.elapsed() < Duration::from_secs(2) {
        ensure!(since.elapsed() < PATIENCE, "nothing comes back");
        std::thread::sleep(LOOK);
        let now = feed.heard()?;
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
    Ok(())
}

struct Stretch {
    /// Messages a second.
    rate: f64,
    /// Seconds of a processor for each.
    cpu: f64,
}

/// Lets `nodes`, which are all im-logic there are, take `count` sends that wait for them.
fn stretch(stage: &mut Stage, feed: &mut Feed, nodes: &[&str], count: usize) -> Result<Stretch> {
    // A member that came or went is known to the group by then.
    feed.fill(stage, 2_000)?;
    settled(feed)?;
    let pids = nodes.iter().map(|name| stage.pid(name)).collect::<Result<Vec<_>>>()?;
    let shares = pids.iter().map(|pid| Share::of(*pid, SHARE)).collect::<Result<Vec<_>>>()?;
    let before = feed.heard()?;
    for name in nodes {
        stage.cluster.node(name)?.signal(Signal::STOP)?;
    }
    let filled = feed.fill(stage, count);
    for name in nodes {
        stage.cluster.node(name)?.signal(Signal::CONT)?;
    }
    filled?;
    let (begun, cpu) = (Instant::now(), CpuTime::of_all(&pids)?);
    let all = count as u64;
    let (mut from, mut to) = (None, None);
    loop {
        let (heard, at) = (feed.heard()? - before, Instant::now());
        if heard >= all / 5 {
            from.get_or_insert((heard, at));
        }
        if heard >= all / 5 * 4 {
            to.get_or_insert((heard, at));
        }
        if heard >= all {
            break;
        }
        ensure!(begun.elapsed() < PATIENCE, "{heard} of {all} came back");
        std::thread::sleep(LOOK);
    }
    let cpu = CpuTime::of_all(&pids)?.since(cpu) / count as f64;
    drop(shares);
    let (from, to) = from.zip(to).context("the middle was passed")?;
    let seconds = (to.1 - from.1).as_secs_f64();
    Ok(Stretch { rate: (to.0 - from.0) as f64 / seconds, cpu })
}
