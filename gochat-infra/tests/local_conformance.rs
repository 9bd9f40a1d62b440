//! What serves the ports inside one process does what they say: sequencer, deduplication, sessions, delivery, feed, and what
//! the runtime gives.
#![cfg(feature = "embedded")]

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use async_trait::async_trait;
use bytes::Bytes;
use gochat_core::Settings;
use gochat_core::model::{
    Audience, ClientMsgId, ConversationId, Delivery, EndReason, Event, GatewayId, LoginId, MessageKey,
    MessageView, Origin, Receipt, Seq, SessionId, UserId,
};
use gochat_core::ports::{
    Clock, Dedup, Deliver as _, IdGenerator, Ports, Result, Secrets, Sequencer, SessionRecord, Sessions,
};
use gochat_core::testing::conformance::{DeliverFixture, Downstream, Got, Inbox, UpstreamFixture, Wire};
use gochat_core::testing::{Memory, TestKit};
use gochat_infra::embedded::{Feed, FeedConfig, LocalDedup, LocalSequencer, LocalSessions};
use gochat_infra::hub::{CloseReason, Encoder, Hub, Limits, Link, Session, SessionInfo};
use gochat_infra::runtime::metrics::Metrics;
use gochat_infra::runtime::{OsSecrets, Snowflake, Supervisor, SystemClock};
use tokio::sync::mpsc;

gochat_core::conformance_tests!(sequencer, async {
    Arc::new(LocalSequencer::new(1_000)) as Arc<dyn Sequencer>
});
gochat_core::conformance_tests!(dedup, async { Arc::new(LocalDedup::new(1_000)) as Arc<dyn Dedup> });
gochat_core::conformance_tests!(sessions, async { Arc::new(LocalSessions::default()) as Arc<dyn Sessions> });
gochat_core::conformance_tests!(ids, async {
    Arc::new(Snowflake::new(7, Arc::new(SystemClock))) as Arc<dyn IdGenerator>
});
gochat_core::conformance_tests!(secrets, async { Arc::new(OsSecrets) as Arc<dyn Secrets> });
gochat_core::conformance_tests!(clock, async { Arc::new(SystemClock) as Arc<dyn Clock> });

/// One line for each event, so that a session's bytes can be read back.
#[derive(Debug)]
struct Lines;

fn line(event: &Event) -> String {
    match event {
        Event::NewMessage(view) => format!("message {} {}\n", view.message.conversation, view.message.seq),
        Event::Stored(receipt) => format!("receipt {}\n", receipt.view.message.client_msg_id.as_str()),
        Event::Refused { client_msg_id, .. } => format!("refused {}\n", client_msg_id.as_str()),
        _ => "other\n".into(),
    }
}

impl Encoder for Lines {
    fn event(&self, event: &Event, out: &mut Vec<u8>) {
        out.extend(line(event).into_bytes());
    }

    fn receipt(&self, event: &Event, _: &Origin, _: &SessionInfo, out: &mut Vec<u8>) {
        out.extend(line(event).into_bytes());
    }

    fn sent(&self, _: &MessageView, out: &mut Vec<u8>) {
        out.extend(b"other\n");
    }

    fn close(&self, _: CloseReason, _: &SessionInfo, out: &mut Vec<u8>) {
        out.extend(b"end\n");
    }
}

fn read_line(line: &str) -> Got {
    let client = |id| ClientMsgId::new(id).expect("a good id");
    match line.split(' ').collect::<Vec<_>>()[..] {
        ["message", id, seq] => {
            let id: ConversationId = id.parse().expect("an id");
            Got::Message(id, Seq::new(seq.parse().expect("a number")))
        }
        ["receipt", id] => Got::Receipt(client(id)),
        ["refused", id] => Got::Refused(client(id)),
        ["end"] => Got::Ended,
        _ => Got::Other,
    }
}

#[derive(Debug)]
struct HubWire(Hub);

/// Small enough that a session that does not read is cut off in the case about that.
const LIMITS: Limits = Limits { queue_bytes: 64 * 1024, queue_events: 2_048 };

fn hub() -> DeliverFixture {
    let gateway = GatewayId::new("here").expect("a good name");
    let hub = Hub::new(gateway, Arc::new(Lines), LIMITS, Metrics::new());
    let memory = Arc::new(Memory::new());
    hub.set_directory(memory.clone());
    DeliverFixture { deliver: Arc::new(hub.clone()), wire: Box::new(HubWire(hub)), memory }
}

#[async_trait]
impl Wire for HubWire {
    fn gateway(&self) -> GatewayId {
        self.0.gateway().clone()
    }

