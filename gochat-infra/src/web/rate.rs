//! How fast one user may send, over all of their connections and calls at this gateway. Others count for themselves: it is asked
//! for every frame, and what it protects is this process and its share of what comes after.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use gochat_core::model::UserId;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// A bucket for each user who has sent lately.
#[derive(Clone)]
pub struct SendRate {
    limiter: Option<Arc<DefaultKeyedRateLimiter<UserId>>>,
    clock: DefaultClock,
}

impl fmt::Debug for SendRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendRate").field("limited", &self.limiter.is_some()).finish()
    }
}

impl SendRate {
    /// `per_second` in the long run, `burst` at once; no limit when either is 0.
    #[must_use]
    pub fn new(per_second: u32, burst: u32) -> Self {
        let quota = NonZeroU32::new(per_second)
            .zip(NonZeroU32::new(burst))
            .map(|(rate, burst)| Quota::per_second(rate).allow_burst(burst));
        Self { limiter: quota.map(|q| Arc::new(RateLimiter::keyed(q))), clock: DefaultClock::default() }
    }

    /// Takes one from the user's bucket.
    ///
    /// # Errors
    /// How long to wait until there is one.
    pub fn check(&self, user: UserId) -> Result<(), Duration> {
        match &self.limiter {
            None => Ok(()),
            Some(limiter) => limiter.check_key(&user).map_err(|until| until.wait_time_from(self.clock.now())),
        }
    }

    /// Forgets whose bucket is full again. To be called now and then.
    pub fn forget_idle(&self) {
        if let Some(limiter) = &self.limiter {
            limiter.retain_recent();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_a_wait_for_this_user_alone() {
        let rate = SendRate::new(1, 3);
        let user = |n| UserId::new(n).expect("an id");
        for _ in 0..3 {
            assert_eq!(rate.check(user(1)), Ok(()));
        }
        let wait = rate.check(user(1)).expect_err("empty");
        assert!(wait > Duration::ZERO && wait <= Duration::from_secs(1), "{wait:?}");
        assert_eq!(rate.check(user(2)), Ok(()));
    }

    #[test]
    fn zero_lifts_the_limit() {
        let rate = SendRate::new(0, 0);
        assert!((0..10_000).all(|_| rate.check(UserId::new(1).expect("an id")).is_ok()));
    }
}
