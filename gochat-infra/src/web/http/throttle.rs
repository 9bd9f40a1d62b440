//! How often something may happen in a stretch of time, by name and by address. Bounded: what is longest unused is
//! forgotten first.

use std::collections::VecDeque;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use gochat_core::model::{Timestamp, UsernameKey};
use gochat_core::ports::{Clock, StoreError};
use parking_lot::Mutex;
use quick_cache::sync::Cache;
use slog::{Logger, warn};

use super::{Counted, HttpState, Limited, RateLimits, SharedLimits, Whose};

const MINUTE: Duration = Duration::from_secs(60);

/// At most `max` events of one key within any stretch of `window`. Exact: it remembers the time of each.
#[derive(Debug)]
struct Throttle<K: Hash + Eq> {
    max: usize,
    window: Duration,
    events: Cache<K, Arc<Mutex<VecDeque<Timestamp>>>>,
}

impl<K: Hash + Eq + Clone> Throttle<K> {
    fn new(max: u32, window: Duration, remembered: usize) -> Self {
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        Self { max, window, events: Cache::new(remembered.max(1)) }
    }

    /// Whether one more may happen.
    ///
    /// # Errors
    /// How long until it may.
    fn check(&self, key: &K, now: Timestamp) -> Result<(), Duration> {
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
    fn count(&self, key: &K, now: Timestamp) {
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
    fn take(&self, key: &K, now: Timestamp) -> Result<(), Duration> {
        self.check(key, now)?;
        self.count(key, now);
        Ok(())
    }

    /// Starts anew for a key.
    fn clear(&self, key: &K) {
        self.events.remove(key);
    }

    fn forget(&self, events: &mut VecDeque<Timestamp>, now: Timestamp) {
        while events.front().is_some_and(|first| first.after(self.window) <= now) {
            events.pop_front();
        }
    }
}

/// The limits of accounts. Where there are several gateways, what is counted for all of them decides; each counts alone as
/// well, and goes by that while the others can't be asked.
#[derive(Debug)]
pub(super) struct Throttles {
    login_name: Throttle<UsernameKey>,
    login_address: Throttle<IpAddr>,
    registrations: Throttle<IpAddr>,
    guests: Throttle<IpAddr>,
    limits: RateLimits,
    shared: Option<Arc<dyn SharedLimits>>,
    clock: Arc<dyn Clock>,
    log: Logger,
}

impl Throttles {
    pub(super) fn new(state: &HttpState) -> Self {
        let limits = state.config.limits;
        let RateLimits { login_window, remembered, .. } = limits;
        Self {
            login_name: Throttle::new(limits.login_failures_name, login_window, remembered),
            login_address: Throttle::new(limits.login_failures_address, login_window, remembered),
            registrations: Throttle::new(limits.registrations, MINUTE, remembered),
            guests: Throttle::new(limits.guests, MINUTE, remembered),
            limits,
            shared: state.config.shared_limits.clone(),
            clock: Arc::clone(&state.clock),
            log: state.log.clone(),
        }
    }

    /// Whether somebody may try to log in.
    ///
    /// # Errors
    /// How long until they may.
    pub(super) async fn login(
        &self,
        name: Option<&UsernameKey>,
        from: Option<&IpAddr>,
    ) -> Result<(), Duration> {
        if let Some(shared) = &self.shared
            && let Some(wait) = self.known(shared.wait(&self.of_login(name, from)).await)
        {
            return if wait.is_zero() { Ok(()) } else { Err(wait) };
        }
        let now = self.clock.now();
        name.map_or(Ok(()), |name| self.login_name.check(name, now))?;
        from.map_or(Ok(()), |from| self.login_address.check(from, now))
    }

    /// Counts a login that failed.
    pub(super) async fn login_failed(&self, name: Option<&UsernameKey>, from: Option<&IpAddr>) {
        let now = self.clock.now();
        if let Some(name) = name {
            self.login_name.count(name, now);
        }
        if let Some(from) = from {
            self.login_address.count(from, now);
        }
        if let Some(shared) = &self.shared {
            self.known(shared.count(&self.of_login(name, from)).await);
        }
    }

    /// A login that did not fail forgives its name, not its address.
    pub(super) async fn logged_in(&self, name: &UsernameKey) {
        self.login_name.clear(name);
        if let Some(shared) = &self.shared
            && let Some(limit) = self.of_login(Some(name), None).first()
        {
            self.known(shared.clear(limit).await);
        }
    }

    /// Counts a registration, if it may happen.
    ///
    /// # Errors
    /// How long until it may.
    pub(super) async fn registration(&self, from: &IpAddr) -> Result<(), Duration> {
        self.take(&self.registrations, Counted::Registrations, self.limits.registrations, from).await
    }

    /// Counts a guest, if they may come.
    ///
    /// # Errors
    /// How long until they may.
    pub(super) async fn guest(&self, from: &IpAddr) -> Result<(), Duration> {
        self.take(&self.guests, Counted::Guests, self.limits.guests, from).await
    }

    async fn take(
        &self,
        own: &Throttle<IpAddr>,
        counted: Counted,
        max: u32,
        from: &IpAddr,
    ) -> Result<(), Duration> {
        if let Some(shared) = self.shared.as_ref().filter(|_| max > 0) {
            let limit = Limited { counted, whose: Whose::Address(*from), max, window: MINUTE };
            if let Some(wait) = self.known(shared.take(&limit).await) {
                if !wait.is_zero() {
                    return Err(wait);
                }
                own.count(from, self.clock.now());
                return Ok(());
            }
        }
        own.take(from, self.clock.now())
    }

    /// The limits of a login that are not lifted.
    fn of_login(&self, name: Option<&UsernameKey>, from: Option<&IpAddr>) -> Vec<Limited> {
        let RateLimits { login_failures_name, login_failures_address, login_window: window, .. } =
            self.limits;
        let name = name.map(|n| (Counted::LoginName, Whose::Name(n.clone()), login_failures_name));
        let from = from.map(|a| (Counted::LoginAddress, Whose::Address(*a), login_failures_address));
        let limits = name.into_iter().chain(from).filter(|(.., max)| *max > 0);
        limits.map(|(counted, whose, max)| Limited { counted, whose, max, window }).collect()
    }

    /// What all gateways know, unless they can't be asked.
    fn known<T>(&self, answer: Result<T, StoreError>) -> Option<T> {
        answer
            .inspect_err(|e| {
                let meanwhile = "this gateway goes by what it has counted itself";
                warn!(self.log, "limits are not counted for all gateways"; "error" => %e, "meanwhile" => meanwhile);
            })
            .ok()
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
