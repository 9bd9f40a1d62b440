//! Deliveries on their way to gateways.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use gochat_core::model::{
    Audience, Delivery, Event, LoginId, Message, MessageBody, MessageId, MessageView, Origin, ReplyTo, Seq,
    SessionId, Timestamp,
};
use gochat_core::ports::{Deliver as _, GroupStore as _, NewGroup, Retry};
use gochat_core::testing::{Memory, RecordingDeliver};
use gochat_infra::kafka::{Downstream, FanoutHandler, GroupConsumer, Handler, KafkaDeliver};
use gochat_infra::runtime::Supervisor;
use gochat_infra::runtime::metrics::Metrics;
use gochat_infra::wire;
use prost::Message as _;
use rdkafka::ClientConfig;
use rdkafka::message::Message as _;
use rdkafka::producer::{FutureProducer, FutureRecord};

use super::{Bench, Noted, Servers, Table, gateway, letters, room, send, user};

pub(crate) fn message(n: u64, audience: Audience) -> Delivery {
    let message = Message {
        id: MessageId::new(n).expect("in range"),
        conversation: room(7),
        seq: Seq::new(n),
        sender: user(2),
        client_msg_id: send(7, n).client_msg_id,
        body: MessageBody::text("hello"),
        sent_at: Timestamp::from_millis(1),
        edited_at: None,
        recalled: None,
    };
    let view = MessageView { message: Arc::new(message), sender: None };
    Delivery { event: Event::NewMessage(view), audience, except: None }
}

pub(crate) fn users(of: &[u64]) -> Audience {
    Audience::Users(of.iter().map(|n| user(*n)).collect())
}

fn number(delivery: &Delivery) -> u64 {
    let Event::NewMessage(view) = &delivery.event else { panic!("a message") };
    view.message.seq.get()
}

/// A gateway that writes down what reaches its hub.
pub(crate) struct Gateway {
    pub(crate) hub: Arc<RecordingDeliver>,
    pub(crate) metrics: Metrics,
    supervisor: Supervisor,
}

impl Gateway {
    pub(crate) async fn start(bench: &Bench, name: &str) -> Self {
        let (hub, metrics) = (Arc::new(RecordingDeliver::new()), Metrics::new());
        let supervisor = Supervisor::new(&bench.log);
        bench.admin().ensure_downstream(&gateway(name)).await.expect("a topic");
        let ready =
            Downstream::start(&bench.config, &gateway(name), hub.clone(), &supervisor, &metrics, &bench.log);
        ready.expect("a consumer").ready().await.expect("a position");
        Self { hub, metrics, supervisor }
    }

    pub(crate) async fn stop(self) {
        assert!(self.supervisor.shutdown(Duration::from_secs(10)).await.is_clean());
    }
}

pub(crate) fn table(all: &[&str], users: &[(u64, &[&str])]) -> Arc<Table> {
    let table = Table::default();
    *table.all.lock() = all.iter().map(|name| gateway(name)).collect();
    let of = |names: &[&str]| names.iter().map(|name| gateway(name)).collect();
    *table.users.lock() = users.iter().map(|(n, names)| (user(*n), of(names))).collect();
    Arc::new(table)
}

pub(crate) fn deliver(bench: &Bench, table: &Arc<Table>) -> KafkaDeliver {
    KafkaDeliver::new(bench.producer(), table.clone(), &bench.config, &bench.log)
}

pub(crate) async fn nothing_from_before_and_all_after_ready(servers: &'static Servers) {
    let bench = servers.bench().await;
    bench.admin().ensure_downstream(&gateway("gw")).await.expect("a topic");
    let out = deliver(&bench, &table(&["gw"], &[]));
    for n in 1..=20 {
        out.deliver(vec![message(n, Audience::Everyone)]).await.expect("handed on");
    }
    for from in [21, 41] {
        // The second time it is the same gateway, started again.
        let here = Gateway::start(&bench, "gw").await;
        for n in from..from + 20 {
            out.deliver(vec![message(n, Audience::Everyone)]).await.expect("handed on");
        }
        here.hub.nth(19).await;
        assert!(here.hub.seen().iter().map(number).eq(from..from + 20));
        here.stop().await;
    }
}

