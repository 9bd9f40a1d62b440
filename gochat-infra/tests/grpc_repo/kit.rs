//! Servers on free ports, clients of them, and a port that does as it is told.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use gochat_core::model::{
    ClientMsgId, ConversationId, MembersVersion, Message, MessageBody, MessageId, MessageKey, NewMessage,
    PageLimit, Seq, Timestamp, UserId,
};
use gochat_core::ports::{Appended, MessageStore, PageFrom, RecallOutcome, Result};
use gochat_core::testing::{Memory, PlainHasher};
use gochat_infra::grpc::channel::{Channel, ChannelConfig};
use gochat_infra::grpc::deadline;
use gochat_infra::grpc::repo::{RepoClient, RepoPorts};
use gochat_infra::grpc::serve::{Health, ServeConfig, serve};
use gochat_infra::runtime::Supervisor;
use slog::Logger;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::Instant;

pub(crate) fn log() -> Logger {
    Logger::root(slog::Discard, slog::o!())
}

pub(crate) fn ports(memory: &Arc<Memory>) -> RepoPorts {
    RepoPorts::all(memory.clone(), Arc::new(PlainHasher::new()))
}

/// A server of the storage ports.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    pub(crate) health: Health,
    supervisor: Supervisor,
}

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Served({})", self.address)
    }
}

impl Served {
    pub(crate) async fn start(ports: RepoPorts) -> Self {
        Self::start_with(ports, &ServeConfig::default()).await
    }

    pub(crate) async fn start_with(ports: RepoPorts, config: &ServeConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let supervisor = Supervisor::new(&log());
        let routes = ports.routes(config.message_max, &log());
        let health = serve(listener, routes, config, &supervisor, &log()).expect("good descriptors");
        Self { address, health, supervisor }
    }

    pub(crate) fn client(&self) -> RepoClient {
        self.client_with(config())
    }

    pub(crate) fn client_with(&self, config: ChannelConfig) -> RepoClient {
        client_of(self.address, config)
    }

    /// Stops, and says whether nothing was left.
    pub(crate) async fn stop(&self) -> bool {
        self.supervisor.shutdown(Duration::from_secs(20)).await.is_clean()
    }
}

pub(crate) fn client_of(address: SocketAddr, config: ChannelConfig) -> RepoClient {
    RepoClient::new(Channel::fixed(vec![address.to_string()], config, &log()))
}

/// Patient: a case that fails fails by what it asserts, not by a slow machine.
pub(crate) fn config() -> ChannelConfig {
    let mut config = ChannelConfig::default();
    config.deadline = Duration::from_secs(30);
    config
}

pub(crate) fn impatient() -> ChannelConfig {
    let mut config = ChannelConfig::default();
    config.deadline = Duration::from_millis(300);
    config
}

/// A message log whose calls wait for permission, and tell what time they were given.
#[derive(Debug)]
pub(crate) struct Gate {
    /// A call for each permit.
    pub(crate) go: Semaphore,
    /// A permit for each call that came in.
    pub(crate) came: Semaphore,
    /// A permit for each call that was given up by its caller, or by the server.
    pub(crate) dropped: Arc<Semaphore>,
    allowed: parking_lot::Mutex<Vec<Duration>>,
}

impl Gate {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            go: Semaphore::new(0),
            came: Semaphore::new(0),
            dropped: Arc::new(Semaphore::new(0)),
            allowed: parking_lot::Mutex::default(),
        })
    }

    pub(crate) fn ports(self: &Arc<Self>) -> RepoPorts {
        RepoPorts { messages: self.clone(), ..ports(&Arc::new(Memory::new())) }
    }

    /// What was left of the time of each call that came in.
    pub(crate) fn allowed(&self) -> Vec<Duration> {
        self.allowed.lock().clone()
    }

    /// Waits until `n` more calls came in.
    pub(crate) async fn wait(&self, n: u32) {
        self.came.acquire_many(n).await.expect("never closed").forget();
    }

    async fn pass(&self) {
        let end = deadline::current().expect("a server sets it");
        self.allowed.lock().push(end - Instant::now());
        let mut dropped = Dropped(Some(self.dropped.clone()));
        self.came.add_permits(1);
        self.go.acquire().await.expect("never closed").forget();
        dropped.0 = None;
    }
}

struct Dropped(Option<Arc<Semaphore>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        if let Some(dropped) = &self.0 {
            dropped.add_permits(1);
        }
    }
}

#[async_trait]
impl MessageStore for Gate {
    async fn append(&self, batch: &[NewMessage]) -> Result<Vec<Appended>> {
        self.pass().await;
        Ok(vec![Appended::Stored; batch.len()])
    }

    async fn by_keys(&self, keys: &[MessageKey]) -> Result<Vec<Option<Message>>> {
        Ok(vec![None; keys.len()])
    }

    async fn by_ids(&self, _: &[MessageId]) -> Result<Vec<Option<Message>>> {
        panic!("it was told to")
    }

    async fn page(&self, _: ConversationId, _: PageFrom, limit: PageLimit) -> Result<Vec<Message>> {
        let message = |n| Message::clone(&message(n, &"x".repeat(1_000)).message);
        Ok((1..=u64::from(limit.get())).map(message).collect())
    }

    async fn heads(&self, conversations: &[ConversationId]) -> Result<Vec<Option<Seq>>> {
        self.pass().await;
        Ok(vec![None; conversations.len()])
    }

    async fn recall(&self, _: MessageId, _: UserId, _: Timestamp) -> Result<RecallOutcome> {
        // One answer too few: none that a server of ours gives.
        Err(gochat_core::ports::StoreError::not_found("messages.recall"))
    }
}

pub(crate) fn message(n: u64, text: &str) -> NewMessage {
    let message = Message {
        id: MessageId::new(1_000 + n).expect("in range"),
        conversation: ConversationId::WORLD,
        seq: Seq::new(n),
        sender: UserId::new(7).expect("in range"),
        client_msg_id: ClientMsgId::new(&format!("c{n}")).expect("a good id"),
        body: MessageBody::text(text),
        sent_at: Timestamp::from_millis(1),
        edited_at: None,
        recalled: None,
    };
    NewMessage { message: Arc::new(message), members_version: MembersVersion::new(1) }
}
