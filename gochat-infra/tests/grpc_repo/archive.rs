//! Archiving over the wire: what is asked for arrives, and what was done comes back.

use std::sync::Arc;

use async_trait::async_trait;
use gochat_core::model::Timestamp;
use gochat_core::ports::{ErrorKind, Result, Retry, StoreError};
use gochat_core::testing::Memory;
use gochat_infra::archive::{Archiver, Next, Portion, Step};
use gochat_infra::grpc::repo::RepoPorts;

use super::kit::{Served, ports};

/// Answers by what it is asked for.
#[derive(Debug)]
struct Told;

#[async_trait]
impl Archiver for Told {
    async fn archive_next(&self, portion: Portion) -> Result<Step> {
        let next = match portion.least {
            1 => Next::More,
            2 => Next::Done,
            3 => Next::Busy,
            _ => return Err(StoreError::new(ErrorKind::Corrupt, Retry::Never, "archive.next")),
        };
        let before = portion.before.as_millis().unsigned_abs();
        Ok(Step { messages: u64::from(portion.most), bytes: portion.bytes + before, next })
    }
}

#[tokio::test]
async fn a_portion_and_what_was_moved_come_through() {
    let ports = RepoPorts { archiver: Some(Arc::new(Told)), ..ports(&Arc::new(Memory::new())) };
    let served = Served::start(ports).await;
    let client = served.client();
    let portion = |least| Portion { before: Timestamp::from_millis(-7), least, most: 5, bytes: 1 << 40 };
    for (least, next) in [(1, Next::More), (2, Next::Done), (3, Next::Busy)] {
        let step = client.archive_next(portion(least)).await.expect("answered");
        assert_eq!(step, Step { messages: 5, bytes: (1 << 40) + 7, next });
    }
    let refused = client.archive_next(portion(4)).await.expect_err("corrupt");
    assert_eq!((refused.kind(), refused.retry()), (ErrorKind::Corrupt, Retry::Never));
}

#[tokio::test]
async fn where_nobody_archives_it_is_not_supported() {
    let served = Served::start(ports(&Arc::new(Memory::new()))).await;
    let portion = Portion { before: Timestamp::from_millis(1), least: 1, most: 1, bytes: 1 };
    let refused = served.client().archive_next(portion).await.expect_err("nobody");
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
}
