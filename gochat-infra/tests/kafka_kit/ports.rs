//! The suites of the ports, over Kafka.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use gochat_core::model::{Audience, Delivery, Event, GatewayId, MessageKey, SendCommand, SessionId, UserId};
use gochat_core::ports::{Deliver, Result, SessionRecord};
use gochat_core::testing::conformance::{DeliverFixture, Downstream, Got, Inbox, UpstreamFixture, Wire};
use gochat_core::testing::{Memory, MemoryHub, MemorySession};
use gochat_infra::kafka::{
    Downstream as Tail, FanoutHandler, GroupConsumer, Handler, HandlerError, KafkaDeliver, Record,
};
use gochat_infra::runtime::Supervisor;
use gochat_infra::runtime::metrics::Metrics;
use tokio::sync::{Notify, mpsc};

use super::{Node, Noted, Servers, Table, gateway};

/// Tells the keys of what came out.
#[derive(Debug)]
struct Keys(mpsc::Sender<MessageKey>);

#[async_trait]
impl Handler<SendCommand> for Keys {
    async fn handle(&self, _: i32, batch: &[Record<SendCommand>]) -> std::result::Result<(), HandlerError> {
        for Record { value, .. } in batch {
            let key = MessageKey {
                conversation: value.conversation,
                sender: value.sender,
                client_msg_id: value.client_msg_id.clone(),
            };
            self.0.send(key).await.map_err(|e| HandlerError::Again(Box::new(e)))?;
        }
        Ok(())
    }
}

struct Out {
    keys: mpsc::Receiver<MessageKey>,
    seen: HashSet<MessageKey>,
    _node: Node,
}

impl std::fmt::Debug for Out {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Out")
    }
}

#[async_trait]
impl Downstream for Out {
    async fn next(&mut self) -> MessageKey {
        loop {
            let key = self.keys.recv().await.expect("the consumer lives");
            if self.seen.insert(key.clone()) {
                return key;
            }
        }
    }
}

pub(crate) async fn upstream(servers: &'static Servers) -> UpstreamFixture {
    let bench = servers.bench().await;
    let (sender, keys) = mpsc::channel(10_000);
    let node = bench.consume(Arc::new(Keys(sender)));
    let downstream = Box::new(Out { keys, seen: HashSet::new(), _node: node });
    UpstreamFixture { upstream: Arc::new(bench.upstream()), downstream }
}

/// Large conversations take another way than the mark that ends them: this waits until they have come through.
#[derive(Debug)]
struct Settled {
    deliver: KafkaDeliver,
    fanned: Arc<Counted>,
}

#[derive(Debug)]
struct Counted {
    handler: FanoutHandler,
    sent: AtomicU64,
    done: AtomicU64,
    changed: Notify,
}

#[async_trait]
impl Handler<Delivery> for Counted {
    async fn handle(
        &self,
        partition: i32,
        batch: &[Record<Delivery>],
    ) -> std::result::Result<(), HandlerError> {
        self.handler.handle(partition, batch).await?;
        self.done.fetch_add(batch.len() as u64, Ordering::SeqCst);
        self.changed.notify_one();
        Ok(())
    }
}

#[async_trait]
impl Deliver for Settled {
    async fn deliver(&self, batch: Vec<Delivery>) -> Result<()> {
        let tasks = batch.iter().filter(|d| matches!(d.audience, Audience::Members(_))).count();
        self.deliver.deliver(batch).await?;
        let sent = self.fanned.sent.fetch_add(tasks as u64, Ordering::SeqCst) + tasks as u64;
        while self.fanned.done.load(Ordering::SeqCst) < sent {
            self.fanned.changed.notified().await;
        }
        Ok(())
    }
}

struct HubWire {
    hub: Arc<MemoryHub>,
    deliver: KafkaDeliver,
    probes: AtomicU64,
    gateway: GatewayId,
    table: Arc<Table>,
    _supervisor: Supervisor,
}

impl std::fmt::Debug for HubWire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HubWire")
    }
}

#[async_trait]
impl Wire for HubWire {
    fn gateway(&self) -> GatewayId {
        self.gateway.clone()
    }

    async fn connect(&self, session: SessionRecord) -> Box<dyn Inbox> {
        // What was delivered before is on its way still. A probe that is behind it says when it has come.
        let probe = self.probes.fetch_add(1, Ordering::Relaxed);
        let id = SessionId::new((1 << 62) + probe).expect("in range");
        let user = UserId::new((1 << 62) + probe).expect("in range");
        let arrived = self.hub.connect(SessionRecord { user, session: id, ..session.clone() });
        self.table.users.lock().insert(user, vec![self.gateway.clone()]);
        let event = Event::FriendOnline { user, online: true };
        let audience = Audience::Session(user, id);
        self.deliver.deliver(vec![Delivery { event, audience, except: None }]).await.expect("handed on");
        while !matches!(arrived.next().await, Event::FriendOnline { user: of, .. } if of == user) {}
        self.table.users.lock().insert(session.user, vec![self.gateway.clone()]);
        Box::new(Reader(self.hub.connect(session), VecDeque::new()))
    }
}

struct Reader(Arc<MemorySession>, VecDeque<Got>);

#[async_trait]
impl Inbox for Reader {
    async fn next(&mut self) -> Got {
        if let Some(end) = self.1.front() {
            return end.clone();
        }
        match self.0.next().await {
            Event::NewMessage(view) => Got::Message(view.message.conversation, view.message.seq),
            Event::Stored(receipt) => Got::Receipt(receipt.view.message.client_msg_id.clone()),
            Event::Refused { client_msg_id, .. } => Got::Refused(client_msg_id),
            Event::EndSession(_) => {
                self.1.push_back(Got::Ended);
                Got::Ended
            }
            _ => Got::Other,
        }
    }
}

pub(crate) async fn deliver(servers: &'static Servers) -> DeliverFixture {
    let bench = servers.bench().await;
    let gateway = gateway("gw");
    bench.admin().ensure_downstream(&gateway).await.expect("a topic");
    let (memory, table) = (Arc::new(Memory::new()), Arc::new(Table::default()));
    table.all.lock().push(gateway.clone());
    let hub = Arc::new(MemoryHub::new(gateway.clone(), memory.clone()));
    let (supervisor, metrics) = (Supervisor::new(&bench.log), Metrics::new());
    let ready = Tail::start(&bench.config, &gateway, hub.clone(), &supervisor, &metrics, &bench.log);
    ready.expect("a consumer").ready().await.expect("a position");
    let make = || KafkaDeliver::new(bench.producer(), table.clone(), &bench.config, &bench.log);
    let fanned = Arc::new(Counted {
        handler: FanoutHandler::new(
            memory.clone(),
            Arc::new(make()),
            Arc::new(Noted::default()),
            &super::log(),
        ),
        sent: AtomicU64::new(0),
        done: AtomicU64::new(0),
        changed: Notify::new(),
    });
    let topic = bench.topics.fanout();
    let producer = bench.producer();
    GroupConsumer::start(
        &bench.config,
        &topic,
        "task",
        fanned.clone() as Arc<dyn Handler<Delivery>>,
        producer,
        &supervisor,
        &metrics,
        &bench.log,
    )
    .expect("a consumer");
    DeliverFixture {
        deliver: Arc::new(Settled { deliver: make(), fanned }),
        wire: Box::new(HubWire {
            hub,
            deliver: make(),
            probes: AtomicU64::new(0),
            gateway,
            table,
            _supervisor: supervisor,
        }),
        memory,
    }
}
