//! Cuts floods: warnings and errors of one place in the code are written so many times in ten seconds, then counted.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use slog::{Drain, Level, Never, OwnedKVList, Record, b, o, record};

const WINDOW: Duration = Duration::from_secs(10);

pub(super) struct Repeats<D> {
    inner: D,
    /// 0 for no limit.
    max: u32,
    /// As many entries as there are places in the code. (The standard lock, as loggers must be safe to unwind through.)
    places: Mutex<HashMap<(&'static str, u32), Place>>,
}

struct Place {
    since: Instant,
    seen: u32,
}

impl<D> Repeats<D> {
    pub(super) fn new(inner: D, max: u32) -> Self {
        Self { inner, max, places: Mutex::default() }
    }

    /// Whether to write one that came `now`, and how many before it were not.
    fn admit(&self, place: (&'static str, u32), now: Instant) -> (bool, u32) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let place = places.entry(place).or_insert(Place { since: now, seen: 0 });
        let mut untold = 0;
        if now.duration_since(place.since) >= WINDOW {
            untold = place.seen.saturating_sub(self.max);
            *place = Place { since: now, seen: 0 };
        }
        place.seen = place.seen.saturating_add(1);
        (place.seen <= self.max, untold)
    }
}

impl<D: Drain<Ok = (), Err = Never>> Drain for Repeats<D> {
    type Ok = ();
    type Err = Never;

    fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<(), Never> {
        if self.max == 0 || !record.level().is_at_least(Level::Warning) {
            return self.inner.log(record, values);
        }
        let (write, untold) = self.admit((record.file(), record.line()), Instant::now());
        if untold > 0 {
            let values: OwnedKVList = o!().into();
            let text = format_args!("records like the next were not written");
            self.inner.log(&record!(Level::Warning, "", &text, b!("count" => untold)), &values)?;
        }
        if write { self.inner.log(record, values) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use slog::Discard;

    use super::*;

    #[test]
    fn a_new_window_tells_what_the_last_one_kept_back() {
        let r = Repeats::new(Discard, 2);
        let t = Instant::now();
        let (a, b) = (("a.rs", 1), ("a.rs", 2));
        assert_eq!(
            [0, 1, 2, 3].map(|s| r.admit(a, t + Duration::from_secs(s)).0),
            [true, true, false, false]
        );
        assert_eq!(r.admit(b, t), (true, 0));
        assert_eq!(r.admit(a, t + WINDOW), (true, 2));
        assert_eq!(r.admit(a, t + 2 * WINDOW), (true, 0));
    }
}
