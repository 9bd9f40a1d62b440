//! SQLite storage does what every port's suite asks.
#![cfg(feature = "sqlite")]

use std::path::Path;
use std::sync::Arc;

use gochat_core::testing::conformance::{Fixture, Stores};
use gochat_infra::sqlite::{SqliteOptions, SqliteStore};
use tempfile::TempDir;

async fn fresh() -> Fixture {
    over(tempfile::tempdir().expect("a folder"))
}

/// The store in `folder`, which lives as long as it.
fn over(folder: TempDir) -> Fixture {
    let store = open(folder.path());
    Fixture::new(Stores::all(Arc::new(store.clone()))).with_reopen(Box::new(move || {
        Box::pin(async move {
            store.close().await;
            over(folder)
        })
    }))
}

fn open(path: &Path) -> SqliteStore {
    let log = slog::Logger::root(slog::Discard, slog::o!());
    SqliteStore::open(path, SqliteOptions::default(), log).expect("opened")
}

gochat_core::conformance_tests!(stores, fresh());
