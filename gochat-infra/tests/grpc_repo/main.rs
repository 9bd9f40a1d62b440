//! The storage ports and the hasher over gRPC, a real socket between: they do all that every port's suite asks, and fail as
//! a network fails.
#![cfg(feature = "grpc")]

mod archive;
mod bounds;
mod failures;
mod kit;
mod raw;
mod serving;

use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use gochat_core::model::{Password, PasswordHash};
use gochat_core::ports::{PasswordHasher, Result, Verdict};
use gochat_core::testing::Memory;
use gochat_core::testing::conformance::{Fixture, OutboxFixture, Stores};
use kit::{Served, ports};

gochat_core::conformance_tests!(stores, async { over(Arc::new(Memory::new())).await });
gochat_core::conformance_tests!(outbox, outbox());
gochat_core::conformance_tests!(hasher, hasher());

/// The stores over one server, which lives as long as the fixture does; reopened, they are behind another.
fn over(memory: Arc<Memory>) -> Pin<Box<dyn Future<Output = Fixture> + Send>> {
    Box::pin(async move {
        let served = Served::start(ports(&memory)).await;
        let stores = Stores::all(Arc::new(served.client()));
        Fixture::new(stores).with_reopen(Box::new(move || {
            Box::pin(async move {
                assert!(served.stop().await, "it stops in time");
                over(memory).await
            })
        }))
    })
}

/// The stores and the outbox behind one server.
async fn outbox() -> OutboxFixture {
    let served = Served::start(ports(&Arc::new(Memory::new()))).await;
    let client = Arc::new(served.client());
    let fixture = Fixture::new(Stores::all(client.clone()));
    // The server lives as long as the fixture does.
    let kept = fixture.with_reopen(Box::new(move || {
        drop(served);
        unreachable!("no case of the outbox opens it again")
    }));
    OutboxFixture { fixture: kept, outbox: client }
}

/// A hasher, and the server that it needs.
#[derive(Debug)]
struct Kept {
    hasher: Arc<dyn PasswordHasher>,
    _served: Served,
}

#[async_trait]
impl PasswordHasher for Kept {
    async fn hash(&self, password: Password) -> Result<PasswordHash> {
        self.hasher.hash(password).await
    }

    async fn verify(&self, password: &str, hash: Option<PasswordHash>) -> Result<Verdict> {
        self.hasher.verify(password, hash).await
    }
}

async fn hasher() -> Arc<dyn PasswordHasher> {
    let served = Served::start(ports(&Arc::new(Memory::new()))).await;
    Arc::new(Kept { hasher: Arc::new(served.client()), _served: served })
}