    async fn connect(&self, session: SessionRecord) -> Box<dyn Inbox> {
        let session = self.0.attach(info(&session), Link::Task, Bytes::new());
        Box::new(ByteInbox { session, bytes: Vec::new(), lines: VecDeque::new() })
    }
}

fn info(session: &SessionRecord) -> SessionInfo {
    SessionInfo {
        user: session.user,
        session: session.session,
        login: session.login,
        guest: session.guest,
        expires_at: session.at,
        english: true,
    }
}

struct ByteInbox {
    session: Arc<Session>,
    bytes: Vec<u8>,
    lines: VecDeque<String>,
}

#[async_trait]
impl Inbox for ByteInbox {
    async fn next(&mut self) -> Got {
        poll_fn(|cx| {
            self.session.register(cx.waker());
            let closing = self.session.closing().is_some();
            self.session.take_pending(&mut self.bytes);
            while let Some(end) = self.bytes.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.bytes.drain(..=end).collect();
                self.lines
                    .push_back(String::from_utf8(line).expect("what `Lines` wrote").trim_end().to_owned());
            }
            match self.lines.pop_front() {
                Some(line) => Poll::Ready(read_line(&line)),
                None if closing => Poll::Ready(Got::Ended),
                None => Poll::Pending,
            }
        })
        .await
    }
}

gochat_core::conformance_tests!(deliver, async { hub() });

/// A subscriber inside the process waits for no receipts; that it ends as a socket does is asked here.
#[tokio::test]
async fn a_subscriber_gets_nothing_after_its_end() {
    let hub = Hub::new(GatewayId::new("here").expect("a good name"), Arc::new(Lines), LIMITS, Metrics::new());
    let (sender, mut events) = mpsc::channel(16);
    let id = |n: u64| SessionId::new(n).expect("in range");
    let (user, login) = (UserId::new(2).expect("in range"), LoginId::new(3).expect("in range"));
    let at = SystemClock.now();
    let gateway = GatewayId::new("here").expect("a good name");
    let record = SessionRecord { user, session: id(4), gateway, login, guest: false, at };
    let session = hub.attach(info(&record), Link::Events(sender), Bytes::new());
    let presence = |online| Delivery {
        event: Event::FriendOnline { user, online },
        audience: Audience::Users([user].into()),
        except: None,
    };
    let end = Delivery {
        event: Event::EndSession(EndReason::LoginEnded),
        audience: Audience::Login(user, login),
        except: None,
    };
    hub.deliver(vec![presence(true), end]).await.expect("handed on");
    hub.deliver(vec![presence(false)]).await.expect("handed on");
    assert_eq!(session.closing(), Some(CloseReason::LoginEnded));
    assert!(matches!(events.try_recv(), Ok(Event::FriendOnline { online: true, .. })));
    assert!(events.try_recv().is_err(), "it got what came after its end");
}

/// Every batch of the pipeline begins with asking what was sent before: that shows what comes out of the feed.
#[derive(Debug)]
struct Asked(mpsc::Sender<MessageKey>);

#[async_trait]
impl Dedup for Asked {
    async fn seen(&self, keys: &[MessageKey]) -> Result<Vec<Option<Receipt>>> {
        for key in keys {
            self.0.send(key.clone()).await.expect("the case listens");
        }
        Ok(vec![None; keys.len()])
    }

    async fn remember(&self, _: &[(MessageKey, Receipt)]) -> Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
struct Out {
    keys: mpsc::Receiver<MessageKey>,
    _supervisor: Supervisor,
}

#[async_trait]
impl Downstream for Out {
    async fn next(&mut self) -> MessageKey {
        self.keys.recv().await.expect("the feed lives")
    }
}

async fn feed() -> UpstreamFixture {
    let log = slog::Logger::root(slog::Discard, slog::o!());
    let supervisor = Supervisor::new(&log);
    let gateway = GatewayId::new("here").expect("a good name");
    let hub = Hub::new(gateway, Arc::new(Lines), Limits::default(), Metrics::new());
    let (sender, keys) = mpsc::channel(16_384);
    let ports = Ports { dedup: Arc::new(Asked(sender)), ..TestKit::new().ports };
    let config = FeedConfig { queue: 64, batch: 16, ..FeedConfig::default() };
    let feed = Feed::start(ports, &hub, Arc::new(Settings::default()), config, &supervisor, &log);
    UpstreamFixture { upstream: Arc::new(feed), downstream: Box::new(Out { keys, _supervisor: supervisor }) }
}

gochat_core::conformance_tests!(upstream, feed());
