//! The server side: one listener, all services of a process, health and reflection.

mod guard;
mod incoming;

use std::time::Duration;

use gochat_proto::pb::DESCRIPTORS;
use slog::{Logger, info, o};
use tokio::net::TcpListener;
pub use tonic::service::Routes;
use tonic::transport::Server;
use tonic_health::ServingStatus;
use tonic_health::server::{HealthReporter, HealthService};

use self::guard::Guard;
use self::incoming::accept;
use super::counted::Counted;
use crate::runtime::metrics::CallCounters;
use crate::runtime::trace::Tracer;
use crate::runtime::{Phase, Policy, Supervisor};

/// Bounds of a server.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServeConfig {
    /// Most connections at a time; further ones wait to be accepted. 1,024.
    pub connections_max: usize,
    /// Most calls at a time, over all connections; further ones are refused as overloaded, undone. 4,096.
    pub calls_max: usize,
    /// How long a call may take at most, whatever its caller allows; 30 s.
    pub deadline_max: Duration,
    /// Most bytes of one message, either way; 32 MiB. The services themselves are told, too.
    pub message_max: usize,
    /// How often a connection is asked for a sign of life; 20 s.
    pub keepalive_every: Duration,
    /// How long it has to give one; 10 s.
    pub keepalive_timeout: Duration,
    /// Whether the services can be asked what they are.
    pub reflection: bool,
    /// What makes spans of calls; records nothing.
    pub tracer: Tracer,
    /// Where calls are counted; nowhere that is shown.
    pub calls: CallCounters,
}

impl Default for ServeConfig {
    fn default() -> Self {
        Self {
            connections_max: 1_024,
            calls_max: 4_096,
            deadline_max: Duration::from_secs(30),
            message_max: 32 * 1024 * 1024,
            keepalive_every: Duration::from_secs(20),
            keepalive_timeout: Duration::from_secs(10),
            reflection: true,
            tracer: Tracer::default(),
            calls: CallCounters::default(),
        }
    }
}

/// Why a server can't be made: what it would say of itself can't be read.
#[derive(Debug, thiserror::Error)]
#[error("the descriptors of the services can't be read")]
pub struct BadDescriptors(#[from] tonic_reflection::server::Error);

/// Tells the outside whether a server serves. Clones are handles on the same.
#[derive(Clone, Debug)]
pub struct Health(HealthReporter);

impl Health {
    /// Says whether calls are welcome; they are served in any case.
    pub async fn set(&self, serving: bool) {
        let status = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
        self.0.set_service_status("", status).await;
    }
}

/// Serves `routes` on an open listener until the supervisor stops: then it says that it does not serve, accepts nobody new,
/// and lets calls under way end. It serves as soon as this returns.
///
/// A call is ended at its caller's deadline, and those that it makes itself get what is left of it
/// ([`deadline`](super::deadline)). A panic in a service fails that call alone.
///
/// # Errors
/// What reflection would say can't be read; not so in a build that passed its tests.
pub fn serve(
    listener: TcpListener,
    routes: Routes,
    config: &ServeConfig,
    supervisor: &Supervisor,
    log: &Logger,
) -> Result<Health, BadDescriptors> {
    let log =
        log.new(o!("address" => listener.local_addr().map_or_else(|e| e.to_string(), |a| a.to_string())));
    let health = HealthReporter::new();
    let mut routes = routes.add_service(tonic_health::pb::health_server::HealthServer::new(
        HealthService::from_health_reporter(health.clone()),
    ));
    if config.reflection {
        let describe = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(DESCRIPTORS)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        routes = routes.add_service(describe().build_v1()?).add_service(describe().build_v1alpha()?);
    }
    let service = Counted::new(Guard::new(routes.prepare(), config, log.clone()), config.calls.clone());
    let server = Server::builder()
        .http2_keepalive_interval(Some(config.keepalive_every))
        .http2_keepalive_timeout(Some(config.keepalive_timeout))
        .max_concurrent_streams(u32::try_from(config.calls_max).unwrap_or(u32::MAX))
        .initial_stream_window_size(1024 * 1024)
        .initial_connection_window_size(8 * 1024 * 1024)
        .max_frame_size(1024 * 1024);
    let accepting = supervisor.phase(Phase::Accept);
    let stop = accepting.token().clone();
    let incoming = accept(listener, config.connections_max, log.clone());
    let mut reporter = health.clone();
    let stopped = async move {
        stop.cancelled().await;
        reporter.set_service_status("", ServingStatus::NotServing).await;
        // Whoever watches it would keep their connection, and with it the server.
        reporter.clear_service_status("").await;
    };
    accepting.spawn("grpc server", Policy::StopNode, async move {
        info!(log, "serving gRPC");
        server.serve_with_incoming_shutdown(service, incoming, stopped).await
    });
    Ok(Health(health))
}
