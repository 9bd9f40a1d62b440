use std::cell::Cell;

use gochat_core::model::GatewayId;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::FromClientConfigAndContext as _;
use rdkafka::consumer::CommitMode;
use slog::{Discard, o};

use super::*;
use crate::kafka::context::Context;
use crate::kafka::{Outgoing, Producer, Topics, brokers};
use crate::runtime::metrics::Metrics;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn brokers_say_who_is_behind() {
    let [full, empty] = ["full", "empty"].map(|name| GatewayId::new(name).expect("a name"));
    let config = brokers::with_topics(&[&full, &empty]).await;
    let topics = Topics::new(&config.prefix);
    let [topic, empty]: [Arc<str>; 2] = [&full, &empty].map(|gateway| topics.downstream(gateway).into());
    let log = Logger::root(Discard, o!());
    let producer = Producer::for_deliveries(&config, &Metrics::new(), &log).expect("a producer");
    let record =
        || Outgoing { topic: topic.clone(), key: None, schema: "none", traceparent: None, payload: vec![1] };
    producer.produce("test", &[record(), record(), record()]).await.expect("durable");
    let client =
        StreamConsumer::from_config_and_context(&config.consumer(&topics.group("g")), Context::new(&log));
    let client = Arc::new(client.expect("a client"));

    let (again, kept) = (client.clone(), topic.clone());
    let asked = tokio::task::spawn_blocking(move || {
        let ask = |topic: &str, at: Option<i64>| {
            behind(&client, topic, [(0, at)].into()).expect("answered").keys().count() == 1
        };
        assert!(!ask(&topic, Some(3)), "at the end");
        assert!(ask(&topic, Some(2)));
        assert!(ask(&topic, None), "nothing committed: from the oldest on");
        assert!(!ask(&empty, None));
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&topic, 0, Offset::Offset(3)).expect("an offset");
        client.commit(&list, CommitMode::Sync).expect("committed");
        assert!(!ask(&topic, None), "from what is committed on");
        assert!(behind(&client, &topic, Standing::new()).expect("nothing asked").is_empty());
    });
    asked.await.expect("as expected");

    // A stand-in keeps everything.
    if brokers::are_real() {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&kept, 0, Offset::Offset(3)).expect("an offset");
        let admin: AdminClient<DefaultClientContext> = config.client().create().expect("an admin");
        admin.delete_records(&list, &AdminOptions::new()).await.expect("gone");
        let asked = tokio::task::spawn_blocking(move || behind(&again, &kept, [(0, Some(1))].into()));
        assert!(
            asked.await.expect("no panic").expect("answered").is_empty(),
            "what is not kept does not come"
        );
    }
}

#[test]
fn only_what_has_not_moved_stands_still() {
    let before: Standing = [(0, None), (1, Some(5)), (2, Some(7)), (3, Some(9))].into();
    let now: Standing = [(0, None), (1, Some(6)), (2, Some(7)), (4, Some(1))].into();
    assert_eq!(both(&before, &now), [(0, None), (2, Some(7))].into());
}

#[tokio::test(start_paused = true)]
async fn a_look_in_time_asks_and_one_that_is_late_begins_again() {
    let (config, log) = (KafkaConfig::new("127.0.0.1:1"), Logger::root(Discard, o!()));
    let client = StreamConsumer::from_config_and_context(&config.consumer("g"), Context::new(&log));
    let mut watch = Watch::new(Arc::new(client.expect("a client")), "t".into(), &config, &log);
    let moment = Duration::from_millis(1);
    for late in [false, true] {
        watch.before = [(0, Some(1))].into();
        watch.next = Instant::now() + moment;
        if late {
            tokio::time::advance(watch.pause).await;
        }
        let asked = Cell::new(false);
        // Nobody waits, so there is nothing to ask brokers about.
        let waiting = || {
            asked.set(true);
            Standing::new()
        };
        assert!(timeout(moment * 2, watch.stalled(waiting)).await.is_err());
        assert_eq!((asked.get(), watch.before.is_empty()), (!late, true), "late: {late}");
    }
}
