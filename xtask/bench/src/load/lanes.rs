//! Lanes: conversations with one sender and some receivers, which send under a window or by a schedule and check
//! every frame that comes back.
//!
//! One message in flight to 1,000 receivers is one lane with a window of 1; 200 pairs are 200 lanes with one
//! receiver each. As a lane has one sender, message `n` of it must come as sequence `n`, once, in order, with the
//! same id to every receiver as in the sender's ack.

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::ensure;
use hdrhistogram::Histogram;

use super::{Handler, Outbox, Pool, SendFrame, Tally};
use crate::machine::{CpuTime, all_cpu, wait_for_quiet};
use crate::scan::{Kind, Scan};

/// More than any window; a message still in flight when its slot is due again counts as missing.
const RING: u64 = 1024;
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

pub(crate) struct Lanes {
    pool: Pool,
    state: State,
}

struct State {
    lanes: Vec<Lane>,
    sockets: Vec<Member>,
    scan: Scan,
    epoch: Instant,
    epoch_unix: u64,
    window: u32,
    sending: bool,
    /// No lane sends more messages than this in all.
    limit: u64,
    messages: u64,
    deliveries: u64,
    delivered: Histogram<u64>,
    acked: Histogram<u64>,
    tally: Tally,
    skipped: Vec<(usize, u64)>,
    delivery_bytes: usize,
    ack_bytes: usize,
}

struct Member {
    lane: usize,
    next: u64,
}

struct Lane {
    sender: usize,
    receivers: u32,
    sent: u64,
    flying: u32,
    frame: SendFrame,
    ring: Vec<Slot>,
}

/// A message on its way.
#[derive(Clone, Default)]
struct Slot {
    seq: u64,
    sent_at: u64,
    left: u32,
    acked: bool,
    id: Option<u64>,
    /// The frame as the first receiver got it: one that is the same needs no second look.
    bytes: Vec<u8>,
}

impl Lanes {
    /// Connects everybody.
    pub(crate) fn open(to: SocketAddr, specs: &[LaneSpec]) -> anyhow::Result<Self> {
        let mut state = State {
            lanes: Vec::new(),
            sockets: Vec::new(),
            scan: Scan::new(),
            epoch: Instant::now(),
            epoch_unix: SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as u64,
            window: 0,
            sending: false,
            limit: u64::MAX,
            messages: 0,
            deliveries: 0,
            delivered: histogram(),
            acked: histogram(),
            tally: Tally::default(),
            skipped: Vec::new(),
            delivery_bytes: 0,
            ack_bytes: 0,
        };
        for (number, spec) in specs.iter().enumerate() {
            state.lanes.push(Lane {
                sender: state.sockets.len(),
                receivers: spec.paths.len() as u32 - 1,
                sent: 0,
                flying: 0,
                frame: SendFrame::new(&spec.conversation, number),
                ring: vec![Slot::default(); RING as usize],
            });
            state.sockets.extend(spec.paths.iter().map(|_| Member { lane: number, next: 1 }));
        }
        let paths: Vec<String> = specs.iter().flat_map(|spec| spec.paths.iter().cloned()).collect();
        let mut pool = Pool::new()?;
        pool.connect(to, &paths, CONNECT_WINDOW, &mut state)?;
        Ok(Self { pool, state })
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
        server: u32,
    ) -> anyhow::Result<Sample> {
        wait_for_quiet();
        let mut schedule = Schedule::new(pace);
        match pace {
            Pace::Window(window) => self.state.begin(window, self.pool.out()),
            Pace::Rate(_) => self.state.window = 0,
        }
        self.drive(&mut schedule, warm)?;
        let begun = Instant::now();
        let before =
            (self.state.messages, self.state.deliveries, CpuTime::of(server)?, CpuTime::own(), all_cpu());
        self.state.delivered.reset();
        self.state.acked.reset();
        self.drive(&mut schedule, measure)?;
        let seconds = begun.elapsed().as_secs_f64();
        let after =
            (self.state.messages, self.state.deliveries, CpuTime::of(server)?, CpuTime::own(), all_cpu());
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
            let timeout = if schedule.gap.is_some() { Duration::ZERO } else { Duration::from_millis(10) };
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
        for lane in &mut self.state.lanes {
            for slot in &mut lane.ring {
                self.state.tally.missing += u64::from(slot.left);
                if slot.left > 0 || (slot.seq > 0 && !slot.acked) {
                    self.state.tally.errors += u64::from(!slot.acked);
                    self.state.tally.note(|| {
                        format!("seq {} lacks {} receivers, acked {}", slot.seq, slot.left, slot.acked)
                    });
                }
                (slot.left, slot.acked) = (0, true);
            }
            lane.flying = 0;
        }
        Ok(())
    }
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

impl State {
    fn nanos(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.epoch).as_nanos() as u64
    }

    fn begin(&mut self, window: u32, out: &mut Outbox) {
        (self.window, self.sending) = (window, true);
        let now = self.nanos(Instant::now());
        for lane in 0..self.lanes.len() {
            while self.lanes[lane].flying < window && self.lanes[lane].sent < self.limit {
                self.send(lane, now, out);
            }
        }
    }

