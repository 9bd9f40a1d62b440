//! Local sessions: who is connected here, and the bounded queue of each.
//!
//! A delivery is encoded once and handed to any number of sessions as a shared slice of bytes; all that one batch brings
//! for a session is written to its socket in one call, by the one who delivers, and a session's own task wakes up only
//! when the socket is full. The hub knows no business rule and no wire format: an [`Encoder`] turns events into bytes.

mod deliver;
mod group;
mod outbox;
mod session;
mod waiters;

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use gochat_core::model::{Event, GatewayId, MessageView, Origin, SessionId, UserId};
use gochat_core::ports::Directory;
use parking_lot::RwLock;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::runtime::metrics::Metrics;

pub use outbox::{CloseReason, Limits};
pub use session::{EventStream, Flushed, Link, Session, SessionInfo};
pub use waiters::{ReceiptWaiter, Waiters};

/// Turns events into the bytes that sessions get. Appends whole frames and nothing else.
pub trait Encoder: fmt::Debug + Send + Sync + 'static {
    /// Appends the frames of an event that any number of sessions get; nothing when clients are not told of it.
    fn event(&self, event: &Event, out: &mut Vec<u8>);
    /// Appends the answer to a send, for the session that waits for it.
    fn receipt(&self, event: &Event, origin: &Origin, to: &SessionInfo, out: &mut Vec<u8>);
    /// Appends what the sending session is told of its conversation once its message is stored.
    fn sent(&self, view: &MessageView, out: &mut Vec<u8>);
    /// Appends the frames that end a session.
    fn close(&self, reason: CloseReason, to: &SessionInfo, out: &mut Vec<u8>);
}

/// Shards of the maps: enough that two cores rarely meet at one lock.
const SHARDS: usize = 64;

type Shard<K, V> = RwLock<FxHashMap<K, V>>;

/// All sessions of this process. A cheap handle; clones are the same hub.
#[derive(Clone)]
pub struct Hub {
    inner: Arc<Inner>,
}

struct Inner {
    gateway: GatewayId,
    encoder: Arc<dyn Encoder>,
    limits: Limits,
    metrics: Metrics,
    directory: OnceLock<Arc<dyn Directory>>,
    users: Vec<Shard<UserId, SmallVec<[Arc<Session>; 1]>>>,
    sessions: Vec<Shard<SessionId, Arc<Session>>>,
    count: AtomicUsize,
    waiters: Waiters,
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("gateway", &self.inner.gateway).field("sessions", &self.len()).finish()
    }
}

fn shard_of(id: u64) -> usize {
    // Ids grow by one in their low bits; a multiplication spreads them (Knuth, TAOCP 3, 6.4: multiplicative hashing).
    usize::try_from(id.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 58).unwrap_or(0) % SHARDS
}

impl Hub {
    /// A hub without sessions. `limits` bound the queue of each session.
    #[must_use]
    pub fn new(gateway: GatewayId, encoder: Arc<dyn Encoder>, limits: Limits, metrics: Metrics) -> Self {
        let inner = Inner {
            gateway,
            encoder,
            limits,
            metrics,
            directory: OnceLock::new(),
            users: (0..SHARDS).map(|_| Shard::default()).collect(),
            sessions: (0..SHARDS).map(|_| Shard::default()).collect(),
            count: AtomicUsize::new(0),
            waiters: Waiters::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Names the directory by which the members of large conversations are found. Once; later calls change nothing.
    pub fn set_directory(&self, directory: Arc<dyn Directory>) {
        let _already_set = self.inner.directory.set(directory);
    }

    /// The gateway's name.
    #[must_use]
    pub fn gateway(&self) -> &GatewayId {
        &self.inner.gateway
    }

    /// What is counted.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// Bounds of each session's queue.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// The calls that wait for receipts.
    #[must_use]
    pub fn waiters(&self) -> &Waiters {
        &self.inner.waiters
    }

    /// Adds a session: from now on it gets what is delivered, behind `greeting`.
    #[must_use = "without the session nobody can be reached"]
    pub fn attach(&self, info: SessionInfo, link: Link, greeting: Bytes) -> Arc<Session> {
        let session = Arc::new(Session::new(info, link, self.inner.metrics.clone()));
        if session.is_socket() {
            self.inner.metrics.connections.inc();
            self.inner.metrics.connects.inc();
        }
        if !greeting.is_empty() {
            let _fits_an_empty_queue = session.push(greeting, &self.inner.limits);
        }
        let id = session.info().session;
        self.inner.sessions[shard_of(id.get())].write().insert(id, Arc::clone(&session));
        let user = session.info().user;
        self.inner.users[shard_of(user.get())].write().entry(user).or_default().push(Arc::clone(&session));
        self.inner.count.fetch_add(1, Ordering::Relaxed);
        session
    }

    /// Removes a session; nothing more is delivered to it.
    pub fn detach(&self, session: &Session) {
        let SessionInfo { user, session: id, .. } = *session.info();
        if self.inner.sessions[shard_of(id.get())].write().remove(&id).is_none() {
            return;
        }
        self.inner.count.fetch_sub(1, Ordering::Relaxed);
        if session.is_socket() {
            self.inner.metrics.connections.dec();
            session.forget_queue();
        }
        let mut users = self.inner.users[shard_of(user.get())].write();
        if let Some(sessions) = users.get_mut(&user) {
            sessions.retain(|s| s.info().session != id);
            if sessions.is_empty() {
                users.remove(&user);
            }
        }
    }

    /// How many sessions there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner.count.load(Ordering::Relaxed)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The session with this id.
    #[must_use]
    pub fn session(&self, id: SessionId) -> Option<Arc<Session>> {
        self.inner.sessions[shard_of(id.get())].read().get(&id).map(Arc::clone)
    }

    /// Calls `f` with each session, some at a time, holding no lock while `f` runs.
    pub fn for_each(&self, mut f: impl FnMut(&Arc<Session>)) {
        for shard in &self.inner.sessions {
            let sessions: Vec<_> = shard.read().values().map(Arc::clone).collect();
            sessions.iter().for_each(&mut f);
        }
    }

    /// Ends a session: it gets the closing frames behind what is being written, and nothing more.
    pub fn close(&self, session: &Session, reason: CloseReason) {
        let mut frames = Vec::new();
        self.inner.encoder.close(reason, session.info(), &mut frames);
        session.close(reason, frames.into());
    }

    /// Sends whole frames to one session, such as an answer to a request of its own.
    pub fn send(&self, session: &Session, frames: Vec<u8>) {
        if frames.is_empty() {
            return;
        }
        self.inner.metrics.frames_out.inc();
        self.inner.metrics.bytes_out.inc_by(frames.len() as u64);
        if session.push(frames.into(), &self.inner.limits).is_err() {
            self.close(session, CloseReason::TooSlow);
        }
        session.flush();
    }
}
