//! Logging what may go wrong a thousand times a second: the first time, and then every few seconds with a count.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Silence after each record.
const PAUSE: Duration = Duration::from_secs(5);

/// Decides which occurrences of a failure are logged.
#[derive(Debug, Default)]
pub(super) struct Complaints(Mutex<Option<(Instant, u64)>>);

impl Complaints {
    /// How many were kept back before this one, when it is to be logged.
    pub(super) fn due(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock();
        match &mut *state {
            Some((last, hidden)) if now.duration_since(*last) < PAUSE => {
                *hidden += 1;
                None
            }
            other => other.replace((now, 0)).map_or(Some(0), |(_, hidden)| Some(hidden)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_become_few_with_a_count() {
        let (complaints, start) = (Complaints::default(), Instant::now());
        assert_eq!(complaints.due(start), Some(0));
        assert_eq!(complaints.due(start + Duration::from_secs(1)), None);
        assert_eq!(complaints.due(start + Duration::from_secs(2)), None);
        assert_eq!(complaints.due(start + PAUSE), Some(2));
        assert_eq!(complaints.due(start + PAUSE), None);
    }
}
