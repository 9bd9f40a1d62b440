//! The gateway as a router: for the process's own listener, or inside the server of a host program.

use std::sync::Arc;

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use gochat_core::ports::Upstream;
use http::header::CONTENT_TYPE;

use super::GoChat;
use crate::runtime::{Supervisor, metrics};
use crate::web::http::{Health, HttpConfig, HttpState, Local, router};
use crate::web::rate::SendRate;
use crate::web::ws::{Gateway, GatewayParts, WsConfig, upgrade};

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
    /// Whether `/metrics` shows the counters; yes.
    pub metrics: bool,
}

impl Default for Mount {
    fn default() -> Self {
        Self {
            http: HttpConfig::default(),
            ws: WsConfig::default(),
            sends_per_second: 20,
            send_burst: 100,
            metrics: true,
        }
    }
}

/// Ready until the node is told to stop.
#[derive(Debug)]
struct UntilStopping(Supervisor);

impl Health for UntilStopping {
    fn ready(&self) -> Result<(), &'static str> {
        if self.0.stopping().is_cancelled() { Err("shutting down") } else { Ok(()) }
    }
}

impl GoChat {
    /// The whole client contract as an axum router: `/api`, `/ws`, `/healthz`, `/readyz` and `/metrics`. Serve it with
    /// [`serve`](crate::web::server::serve), or nest it in a router of your own, under any path. To be called once for each
    /// chat.
    ///
    /// Served by [`serve`](crate::web::server::serve), sockets are written to directly by whoever delivers; in another server
    /// they work as well and cost a task wake-up for each write.
    pub fn router(&self, mount: Mount) -> Router {
        let ports = self.ports();
        let upstream: Arc<dyn Upstream> = Arc::new(self.upstream().clone());
        let send_rate = SendRate::new(mount.sends_per_second, mount.send_burst);
        let gateway = Gateway::start(GatewayParts {
            services: self.services().clone(),
            upstream: Arc::clone(&upstream),
            hub: self.hub().clone(),
            supervisor: self.supervisor().clone(),
            ids: Arc::clone(&ports.ids),
            clock: Arc::clone(&ports.clock),
            settings: Arc::clone(self.settings()),
            send_rate: send_rate.clone(),
            config: mount.ws,
            log: self.log().clone(),
        });
        let http = router(HttpState {
            services: self.services().clone(),
            upstream,
            local: Arc::new(self.hub().clone()) as Arc<dyn Local>,
            gateway: self.hub().gateway().clone(),
            ids: Arc::clone(&ports.ids),
            clock: Arc::clone(&ports.clock),
            settings: Arc::clone(self.settings()),
            send_rate,
            health: Arc::new(UntilStopping(self.supervisor().clone())),
            config: mount.http,
            log: self.log().clone(),
        });
        let sockets = Router::new().route("/ws", get(upgrade)).with_state(gateway);
        let all = http.merge(sockets);
        if !mount.metrics {
            return all;
        }
        let counters = self.hub().metrics().clone();
        let show = move || async move {
            ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], counters.render()).into_response()
        };
        all.merge(Router::new().route("/metrics", get(show)))
    }
}
