//! The machine's clock.

use std::time::{SystemTime, UNIX_EPOCH};

use gochat_core::model::Timestamp;
use gochat_core::ports::Clock;

/// Reads the wall clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        // A clock before 1970 is a machine without a battery; it counts as 1970 until it is set.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_a_time_of_this_age() {
        assert!(SystemClock.now() > Timestamp::from_millis(1_760_000_000_000));
    }
}
