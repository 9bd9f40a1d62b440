//! Time, identity and chance in a test's own hands.

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use super::{Seeded, lock};
use crate::model::Timestamp;
use crate::ports::{Clock, IdGenerator, Secrets};

/// A clock that moves only when told to.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// Where a new one stands: 2026-01-31T09:30:00.123Z.
    pub const START: Timestamp = Timestamp::from_millis(1_769_851_800_123);

    /// A clock that stands at [`START`](Self::START).
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicI64::new(Self::START.as_millis()))
    }

    /// Moves on.
    pub fn advance(&self, by: Duration) {
        self.set(self.now().after(by));
    }

    /// Jumps, also back.
    pub fn set(&self, to: Timestamp) {
        self.0.store(to.as_millis(), Ordering::SeqCst);
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// Ids in plain succession.
#[derive(Debug)]
pub struct CountingIds(AtomicU64);

impl CountingIds {
    /// Starts at 1,000, which is easily told from a count.
    #[must_use]
    pub const fn new() -> Self {
        Self::starting_at(1_000)
    }

    /// Starts at `first`, which is at least 2.
    #[must_use]
    pub const fn starting_at(first: u64) -> Self {
        Self(AtomicU64::new(if first < 2 { 2 } else { first }))
    }
}

impl Default for CountingIds {
    fn default() -> Self {
        Self::new()
    }
}

impl IdGenerator for CountingIds {
    fn next_id(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }
}

/// The same bytes in each run. Anybody can guess them: for tests only.
#[derive(Debug)]
pub struct SeededSecrets(Mutex<Seeded>);

impl SeededSecrets {
    /// Bytes of this seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(Mutex::new(Seeded::new(seed)))
    }
}

impl Secrets for SeededSecrets {
    fn fill(&self, buf: &mut [u8]) {
        let mut random = lock(&self.0);
        for chunk in buf.chunks_mut(8) {
            let bytes = random.next_u64().to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }
}
