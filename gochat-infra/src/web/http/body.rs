//! The body of a request, as JSON.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use gochat_core::error::Code;
use gochat_proto::body;
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http_body_util::BodyExt;
use serde::Deserialize;
use tokio::time::timeout;

use super::Api;
use crate::web::error::Problem;

/// A body that is too large is read to its end all the same, if that is not further than this many times the limit: a
/// client that is still writing would see its connection reset instead of the answer.
const PATIENCE: usize = 8;
/// A client that sends nothing for so long waits for the answer: it is told before it has sent a body that is too large.
const PAUSE: Duration = Duration::from_millis(200);

/// A text body; empty when there is none.
#[derive(Debug)]
pub(super) struct Text(String);

impl FromRequest<Arc<Api>> for Text {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Arc<Api>) -> Result<Self, Problem> {
        let (head, body) = request.into_parts();
        let bytes = read(body, announced(&head.headers), api.config.body_max).await?;
        if !bytes.is_empty() && !is_json(&head.headers) {
            return Err(Code::UnsupportedMediaType.into());
        }
        String::from_utf8(bytes).map(Self).map_err(|_| Code::BadRequest.into())
    }
}

impl Text {
    /// As an object; without a body all fields are missing.
    ///
    /// # Errors
    /// `BAD_REQUEST` when it is no JSON object.
    pub(super) fn form<'a, T: Deserialize<'a> + Default>(&'a self) -> Result<T, Problem> {
        body(&self.0).map_err(|_| Code::BadRequest.into())
    }
}

fn announced(headers: &HeaderMap) -> usize {
    headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok()).unwrap_or(0)
}

/// Whether the content type says JSON, or nothing.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE) else { return true };
    let Ok(value) = value.to_str() else { return false };
    let essence = value.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

async fn read(mut body: Body, announced: usize, max: usize) -> Result<Vec<u8>, Problem> {
    let bound = max.saturating_mul(PATIENCE);
    if announced > max {
        discard(body, bound).await;
        return Err(Code::TooLarge.into());
    }
    let mut bytes = Vec::with_capacity(announced);
    while let Some(frame) = body.frame().await {
        // The client went away in the middle; nobody will read the answer.
        let Ok(frame) = frame else { return Err(Code::BadRequest.into()) };
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > max {
            discard(body, bound).await;
            return Err(Code::TooLarge.into());
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

/// Reads on without keeping anything, up to `bound` bytes and for as long as they keep coming.
async fn discard(mut body: Body, bound: usize) {
    let mut total = 0;
    while let Ok(Some(Ok(frame))) = timeout(PAUSE, body.frame()).await {
        total += frame.data_ref().map_or(0, bytes::Bytes::len);
        if total > bound {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types() {
        let json = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, value.parse().expect("a value"));
            is_json(&headers)
        };
        assert!(is_json(&HeaderMap::new()));
        for yes in ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"] {
            assert!(json(yes), "{yes}");
        }
        for no in ["text/plain", "application/x-www-form-urlencoded", "", "json", "text/json+x"] {
            assert!(!json(no), "{no}");
        }
    }

    #[tokio::test]
    async fn bodies_up_to_the_limit() {
        let read = |n: usize, announced| read(Body::from(vec![b'x'; n]), announced, 10);
        assert_eq!(read(10, 10).await.expect("fits").len(), 10);
        for (n, announced) in [(11, 11), (11, 0), (200, 0), (0, 81)] {
            assert_eq!(read(n, announced).await.expect_err("too large").code, Code::TooLarge, "{n}");
        }
    }
}
