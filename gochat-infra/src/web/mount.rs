//! The gateway as a router: for the process's own listener, or inside the server of a host program.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use gochat_core::Settings;
use gochat_core::ports::{Clock, IdGenerator, Upstream};
use gochat_core::service::Services;
use slog::Logger;

use super::http::{Health, HttpConfig, HttpState, Local, router as http_router};
use super::rate::SendRate;
use super::ws::{Gateway, GatewayParts, WsConfig, upgrade};
use crate::hub::Hub;
use crate::runtime::Supervisor;

/// What a mounted gateway may be told.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Mount {
    /// Bounds and choices of HTTP.
    pub http: HttpConfig,
    /// Bounds and times of WebSockets.
    pub ws: WsConfig,
    /// Messages a user may send a second in the long run; 20. 0 lifts the limit.
    pub sends_per_second: u32,
    /// Messages a user may send at once; 100. 0 lifts the limit.
    pub send_burst: u32,
    /// Whether [`GoChat::router`](crate::embedded::GoChat::router) shows the counters at `/metrics`, to whoever asks; no,
    /// as they tell strangers how busy a chat is. [`counters`](super::counters) serves them to this machine only.
    pub metrics: bool,
}

impl Default for Mount {
    fn default() -> Self {
        Self {
            http: HttpConfig::default(),
            ws: WsConfig::default(),
            sends_per_second: 20,
            send_burst: 100,
            metrics: false,
        }
    }
}

/// What the client contract stands on.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each field is the part of that name")]
pub struct MountParts {
    pub services: Services,
    pub upstream: Arc<dyn Upstream>,
    pub hub: Hub,
    pub supervisor: Supervisor,
    pub ids: Arc<dyn IdGenerator>,
    pub clock: Arc<dyn Clock>,
    pub settings: Arc<Settings>,
    pub health: Arc<dyn Health>,
    pub log: Logger,
}

/// The whole client contract as a router: `/api`, `/ws`, `/healthz` and `/readyz`. Its tasks run under the supervisor, so it is
/// to be called once for each hub.
pub fn router(parts: MountParts, mount: Mount) -> Router {
    let send_rate = SendRate::new(mount.sends_per_second, mount.send_burst);
    let gateway = Gateway::start(GatewayParts {
        services: parts.services.clone(),
        upstream: Arc::clone(&parts.upstream),
        hub: parts.hub.clone(),
        supervisor: parts.supervisor,
        ids: Arc::clone(&parts.ids),
        clock: Arc::clone(&parts.clock),
        settings: Arc::clone(&parts.settings),
        send_rate: send_rate.clone(),
        config: mount.ws,
        log: parts.log.clone(),
    });
    let http = http_router(HttpState {
        services: parts.services,
        upstream: parts.upstream,
        gateway: parts.hub.gateway().clone(),
        local: Arc::new(parts.hub) as Arc<dyn Local>,
        ids: parts.ids,
        clock: parts.clock,
        settings: parts.settings,
        send_rate,
        health: parts.health,
        config: mount.http,
        log: parts.log,
    });
    http.merge(Router::new().route("/ws", get(upgrade)).with_state(gateway))
}
