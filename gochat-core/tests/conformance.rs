//! The in-memory adapters pass the suites that every adapter must pass.

use std::sync::Arc;

use async_trait::async_trait;
use gochat_core::model::{Event, GatewayId, MessageKey, SendCommand};
use gochat_core::ports::{
    Clock, Dedup, IdGenerator, PasswordHasher, Result, Secrets, Sequencer, SessionRecord, Sessions,
    Submitted, Upstream,
};
use gochat_core::testing::conformance::{
    DeliverFixture, Downstream, Fixture, Got, Inbox, ModeratorFixture, OutboxFixture, PushFixture, Reopen,
    Stores, TokensFixture, UpstreamFixture, Wire,
};
use gochat_core::testing::faults::Faults;
use gochat_core::testing::{
    CountingIds, ManualClock, Memory, MemoryDedup, MemoryHub, MemoryModerator, MemoryPush, MemorySequencer,
    MemorySession, MemorySessions, PlainHasher, SeededSecrets, TestKit, TestTokens,
};

async fn stores() -> Fixture {
    let memory = Arc::new(Memory::new());
    let stores = Stores::all(memory);
    let same = stores.clone();
    // Memory outlives no process; what a restart would find is what it has.
    let reopen: Reopen = Box::new(|| Box::pin(async { Fixture::new(same) }));
    Fixture::new(stores).with_reopen(reopen)
}

gochat_core::conformance_tests!(stores, stores());
gochat_core::conformance_tests!(outbox, async {
    let memory = Arc::new(Memory::new());
    OutboxFixture { fixture: Fixture::new(Stores::all(memory.clone())), outbox: memory }
});
gochat_core::conformance_tests!(sequencer, async { Arc::new(MemorySequencer::new()) as Arc<dyn Sequencer> });
gochat_core::conformance_tests!(dedup, async { Arc::new(MemoryDedup::new(1_000)) as Arc<dyn Dedup> });
gochat_core::conformance_tests!(sessions, async { Arc::new(MemorySessions::new()) as Arc<dyn Sessions> });
gochat_core::conformance_tests!(hasher, async { Arc::new(PlainHasher::new()) as Arc<dyn PasswordHasher> });
gochat_core::conformance_tests!(tokens, async {
    TokensFixture { signer: Arc::new(TestTokens::new([1; 32])), stranger: Arc::new(TestTokens::new([2; 32])) }
});
gochat_core::conformance_tests!(ids, async { Arc::new(CountingIds::new()) as Arc<dyn IdGenerator> });
gochat_core::conformance_tests!(secrets, async { Arc::new(SeededSecrets::new(3)) as Arc<dyn Secrets> });
gochat_core::conformance_tests!(clock, async { Arc::new(ManualClock::new()) as Arc<dyn Clock> });

/// A decorator passes what the port that it decorates passes.
mod behind_faults {
    use super::*;

    async fn stores() -> Fixture {
        over(&TestKit::new())
    }

    fn over(kit: &TestKit) -> Fixture {
        let ports = Faults::new().wrap(&kit.ports);
        Fixture::new(Stores {
            users: ports.users,
            friends: ports.friends,
            logins: ports.logins,
            conversations: ports.conversations,
            directory: ports.directory,
            groups: ports.groups,
            messages: ports.messages,
        })
    }

    gochat_core::conformance_tests!(stores, stores());
    gochat_core::conformance_tests!(outbox, async {
        let kit = TestKit::new();
        OutboxFixture { fixture: over(&kit), outbox: Faults::new().wrap_outbox(kit.memory.clone()) }
    });
    gochat_core::conformance_tests!(sequencer, async { Faults::new().wrap(&TestKit::new().ports).sequencer });
    gochat_core::conformance_tests!(dedup, async { Faults::new().wrap(&TestKit::new().ports).dedup });
    gochat_core::conformance_tests!(sessions, async { Faults::new().wrap(&TestKit::new().ports).sessions });
    gochat_core::conformance_tests!(hasher, async { Faults::new().wrap(&TestKit::new().ports).hasher });
}

async fn hub() -> DeliverFixture {
    let memory = Arc::new(Memory::new());
    let hub = Arc::new(MemoryHub::new(GatewayId::new("here").expect("a good name"), memory.clone()));
    DeliverFixture { deliver: hub.clone(), wire: Box::new(InMemory(hub)), memory }
}

#[derive(Debug)]
struct InMemory(Arc<MemoryHub>);

#[async_trait]
impl Wire for InMemory {
    fn gateway(&self) -> GatewayId {
        GatewayId::new("here").expect("a good name")
    }

    async fn connect(&self, session: SessionRecord) -> Box<dyn Inbox> {
        Box::new(Read { session: self.0.connect(session), ended: false })
    }
}

struct Read {
    session: Arc<MemorySession>,
    ended: bool,
}

#[async_trait]
impl Inbox for Read {
    async fn next(&mut self) -> Got {
        let event = match self.session.try_next() {
            Some(event) => event,
            None if self.ended => return Got::Ended,
            None => self.session.next().await,
        };
        match event {
            Event::NewMessage(view) => Got::Message(view.message.conversation, view.message.seq),
            Event::Stored(receipt) => Got::Receipt(receipt.view.message.client_msg_id.clone()),
            Event::Refused { client_msg_id, .. } => Got::Refused(client_msg_id),
            Event::EndSession(_) => {
                self.ended = true;
                Got::Ended
            }
            _ => Got::Other,
        }
    }
}

gochat_core::conformance_tests!(deliver, hub());

/// The simplest way in: a bounded channel.
#[derive(Debug)]
struct Channel(tokio::sync::mpsc::Sender<SendCommand>);

#[async_trait]
impl Upstream for Channel {
    async fn submit(&self, sends: Vec<SendCommand>) -> Result<Submitted> {
        for send in sends {
            self.0.send(send).await.expect("the receiver lives");
        }
        Ok(Submitted::Queued)
    }
}

#[derive(Debug)]
struct Out(tokio::sync::mpsc::Receiver<SendCommand>);

#[async_trait]
impl Downstream for Out {
    async fn next(&mut self) -> MessageKey {
        let send = self.0.recv().await.expect("the sender lives");
        MessageKey { conversation: send.conversation, sender: send.sender, client_msg_id: send.client_msg_id }
    }
}

gochat_core::conformance_tests!(upstream, async {
    let (into, out) = tokio::sync::mpsc::channel(64);
    UpstreamFixture { upstream: Arc::new(Channel(into)), downstream: Box::new(Out(out)) }
});

gochat_core::conformance_tests!(push, async {
    let push = Arc::new(MemoryPush::new());
    PushFixture { sender: push.clone(), receiver: push }
});
gochat_core::conformance_tests!(moderator, async {
    let moderator = Arc::new(MemoryModerator::new());
    ModeratorFixture { moderator: moderator.clone(), rulings: moderator }
});
