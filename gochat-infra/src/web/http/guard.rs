//! What holds for every request: origins, time, faults, and how problems are written.

use std::any::Any;
use std::borrow::Cow;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use gochat_core::error::Code;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use http::{Method, Uri};
use slog::{debug, error};
use tokio::time::timeout;

use super::{Api, context, cors};
use crate::runtime::trace::{SpanKind, Value, headers};
use crate::web::error::Problem;

/// Wraps every route, and what no route is there for.
pub(super) async fn guard(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let origin = cors::allowed_origin(&api.config.origins, request.headers());
    let mut response = if request.method() == Method::OPTIONS {
        cors::preflight()
    } else {
        answer(&api, request, next).await
    };
    let headers = response.headers_mut();
    cors::mark(headers, origin);
    secure(headers);
    response
}

async fn answer(api: &Api, request: Request, next: Next) -> Response {
    let lang = context::lang(request.headers());
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let tracer = &api.config.tracer;
    let mut span = tracer.enter(headers::read(request.headers()), SpanKind::Server, || name(&request));
    let trace_id = span.context().trace_id();
    // What a handler leaves behind when it is cut off is what a crash would leave: every write is whole in itself.
    let work = span.run(AssertUnwindSafe(next.run(request)).catch_unwind());
    let mut response = match timeout(api.config.answer_within, work).await {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => {
            error!(api.log, "a handler panicked"; "method" => %method, "path" => uri.path(),
                "trace_id" => %trace_id, "panic" => said(&*panic));
            Problem::new(Code::Internal).into_response()
        }
        Err(_) => Problem::new(Code::Timeout).into_response(),
    };
    let status = response.status();
    span.note("http.response.status_code", || Value::Number(status.as_u16().into()));
    if status.is_server_error() {
        span.fail();
    }
    let Some(problem) = response.extensions_mut().remove::<Arc<Problem>>() else { return response };
    // Written here, outside the span, so that the id is in these records whatever log the host has.
    let trace_id = trace_id.to_string();
    log(api, &problem, &trace_id, &method, &uri);
    let mut written = problem.response(lang, &trace_id);
    // Keep what axum knows better, such as `Allow`.
    for (name, value) in response.headers() {
        if !written.headers().contains_key(name) {
            written.headers_mut().append(name.clone(), value.clone());
        }
    }
    written.headers_mut().remove(http::header::CONTENT_LENGTH);
    written
}

/// A fault of ours is an error, a client's mistake is not. Never the query: a token may stand in it.
fn log(api: &Api, problem: &Problem, trace_id: &str, method: &Method, uri: &Uri) {
    let (code, path) = (problem.code.as_str(), uri.path());
    if problem.is_ours() {
        let cause = problem.cause.as_ref().map(chain).unwrap_or_default();
        error!(api.log, "a request failed"; "code" => code, "method" => %method, "path" => path,
            "trace_id" => trace_id, "cause" => cause);
    } else {
        debug!(api.log, "a request was refused"; "code" => code, "method" => %method, "path" => path,
            "trace_id" => trace_id);
    }
}

/// What a span of it is called: the route, never the path, in which ids and searches stand.
fn name(request: &Request) -> Cow<'static, str> {
    #[cfg(feature = "otel")]
    if let Some(route) = request.extensions().get::<axum::extract::MatchedPath>() {
        return format!("{} {}", request.method(), route.as_str()).into();
    }
    request.method().to_string().into()
}

/// An error and what it came from.
fn chain(error: &gochat_core::Error) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(source) = next {
        text.push_str(": ");
        text.push_str(&source.to_string());
        next = source.source();
    }
    text
}

/// The text of a panic.
fn said(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a text")
}

/// Answers are data of one user: nothing keeps, frames or runs them.
fn secure(headers: &mut HeaderMap) {
    for (name, value) in [
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
