//! Services behind a gRPC server on loopback, and a client of it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use gochat_core::model::{Caller, ConversationId, GatewayId, SessionId, Timestamp, UserId};
use gochat_core::service::{Presences, Result, Services};
use gochat_infra::grpc::channel::{Channel, ChannelConfig};
use gochat_infra::grpc::logic::{LogicClient, routes};
use gochat_infra::grpc::serve::{ServeConfig, serve};
use gochat_infra::runtime::Supervisor;
use slog::{Discard, Logger, o};

/// A server, and where it is.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) address: String,
    pub(crate) supervisor: Supervisor,
}

/// Serves these services, and answers them as a client sees them.
pub(crate) fn connect(services: Services) -> (Services, Line) {
    let line = Line::serve(&services);
    let remote = LogicClient::new(line.channel()).services();
    let presences = Arc::new(Both { here: services.presences, remote: remote.presences });
    (Services { presences, ..remote }, line)
}

impl Line {
    pub(crate) fn serve(services: &Services) -> Self {
        Self::serve_with(services, &Logger::root(Discard, o!()))
    }

    pub(crate) fn serve_with(services: &Services, log: &Logger) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a socket");
        let address = listener.local_addr().expect("an address").to_string();
        let listener = tokio::net::TcpListener::from_std(listener).expect("a runtime");
        let supervisor = Supervisor::new(log);
        let config = ServeConfig::default();
        let routes = routes(services, config.message_max, log);
        drop(serve(listener, routes, &config, &supervisor, log).expect("descriptors"));
        Self { address, supervisor }
    }

    pub(crate) fn channel(&self) -> Channel {
        let mut config = ChannelConfig::default();
        // For a machine that is busy with other tests.
        config.deadline = Duration::from_secs(60);
        Channel::fixed(vec![self.address.clone()], config, &Logger::root(Discard, o!()))
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.supervisor.stop();
    }
}

/// Gateways report over the line; departures are told where the use cases are.
#[derive(Debug)]
struct Both {
    here: Arc<dyn Presences>,
    remote: Arc<dyn Presences>,
}

#[async_trait]
impl Presences for Both {
    async fn opened(&self, caller: &Caller, session: SessionId, gateway: &GatewayId) -> Result<()> {
        self.remote.opened(caller, session, gateway).await
    }

    async fn closed(&self, caller: &Caller, session: SessionId) -> Result<()> {
        self.remote.closed(caller, session).await
    }

    async fn typing(&self, caller: &Caller, conversation: ConversationId, typing: bool) -> Result<()> {
        self.remote.typing(caller, conversation, typing).await
    }

    async fn lost(&self, users: &[UserId]) {
        self.remote.lost(users).await;
        self.here.lost(users).await;
    }

    async fn tell_departures(&self) {
        self.remote.tell_departures().await;
        self.here.tell_departures().await;
    }

    fn next_due(&self) -> Option<Timestamp> {
        assert_eq!(self.remote.next_due(), None);
        self.here.next_due()
    }
}