pub(crate) async fn one_record_for_each_gateway(servers: &'static Servers) {
    let bench = servers.bench().await;
    for name in ["a", "b"] {
        bench.admin().ensure_downstream(&gateway(name)).await.expect("a topic");
    }
    let table = table(&["a", "b"], &[(2, &["a"]), (3, &["a", "b"]), (4, &["b"]), (6, &["a"])]);
    let out = deliver(&bench, &table);
    let origin = Origin { gateway: gateway("b"), session: None, reply: ReplyTo::Nobody, tag: None };
    let (login, session) = (LoginId::new(8).expect("in range"), SessionId::new(9).expect("in range"));
    let shared = users(&[2, 3, 4, 5, 6]);
    let except = Some((user(2), session));
    out.deliver(vec![
        Delivery { except, ..message(1, shared.clone()) },
        message(2, shared),
        message(3, users(&[5])),
        message(4, Audience::Origin(origin)),
        message(5, Audience::Everyone),
        message(6, Audience::Login(user(4), login)),
        message(7, Audience::Session(user(6), session)),
        message(8, Audience::Members(room(7))),
    ])
    .await
    .expect("handed on");
    assert_eq!(table.asked.load(Ordering::Relaxed), 1, "one question for the batch");
    let read = async |name: &str| {
        let show = |delivery: &Delivery| {
            let to = match &delivery.audience {
                Audience::Users(users) => format!("{:?}", users.iter().map(|u| u.get()).collect::<Vec<_>>()),
                other => format!("{other:?}").split('(').next().unwrap_or_default().to_owned(),
            };
            (number(delivery), to, delivery.except.is_some())
        };
        in_records(&bench, name, 1).await.iter().flatten().map(show).collect::<Vec<_>>()
    };
    let want = |list: &[(u64, &str, bool)]| {
        list.iter().map(|(n, to, except)| (*n, (*to).to_owned(), *except)).collect::<Vec<_>>()
    };
    let a = [(1, "[2, 3, 6]", true), (2, "[2, 3, 6]", false), (5, "Everyone", false), (7, "Session", false)];
    assert_eq!(read("a").await, want(&a));
    let b = [
        (1, "[3, 4]", true),
        (2, "[3, 4]", false),
        (4, "Origin", false),
        (5, "Everyone", false),
        (6, "Login", false),
    ];
    assert_eq!(read("b").await, want(&b));
}

pub(crate) async fn many_go_whole_to_each_gateway(servers: &'static Servers) {
    let bench = servers.bench().await;
    for name in ["a", "b"] {
        bench.admin().ensure_downstream(&gateway(name)).await.expect("a topic");
    }
    let table = table(&["a", "b"], &[(2, &["a"])]);
    let out = deliver(&bench, &table);
    let list = |to: u64| (2..=to).collect::<Vec<_>>();
    // 64 for each gateway, and one fewer.
    let (many, fewer) = (list(129), list(128));
    out.deliver(vec![message(1, users(&many)), message(2, users(&many))]).await.expect("handed on");
    assert_eq!(table.asked.load(Ordering::Relaxed), 0, "nobody is looked up");
    let read = async |name: &str| {
        let show = |delivery: &Delivery| {
            let Audience::Users(users) = &delivery.audience else { panic!("users") };
            (number(delivery), users.iter().map(|user| user.get()).collect::<Vec<_>>())
        };
        let records = in_records(&bench, name, 1).await;
        records.iter().flatten().map(show).collect::<Vec<_>>()
    };
    assert_eq!(read("b").await, [(1, many.clone()), (2, many.clone())], "one record for both");
    out.deliver(vec![message(3, users(&fewer))]).await.expect("handed on");
    assert_eq!(table.asked.load(Ordering::Relaxed), 1, "each is looked up");
    let records = in_records(&bench, "a", 2).await;
    assert!(matches!(&records[1][0].audience, Audience::Users(users) if **users == [user(2)]));
}

pub(crate) async fn a_record_stays_small(servers: &'static Servers) {
    let bench = servers.bench().await;
    bench.admin().ensure_downstream(&gateway("gw")).await.expect("a topic");
    let out = deliver(&bench, &table(&["gw"], &[]));
    let content = "x".repeat(60_000);
    let batch = (1..=10).map(|n| {
        let mut delivery = message(n, Audience::Everyone);
        let Event::NewMessage(view) = &mut delivery.event else { panic!("a message") };
        Arc::make_mut(&mut view.message).body = MessageBody::text(&content);
        delivery
    });
    out.deliver(batch.collect()).await.expect("handed on");
    // 256 KiB are four of them.
    let records = in_records(&bench, "gw", 3).await;
    assert_eq!(records.iter().map(Vec::len).collect::<Vec<_>>(), [4, 4, 2]);
    assert!(records.iter().flatten().map(number).eq(1..=10));
}

