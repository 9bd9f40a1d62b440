//! One consumer: effect first, offset after.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use gochat_core::ports::{ErrorKind, Retry, StoreError};
use gochat_infra::kafka::HandlerError;
use tokio::sync::{Semaphore, mpsc};

use super::{Before, Got, Nothing, Servers, take, taker};

/// Fails so often.
#[derive(Debug)]
struct Fails(AtomicU32);

#[async_trait]
impl Before for Fails {
    async fn before(&self, _: &[Got]) -> Result<(), HandlerError> {
        let left = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
        match left {
            Ok(_) => Err(StoreError::new(ErrorKind::Unavailable, Retry::Ambiguous, "test").into()),
            Err(_) => Ok(()),
        }
    }
}

pub(crate) async fn a_batch_that_fails_comes_again_before_what_follows(servers: &'static Servers) {
    let bench = servers.bench().await;
    let (sender, mut taken) = mpsc::channel(100);
    let node = bench.consume(taker("a", &sender, Fails(AtomicU32::new(7))));
    let upstream = bench.upstream();
    for n in 0..20 {
        bench.send(&upstream, 7, n * 5..n * 5 + 5).await;
    }
    let all = take(&mut taken, 100).await;
    assert!(
        all.iter().map(|(_, got)| got.1).eq(0..100),
        "each once, in order: nothing of a failed try was kept"
    );
    assert_eq!(node.metrics.kafka.retries.get(), 7);
    node.shutdown().await;
}

/// Lets through what was permitted.
#[derive(Debug)]
struct Gate(Arc<Semaphore>, u64);

#[async_trait]
impl Before for Gate {
    async fn before(&self, batch: &[Got]) -> Result<(), HandlerError> {
        if batch.iter().any(|(conversation, _)| *conversation == self.1) {
            self.0.acquire().await.expect("open").forget();
        }
        Ok(())
    }
}

pub(crate) async fn an_offset_passes_after_its_effect(servers: &'static Servers) {
    let mut bench = servers.bench().await;
    (bench.config.batch_records, bench.config.revoke_grace) = (10, Duration::from_millis(100));
    let upstream = bench.upstream();
    bench.send(&upstream, 7, 0..35).await;
    let (sender, mut taken) = mpsc::channel(100);
    let gate = Arc::new(Semaphore::new(2));
    let node = bench.consume(taker("a", &sender, Gate(gate.clone(), 7)));
    assert_eq!(take(&mut taken, 20).await.len(), 20);
    // The third batch is in hand and has no effect; it is abandoned, and what was before it is committed.
    node.shutdown().await;
    let node = bench.consume(taker("b", &sender, Nothing));
    let mut rest = Vec::new();
    while rest.len() < 15 {
        rest.extend(taken.recv().await.expect("a handler lives").1);
    }
    assert!(rest.into_iter().eq((20..35).map(|n| (7, n))));
    node.shutdown().await;
    let node = bench.consume(taker("c", &sender, Nothing));
    bench.send(&upstream, 7, 35..36).await;
    let last = taken.recv().await.expect("a handler lives");
    assert_eq!(last, ("c", vec![(7, 35)]), "all before it was committed at the end");
    node.shutdown().await;
}

pub(crate) async fn a_slow_partition_holds_up_no_other(servers: &'static Servers) {
    let mut bench = servers.bench().await;
    (bench.config.fetch_records, bench.config.fetch_bytes, bench.config.batch_records) = (50, 64 << 10, 50);
    let upstream = bench.upstream();
    // Conversations of different partitions: those that don't wait show which.
    let (sender, mut taken) = mpsc::channel(10_000);
    let gate = Arc::new(Semaphore::new(0));
    for n in 0..40 {
        bench.send(&upstream, 7, n * 500..n * 500 + 500).await;
    }
    for conversation in 8..30 {
        bench.send(&upstream, conversation, 0..10).await;
    }
    // After all that: how much there is, is known of what a partition's last fetch said.
    let node = bench.consume(taker("a", &sender, Gate(gate.clone(), 7)));
    // Some share the partition of the slow one; at least half do not.
    let others = take(&mut taken, 110).await;
    assert!(others.iter().all(|(_, (conversation, _))| *conversation != 7));
    let read = |name: &str| -> i64 {
        let text = node.metrics.render();
        let of =
            text.lines().filter(|l| l.starts_with(name)).filter_map(|l| l.rsplit(' ').next()?.parse().ok());
        of.max().unwrap_or(0)
    };
    while read("gochat_kafka_lag{") < 20_000 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let fetched = read("gochat_kafka_fetched{");
    assert!(
        fetched > 0 && fetched < 8_000,
        "{fetched} fetched of 20,000: one fetch may bring a producer's whole batch"
    );
    gate.add_permits(100_000);
    let mut left = 20_000;
    while left > 0 {
        let (_, batch) = taken.recv().await.expect("a handler lives");
        left -= batch.iter().filter(|(conversation, _)| *conversation == 7).count();
    }
    node.shutdown().await;
}

#[derive(Debug)]
struct Stops;

#[async_trait]
impl Before for Stops {
    async fn before(&self, _: &[Got]) -> Result<(), HandlerError> {
        Err(HandlerError::Stop("the schema is another".to_owned()))
    }
}

pub(crate) async fn one_that_cannot_go_on_stops_its_node(servers: &'static Servers) {
    let bench = servers.bench().await;
    let (sender, mut taken) = mpsc::channel(10);
    let node = bench.consume(taker("a", &sender, Stops));
    bench.send(&bench.upstream(), 7, 0..3).await;
    node.supervisor.stopping().cancelled().await;
    node.shutdown().await;
    let node = bench.consume(taker("b", &sender, Nothing));
    assert_eq!(take(&mut taken, 3).await.len(), 3, "nothing was passed");
    node.shutdown().await;
}
