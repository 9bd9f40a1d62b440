//! Reading, filling and emptying the cache, so that a fill never puts back what a write has changed.
//!
//! Beside each value stands a guard. A reader that misses the value remembers the guard, which it puts there if there is none,
//! reads the store, and fills only while the guard is the same. A writer replaces the guard, and removes the value, before it writes and after: the first
//! keeps readers of the old state from filling, and lasts should the writer crash; the second lets them fill again. (The
//! idea is that of the leases in Nishtala et al., "Scaling Memcache at Facebook", 2013, 3.2.1.)
//!
//! What fails here is counted, logged, and done without. A writer that can't empty the cache owes it, and pays with the
//! next look-up.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ::redis::Value;
use gochat_core::ports::StoreError;
use parking_lot::Mutex;
use rustc_hash::FxHashSet;
use slog::{debug, error, warn};

use super::super::answer;
use super::super::client::Redis;
use super::super::command::Command;
use super::super::error::Call;
use super::super::keys::Key;
use super::entry;
use crate::runtime::metrics::Metrics;

/// How long a guard is remembered, and how old a reader's may be.
const GUARD: Duration = Duration::from_secs(60);
const READ_MAX: Duration = Duration::from_secs(30);
/// Longest time for a write: until then nobody fills if the writer does not come back.
const WRITE_MAX: Duration = Duration::from_secs(30);
/// Most debts remembered; beyond, values end by themselves.
const OWED_MAX: usize = 10_000;
/// Debts paid with one look-up.
const OWED_CHUNK: usize = 500;

/// A value's key and its guard's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) value: Key,
    pub(super) guard: Key,
}

/// A guard as a reader saw it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Guard(Box<[u8]>);

impl Guard {
    /// Whether a write is under way.
    pub(super) fn is_writing(&self) -> bool {
        self.0.first() == Some(&b'w')
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A guard that no other is equal to: of a reader that misses (`m`), of a write under way (`w`), of one that is done (`r`).
fn token(state: u8) -> [u8; 9] {
    let mut token = [state; 9];
    // Without randomness no two differ for sure: such a one lets nobody fill.
    if getrandom::fill(&mut token[1..]).is_err() { [b'w'; 9] } else { token }
}

/// What a look-up found at one place.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) guard: Guard,
    /// The value and others asked for with it, as they are.
    pub(super) values: Vec<Option<Vec<u8>>>,
    at: Instant,
}

impl Seen {
    pub(super) fn of(guard: Option<&[u8]>, values: Vec<Option<Vec<u8>>>, at: Instant) -> Self {
        Self { guard: Guard(guard.unwrap_or_default().into()), values, at }
    }

    /// Whether what was read since may be kept.
    pub(super) fn may_fill(&self) -> bool {
        !self.guard.is_writing() && self.at.elapsed() < READ_MAX
    }
}

/// The cache, for all decorators of one process.
#[derive(Debug)]
pub(super) struct Shelf {
    pub(super) redis: Redis,
    pub(super) metrics: Metrics,
    owed: Mutex<FxHashSet<Place>>,
    owes: AtomicBool,
}

impl Shelf {
    pub(super) fn new(redis: Redis, metrics: Metrics) -> Self {
        Self { redis, metrics, owed: Mutex::default(), owes: AtomicBool::new(false) }
    }

    /// Whether a write that took since `began` was too slow for what it knows to be kept.
    pub(super) fn too_slow(began: Instant) -> bool {
        began.elapsed() >= READ_MAX
    }

    /// Makes calls of the cache; `None` when they failed.
    pub(super) async fn call(&self, operation: &'static str, commands: Vec<Command>) -> Option<Vec<Value>> {
        let debts: Vec<_> = if self.owes.load(Ordering::Acquire) {
            self.owed.lock().iter().take(OWED_CHUNK).cloned().collect()
        } else {
            Vec::new()
        };
        let mut all: Vec<_> = debts.iter().flat_map(|place| self.emptying(place, b'r', GUARD)).collect();
        let paid = all.len();
        all.extend(commands);
        match self.redis.call(operation, Call::Again, all).await {
            Ok(mut answers) => {
                if !debts.is_empty() {
                    let mut owed = self.owed.lock();
                    debts.iter().for_each(|place| {
                        owed.remove(place);
                    });
                    self.owes.store(!owed.is_empty(), Ordering::Release);
                }
                answers.drain(..paid);
                Some(answers)
            }
            Err(e) => {
                self.failed(&e);
                None
            }
        }
    }