pub(crate) async fn a_large_record_reaches_the_hub_in_parts(servers: &'static Servers) {
    let bench = servers.bench().await;
    let here = Gateway::start(&bench, "gw").await;
    let out = deliver(&bench, &table(&["gw"], &[]));
    let most = bench.config.batch_records as u64;
    out.deliver((1..=2 * most + 1).map(|n| message(n, Audience::Everyone)).collect())
        .await
        .expect("handed on");
    here.hub.nth(2 * bench.config.batch_records).await;
    assert!(here.hub.seen().iter().map(number).eq(1..=2 * most + 1));
    let metrics = here.metrics.clone();
    here.stop().await;
    assert_eq!(
        (metrics.kafka.consumed.get(), metrics.kafka.batches.get()),
        (1, 3),
        "one record, three parts"
    );
}

/// The deliveries in the first `n` records of a gateway's topic.
async fn in_records(bench: &Bench, name: &str, n: usize) -> Vec<Vec<Delivery>> {
    let records = letters::read(bench, &bench.topics.downstream(&gateway(name)), 0, n).await;
    let read = |record: &rdkafka::message::OwnedMessage| {
        let deliveries = wire::deliveries::read(record.payload().expect("a value")).expect("deliveries");
        deliveries.into_iter().map(|one| one.expect("a delivery")).collect()
    };
    records.iter().map(read).collect()
}

pub(crate) async fn one_that_is_gone_fails_nobody(servers: &'static Servers) {
    let bench = servers.bench().await;
    let here = Gateway::start(&bench, "here").await;
    bench.admin().ensure_downstream(&gateway("gone")).await.expect("a topic");
    // Sessions are still said to be there; the leases have ended.
    let out = deliver(&bench, &table(&["here"], &[(2, &["here", "gone", "never"])]));
    // It is known to the producer, and then removed.
    out.deliver(vec![message(1, users(&[2]))]).await.expect("handed on");
    bench.admin().delete_downstream(&gateway("gone")).await.expect("gone");
    let begun = Instant::now();
    for n in 2..=20 {
        out.deliver(vec![message(n, users(&[2]))]).await.expect("handed on");
    }
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
    here.hub.nth(19).await;
    assert!(here.hub.seen().iter().map(number).eq(1..=20));
    here.stop().await;
}

pub(crate) async fn one_that_lives_is_never_taken_for_gone(servers: &'static Servers) {
    let bench = servers.bench().await;
    // A broker that starts again knows no topic for a moment; its gateway holds its lease all the while.
    let out = deliver(&bench, &table(&["lives"], &[(2, &["lives"])]));
    let e = out.deliver(vec![message(1, users(&[2]))]).await.expect_err("it would be lost");
    assert_eq!(e.retry(), Retry::Safe, "{e}");
    let here = Gateway::start(&bench, "lives").await;
    // Given again, as the pipeline does, until the producer has heard of the topic.
    while let Err(e) = out.deliver(vec![message(1, users(&[2]))]).await {
        assert_eq!(e.retry(), Retry::Safe, "{e}");
    }
    here.hub.nth(0).await;
    assert!(here.hub.seen().iter().map(number).eq([1]));
    here.stop().await;
}

pub(crate) async fn repeats_are_dropped_and_poison_is_skipped(servers: &'static Servers) {
    let bench = servers.bench().await;
    let here = Gateway::start(&bench, "gw").await;
    let out = deliver(&bench, &table(&["gw"], &[(2, &["gw"]), (3, &["gw"])]));
    for to in [users(&[2]), users(&[2]), users(&[2, 3])] {
        out.deliver(vec![message(1, to)]).await.expect("handed on");
    }
    let raw: FutureProducer =
        ClientConfig::new().set("bootstrap.servers", &bench.config.brokers).create().expect("a producer");
    let topic = bench.topics.downstream(&gateway("gw"));
    let deliveries = vec![gochat_proto::pb::events::v1::Delivery::default()];
    let half = gochat_proto::pb::events::v1::Deliveries { deliveries, lists: Vec::new() }.encode_to_vec();
    for payload in [&b"\xff\xff"[..], &half[..]] {
        let record = FutureRecord::<(), [u8]>::to(&topic).payload(payload);
        raw.send(record, Duration::from_secs(10)).await.expect("produced");
    }
    out.deliver(vec![message(2, users(&[3]))]).await.expect("handed on");
    here.hub.nth(2).await;
    // Whom it had not gone to yet gets it.
    assert_eq!(here.hub.seen().iter().map(number).collect::<Vec<_>>(), [1, 1, 2]);
    let kafka = &here.metrics.kafka;
    assert_eq!((kafka.repeats_dropped.get(), kafka.downstream_skipped.get()), (1, 2));
    here.stop().await;
}

