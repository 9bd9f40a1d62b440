//! The gateway as a router of one chat.

use std::sync::Arc;

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use http::header::CONTENT_TYPE;

use super::GoChat;
use crate::runtime::{Supervisor, metrics};
use crate::web::http::Health;
use crate::web::mount::{self, Mount, MountParts};

/// Ready until the node is told to stop.
#[derive(Debug)]
struct UntilStopping(Supervisor);

impl Health for UntilStopping {
    fn ready(&self) -> Result<(), &'static str> {
        if self.0.stopping().is_cancelled() { Err("shutting down") } else { Ok(()) }
    }
}

impl GoChat {
    /// The whole client contract as an axum router: `/api`, `/ws`, `/healthz` and `/readyz`, and `/metrics` where
    /// [`Mount::metrics`] says so. Serve it with [`serve`](crate::web::server::serve), or nest it in a router of your own,
    /// under any path. To be called once for each chat.
    ///
    /// Served by [`serve`](crate::web::server::serve), sockets are written to directly by whoever delivers; in another server
    /// they work as well and cost a task wake-up for each write.
    pub fn router(&self, mount: Mount) -> Router {
        let ports = self.ports();
        let parts = MountParts {
            services: self.services().clone(),
            upstream: Arc::new(self.upstream().clone()),
            hub: self.hub().clone(),
            supervisor: self.supervisor().clone(),
            ids: Arc::clone(&ports.ids),
            clock: Arc::clone(&ports.clock),
            settings: Arc::clone(self.settings()),
            health: Arc::new(UntilStopping(self.supervisor().clone())),
            log: self.log().clone(),
        };
        let shows_counters = mount.metrics;
        let all = mount::router(parts, mount);
        if !shows_counters {
            return all;
        }
        let counters = self.hub().metrics().clone();
        let show = move || async move {
            ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], counters.render()).into_response()
        };
        all.merge(Router::new().route("/metrics", get(show)))
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::extract::Request;
    use tower_service::Service;

    use super::*;

    #[tokio::test]
    async fn counters_are_shown_only_where_the_host_says_so() {
        let shown = Mount { metrics: true, ..Mount::default() };
        for (mount, status) in [(Mount::default(), 404), (shown, 200)] {
            let folder = tempfile::tempdir().expect("a folder");
            let chat = GoChat::builder(folder.path()).bcrypt_cost(4).build().await.expect("a chat");
            let request = Request::get("/metrics").body(Body::empty()).expect("valid");
            let answer = chat.router(mount).call(request).await.expect("infallible");
            assert_eq!(answer.status().as_u16(), status);
            chat.shutdown().await;
        }
    }
}
