//! Contexts in the headers of HTTP, and of gRPC, which is HTTP.

use http::HeaderMap;
#[cfg(feature = "grpc")]
use http::HeaderValue;

use super::{HEADER, TraceContext};

/// What the caller works for. Several are none: nobody knows which is true.
pub(crate) fn read(headers: &HeaderMap) -> Option<TraceContext> {
    let mut all = headers.get_all(HEADER).iter();
    let (one, None) = (all.next()?, all.next()) else { return None };
    TraceContext::parse(one.as_bytes())
}

#[cfg(feature = "grpc")]
pub(crate) fn write(context: TraceContext, headers: &mut HeaderMap) {
    if let Ok(value) = HeaderValue::try_from(context.to_string()) {
        headers.insert(HEADER, value);
    }
}