pub(crate) async fn one_that_shrinks_stays_behind_what_waits(servers: &'static Servers) {
    let bench = servers.bench().await;
    let memory = Arc::new(Memory::new());
    let group = NewGroup {
        id: room(7),
        name: "shrinking".into(),
        avatar: "".into(),
        description: "".into(),
        owner: user(2),
        members: vec![user(3), user(4)],
        at: Timestamp::from_millis(0),
    };
    memory.create(&group).await.expect("stored");
    let here = Gateway::start(&bench, "gw").await;
    let (table, noted) = (table(&["gw"], &[(2, &["gw"])]), Arc::new(Noted::default()));
    let out = deliver(&bench, &table).keeping_order(noted.clone());
    let few = || users(&[2, 3, 4]);
    // Few: the short way. Then many, for whom the fan-out is behind; and a moment later few again.
    for (n, to) in [(1, few()), (2, Audience::Members(room(7))), (3, few()), (4, Audience::Everyone)] {
        out.deliver(vec![message(n, to)]).await.expect("handed on");
    }
    here.hub.nth(1).await;
    assert!(here.hub.seen().iter().map(number).eq([1, 4]), "the third waits behind the second");
    let (supervisor, metrics) = (Supervisor::new(&bench.log), Metrics::new());
    let pages = Arc::new(deliver(&bench, &table));
    let handler: Arc<dyn Handler<Delivery>> = Arc::new(FanoutHandler::new(memory, pages, noted, &bench.log));
    let (topic, producer) = (bench.topics.fanout(), bench.producer());
    GroupConsumer::start(
        &bench.config,
        &topic,
        "im-task",
        handler,
        producer,
        &supervisor,
        &metrics,
        &bench.log,
    )
    .expect("a consumer");
    here.hub.nth(3).await;
    assert!(here.hub.seen().iter().map(number).eq([1, 4, 2, 3]));
    here.stop().await;
    assert!(supervisor.shutdown(Duration::from_secs(10)).await.is_clean());
}

pub(crate) async fn large_conversations_share_a_walk(servers: &'static Servers) {
    let bench = servers.bench().await;
    let memory = Arc::new(Memory::new());
    let group = NewGroup {
        id: room(7),
        name: "large".into(),
        avatar: "".into(),
        description: "".into(),
        owner: user(2),
        members: (1_000..3_500).map(user).collect(),
        at: Timestamp::from_millis(0),
    };
    memory.create(&group).await.expect("stored");
    let out = deliver(&bench, &table(&[], &[]));
    let tasks = (1..=10).map(|n| message(n, Audience::Members(room(7)))).collect();
    out.deliver(tasks).await.expect("handed on");
    let pages = Arc::new(RecordingDeliver::new());
    let (supervisor, metrics) = (Supervisor::new(&bench.log), Metrics::new());
    let handler: Arc<dyn Handler<Delivery>> =
        Arc::new(FanoutHandler::new(memory, pages.clone(), Arc::new(Noted::default()), &bench.log));
    let (topic, producer) = (bench.topics.fanout(), bench.producer());
    let (config, log) = (&bench.config, &bench.log);
    GroupConsumer::start(config, &topic, "task", handler, producer, &supervisor, &metrics, log)
        .expect("a consumer");
    // 2,501 members are three pages.
    pages.nth(29).await;
    let seen = pages.seen();
    let mut reached = std::collections::HashMap::new();
    for delivery in &seen {
        let Audience::Users(users) = &delivery.audience else { panic!("users") };
        for user in users.iter() {
            reached.entry(*user).or_insert_with(Vec::new).push(number(delivery));
        }
    }
    assert_eq!((seen.len(), reached.len()), (30, 2_501));
    assert!(reached.values().all(|got| got.iter().copied().eq(1..=10)), "each in order");
    assert!(supervisor.shutdown(Duration::from_secs(20)).await.is_clean());
}
