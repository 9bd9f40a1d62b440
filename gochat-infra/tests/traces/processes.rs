//! Gateway, logic and repo, each with what is its own, over gRPC.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use axum::http::Request;
use gochat_core::Settings;
use gochat_core::model::{GatewayId, Password, PasswordHash, SendCommand};
use gochat_core::ports::{PasswordHasher, Result, StoreError, Submitted, Upstream, Verdict};
use gochat_core::testing::{Memory, PlainHasher, TestKit};
use gochat_core::usecase;
use gochat_infra::grpc::channel::{Channel, ChannelConfig};
use gochat_infra::grpc::logic::{self, LogicClient};
use gochat_infra::grpc::repo::{RepoClient, RepoPorts};
use gochat_infra::grpc::serve::{Routes, ServeConfig, serve};
use gochat_infra::hub::{Hub, Limits};
use gochat_infra::runtime::Supervisor;
use gochat_infra::runtime::metrics::Metrics;
use gochat_infra::runtime::trace::{TraceContext, Tracer, current};
use gochat_infra::web::http::{AlwaysReady, HttpConfig, HttpState, router};
use gochat_infra::web::rate::SendRate;
use gochat_infra::web::ws::JsonEncoder;
use http_body_util::BodyExt as _;
use parking_lot::Mutex;
use slog::{Discard, Logger, o};
use tokio::net::TcpListener;
use tower::ServiceExt as _;

pub(crate) fn log() -> Logger {
    Logger::root(Discard, o!())
}

/// An address where nobody listens: it was free a moment ago.
pub(crate) fn nowhere() -> String {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    format!("http://{}", free.local_addr().expect("bound"))
}

/// The far end of two calls: says for whom it was called.
#[derive(Debug, Default)]
pub(crate) struct Store {
    pub(crate) seen: Mutex<Vec<TraceContext>>,
    hasher: PlainHasher,
}

#[async_trait]
impl PasswordHasher for Store {
    async fn hash(&self, password: Password) -> Result<PasswordHash> {
        self.seen.lock().push(current().expect("a server knows for whom it works"));
        self.hasher.hash(password).await
    }

    async fn verify(&self, password: &str, hash: Option<PasswordHash>) -> Result<Verdict> {
        self.hasher.verify(password, hash).await
    }
}

/// Nobody sends here.
#[derive(Debug)]
struct NoUpstream;

#[async_trait]
impl Upstream for NoUpstream {
    async fn submit(&self, _: Vec<SendCommand>) -> Result<Submitted> {
        Err(StoreError::not_found("test.submit"))
    }
}

pub(crate) struct Processes {
    pub(crate) router: axum::Router,
    pub(crate) store: Arc<Store>,
    /// From the first caller to the last callee.
    supervisors: [Supervisor; 3],
}

async fn serve_at(routes: Routes, tracer: &Tracer, supervisor: &Supervisor) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound").to_string();
    let mut config = ServeConfig::default();
    config.tracer = tracer.clone();
    serve(listener, routes, &config, supervisor, &log()).expect("descriptors");
    address
}

fn channel(address: String, tracer: &Tracer) -> Channel {
    let mut config = ChannelConfig::default();
    // For a machine that is busy with other tests.
    (config.deadline, config.tracer) = (Duration::from_secs(60), tracer.clone());
    Channel::fixed(vec![address], config, &log())
}

impl Processes {
    pub(crate) async fn start(tracer: impl Fn(&'static str, &Supervisor) -> Tracer) -> Self {
        const MESSAGE_MAX: usize = 1 << 20;

        let supervisors = [(); 3].map(|()| Supervisor::new(&log()));
        let [gateway, logic, repo] = &supervisors;
        let store = Arc::new(Store::default());
        let here = tracer("repo", repo);
        let ports = RepoPorts::all(Arc::new(Memory::new()), store.clone());
        let address = serve_at(ports.routes(MESSAGE_MAX, &log()), &here, repo).await;

        let here = tracer("logic", logic);
        let client = Arc::new(RepoClient::new(channel(address, &here)));
        let mut kit = TestKit::new();
        (kit.ports.users, kit.ports.hasher) = (client.clone(), client);
        let settings = Arc::new(Settings::default());
        let services = usecase::services(&kit.ports, settings.clone(), &log());
        let address = serve_at(logic::routes(&services, MESSAGE_MAX, &log()), &here, logic).await;

        let here = tracer("gateway", gateway);
        let name = GatewayId::new("test").expect("a name");
        let hub = Hub::new(name.clone(), Arc::new(JsonEncoder), Limits::default(), Metrics::new());
        let mut config = HttpConfig::default();
        config.tracer = here.clone();
        let router = router(HttpState {
            services: LogicClient::new(channel(address, &here)).services(),
            upstream: Arc::new(NoUpstream),
            local: Arc::new(hub),
            gateway: name,
            ids: kit.ports.ids.clone(),
            clock: kit.ports.clock.clone(),
            settings,
            send_rate: SendRate::new(0, 0),
            health: Arc::new(AlwaysReady),
            config,
            log: log(),
        });
        Self { router, store, supervisors }
    }

    /// The trace id of a call that is refused.
    pub(crate) async fn failure(&self, request: Request<Body>) -> String {
        let answer = self.router.clone().oneshot(request).await.expect("an answer");
        assert!(answer.status().is_client_error(), "{}", answer.status());
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        body["traceId"].as_str().expect("an id").to_owned()
    }

    pub(crate) async fn stop(self) {
        drop(self.router);
        for supervisor in self.supervisors {
            assert!(supervisor.shutdown(Duration::from_secs(20)).await.is_clean());
        }
    }
}
