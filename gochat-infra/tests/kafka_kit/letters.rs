//! What can't be handled is put aside, and comes back when asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use gochat_infra::kafka::{HandlerError, Topics, replay};
use rdkafka::ClientConfig;
use rdkafka::consumer::{Consumer as _, StreamConsumer};
use rdkafka::message::{Header, Headers as _, Message as _, OwnedHeaders, OwnedMessage};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::mpsc;

use super::{Before, Bench, Got, Servers, taker};

/// Blames one message until it is mended.
#[derive(Debug)]
struct Blames(Got, Arc<AtomicBool>);

#[async_trait]
impl Before for Blames {
    async fn before(&self, batch: &[Got]) -> Result<(), HandlerError> {
        match batch.iter().position(|got| *got == self.0) {
            Some(index) if !self.1.load(Ordering::Relaxed) => {
                Err(HandlerError::Poison { index, reason: "the test says so".to_owned() })
            }
            _ => Ok(()),
        }
    }
}

pub(crate) async fn read(bench: &Bench, topic: &str, partition: i32, n: usize) -> Vec<OwnedMessage> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &bench.config.brokers).set("group.id", "reader");
    let consumer: StreamConsumer = config.create().expect("a consumer");
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, Offset::Beginning).expect("an offset");
    consumer.assign(&list).expect("assigned");
    let mut all = Vec::new();
    while all.len() < n {
        all.push(consumer.recv().await.expect("a record").detach());
    }
    all
}

fn header(record: &OwnedMessage, key: &str) -> Option<String> {
    let found = record.headers()?.iter().find(|h| h.key == key)?;
    found.value.map(|v| String::from_utf8_lossy(v).into_owned())
}

pub(crate) async fn poison_is_put_aside_and_comes_back(servers: &'static Servers) {
    let bench = servers.bench().await;
    let (sender, mut taken) = mpsc::channel(1_000);
    let mended = Arc::new(AtomicBool::new(false));
    let topic = bench.topics.upstream();
    let upstream = bench.upstream();
    bench.send(&upstream, 7, 0..5).await;
    // From somebody who does not speak our language, into the same partition.
    let raw: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", &bench.config.brokers)
        .set("partitioner", "murmur2_random")
        .create()
        .expect("a producer");
    let headers = OwnedHeaders::new().insert(Header { key: "from", value: Some("elsewhere") });
    let strange = FutureRecord::to(&topic).key("7").payload(&[0xff_u8, 0x00, 0x13][..]).headers(headers);
    raw.send(strange, Duration::from_secs(10)).await.expect("produced");
    bench.send(&upstream, 7, 5..10).await;

    let node = bench.consume(taker("a", &sender, Blames((7, 3), mended.clone())));
    let mut all = Vec::new();
    while all.len() < 9 {
        all.extend(taken.recv().await.expect("a handler lives").1);
    }
    let without_poison: Vec<_> = (0..10).filter(|n| *n != 3).map(|n| (7, n)).collect();
    assert_eq!(all, without_poison, "the rest keeps its order");
    assert_eq!(node.metrics.kafka.dead_letters.get(), 2);

    let letters = read(&bench, &Topics::dead_letters(&topic), 0, 2).await;
    let strange = letters.iter().find(|l| header(l, "from").is_some()).expect("the strange one");
    let blamed = letters.iter().find(|l| header(l, "from").is_none()).expect("the blamed one");
    assert_eq!((strange.payload(), strange.key()), (Some(&[0xff, 0x00, 0x13][..]), Some(&b"7"[..])));
    assert_eq!(header(strange, "dlq-reason").as_deref(), Some("not protobuf of this message"));
    assert_eq!(header(strange, "dlq-offset").as_deref(), Some("5"));
    assert_eq!(header(blamed, "dlq-reason").as_deref(), Some("the test says so"));
    assert_eq!(header(blamed, "dlq-topic").as_deref(), Some(&*topic));
    assert_eq!(header(blamed, "dlq-offset").as_deref(), Some("3"));
    assert_eq!(header(blamed, "schema").as_deref(), Some("gochat.events.v1.SendCommand"));
    assert!(header(blamed, "dlq-time").is_some() && header(blamed, "dlq-partition").is_some());

    // One at a time; the strange one is put aside again, and not in a circle.
    mended.store(true, Ordering::Relaxed);
    let producer = bench.producer();
    let first = replay(&bench.config, &topic, 1, &producer, &bench.log).await.expect("replayed");
    assert_eq!((first.records, first.left), (1, 1));
    let second = replay(&bench.config, &topic, 1, &producer, &bench.log).await.expect("replayed");
    assert_eq!(second.records, 1);
    let (_, back) = taken.recv().await.expect("a handler lives");
    assert_eq!(back, [(7, 3)]);
    let again = read(&bench, &Topics::dead_letters(&topic), 0, 3).await;
    let (was, is) = (strange, &again[2]);
    assert_eq!((is.payload(), is.key(), header(is, "from")), (was.payload(), was.key(), header(was, "from")));
    let letters =
        |l: &OwnedMessage| l.headers().map_or(0, |h| h.iter().filter(|h| h.key == "dlq-reason").count());
    assert_eq!(letters(is), 1, "what the first letter said is gone");
    bench.send(&upstream, 7, 10..11).await;
    assert_eq!(taken.recv().await.expect("a handler lives").1, [(7, 10)]);
    node.shutdown().await;
}
