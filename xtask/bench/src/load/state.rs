//! What the lanes of a run know: which messages are on their way, what every receiver must get next, what went wrong.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use hdrhistogram::Histogram;

use super::{Handler, LaneSpec, Outbox, SendFrame, Tally};
use crate::scan::{Kind, Scan};

/// More than any window; a message still in flight when its slot is due again counts as missing.
const RING: u64 = 1024;

pub(super) struct State {
    pub(super) lanes: Vec<Lane>,
    sockets: Vec<Member>,
    scan: Scan,
    epoch: Instant,
    epoch_unix: u64,
    pub(super) window: u32,
    pub(super) sending: bool,
    /// No lane sends more messages than this in all.
    pub(super) limit: u64,
    pub(super) messages: u64,
    pub(super) deliveries: u64,
    pub(super) delivered: Histogram<u64>,
    pub(super) acked: Histogram<u64>,
    pub(super) tally: Tally,
    skipped: Vec<(usize, u64)>,
    pub(super) delivery_bytes: usize,
    pub(super) ack_bytes: usize,
}

struct Member {
    lane: usize,
    next: u64,
}

pub(super) struct Lane {
    sender: usize,
    receivers: u32,
    pub(super) sent: u64,
    pub(super) flying: u32,
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

impl State {
    pub(super) fn new(specs: &[LaneSpec]) -> anyhow::Result<Self> {
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
        Ok(state)
    }

    pub(super) fn nanos(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.epoch).as_nanos() as u64
    }

    pub(super) fn begin(&mut self, window: u32, out: &mut Outbox) {
        (self.window, self.sending) = (window, true);
        let now = self.nanos(Instant::now());
        for lane in 0..self.lanes.len() {
            while self.lanes[lane].flying < window && self.lanes[lane].sent < self.limit {
                self.send(lane, now, out);
            }
        }
    }

    /// Counts what is still on its way as missing.
    pub(super) fn give_up(&mut self) {
        for lane in &mut self.lanes {
            for slot in &mut lane.ring {
                self.tally.missing += u64::from(slot.left);
                if slot.left > 0 || (slot.seq > 0 && !slot.acked) {
                    self.tally.errors += u64::from(!slot.acked);
                    self.tally.note(|| {
                        format!("seq {} lacks {} receivers, acked {}", slot.seq, slot.left, slot.acked)
                    });
                }
                (slot.left, slot.acked) = (0, true);
            }
            lane.flying = 0;
        }
    }

    pub(super) fn send(&mut self, number: usize, at: u64, out: &mut Outbox) {
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
