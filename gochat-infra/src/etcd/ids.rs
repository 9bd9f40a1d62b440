//! Identifiers out of what is reserved: a node's number, and the time up to which it is ours.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use gochat_core::ports::{Clock, IdGenerator};
use tokio::sync::Notify;

use crate::runtime::snowflake::{identifier, ticks};

/// No tick is that large: nothing is taken any more.
const CLOSED: u64 = u64::MAX;

/// Ticks of one node number that nobody else has, had, or will have. A tick is a millisecond and a sequence, side by side.
#[derive(Debug)]
struct Block {
    node: u64,
    last: AtomicU64,
    /// The first tick that is not ours.
    end: AtomicU64,
    /// So many ticks before the end are taken one by one only: time that passes does not use them up.
    keep: u64,
}

/// Makes identifiers as [`Snowflake`](crate::runtime::Snowflake) does, and only such as are reserved.
#[derive(Debug)]
pub(super) struct ReservedIds {
    block: ArcSwap<Block>,
    keep: u64,
    clock: Arc<dyn Clock>,
    /// Set when more should be reserved, so that it is told once.
    short: AtomicBool,
    shortage: Notify,
}

impl ReservedIds {
    /// Makes a generator for the ticks from `start` to before `end`. When the clock comes nearer to the end than `keep`, it is
    /// followed no longer: what is left then lasts by the number of identifiers that are made, however long that takes.
    pub(super) fn new(node: u16, start: u64, end: u64, keep: u64, clock: Arc<dyn Clock>) -> Self {
        let block = Block::new(node, start, end, keep);
        Self {
            block: ArcSwap::from_pointee(block),
            keep,
            clock,
            short: AtomicBool::new(false),
            shortage: Notify::new(),
        }
    }

    pub(super) fn node(&self) -> u16 {
        u16::try_from(self.block.load().node).expect("made of 16 bits")
    }

    /// The present tick, or that of the last identifier when the clock is behind it.
    pub(super) fn now(&self) -> u64 {
        ticks(self.clock.now()).max(self.block.load().last.load(Ordering::Relaxed))
    }

    /// How many identifiers can still be made.
    pub(super) fn left(&self) -> u64 {
        let block = self.block.load();
        block.end.load(Ordering::Relaxed).saturating_sub(block.last.load(Ordering::Relaxed).saturating_add(1))
    }

    /// The ticks before `end` are reserved for this number, too.
    pub(super) fn extend(&self, end: u64) {
        self.block.load().end.fetch_max(end, Ordering::Release);
        self.short.store(false, Ordering::Relaxed);
    }

    /// Goes on with another number. What was reserved for the one before is given up.
    pub(super) fn replace(&self, node: u16, start: u64, end: u64) {
        // Whoever still holds the old block gets nothing more from it, so that all that is made later is greater.
        let last = self.block.load().last.swap(CLOSED, Ordering::Relaxed);
        let next_millisecond = ((last >> 12) + 1) << 12;
        self.block.store(Arc::new(Block::new(node, start.max(next_millisecond), end, self.keep)));
        self.short.store(false, Ordering::Relaxed);
    }

    /// Completes when more should be reserved before its time.
    pub(super) async fn shortage(&self) {
        self.shortage.notified().await;
    }

    fn tell_shortage(&self) {
        // Read first: it stays set while etcd is away, and writing would cost all threads the line.
        if !self.short.load(Ordering::Relaxed) && !self.short.swap(true, Ordering::Relaxed) {
            self.shortage.notify_one();
        }
    }
}

impl Block {
    fn new(node: u16, start: u64, end: u64, keep: u64) -> Self {
        let (last, end) = (AtomicU64::new(start.saturating_sub(1)), AtomicU64::new(end));
        Self { node: node.into(), last, end, keep }
    }

    /// The next tick, or none when it is closed. Its end is never passed; a clock that is near it is counted on without.
    fn take(&self, now: u64) -> Option<Result<u64, Spent>> {
        let mut last = self.last.load(Ordering::Relaxed);
        while last != CLOSED {
            let end = self.end.load(Ordering::Acquire);
            let following = last + 1;
            let next = if now < end.saturating_sub(self.keep) { now.max(following) } else { following };
            if next >= end {
                return Some(Err(Spent));
            }
            // Relaxed: only the number itself is shared, and one cell has one order of changes.
            match self.last.compare_exchange_weak(last, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Some(Ok(next)),
                Err(seen) => last = seen,
            }
        }
        None
    }
}

#[derive(Debug)]
struct Spent;

