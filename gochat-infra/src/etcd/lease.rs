//! Leases, one step at a time, and pauses between tries.

use std::time::Duration;

use etcd_client::Error;

use super::client::Etcd;
use super::error::EtcdError;

/// A lease is renewed when this part of its time is over: two tries may fail.
const RENEW_PARTS: u32 = 3;

impl Etcd {
    /// A new lease.
    pub(super) async fn grant(&self) -> Result<i64, EtcdError> {
        let ttl = i64::try_from(self.config().lease_ttl.as_secs()).unwrap_or(i64::MAX);
        let mut leases = self.leases();
        Ok(self.call("lease grant", leases.grant(ttl, None)).await?.id())
    }

    /// Renews a lease; `false` when it has ended.
    pub(super) async fn renew(&self, lease: i64) -> Result<bool, EtcdError> {
        let mut leases = self.leases();
        // The stream lives for one renewal: the next then goes to whichever member answers, and no state is left to rot.
        let renewed = async {
            match leases.keep_alive(lease).await {
                Ok(_) => Ok(true),
                Err(Error::LeaseKeepAliveError(_)) => Ok(false),
                Err(e) => Err(e),
            }
        };
        self.call("lease renewal", renewed).await
    }

    /// Ends a lease, and with it its keys. One that is gone is no error.
    pub(super) async fn revoke(&self, lease: i64) -> Result<(), EtcdError> {
        let mut leases = self.leases();
        let revoked = async {
            match leases.revoke(lease).await {
                // 5: not found.
                Err(Error::GRpcStatus(s)) if s.code() as i32 == 5 => Ok(()),
                done => done.map(drop),
            }
        };
        self.call("lease revocation", revoked).await
    }

    pub(super) fn renew_every(&self) -> Duration {
        self.config().lease_ttl / RENEW_PARTS
    }
}

/// Pauses that grow from failure to failure, each a bit by chance, so that a cluster that comes back isn't met by all at once.
#[derive(Debug, Default)]
pub(super) struct Pauses(u32);

impl Pauses {
    const FIRST: Duration = Duration::from_millis(100);
    const MAX: Duration = Duration::from_secs(5);

    pub(super) fn reset(&mut self) {
        self.0 = 0;
    }

    pub(super) const fn is_fresh(&self) -> bool {
        self.0 == 0
    }

    /// The pause after one more failure, and which failure in a row it is.
    pub(super) fn next(&mut self) -> (Duration, u32) {
        self.0 = self.0.saturating_add(1);
        let whole = Self::FIRST.saturating_mul(1 << (self.0 - 1).min(10)).min(Self::MAX);
        (whole.mul_f64(0.5 + 0.5 * chance()), self.0)
    }
}

/// A number from 0 to 1. Without a random source it is always the same, which costs nothing but spreading.
pub(super) fn chance() -> f64 {
    f64::from(getrandom::u32().unwrap_or(u32::MAX / 2)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_limit_and_begin_again() {
        let mut pauses = Pauses::default();
        for ms in [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000] {
            let (pause, _) = pauses.next();
            let whole = Duration::from_millis(ms);
            assert!(pause >= whole / 2 && pause <= whole, "{pause:?} of {whole:?}");
        }
        pauses.reset();
        assert!(pauses.next().0 <= Pauses::FIRST);
    }
}
