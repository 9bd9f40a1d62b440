//! Several consumers: partitions change hands.

use std::collections::HashSet;
use std::future::pending;
use std::time::Duration;

use async_trait::async_trait;
use gochat_infra::kafka::HandlerError;
use tokio::sync::mpsc;

use super::{Before, Got, Nothing, Servers, take, taker};

/// Says that it has a batch in hand, and never lets go of it.
#[derive(Debug)]
struct Dies(mpsc::Sender<usize>);

#[async_trait]
impl Before for Dies {
    async fn before(&self, batch: &[Got]) -> Result<(), HandlerError> {
        self.0.send(batch.len()).await.expect("the case listens");
        pending().await
    }
}

pub(crate) async fn what_a_dead_consumer_had_in_hand_goes_to_the_other(servers: &'static Servers) {
    let bench = servers.bench().await;
    let (sender, mut taken) = mpsc::channel(100);
    let (in_hand, mut hands) = mpsc::channel(100);
    // A runtime of its own, which dies with all that runs in it.
    let doomed = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let node = {
        let _inside = doomed.enter();
        bench.consume(taker("a", &sender, Dies(in_hand)))
    };
    let upstream = bench.upstream();
    for conversation in 7..17 {
        bench.send(&upstream, conversation, 0..10).await;
    }
    assert!(hands.recv().await.expect("a batch") > 0);
    let other = bench.consume(taker("b", &sender, Nothing));
    std::mem::forget(node);
    doomed.shutdown_background();
    let all = take(&mut taken, 100).await;
    assert!(all.iter().all(|(who, _)| *who == "b"));
    other.shutdown().await;
}

pub(crate) async fn two_share_and_hand_over_in_order(servers: &'static Servers) {
    let bench = servers.bench().await;
    let (sender, mut taken) = mpsc::channel(10_000);
    let upstream = bench.upstream();
    let first = bench.consume(taker("a", &sender, Nothing));
    let mut next = 0;
    let round = async |next: &mut u64| {
        for conversation in 7..27 {
            bench.send(&upstream, conversation, *next..*next + 1).await;
        }
        *next += 1;
    };
    let mut all = Vec::new();
    let mut expected = vec![0; 27];
    let mut drain = |taken: &mut super::Taken, all: &mut Vec<(&'static str, Got)>| {
        while let Ok((who, batch)) = taken.try_recv() {
            for (conversation, n) in batch {
                let expected: &mut u64 = &mut expected[conversation as usize];
                assert!(n <= *expected, "{who} got {n} of {conversation} where {expected} is next");
                *expected = (*expected).max(n + 1);
                all.push((who, (conversation, n)));
            }
        }
    };
    let seen = |all: &[(&'static str, Got)], who| all.iter().any(|(by, _)| *by == who);
    while !seen(&all, "a") {
        round(&mut next).await;
        drain(&mut taken, &mut all);
    }
    let second = bench.consume(taker("b", &sender, Nothing));
    while !seen(&all, "b") {
        round(&mut next).await;
        drain(&mut taken, &mut all);
    }
    // Both work, on different partitions.
    let before = all.len();
    while !(seen(&all[before..], "a") && seen(&all[before..], "b")) {
        round(&mut next).await;
        drain(&mut taken, &mut all);
    }
    first.shutdown().await;
    drain(&mut taken, &mut all);
    let before = all.len();
    let of_b = |all: &[(&'static str, Got)]| {
        all.iter()
            .filter(|(who, _)| *who == "b")
            .map(|(_, (conversation, _))| *conversation)
            .collect::<HashSet<_>>()
    };
    while of_b(&all[before..]).len() < 20 {
        round(&mut next).await;
        drain(&mut taken, &mut all);
    }
    let total: HashSet<_> = (7..27).flat_map(|c| (0..next).map(move |n| (c, n))).collect();
    let mut have: HashSet<_> = all.iter().map(|(_, got)| *got).collect();
    while have.len() < total.len() {
        let more = tokio::time::timeout(Duration::from_secs(20), taken.recv()).await.expect("all come");
        have.extend(more.expect("a handler lives").1);
    }
    assert_eq!(have, total);
    // Graceful changes repeat nothing: all was committed before it changed hands.
    assert_eq!(all.len(), all.iter().map(|(_, got)| *got).collect::<HashSet<_>>().len());
    second.shutdown().await;
}
