//! All test adapters, put together.

use std::sync::Arc;

use super::{
    CountingIds, ManualClock, Memory, MemoryDedup, MemorySequencer, MemorySessions, PlainHasher,
    RecordingDeliver, SeededSecrets, TestTokens,
};
use crate::ports::Ports;

/// Every port in memory, and a handle on each adapter that a test may want to turn.
///
/// ```
/// # use gochat_core::testing::TestKit;
/// let kit = TestKit::new();
/// kit.clock.advance(std::time::Duration::from_secs(1));
/// assert_eq!(kit.ports.clock.now(), kit.ports.clock.now());
/// ```
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each field is the adapter of that name")]
pub struct TestKit {
    /// For what is under test.
    pub ports: Ports,
    pub memory: Arc<Memory>,
    pub sequencer: Arc<MemorySequencer>,
    pub dedup: Arc<MemoryDedup>,
    pub deliver: Arc<RecordingDeliver>,
    pub sessions: Arc<MemorySessions>,
    pub clock: Arc<ManualClock>,
    pub ids: Arc<CountingIds>,
}

impl TestKit {
    /// Fresh adapters.
    #[must_use]
    pub fn new() -> Self {
        let memory = Arc::new(Memory::new());
        let sequencer = Arc::new(MemorySequencer::new());
        let dedup = Arc::new(MemoryDedup::new(100_000));
        let deliver = Arc::new(RecordingDeliver::new());
        let sessions = Arc::new(MemorySessions::new());
        let clock = Arc::new(ManualClock::new());
        let ids = Arc::new(CountingIds::new());
        let ports = Ports {
            clock: clock.clone(),
            ids: ids.clone(),
            secrets: Arc::new(SeededSecrets::new(1)),
            users: memory.clone(),
            friends: memory.clone(),
            logins: memory.clone(),
            hasher: Arc::new(PlainHasher::new()),
            tokens: Arc::new(TestTokens::new(*b"a key that stands in every test.")),
            conversations: memory.clone(),
            directory: memory.clone(),
            groups: memory.clone(),
            messages: memory.clone(),
            sequencer: sequencer.clone(),
            dedup: dedup.clone(),
            deliver: deliver.clone(),
            sessions: sessions.clone(),
            tellings: None,
        };
        Self { ports, memory, sequencer, dedup, deliver, sessions, clock, ids }
    }
}

impl Default for TestKit {
    fn default() -> Self {
        Self::new()
    }
}

/// Fresh adapters, with a handle on each.
#[must_use]
pub fn kit() -> TestKit {
    TestKit::new()
}

/// Fresh adapters.
#[must_use]
pub fn ports() -> Ports {
    TestKit::new().ports
}
