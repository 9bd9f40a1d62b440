//! Lanes: conversations with one sender and some receivers, which send under a window or by a schedule and check
//! every frame that comes back.
//!
//! One message in flight to 1,000 receivers is one lane with a window of 1; 200 pairs are 200 lanes with one
//! receiver each. As a lane has one sender, message `n` of it must come as sequence `n`, once, in order, with the
//! same id to every receiver as in the sender's ack.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::ensure;
use hdrhistogram::Histogram;

use super::state::State;
use super::{Pool, Tally};
use crate::machine::{CpuTime, all_cpu, wait_for_quiet};

const DRAIN: Duration = Duration::from_secs(20);
const CONNECT_WINDOW: usize = 64;

/// A conversation and the socket paths of its members who are online, the sender first.
#[derive(Debug, Clone)]
pub(crate) struct LaneSpec {
    pub(crate) conversation: String,
    pub(crate) paths: Vec<String>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// So many messages of each lane in flight: the next goes out when all of its receivers have one.
    Window(u32),
    /// So many messages a second over all lanes, by schedule, whatever comes back. Latency counts from the time
    /// that the schedule names, so a stall is not hidden by the sends it held up.
    Rate(u32),
}

/// What one measured stretch gave.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    /// Acknowledged and received by all, a second.
    pub(crate) messages: f64,
    pub(crate) deliveries: f64,
    /// From the send to the last receiver.
    pub(crate) delivered: Histogram<u64>,
    pub(crate) acked: Histogram<u64>,
    pub(crate) server_cpu: f64,
    pub(crate) own_cpu: f64,
    /// What everybody else on the machine used meanwhile: where it isn't small, the figures are too low.
    pub(crate) foreign_cpu: f64,
    pub(crate) tally: Tally,
}

impl Sample {
    /// Puts stretches of equal length together.
    pub(crate) fn of_all(stretches: Vec<Self>) -> Option<Self> {
        let share = 1.0 / stretches.len() as f64;
        let mut stretches = stretches.into_iter();
        let mut all = stretches.next()?;
        for next in stretches {
            all.messages += next.messages;
            all.deliveries += next.deliveries;
            all.delivered += next.delivered;
            all.acked += next.acked;
            all.server_cpu += next.server_cpu;
            all.own_cpu += next.own_cpu;
            all.foreign_cpu += next.foreign_cpu;
            all.tally.add(&next.tally);
        }
        for rate in [
            &mut all.messages,
            &mut all.deliveries,
            &mut all.server_cpu,
            &mut all.own_cpu,
            &mut all.foreign_cpu,
        ] {
            *rate *= share;
        }
        Some(all)
    }
}

pub(crate) struct Lanes {
    pool: Pool,
    state: State,
    /// Whether a schedule waits for what comes in, and spins only for its last moments.
    waits: bool,
}

impl Lanes {
    /// Connects everybody.
    pub(crate) fn open(to: SocketAddr, specs: &[LaneSpec]) -> anyhow::Result<Self> {
        Self::connect(&[to], specs, false)
    }

    /// Connects everybody to several servers that are one system: each lane's members to all of them in turn, the senders
    /// of neighbouring lanes to different ones. The processors are shared with these servers, so schedules don't spin.
    #[cfg(feature = "cluster")]
    pub(crate) fn over(servers: &[SocketAddr], specs: &[LaneSpec]) -> anyhow::Result<Self> {
        Self::connect(servers, specs, true)
    }

    fn connect(servers: &[SocketAddr], specs: &[LaneSpec], waits: bool) -> anyhow::Result<Self> {
        let mut state = State::new(specs)?;
        let mut targets = Vec::new();
        for (lane, spec) in specs.iter().enumerate() {
            let of_lane = spec.paths.iter().enumerate();
            targets.extend(
                of_lane.map(|(member, path)| (servers[(lane + member) % servers.len()], path.as_str())),
            );
        }
        let mut pool = Pool::new()?;
        pool.connect_each(targets, CONNECT_WINDOW, &mut state)?;
        Ok(Self { pool, state, waits })
    }

    /// Messages sent so far.
    #[cfg(feature = "cluster")]
    pub(crate) fn sent(&self) -> u64 {
        self.state.lanes.iter().map(|lane| lane.sent).sum()
    }

    /// Payload bytes of a delivery and of an ack, as seen last.
    pub(crate) fn frame_bytes(&self) -> (usize, usize) {
        (self.state.delivery_bytes, self.state.ack_bytes)
    }

