//! How long a record takes. Printed; what is asked for is only that it is no fault of ours.

use std::time::{Duration, Instant};

use gochat_core::model::Audience;
use gochat_core::ports::Deliver as _;
use tokio::sync::mpsc;

use super::gateways::{Gateway, deliver, message};
use super::{Nothing, Servers, Table, gateway, taker};

fn show(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |part: usize| times[(times.len() * part / 1_000).min(times.len() - 1)];
    let (p50, p99, max) = (at(500), at(990), times[times.len() - 1]);
    println!("{what}: p50 {p50:.2?}, p99 {p99:.2?}, longest {max:.2?}, of {}", times.len());
    assert!(p50 < Duration::from_millis(250), "{what}: {p50:?}");
}

pub(crate) async fn produce_to_deliver(servers: &'static Servers) {
    let bench = servers.bench().await;
    let (sender, mut taken) = mpsc::channel(1_000);
    let node = bench.consume(taker("a", &sender, Nothing));
    let upstream = bench.upstream();
    let (mut acks, mut hops) = (Vec::new(), Vec::new());
    for n in 0..1_100 {
        let begun = Instant::now();
        bench.send(&upstream, 7, n..n + 1).await;
        let ack = begun.elapsed();
        taken.recv().await.expect("a handler lives");
        if n >= 100 {
            acks.push(ack);
            hops.push(begun.elapsed());
        }
    }
    show("submit, until accepted", acks);
    show("submit, until its handler has it", hops);
    node.shutdown().await;

    let here = Gateway::start(&bench, "gw").await;
    let table = Table::default();
    table.all.lock().push(gateway("gw"));
    let out = deliver(&bench, &std::sync::Arc::new(table));
    let mut hops = Vec::new();
    for n in 1..=1_100 {
        let begun = Instant::now();
        out.deliver(vec![message(n, Audience::Everyone)]).await.expect("handed on");
        here.hub.nth(0).await;
        assert_eq!(here.hub.take().len(), 1);
        if n > 100 {
            hops.push(begun.elapsed());
        }
    }
    show("deliver, until the hub has it", hops);
    here.stop().await;

    // As much as goes: sends of one conversation in batches, from one caller.
    let node = bench.consume(taker("b", &sender, Nothing));
    let begun = Instant::now();
    let total = 50_000;
    let sending = async {
        let mut n = 0;
        while n < total {
            bench.send(&upstream, 8, n..n + 500).await;
            n += 500;
        }
    };
    let taking = async {
        let mut left = total as usize;
        while left > 0 {
            let (_, batch) = taken.recv().await.expect("a handler lives");
            left -= batch.iter().filter(|(conversation, _)| *conversation == 8).count().min(left);
        }
    };
    tokio::join!(sending, taking);
    println!("one conversation, {total} sends in {:.2?}, batches of 500", begun.elapsed());
    node.shutdown().await;
}
