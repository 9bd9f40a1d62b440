//! For tests, of this crate and of every adapter: in-memory adapters of all ports, a manual clock, wrappers that count and
//! break port calls, and the conformance suites. Nothing here is for production: it is fast, bounded by memory only, and its
//! secrets are known.

mod auth;
pub mod conformance;
mod dedup;
mod deliver;
pub mod faults;
mod hooks;
mod hub;
mod kit;
pub mod memory;
mod random;
mod runtime;
mod sequencer;
mod sessions;
mod tellings;

pub use auth::{PlainHasher, TestTokens};
pub use dedup::MemoryDedup;
pub use deliver::RecordingDeliver;
pub use hooks::{MemoryModerator, MemoryPush};
pub use hub::{MemoryHub, MemorySession};
pub use kit::{TestKit, kit, ports};
pub use memory::Memory;
pub use random::Seeded;
pub use runtime::{CountingIds, ManualClock, SeededSecrets};
pub use sequencer::MemorySequencer;
pub use sessions::MemorySessions;
pub use tellings::RecordingTellings;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks; a test that panicked with the lock held has failed already and must not hide the others' results.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
