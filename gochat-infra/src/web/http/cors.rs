//! What browsers need to hear before a page from elsewhere may call (Fetch standard, "HTTP extensions").

use axum::body::Body;
use axum::response::Response;
use http::StatusCode;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, HeaderMap,
    HeaderValue, ORIGIN, VARY,
};

use super::Origins;

/// Named in full: `*` does not cover `Authorization`.
const HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, accept, accept-language, idempotency-key, x-session-id, x-requested-with",
);
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
/// What scripts may read of an answer beside the few that they always may.
const EXPOSED: HeaderValue = HeaderValue::from_static("retry-after, location");
/// For so many seconds a browser need not ask again; two hours is the most that Chromium takes.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

/// The origin of a request, if it may call.
pub(super) fn allowed_origin(origins: &Origins, headers: &HeaderMap) -> Option<HeaderValue> {
    let origin = headers.get(ORIGIN)?;
    origins.allow(origin.to_str().ok()?).then(|| origin.clone())
}

/// The answer to `OPTIONS`, on whatever path.
pub(super) fn preflight() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
    headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    response
}

/// Lets the page of an allowed origin read an answer.
pub(super) fn mark(headers: &mut HeaderMap, origin: Option<HeaderValue>) {
    headers.append(VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        // GoChat sets no cookies; but clients that send their own with every call are refused without it.
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
}