    fn send(&mut self, number: usize, at: u64, out: &mut Outbox) {
        let lane = &mut self.lanes[number];
        lane.sent += 1;
        lane.flying += 1;
        let slot = &mut lane.ring[(lane.sent % RING) as usize];
        self.tally.missing += u64::from(slot.left);
        let mut bytes = std::mem::take(&mut slot.bytes);
        bytes.clear();
        *slot = Slot { seq: lane.sent, sent_at: at, left: lane.receivers, acked: false, id: None, bytes };
        lane.frame.write(out.queue(lane.sender), lane.sent, self.epoch_unix + at / 1_000_000);
    }

    /// Counts one delivery or ack of the message in `slot`; the last one makes room for the next message.
    fn step(&mut self, number: usize, seq: u64, at: u64, out: &mut Outbox, is_ack: bool) {
        let lane = &mut self.lanes[number];
        let slot = &mut lane.ring[(seq % RING) as usize];
        let took = at.saturating_sub(slot.sent_at);
        if is_ack {
            slot.acked = true;
            self.acked.saturating_record(took);
        } else {
            slot.left -= 1;
            self.deliveries += 1;
            if slot.left == 0 {
                self.delivered.saturating_record(took);
            }
        }
        if slot.left == 0 && slot.acked {
            self.messages += 1;
            lane.flying -= 1;
            if self.sending && lane.flying < self.window && lane.sent < self.limit {
                self.send(number, at, out);
            }
        }
    }

    fn delivery(&mut self, out: &mut Outbox, socket: usize, payload: &[u8], at: u64) {
        let (number, next) = (self.sockets[socket].lane, self.sockets[socket].next);
        let (Some(seq), Some(id), Some(index)) =
            (self.scan.seq(payload), self.scan.message_id(payload), self.scan.client_index(payload))
        else {
            self.tally.mismatched += 1;
            return self.tally.note(|| format!("lacks fields: {}", String::from_utf8_lossy(payload)));
        };
        if seq < next {
            if let Some(at) = self.skipped.iter().position(|skipped| *skipped == (socket, seq)) {
                self.skipped.swap_remove(at);
                self.tally.missing -= 1;
                self.tally.disordered += 1;
            } else {
                self.tally.doubled += 1;
                self.tally.note(|| format!("socket {socket} has seq {seq} already, next is {next}"));
            }
            return;
        }
        for hole in next..seq.min(next + RING) {
            let slot = &self.lanes[number].ring[(hole % RING) as usize];
            // One whose waiting has been given up is counted already.
            if slot.seq == hole && slot.left > 0 {
                self.tally.missing += 1;
                self.tally.note(|| format!("socket {socket} got seq {seq} instead of {next}"));
                self.skipped.push((socket, hole));
                self.step(number, hole, at, out, false);
            }
        }
        self.sockets[socket].next = seq + 1;
        let lane = &mut self.lanes[number];
        let slot = &mut lane.ring[(seq % RING) as usize];
        let agrees = *slot.id.get_or_insert(id) == id;
        if slot.seq != seq || index != seq || !agrees || slot.left == 0 || socket == lane.sender {
            self.tally.mismatched += 1;
            return self.tally.note(|| format!("not what was sent: {}", String::from_utf8_lossy(payload)));
        }
        if lane.receivers > 1 {
            slot.bytes.clear();
            slot.bytes.extend_from_slice(payload);
        }
        self.delivery_bytes = payload.len();
        self.step(number, seq, at, out, false);
    }

    fn ack(&mut self, out: &mut Outbox, socket: usize, payload: &[u8], at: u64) {
        if !self.scan.is_stored(payload) {
            return;
        }
        let number = self.sockets[socket].lane;
        let lane = &mut self.lanes[number];
        let (seq, id, index) =
            (self.scan.seq(payload), self.scan.message_id(payload), self.scan.client_index(payload));
        let slot = &mut lane.ring[(index.unwrap_or_default() % RING) as usize];
        let agrees = id.is_some_and(|id| *slot.id.get_or_insert(id) == id);
        if seq.is_none() || seq != index || !agrees || slot.seq != seq.unwrap_or_default() || slot.acked {
            self.tally.mismatched += 1;
            return self
                .tally
                .note(|| format!("not an ack of what was sent: {}", String::from_utf8_lossy(payload)));
        }
        self.ack_bytes = payload.len();
        let seq = slot.seq;
        self.step(number, seq, at, out, true);
    }
}

impl Handler for State {
    fn frame(&mut self, out: &mut Outbox, socket: usize, payload: &[u8], at: Instant) {
        let at = self.nanos(at);
        let Member { lane: number, next } = self.sockets[socket];
        let slot = &self.lanes[number].ring[(next % RING) as usize];
        if slot.seq == next && slot.left > 0 && slot.bytes == payload {
            self.sockets[socket].next += 1;
            return self.step(number, next, at, out, false);
        }
        match self.scan.kind(payload) {
            Kind::NewMessage => self.delivery(out, socket, payload, at),
            Kind::Ack => self.ack(out, socket, payload, at),
            Kind::Error => {
                self.tally.errors += 1;
                self.tally.note(|| String::from_utf8_lossy(payload).into_owned());
            }
            Kind::Connected | Kind::Other => {}
        }
    }

    fn closed(&mut self, socket: usize, why: String) {
        self.tally.closed += 1;
        self.tally.note(|| format!("socket {socket}: {why}"));
    }
}

/// Nanoseconds to a minute, three digits.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("the bounds are valid")
}
