//! The in-memory adapters pass the suites that every adapter must pass.

use std::sync::Arc;

use gochat_core::ports::{Clock, Dedup, IdGenerator, PasswordHasher, Secrets, Sequencer, Sessions};
use gochat_core::testing::conformance::{Fixture, Reopen, Stores, TokensFixture};
use gochat_core::testing::{
    CountingIds, ManualClock, Memory, MemoryDedup, MemorySequencer, MemorySessions, PlainHasher,
    SeededSecrets, TestTokens,
};

async fn stores() -> Fixture {
    let memory = Arc::new(Memory::new());
    let stores = Stores::all(memory);
    let same = stores.clone();
    // Memory outlives no process; what a restart would find is what it has.
    let reopen: Reopen = Box::new(|| Box::pin(async { Fixture::new(same) }));
    Fixture::new(stores).with_reopen(reopen)
}

gochat_core::conformance_tests!(stores, stores());
gochat_core::conformance_tests!(sequencer, async { Arc::new(MemorySequencer::new()) as Arc<dyn Sequencer> });
gochat_core::conformance_tests!(dedup, async { Arc::new(MemoryDedup::new(1_000)) as Arc<dyn Dedup> });
gochat_core::conformance_tests!(sessions, async { Arc::new(MemorySessions::new()) as Arc<dyn Sessions> });
gochat_core::conformance_tests!(hasher, async { Arc::new(PlainHasher::new()) as Arc<dyn PasswordHasher> });
gochat_core::conformance_tests!(tokens, async {
    TokensFixture { signer: Arc::new(TestTokens::new([1; 32])), stranger: Arc::new(TestTokens::new([2; 32])) }
});
gochat_core::conformance_tests!(ids, async { Arc::new(CountingIds::new()) as Arc<dyn IdGenerator> });
gochat_core::conformance_tests!(secrets, async { Arc::new(SeededSecrets::new(3)) as Arc<dyn Secrets> });
gochat_core::conformance_tests!(clock, async { Arc::new(ManualClock::new()) as Arc<dyn Clock> });
