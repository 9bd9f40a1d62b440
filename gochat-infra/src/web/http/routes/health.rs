//! For those who watch the process: load balancers, orchestrators.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;

use super::super::Api;
use super::super::reply::json;

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
    match api.health.ready() {
        Ok(()) => json(StatusCode::OK, &Status { status: "ready", reason: None }),
        Err(reason) => {
            json(StatusCode::SERVICE_UNAVAILABLE, &Status { status: "unready", reason: Some(reason) })
        }
    }
}
