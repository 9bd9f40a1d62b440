//! For those who watch the process: load balancers, orchestrators.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use http::StatusCode;
use serde::Serialize;

use super::super::reply::json;
use super::super::{Api, Health};

#[derive(Serialize)]
struct Status {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

/// The process runs.
pub(super) async fn live() -> Response {
    json(StatusCode::OK, &Status { status: "ok", reason: None })
}

/// It can serve, or what is missing.
pub(super) async fn ready(State(api): State<Arc<Api>>) -> Response {
    answer(&*api.health)
}

/// The same two for a process that serves nothing else of the contract.
pub(in crate::web::http) fn probes(health: Arc<dyn Health>) -> Router {
    Router::new().route("/healthz", get(live)).route("/readyz", get(move || async move { answer(&*health) }))
}

fn answer(health: &dyn Health) -> Response {
    match health.ready() {
        Ok(()) => json(StatusCode::OK, &Status { status: "ready", reason: None }),
        Err(reason) => {
            json(StatusCode::SERVICE_UNAVAILABLE, &Status { status: "unready", reason: Some(reason) })
        }
    }
}
