//! How often something may happen in a stretch of time, by name and by address. Bounded: what is longest unused is
//! forgotten first.

use std::collections::VecDeque;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use gochat_core::model::{Timestamp, UsernameKey};
use parking_lot::Mutex;
use quick_cache::sync::Cache;

use super::RateLimits;

const MINUTE: Duration = Duration::from_secs(60);

/// At most `max` events of one key within any stretch of `window`. Exact: it remembers the time of each.
#[derive(Debug)]
pub(super) struct Throttle<K: Hash + Eq> {
    max: usize,
    window: Duration,
    events: Cache<K, Arc<Mutex<VecDeque<Timestamp>>>>,
}

impl<K: Hash + Eq + Clone> Throttle<K> {
    pub(super) fn new(max: u32, window: Duration, remembered: usize) -> Self {
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        Self { max, window, events: Cache::new(remembered.max(1)) }
    }

    /// Whether one more may happen.
    ///
    /// # Errors
    /// How long until it may.
    pub(super) fn check(&self, key: &K, now: Timestamp) -> Result<(), Duration> {
        if self.max == 0 {
            return Ok(());
        }
        let Some(events) = self.events.get(key) else { return Ok(()) };
        let mut events = events.lock();
        self.forget(&mut events, now);
        match events.front() {
            Some(first) if events.len() >= self.max => {
                Err(first.after(self.window).since(now).max(Duration::from_millis(1)))
            }
            _ => Ok(()),
        }
    }

    /// Counts one.
    pub(super) fn count(&self, key: &K, now: Timestamp) {
        if self.max == 0 {
            return;
        }
        let Ok(events) =
            self.events.get_or_insert_with::<_, std::convert::Infallible>(key, || Ok(Arc::default()));
        let mut events = events.lock();
        self.forget(&mut events, now);
        if events.len() >= self.max {
            events.pop_front();
        }
        events.push_back(now);
    }

    /// Counts one if it may happen.
    ///
    /// # Errors
    /// How long until it may.
    pub(super) fn take(&self, key: &K, now: Timestamp) -> Result<(), Duration> {
        self.check(key, now)?;
        self.count(key, now);
        Ok(())
    }

    /// Starts anew for a key.
    pub(super) fn clear(&self, key: &K) {
        self.events.remove(key);
    }

    fn forget(&self, events: &mut VecDeque<Timestamp>, now: Timestamp) {
        while events.front().is_some_and(|first| first.after(self.window) <= now) {
            events.pop_front();
        }
    }
}

/// The limits of accounts.
#[derive(Debug)]
pub(super) struct Throttles {
    pub(super) login_name: Throttle<UsernameKey>,
    pub(super) login_address: Throttle<IpAddr>,
    pub(super) registrations: Throttle<IpAddr>,
    pub(super) guests: Throttle<IpAddr>,
}

impl Throttles {
    pub(super) fn new(limits: &RateLimits) -> Self {
        let RateLimits { login_window, remembered, .. } = *limits;
        Self {
            login_name: Throttle::new(limits.login_failures_name, login_window, remembered),
            login_address: Throttle::new(limits.login_failures_address, login_window, remembered),
            registrations: Throttle::new(limits.registrations, MINUTE, remembered),
            guests: Throttle::new(limits.guests, MINUTE, remembered),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    #[test]
    fn as_many_as_allowed_within_any_window() {
        let throttle = Throttle::new(2, MINUTE, 10);
        assert_eq!(throttle.take(&"a", at(0)), Ok(()));
        assert_eq!(throttle.take(&"a", at(50)), Ok(()));
        assert_eq!(throttle.take(&"a", at(59)), Err(Duration::from_secs(1)));
        assert_eq!(throttle.take(&"b", at(59)), Ok(()));
        assert_eq!(throttle.take(&"a", at(60)), Ok(()));
        assert_eq!(throttle.take(&"a", at(61)), Err(Duration::from_secs(49)));
    }

    #[test]
    fn checking_counts_nothing_and_clearing_starts_anew() {
        let throttle = Throttle::new(1, MINUTE, 10);
        assert!((0..5).all(|_| throttle.check(&"a", at(0)).is_ok()));
        throttle.count(&"a", at(0));
        assert!(throttle.check(&"a", at(1)).is_err());
        throttle.clear(&"a");
        assert!(throttle.check(&"a", at(1)).is_ok());
    }

    #[test]
    fn zero_lifts_it_and_a_clock_set_back_does_no_harm() {
        let throttle = Throttle::new(0, MINUTE, 10);
        assert!((0..100).all(|_| throttle.take(&"a", at(0)).is_ok()));
        let throttle = Throttle::new(1, MINUTE, 10);
        throttle.count(&"a", at(100));
        assert_eq!(throttle.check(&"a", at(90)), Err(Duration::from_secs(70)));
    }

    #[test]
    fn no_more_keys_than_allowed_are_remembered() {
        let throttle = Throttle::new(1, MINUTE, 100);
        (0..10_000).for_each(|n| throttle.count(&n, at(0)));
        assert!(throttle.events.len() <= 100);
    }
}