    /// Sends on every lane, `window` of each in flight, until it has had `count` messages in all; unmeasured.
    pub(crate) fn fill(&mut self, count: u64, window: u32) -> anyhow::Result<()> {
        self.state.limit = count;
        self.state.begin(window, self.pool.out());
        let mut progress = (0, Instant::now());
        while self.state.lanes.iter().any(|lane| lane.sent < count) {
            self.pool.turn(Some(Duration::from_millis(10)), &mut self.state)?;
            if self.state.messages > progress.0 {
                progress = (self.state.messages, Instant::now());
            }
            ensure!(progress.1.elapsed() < DRAIN, "filling stalled: {}", self.state.tally);
        }
        self.state.limit = u64::MAX;
        self.drain()?;
        ensure!(self.state.tally.is_clean(), "filling went wrong: {}", self.state.tally);
        Ok(())
    }

    /// Loads the server for `warm`, then measures for `measure`, then waits for what is in flight.
    pub(crate) fn run(
        &mut self,
        pace: Pace,
        warm: Duration,
        measure: Duration,
        servers: &[u32],
    ) -> anyhow::Result<Sample> {
        wait_for_quiet();
        let mut schedule = Schedule::new(pace);
        match pace {
            Pace::Window(window) => self.state.begin(window, self.pool.out()),
            Pace::Rate(_) => self.state.window = 0,
        }
        self.drive(&mut schedule, warm)?;
        let begun = Instant::now();
        let before = (
            self.state.messages,
            self.state.deliveries,
            CpuTime::of_all(servers)?,
            CpuTime::own(),
            all_cpu(),
        );
        self.state.delivered.reset();
        self.state.acked.reset();
        self.drive(&mut schedule, measure)?;
        let seconds = begun.elapsed().as_secs_f64();
        let after = (
            self.state.messages,
            self.state.deliveries,
            CpuTime::of_all(servers)?,
            CpuTime::own(),
            all_cpu(),
        );
        self.drain()?;
        let (server_cpu, own_cpu) = (after.2.since(before.2) / seconds, after.3.since(before.3) / seconds);
        let tally = std::mem::take(&mut self.state.tally);
        Ok(Sample {
            messages: (after.0 - before.0) as f64 / seconds,
            deliveries: (after.1 - before.1) as f64 / seconds,
            delivered: self.state.delivered.clone(),
            acked: self.state.acked.clone(),
            server_cpu,
            own_cpu,
            foreign_cpu: (after.4.since(before.4) / seconds - server_cpu - own_cpu).max(0.0),
            tally,
        })
    }

    fn drive(&mut self, schedule: &mut Schedule, span: Duration) -> anyhow::Result<()> {
        let until = Instant::now() + span;
        loop {
            let now = Instant::now();
            if now >= until {
                return Ok(());
            }
            // A schedule is kept by spinning: epoll's timeout of whole milliseconds would show in the latency.
            let timeout = match schedule.gap {
                None => Duration::from_millis(10),
                Some(_) if self.waits => whole_millis(schedule.next.saturating_duration_since(now)),
                Some(_) => Duration::ZERO,
            };
            while let Some((lane, due)) = schedule.due(now, self.state.lanes.len()) {
                let at = self.state.nanos(due);
                self.state.send(lane, at, self.pool.out());
            }
            self.pool.turn(Some(timeout), &mut self.state)?;
        }
    }

    /// Waits until every message sent has arrived; what doesn't is missing.
    fn drain(&mut self) -> anyhow::Result<()> {
        self.state.sending = false;
        let until = Instant::now() + DRAIN;
        while Instant::now() < until && self.state.lanes.iter().any(|lane| lane.flying > 0) {
            self.pool.turn(Some(Duration::from_millis(10)), &mut self.state)?;
        }
        self.state.give_up();
        Ok(())
    }
}

/// What epoll can wait of `time` and be back before it is over.
fn whole_millis(time: Duration) -> Duration {
    Duration::from_millis(time.saturating_sub(Duration::from_millis(1)).as_millis() as u64)
}

struct Schedule {
    gap: Option<Duration>,
    next: Instant,
    count: usize,
}

impl Schedule {
    fn new(pace: Pace) -> Self {
        let gap = match pace {
            Pace::Window(_) => None,
            Pace::Rate(rate) => Some(Duration::from_secs(1) / rate),
        };
        Self { gap, next: Instant::now(), count: 0 }
    }

    /// The next message whose time has come: its lane, and its time.
    fn due(&mut self, now: Instant, lanes: usize) -> Option<(usize, Instant)> {
        let gap = self.gap?;
        if self.next > now {
            return None;
        }
        let due = self.next;
        self.next += gap;
        self.count += 1;
        Some((self.count % lanes, due))
    }
}