    fn failed(&self, e: &StoreError) {
        self.metrics.cache_errors.inc();
        if self.redis.is_resting() {
            debug!(self.redis.log(), "the cache is away"; "error" => %e);
        } else {
            warn!(self.redis.log(), "the cache failed, the store answers"; "error" => %e,
                "cause" => std::error::Error::source(e).map(ToString::to_string));
        }
    }

    /// Looks up values with their guards, each with the others named beside it, which share its tag; one round trip.
    pub(super) async fn look(
        &self,
        operation: &'static str,
        asked: impl Iterator<Item = (Place, Vec<Key>)>,
    ) -> Option<Vec<Seen>> {
        let at = Instant::now();
        let get = |(place, others): (Place, Vec<Key>)| self.look_at(&place, &others);
        let answers = self.call(operation, asked.map(get).collect()).await?;
        let seen = self.seen(&answers, at);
        if seen.is_none() {
            self.metrics.cache_errors.inc();
            warn!(self.redis.log(), "the cache holds something of another kind"; "operation" => operation);
        }
        seen
    }

    /// The command of a look-up.
    pub(super) fn look_at(&self, place: &Place, others: &[Key]) -> Command {
        let keys: Vec<_> = [&place.guard, &place.value].into_iter().chain(others).collect();
        self.redis.scripts().look.on_all(&keys).arg(&token(b'm')[..]).arg(super::millis(GUARD))
    }

    /// Reads the answers to look-ups begun at `at`.
    pub(super) fn seen(&self, answers: &[Value], at: Instant) -> Option<Vec<Seen>> {
        let seen = |answer: &Value| {
            let (guard, values) = answer::list(answer)?.split_first()?;
            let values = values.iter().map(|value| answer::bytes(value).map(<[u8]>::to_vec));
            Some(Seen::of(answer::bytes(guard), values.collect(), at))
        };
        answers.iter().map(seen).collect()
    }

    /// A fill of a key that the guard of `place` guards.
    pub(super) fn fill(
        &self,
        place: &Place,
        key: &Key,
        seen: &Seen,
        content: &[u8],
        time: Duration,
    ) -> Option<Command> {
        if !seen.may_fill() || content.len() > self.redis.config().value_max {
            return None;
        }
        let fill = self.redis.scripts().fill.on([key, &place.guard]).arg(seen.guard.bytes());
        Some(fill.arg(entry::seal(&key.name, content)).arg(super::millis(time)))
    }

    /// The content of a value; nothing for one that is missing, rotten or of another version. Negative ones are empty.
    pub(super) fn content<'a>(&self, key: &Key, value: Option<&'a Vec<u8>>) -> Option<&'a [u8]> {
        match entry::open(&key.name, value?) {
            Ok(content) => content,
            Err(entry::Rotten) => {
                self.rotten(key);
                None
            }
        }
    }

    /// Takes note of a value that is not what was written. It is replaced by what the store says.
    pub(super) fn rotten(&self, key: &Key) {
        self.metrics.cache_errors.inc();
        error!(self.redis.log(), "a cached value is not what was written, the store answers"; "key" => &key.name);
    }

    fn emptying(&self, place: &Place, state: u8, time: Duration) -> [Command; 2] {
        let set = Command::new("SET", &place.guard).arg(&token(state)[..]).arg("PX").arg(super::millis(time));
        // The guard first: who fills after the value is gone finds another one.
        [set, Command::new("DEL", &place.value)]
    }

    /// Before a write: nobody fills until [`after`](Self::after). One round trip.
    pub(super) async fn before(&self, operation: &'static str, places: &[Place]) {
        let commands = places.iter().flat_map(|place| self.emptying(place, b'w', WRITE_MAX)).collect();
        let _counted_if_not = self.call(operation, commands).await;
    }

    /// After a write, whether it succeeded or not: removes what was there before. One round trip.
    pub(super) async fn after(&self, operation: &'static str, places: &[Place]) {
        let commands = places.iter().flat_map(|place| self.emptying(place, b'r', GUARD)).collect();
        if self.call(operation, commands).await.is_none() {
            self.owe(places);
        }
    }

    /// Remembers what has to be removed as soon as the cache can be reached.
    pub(super) fn owe(&self, places: &[Place]) {
        let mut owed = self.owed.lock();
        let room = OWED_MAX.saturating_sub(owed.len());
        owed.extend(places.iter().take(room).cloned());
        self.owes.store(true, Ordering::Release);
        if room < places.len() {
            error!(
                self.redis.log(),
                "too much to be removed from the cache; some of it stays until its time ends"
            );
        }
    }
}
