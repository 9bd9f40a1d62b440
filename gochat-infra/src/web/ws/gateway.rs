//! What all connections of one gateway share.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use gochat_core::Settings;
use gochat_core::model::{Caller, MessageId, SessionId};
use gochat_core::ports::{Clock, IdGenerator, Upstream};
use gochat_core::service::Services;
use slog::Logger;

use crate::departures;
use crate::hub::{CloseReason, Hub, Session};
use crate::runtime::trace::{Span, SpanKind, TraceContext, Tracer};
use crate::runtime::{Phase, Policy, Supervisor, TaskGroup};
use crate::web::rate::SendRate;

/// What a gateway is made of.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each field is the part of that name")]
pub struct GatewayParts {
    pub services: Services,
    pub upstream: Arc<dyn Upstream>,
    pub hub: Hub,
    pub supervisor: Supervisor,
    pub ids: Arc<dyn IdGenerator>,
    pub clock: Arc<dyn Clock>,
    pub settings: Arc<Settings>,
    pub send_rate: SendRate,
    pub config: WsConfig,
    pub log: Logger,
}

/// Bounds and times of connections.
#[derive(Debug, Clone)]
pub struct WsConfig {
    /// Largest message from a client, in bytes; 65,536.
    pub message_max: usize,
    /// Silence after which the server pings; 30 s.
    pub ping_after: Duration,
    /// Silence after which a connection counts as dead; 75 s.
    pub dead_after: Duration,
    /// How long a send may wait for room in the queue; 4 s.
    pub submit_timeout: Duration,
    /// How long a client may take to close once it is told to; 5 s.
    pub close_timeout: Duration,
    /// Bad frames in a row after which a connection is closed; 10.
    pub bad_frames_max: u32,
    /// Over how long clients are told to spread their reconnecting; 10 s.
    pub restart_spread: Duration,
    /// What makes spans of requests; records nothing.
    pub tracer: Tracer,
}

impl Default for WsConfig {
    fn default() -> Self {
        Self {
            message_max: 65_536,
            ping_after: Duration::from_secs(30),
            dead_after: Duration::from_secs(75),
            submit_timeout: Duration::from_secs(4),
            close_timeout: Duration::from_secs(5),
            bad_frames_max: 10,
            restart_spread: Duration::from_secs(10),
            tracer: Tracer::default(),
        }
    }
}

/// A gateway for WebSocket clients. A cheap handle.
#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

pub(super) struct Inner {
    pub(super) parts: GatewayParts,
    pub(super) tasks: TaskGroup,
    /// Counts up with each look at who is alive.
    pub(super) round: AtomicU32,
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway").field("hub", &self.0.parts.hub).finish_non_exhaustive()
    }
}

impl std::ops::Deref for Gateway {
    type Target = GatewayParts;

    fn deref(&self) -> &GatewayParts {
        &self.0.parts
    }
}

impl Gateway {
    /// Starts a gateway: its heartbeat, the telling of departures, and its farewell at shutdown run under the supervisor.
    #[must_use]
    pub fn start(parts: GatewayParts) -> Self {
        let sessions = parts.supervisor.phase(Phase::Sessions);
        let tasks = sessions.group("session");
        let gateway = Self(Arc::new(Inner { parts, tasks, round: AtomicU32::new(1) }));
        let (heart, farewell) = (gateway.clone(), gateway.clone());
        let sessions = gateway.supervisor.phase(Phase::Sessions);
        sessions.spawn("heartbeat", Policy::StopNode, async move { heart.heartbeat().await });
        departures::tell(
            sessions,
            gateway.services.presences.clone(),
            gateway.clock.clone(),
            gateway.settings.presence_grace,
        );
        sessions.spawn("farewell", Policy::Log, async move { farewell.farewell().await });
        gateway
    }

    pub(super) fn tasks(&self) -> &TaskGroup {
        &self.0.tasks
    }

    pub(super) fn round(&self) -> &AtomicU32 {
        &self.0.round
    }

    /// Begins what a client asks for: in the trace that it named when it connected, else in one of its own.
    pub(super) fn span(&self, asked: Option<&TraceContext>, name: &'static str) -> Span {
        self.config.tracer.enter(asked.copied(), SpanKind::Server, || name.into())
    }

    /// Notes that a client has shown life.
    pub(super) fn touch(&self, session: &Session) {
        session.touch(self.0.round.load(Ordering::Relaxed));
    }

    /// The name of a new session.
    pub(super) fn new_session_id(&self) -> SessionId {
        SessionId::new(self.ids.next_id()).expect("ids are from 2 to 2^63 - 1")
    }

    /// The name of a message that is to be sent.
    pub(super) fn message_id(&self) -> MessageId {
        MessageId::new(self.ids.next_id()).expect("ids are from 2 to 2^63 - 1")
    }

    /// Whether this node is on its way out and takes no new sessions.
    pub(super) fn is_stopping(&self) -> bool {
        self.supervisor.stopping().is_cancelled()
    }

    /// Waits for the order to stop and asks every client to come back later, each at another time.
    async fn farewell(self) {
        self.tasks().token().cancelled().await;
        let spread = u64::try_from(self.config.restart_spread.as_millis()).unwrap_or(u64::MAX).max(1);
        self.hub.for_each(|session| {
            // Session ids grow one by one; a multiplication makes neighbours differ.
            let pick = session.info().session.get().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
            let retry_after_ms = u32::try_from(500 + pick % spread).unwrap_or(u32::MAX);
            self.hub.close(session, CloseReason::Restart { retry_after_ms });
        });
    }

    pub(super) async fn opened(&self, caller: &Caller, session: SessionId) -> Result<(), gochat_core::Error> {
        self.services.presences.opened(caller, session, self.hub.gateway()).await
    }
}
