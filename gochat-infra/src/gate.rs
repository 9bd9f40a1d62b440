//! A server that is away is asked again after a pause, by one caller; the others are refused at once instead of waiting.
//!
//! Knows nothing of servers: who calls one says what became of it.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// The way to one server.
#[derive(Debug)]
pub(crate) struct Gate {
    first: Duration,
    max: Duration,
    /// For so long one caller tries, before another may.
    patience: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    failures: u32,
    /// When the last failure was noted: calls that began before it say nothing new.
    noted: Option<Instant>,
    closed_until: Option<Instant>,
}

/// What a call learned of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing new.
    None,
    /// It went away.
    Away,
    /// It is back.
    Back,
}

impl Gate {
    /// One that is open. After the second failure in a row it is closed for `first`, after each further one for twice as
    /// long, up to `max`.
    pub(crate) fn new(first: Duration, max: Duration, patience: Duration) -> Self {
        let state = State { failures: 0, noted: None, closed_until: None };
        Self { first, max, patience, state: Mutex::new(state) }
    }

    /// Whether a call may be made now.
    pub(crate) fn enter(&self, now: Instant) -> bool {
        let mut state = self.state.lock();
        match state.closed_until {
            Some(until) if now < until => false,
            Some(_) => {
                state.closed_until = Some(now + self.patience);
                true
            }
            None => true,
        }
    }

    /// The server answered.
    pub(crate) fn answered(&self) -> Change {
        let mut state = self.state.lock();
        let back = state.failures > 0;
        *state = State { failures: 0, noted: None, closed_until: None };
        if back { Change::Back } else { Change::None }
    }

    /// A call that began at `began` found the server away. The first time nobody waits: a connection that was dropped is made
    /// again at once.
    pub(crate) fn failed(&self, began: Instant, now: Instant) -> Change {
        let mut state = self.state.lock();
        if state.noted.is_some_and(|noted| began < noted) {
            return Change::None;
        }
        state.failures = state.failures.saturating_add(1);
        state.noted = Some(now);
        if state.failures > 1 {
            let doubled = self.first.saturating_mul(1 << (state.failures - 2).min(20));
            state.closed_until = Some(now + doubled.min(self.max));
        }
        if state.failures == 1 { Change::Away } else { Change::None }
    }

    /// Whether the last that is known is that the server is away.
    #[cfg(feature = "mysql")]
    pub(crate) fn doubts(&self) -> bool {
        self.state.lock().failures > 0
    }

    /// Whether a call would be refused.
    pub(crate) fn is_closed(&self, now: Instant) -> bool {
        self.state.lock().closed_until.is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_one_tries() {
        let ms = Duration::from_millis;
        let gate = Gate::new(ms(50), ms(150), ms(1_000));
        let t = Instant::now();
        assert!(gate.enter(t));
        assert_eq!(gate.failed(t, t + ms(1)), Change::Away);
        assert_eq!(gate.failed(t, t + ms(2)), Change::None, "it began before the first was noted");
        assert!(gate.enter(t + ms(2)), "tried again at once");
        assert_eq!(gate.failed(t + ms(2), t + ms(3)), Change::None);
        assert!(!gate.enter(t + ms(52)) && gate.is_closed(t + ms(52)));
        assert!(gate.enter(t + ms(53)));
        assert!(!gate.enter(t + ms(54)), "one tries");
        gate.failed(t + ms(53), t + ms(60));
        assert!(!gate.enter(t + ms(159)) && gate.enter(t + ms(160)), "twice as long");
        gate.failed(t + ms(160), t + ms(160));
        assert!(!gate.enter(t + ms(309)) && gate.enter(t + ms(310)), "never longer than the most");
        assert_eq!(gate.answered(), Change::Back);
        assert_eq!(gate.answered(), Change::None);
        assert!(gate.enter(t + ms(311)) && gate.enter(t + ms(311)));
    }
}
