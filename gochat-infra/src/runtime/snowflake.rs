//! Identifiers that grow with time and need no coordination.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gochat_core::model::Timestamp;
use gochat_core::ports::{Clock, IdGenerator};

/// 2026-01-01T00:00:00Z. Never to be changed: identifiers made later must be greater.
const EPOCH_MS: i64 = 1_767_225_600_000;
const NODE_BITS: u32 = 10;
const SEQUENCE_BITS: u32 = 12;
const TICK_MAX: u64 = (1 << (63 - NODE_BITS)) - 1;

/// Makes identifiers of 63 bits:
///
/// ```text
///  62                           22 21        12 11           0
/// | milliseconds since 2026-01-01 |    node    |  sequence    |
/// |            41 bits            |  10 bits   |   12 bits    |
/// ```
///
/// It lasts until 2095 and holds 1,024 nodes. A node that makes more than 4,096 in a millisecond borrows from the next one,
/// and a clock that goes back is waited for by counting on from the last identifier; so identifiers of one instance always
/// grow. After a restart on a clock that was set back, [`resume_after`](Self::resume_after) keeps it so.
#[derive(Debug)]
pub struct Snowflake {
    clock: Arc<dyn Clock>,
    node: u64,
    /// Milliseconds and sequence side by side without the node, so that one addition carries from one to the other.
    last: AtomicU64,
}

impl Snowflake {
    /// Makes a generator. No two that run at the same time may have the same `node`, 0 to 1,023 (higher bits are cut).
    #[must_use]
    pub fn new(node: u16, clock: Arc<dyn Clock>) -> Self {
        // 1 is the world channel: the first identifier ever is 2.
        Self { clock, node: u64::from(node) & ((1 << NODE_BITS) - 1), last: AtomicU64::new(1) }
    }

    /// Lets no identifier be made at or below `id`: the largest that is in use.
    pub fn resume_after(&self, id: u64) {
        let sequence = id & ((1 << SEQUENCE_BITS) - 1);
        let tick = (id >> (SEQUENCE_BITS + NODE_BITS) << SEQUENCE_BITS) | sequence;
        // One whole millisecond further, as another node's bits may be in `id`.
        self.last.fetch_max(tick + (1 << SEQUENCE_BITS), Ordering::Relaxed);
    }

    /// When an identifier was made, to the millisecond, as its maker's clock said.
    #[must_use]
    pub fn made_at(id: u64) -> Timestamp {
        let ms = i64::try_from(id >> (SEQUENCE_BITS + NODE_BITS)).unwrap_or(0);
        Timestamp::from_millis(EPOCH_MS + ms)
    }

    fn now(&self) -> u64 {
        ticks(self.clock.now())
    }
}

/// A moment in ticks: milliseconds of ours and a sequence of 0 side by side. What is before our time counts as its begin.
pub(crate) fn ticks(at: Timestamp) -> u64 {
    let ms = at.as_millis().saturating_sub(EPOCH_MS);
    u64::try_from(ms).unwrap_or(0).min(TICK_MAX >> SEQUENCE_BITS) << SEQUENCE_BITS
}

/// The millisecond of a tick.
#[cfg(feature = "etcd")]
pub(crate) fn moment(tick: u64) -> Timestamp {
    let ms = i64::try_from(tick >> SEQUENCE_BITS).unwrap_or(i64::MAX - EPOCH_MS);
    Timestamp::from_millis(EPOCH_MS.saturating_add(ms))
}

/// The identifier of a node at a tick.
pub(crate) fn identifier(tick: u64, node: u64) -> u64 {
    assert!(tick <= TICK_MAX, "the clock is set beyond 2095");
    let (ms, sequence) = (tick >> SEQUENCE_BITS, tick & ((1 << SEQUENCE_BITS) - 1));
    (ms << (NODE_BITS + SEQUENCE_BITS)) | (node << SEQUENCE_BITS) | sequence
}

impl IdGenerator for Snowflake {
    fn next_id(&self) -> u64 {
        let now = self.now();
        let mut last = self.last.load(Ordering::Relaxed);
        // Relaxed: only the number itself is shared, and one cell has one order of changes.
        let tick = loop {
            let next = now.max(last + 1);
            match self.last.compare_exchange_weak(last, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => break next,
                Err(seen) => last = seen,
            }
        };
        identifier(tick, self.node)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::atomic::AtomicI64;
    use std::thread;

    use super::*;

    #[derive(Debug, Default)]
    struct Hand(AtomicI64);

    impl Clock for Hand {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.0.load(Ordering::SeqCst))
        }
    }

    fn at(ms: i64, node: u16) -> (Arc<Hand>, Snowflake) {
        let clock = Arc::new(Hand(AtomicI64::new(ms)));
        (clock.clone(), Snowflake::new(node, clock))
    }

    #[test]
    fn never_gives_0_or_1_even_on_a_clock_that_is_not_set() {
        assert_eq!(at(0, 0).1.next_id(), 2);
        assert_eq!(at(EPOCH_MS, 0).1.next_id(), 2);
    }

    #[test]
    fn grows_while_the_clock_stands_goes_back_and_jumps() {
        let (clock, ids) = at(EPOCH_MS + 10_000, 3);
        let mut last = 0;
        for step in [0, -9_000, 1, 1_000_000, -1] {
            clock.0.fetch_add(step, Ordering::SeqCst);
            for _ in 0..10_000 {
                let id = ids.next_id();
                assert!(id > last, "{id} after {last}");
                assert_eq!(
                    id >> SEQUENCE_BITS & 1_023,
                    3,
                    "a full millisecond must not run into the node's bits"
                );
                last = id;
            }
        }
    }

    #[test]
    fn fits_63_bits_to_its_last_millisecond() {
        let (_, ids) = at(EPOCH_MS + (1 << 41) - 1, 1_023);
        assert!(i64::try_from(ids.next_id()).is_ok());
    }

    #[test]
    fn goes_on_after_what_is_in_use() {
        let (_, before) = at(EPOCH_MS + 5_000, 9);
        let used = before.next_id();
        let (_, ids) = at(EPOCH_MS, 0);
        ids.resume_after(used);
        assert!(ids.next_id() > used);
    }

    #[test]
    fn threads_never_get_the_same() {
        let ids = Arc::new(at(EPOCH_MS + 1, 1).1);
        let made: Vec<_> = (0..4)
            .map(|_| {
                let ids = ids.clone();
                thread::spawn(move || (0..50_000).map(|_| ids.next_id()).collect::<Vec<_>>())
            })
            .collect();
        let mut seen = HashSet::new();
        for thread in made {
            let mine = thread.join().expect("no panic");
            assert!(mine.is_sorted(), "one caller sees them grow");
            seen.extend(mine);
        }
        assert_eq!(seen.len(), 200_000);
    }
}