impl IdGenerator for ReservedIds {
    fn next_id(&self) -> u64 {
        let now = ticks(self.clock.now());
        loop {
            let block = self.block.load();
            match block.take(now) {
                Some(Ok(tick)) => {
                    // A millisecond, a sequence: 4,096 ticks each. Less than a second's worth is short.
                    let end = block.end.load(Ordering::Relaxed);
                    if now >= end || end - tick < (1_000 << 12) {
                        self.tell_shortage();
                    }
                    return identifier(tick, block.node);
                }
                // Being replaced, which takes two stores.
                None => std::hint::spin_loop(),
                // Long before, the process was unready and told to stop. Anything returned here could exist twice.
                Some(Err(Spent)) => panic!("all reserved identifiers are used up, and etcd reserves no more"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::AtomicI64;
    use std::thread;

    use gochat_core::model::Timestamp;

    use super::*;
    use crate::runtime::snowflake::moment;

    #[derive(Debug, Default)]
    struct Hand(AtomicI64);

    impl Clock for Hand {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.0.load(Ordering::SeqCst))
        }
    }

    const START: i64 = 1_800_000_000_000;

    fn tick(ms: i64) -> u64 {
        ticks(Timestamp::from_millis(START + ms))
    }

    fn at(node: u16, start: i64, end: i64) -> (Arc<Hand>, ReservedIds) {
        let clock = Arc::new(Hand(AtomicI64::new(START)));
        (clock.clone(), ReservedIds::new(node, tick(start), tick(end), 0, clock))
    }

    /// Milliseconds after the start, the node and the sequence of an identifier.
    fn parts(id: u64) -> (i64, u64, u64) {
        let ms = moment(id >> 22 << 12).as_millis() - START;
        (ms, id >> 12 & 1_023, id & 4_095)
    }

    fn refused(ids: &ReservedIds) -> bool {
        catch_unwind(AssertUnwindSafe(|| ids.next_id())).is_err()
    }

    #[test]
    fn time_passes_and_a_full_millisecond_borrows_from_the_next() {
        let (clock, ids) = at(7, 0, 60_000);
        assert_eq!(parts(ids.next_id()), (0, 7, 0));
        for _ in 1..4_096 {
            ids.next_id();
        }
        assert_eq!(parts(ids.next_id()), (1, 7, 0));
        clock.0.fetch_add(30, Ordering::SeqCst);
        assert_eq!(parts(ids.next_id()), (30, 7, 0));
    }

    #[test]
    fn grows_when_the_clock_is_set_back() {
        let (clock, ids) = at(7, 0, 60_000);
        let first = ids.next_id();
        clock.0.fetch_sub(3_600_000, Ordering::SeqCst);
        assert!(ids.next_id() > first);
    }

    #[test]
    fn nothing_is_made_past_the_end_whatever_the_clock_says() {
        let (clock, ids) = at(7, 0, 2);
        let mut seen = HashSet::new();
        // Past the end at once: the reserved ones are counted through, and not one more.
        clock.0.fetch_add(1_000_000, Ordering::SeqCst);
        for _ in 0..2 * 4_096 {
            let id = ids.next_id();
            assert!(parts(id).0 < 2 && seen.insert(id));
        }
        assert_eq!(ids.left(), 0);
        assert!(refused(&ids) && refused(&ids));
        clock.0.store(START, Ordering::SeqCst);
        assert!(refused(&ids), "a clock that goes back gives nothing back");
        ids.extend(tick(1_000_001));
        assert_eq!(parts(ids.next_id()), (2, 7, 0));
        clock.0.fetch_add(1_000_000, Ordering::SeqCst);
        assert_eq!(parts(ids.next_id()), (1_000_000, 7, 0));
    }

    #[test]
    fn time_that_passes_without_etcd_does_not_use_up_what_is_kept() {
        let clock = Arc::new(Hand(AtomicI64::new(START)));
        let ids = ReservedIds::new(7, tick(0), tick(20_000), 5_000 << 12, clock.clone());
        // An identifier now and then, for far longer than was reserved.
        for _ in 0..300 {
            clock.0.fetch_add(1_000, Ordering::SeqCst);
            assert!(parts(ids.next_id()).0 < 15_001);
        }
        assert!(ids.left() >= 5_000 << 12, "{}", ids.left());
        // As soon as there is more the clock is followed again.
        ids.extend(tick(400_000));
        assert_eq!(parts(ids.next_id()), (300_000, 7, 0));
    }

    #[test]
    fn an_end_is_never_taken_back() {
        let (_, ids) = at(7, 0, 1_000);
        ids.extend(tick(10));
        assert_eq!(ids.left(), 1_000 * 4_096);
    }

    #[tokio::test]
    async fn asks_for_more_before_it_ends_and_once() {
        let (clock, ids) = at(7, 0, 10_000);
        ids.next_id();
        assert!(!ids.short.load(Ordering::Relaxed));
        clock.0.fetch_add(9_500, Ordering::SeqCst);
        ids.next_id();
        ids.next_id();
        ids.shortage().await;
        ids.extend(tick(20_000));
        assert!(!ids.short.load(Ordering::Relaxed));
    }

    #[test]
    fn the_next_owner_of_a_number_makes_none_of_those_before() {
        let (_, before) = at(7, 0, 2);
        let (clock, after) = at(7, 2, 60_000);
        clock.0.fetch_sub(5_000, Ordering::SeqCst);
        let mut seen = HashSet::new();
        for _ in 0..2 * 4_096 {
            assert!(seen.insert(after.next_id()) && seen.insert(before.next_id()));
        }
    }

    #[test]
    fn threads_and_changes_of_number_never_give_the_same_twice_and_always_grow() {
        let (_, ids) = at(0, 0, 1_000_000);
        let ids = Arc::new(ids);
        let made: Vec<_> = (0..4)
            .map(|_| {
                let ids = ids.clone();
                thread::spawn(move || (0..50_000).map(|_| ids.next_id()).collect::<Vec<_>>())
            })
            .collect();
        for node in 1..1_000 {
            ids.replace(node, tick(0), tick(1_000_000));
        }
        let mut seen = HashSet::new();
        for thread in made {
            let mine = thread.join().expect("no panic");
            assert!(mine.is_sorted(), "one caller sees them grow");
            seen.extend(mine);
        }
        assert_eq!(seen.len(), 200_000);
        assert_eq!(ids.node(), 999);
    }

    #[test]
    fn many_nodes_at_the_same_moment_never_give_the_same() {
        let all: Vec<_> = (0..64).map(|node| at(node, 0, 100).1).collect();
        let seen: HashSet<_> = all.iter().flat_map(|ids| (0..1_000).map(|_| ids.next_id())).collect();
        assert_eq!(seen.len(), 64_000);
    }
}
