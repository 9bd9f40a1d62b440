//! `GET /metrics`.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::runtime::metrics::{CONTENT_TYPE, Metrics};

/// Headers by which a proxy says that the client is somebody else.
const FORWARDED: [HeaderName; 2] = [header::FORWARDED, HeaderName::from_static("x-forwarded-for")];

/// Who may read the counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// This machine. What comes through a proxy does not count as local, wherever the proxy is.
    Loopback,
    /// Everybody.
    All,
}

/// Serves the counters as text at `/metrics`; to others than `readers` there is nothing.
pub fn router<S>(metrics: Metrics, readers: Readers) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    Router::new()
        .route("/metrics", get(move |request: Request| async move { answer(&metrics, readers, &request) }))
}

fn answer(metrics: &Metrics, readers: Readers, request: &Request) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|c| c.0.ip().to_canonical());
    let local = peer.is_some_and(|ip| ip.is_loopback())
        && !FORWARDED.iter().any(|h| request.headers().contains_key(h));
    if readers == Readers::Loopback && !local {
        return StatusCode::NOT_FOUND.into_response();
    }
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], metrics.render()).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use tower_service::Service;

    use super::*;

    async fn status(readers: Readers, peer: Option<&str>, forwarded: bool) -> u16 {
        let mut request = Request::get("/metrics").body(Body::empty()).expect("valid");
        if let Some(peer) = peer {
            request.extensions_mut().insert(ConnectInfo::<SocketAddr>(peer.parse().expect("an address")));
        }
        if forwarded {
            request.headers_mut().insert("x-forwarded-for", "127.0.0.1".parse().expect("valid"));
        }
        router::<()>(Metrics::new(), readers).call(request).await.expect("infallible").status().as_u16()
    }

    #[tokio::test]
    async fn only_this_machine_unless_all_may() {
        for (peer, forwarded, loopback) in [
            (Some("127.0.0.1:9"), false, 200),
            (Some("[::1]:9"), false, 200),
            (Some("[::ffff:127.0.0.1]:9"), false, 200),
            (Some("192.0.2.1:9"), false, 404),
            (Some("127.0.0.1:9"), true, 404),
            (None, false, 404),
        ] {
            assert_eq!(status(Readers::Loopback, peer, forwarded).await, loopback, "{peer:?} {forwarded}");
            assert_eq!(status(Readers::All, peer, forwarded).await, 200);
        }
    }
}
