//! How often notices of writing go out.

use std::collections::HashMap;
use std::time::Duration;

use crate::model::{ConversationId, Timestamp, UserId};

/// Lets at most one notice through in each interval, for each writer in a conversation; in large conversations (without a
/// writer's name in the key) for each conversation, since each notice goes to so many.
///
/// Remembers a bounded number of notices. When that many are younger than the interval, further ones are dropped: they are
/// a courtesy, and memory is not.
///
/// ```
/// use std::time::Duration;
/// use gochat_core::model::{ConversationId, Timestamp, UserId};
/// use gochat_core::rules::typing::Throttle;
///
/// let mut throttle = Throttle::new(Duration::from_secs(2), 1_000);
/// let (key, now) = ((ConversationId::WORLD, UserId::new(2)), Timestamp::from_millis(0));
/// assert!(throttle.pass(key, now));
/// assert!(!throttle.pass(key, now.after(Duration::from_millis(1_999))));
/// assert!(throttle.pass(key, now.after(Duration::from_secs(2))));
/// ```
#[derive(Debug)]
pub struct Throttle {
    interval: Duration,
    capacity: usize,
    last: HashMap<(ConversationId, Option<UserId>), Timestamp>,
    swept: Option<Timestamp>,
}

impl Throttle {
    /// Makes one that has seen nothing.
    #[must_use]
    pub fn new(interval: Duration, capacity: usize) -> Self {
        Self { interval, capacity, last: HashMap::new(), swept: None }
    }

    /// Whether a notice may go out now.
    pub fn pass(&mut self, key: (ConversationId, Option<UserId>), now: Timestamp) -> bool {
        if self.interval.is_zero() {
            return true;
        }
        if let Some(last) = self.last.get_mut(&key) {
            let fresh = within(*last, now, self.interval);
            if !fresh {
                *last = now;
            }
            return !fresh;
        }
        if self.last.len() >= self.capacity {
            self.sweep(now);
            if self.last.len() >= self.capacity {
                return false;
            }
        }
        self.last.insert(key, now);
        true
    }

    /// Forgets what no longer matters; at most once an interval, since it looks at everything.
    fn sweep(&mut self, now: Timestamp) {
        if self.swept.is_some_and(|swept| within(swept, now, self.interval)) {
            return;
        }
        self.swept = Some(now);
        let interval = self.interval;
        self.last.retain(|_, last| within(*last, now, interval));
    }

    /// How many notices it remembers.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.last.len()
    }
}

/// Whether `last` is less than `interval` ago. A clock that was set back must not silence anybody: a time in the future
/// counts as long ago.
fn within(last: Timestamp, now: Timestamp, interval: Duration) -> bool {
    last <= now && now.since(last) < interval
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn key(n: u64) -> (ConversationId, Option<UserId>) {
        (ConversationId::WORLD, UserId::new(n))
    }

    #[test]
    fn writers_and_conversations_do_not_hold_up_each_other() {
        let mut t = Throttle::new(Duration::from_secs(2), 10);
        assert!(t.pass(key(1), at(0)));
        assert!(t.pass(key(2), at(0)));
        assert!(t.pass((ConversationId::WORLD, None), at(0)));
        assert!(!t.pass(key(1), at(1)));
    }

    #[test]
    fn a_clock_set_back_silences_nobody() {
        let mut t = Throttle::new(Duration::from_secs(2), 10);
        assert!(t.pass(key(1), at(10_000)));
        assert!(t.pass(key(1), at(500)));
        assert!(!t.pass(key(1), at(501)));
    }

    #[test]
    fn a_full_memory_drops_until_the_interval_is_over() {
        let mut t = Throttle::new(Duration::from_secs(2), 2);
        assert!(t.pass(key(1), at(0)));
        assert!(t.pass(key(2), at(0)));
        assert!(!t.pass(key(3), at(1)));
        assert!(!t.pass(key(3), at(1_999)));
        assert!(t.pass(key(3), at(2_001)));
        assert_eq!(t.remembered(), 1);
    }

    proptest! {
        #[test]
        fn memory_is_bounded_and_nothing_passes_twice(steps in prop::collection::vec((1u64..20, 0i64..700), 0..300)) {
            let mut t = Throttle::new(Duration::from_secs(2), 8);
            let mut passed: HashMap<u64, i64> = HashMap::new();
            let mut now = 0;
            for (who, wait) in steps {
                now += wait;
                if t.pass(key(who), at(now)) && let Some(before) = passed.insert(who, now) {
                    prop_assert!(now - before >= 2_000);
                }
                prop_assert!(t.remembered() <= 8);
            }
        }
    }
}
