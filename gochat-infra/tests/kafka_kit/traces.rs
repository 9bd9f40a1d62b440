//! What a record was produced for is what its consumer works for, through all topics of a message.

use std::sync::Arc;

use async_trait::async_trait;
use gochat_core::model::{Audience, Delivery, Event, SendCommand};
use gochat_core::ports::{Deliver, Result, Upstream as _};
use gochat_infra::kafka::{
    Downstream as Tail, Handler, HandlerError, KafkaDeliver, KafkaUpstream, Outgoing, Record, Schema as _,
};
use gochat_infra::runtime::Supervisor;
use gochat_infra::runtime::metrics::Metrics;
use gochat_infra::runtime::trace::{TraceContext, TraceId, current, within};
use tokio::sync::mpsc;

use super::{Node, Servers, Table, gateway, send, user};

/// What a stage works for, and what the first record of its batch says.
type Seen = (&'static str, Option<TraceId>, Option<TraceContext>);

/// Stands for the pipeline: each batch becomes a delivery.
#[derive(Debug)]
struct Logic {
    seen: mpsc::Sender<Seen>,
    deliver: KafkaDeliver,
}

fn here() -> Option<TraceId> {
    current().map(|context| context.trace_id())
}

#[async_trait]
impl Handler<SendCommand> for Logic {
    async fn handle(&self, _: i32, batch: &[Record<SendCommand>]) -> std::result::Result<(), HandlerError> {
        self.seen.send(("logic", here(), batch[0].context())).await.expect("the test waits");
        let event = Event::FriendOnline { user: user(3), online: true };
        let audience = Audience::Users([user(2)].into());
        self.deliver.deliver(vec![Delivery { event, audience, except: None }]).await?;
        Ok(())
    }
}

/// Stands for the hub.
#[derive(Debug)]
struct Hub(mpsc::Sender<Seen>);

#[async_trait]
impl Deliver for Hub {
    async fn deliver(&self, _: Vec<Delivery>) -> Result<()> {
        self.0.send(("gateway", here(), None)).await.expect("the test waits");
        Ok(())
    }
}

pub(crate) async fn a_trace_goes_from_a_send_to_its_deliveries(servers: &Servers) {
    let bench = servers.bench().await;
    let gw = gateway("gw");
    bench.admin().ensure_downstream(&gw).await.expect("a topic");
    let routes = Arc::new(Table::default());
    routes.users.lock().insert(user(2), vec![gw.clone()]);
    let (sender, mut seen) = mpsc::channel(100);
    let supervisor = Supervisor::new(&bench.log);
    let hub = Arc::new(Hub(sender.clone()));
    let tail = Tail::start(&bench.config, &gw, hub, &supervisor, &Metrics::new(), &bench.log);
    tail.expect("a consumer").ready().await.expect("the topic is there");
    let deliver = KafkaDeliver::new(bench.producer(), routes, &bench.config, &bench.log);
    let logic = bench.consume(Arc::new(Logic { seen: sender, deliver }));

    // One after the other, so that each is a batch.
    let upstream: KafkaUpstream = bench.upstream();
    for n in 0..3 {
        let context = TraceContext::root(n == 1);
        within(context, upstream.submit(vec![send(1, n)])).await.expect("accepted");
        let (stage, works_for, record) = seen.recv().await.expect("logic");
        assert_eq!((stage, works_for), ("logic", Some(context.trace_id())));
        let record = record.expect("it says so");
        assert_eq!((record.trace_id(), record.is_sampled()), (context.trace_id(), n == 1));
        assert_ne!(record.span_id(), context.span_id(), "the span of producing stands between");
        assert_eq!(seen.recv().await, Some(("gateway", Some(context.trace_id()), None)));
    }

    // What is no context is none, and the record has its effect all the same.
    let command = send(1, 3);
    let record = Outgoing {
        topic: bench.topics.upstream().into(),
        key: Some("1".to_owned()),
        schema: SendCommand::SCHEMA,
        traceparent: Some("00-garbage\r\n".repeat(100)),
        payload: gochat_infra::wire::encode(&command),
    };
    bench.producer().produce("test", &[record]).await.expect("produced");
    let (stage, works_for, record) = seen.recv().await.expect("logic");
    assert!(stage == "logic" && works_for.is_some() && record.is_none(), "{works_for:?} {record:?}");
    assert_eq!(seen.recv().await, Some(("gateway", works_for, None)));
    let tail = Node { supervisor, metrics: Metrics::new() };
    logic.shutdown().await;
    tail.shutdown().await;
}
