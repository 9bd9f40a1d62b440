//! The in-memory adapters pass the suites that every adapter must pass.

use std::sync::Arc;

use gochat_core::testing::Memory;
use gochat_core::testing::conformance::{Fixture, Reopen, Stores};

async fn stores() -> Fixture {
    let memory = Arc::new(Memory::new());
    let stores = Stores::all(memory);
    let same = stores.clone();
    // Memory outlives no process; what a restart would find is what it has.
    let reopen: Reopen = Box::new(|| Box::pin(async { Fixture::new(same) }));
    Fixture::new(stores).with_reopen(reopen)
}

gochat_core::conformance_tests!(stores, stores());
