//! A page's files, from memory: with their types, a tag each, and headers that let a page do only what it needs. They are
//! only read: other methods are refused as the API refuses them.

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use bytes::Bytes;
use gochat_core::error::Code;

use super::error::Problem;
use super::lang::Lang;
use crate::runtime::trace::TraceContext;

/// A file of a page.
#[derive(Debug, Clone, Copy)]
pub struct Asset {
    /// Its path below the page's root, such as `js/app.js`.
    pub path: &'static str,
    /// What is in it.
    pub content: &'static [u8],
    /// Something that changes with the content; hexadecimal digits.
    pub tag: &'static str,
}

/// Only what comes from here, and sockets to here. Pictures may be anywhere on the web, as people's avatars are.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: https:; \
    connect-src 'self' ws: wss:; font-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

/// Serves each file under its path, and `index.html` at `/` too. There is no fallback: other paths are the caller's.
pub fn router<S>(assets: &'static [Asset]) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    assets.iter().fold(Router::new(), |router, asset| {
        let router = router.route(&format!("/{}", asset.path), serve(asset));
        if asset.path == "index.html" { router.route("/", serve(asset)) } else { router }
    })
}

fn serve<S: Clone + Send + Sync + 'static>(asset: &'static Asset) -> MethodRouter<S> {
    get(move |request: Request| async move { answer(asset, request.headers()) })
        .fallback(|request: Request| async move { refuse(request.headers()) })
}

/// The API's failure; axum adds `Allow`.
fn refuse(request: &HeaderMap) -> Response {
    let lang = Lang::of(request.get(header::ACCEPT_LANGUAGE).map(|value| value.to_str().unwrap_or("?")));
    // Names this answer as others are named. No log has it: nothing more is to be known of a wrong method.
    let trace_id = TraceContext::root(false).trace_id().to_string();
    let mut response = Problem::new(Code::MethodNotAllowed).response(lang, &trace_id);
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn answer(asset: &'static Asset, request: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", asset.tag);
    let mut headers = HeaderMap::new();
    let mut set = |name: HeaderName, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    set(header::CONTENT_TYPE, content_type(asset.path));
    set(header::CONTENT_SECURITY_POLICY, POLICY);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "no-referrer");
    // To be asked for each time, and answered with 304: a page and its scripts are always of one version.
    set(header::CACHE_CONTROL, "no-cache");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    headers.insert(header::ETAG, HeaderValue::from_str(&tag).expect("a tag is hexadecimal"));
    if knows(request, &tag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, Bytes::from_static(asset.content)).into_response()
}

/// Whether the client has this version (RFC 9110, 13.1.2; weak and strong tags compare alike).
fn knows(request: &HeaderMap, tag: &str) -> bool {
    let tags = request.get_all(header::IF_NONE_MATCH).iter().filter_map(|v| v.to_str().ok());
    tags.flat_map(|list| list.split(','))
        .map(str::trim)
        .any(|t| t == "*" || t.trim_start_matches("W/") == tag)
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        "mp3" => "audio/mpeg",
        "txt" | "md" => "text/plain; charset=utf-8",
        _ if path.contains("LICENSE") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http_body_util::BodyExt;
    use tower_service::Service;

    use super::*;

    static FILES: [Asset; 2] = [
        Asset { path: "index.html", content: "<p>你好</p>".as_bytes(), tag: "a1" },
        Asset { path: "js/app.js", content: b"1", tag: "b2" },
    ];

    async fn ask(method: &str, path: &str, knows: Option<&str>) -> (StatusCode, HeaderMap, Bytes) {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(tags) = knows {
            request = request.header(header::IF_NONE_MATCH, tags);
        }
        let request = request.body(Body::empty()).expect("valid");
        let answer = router::<()>(&FILES).call(request).await.expect("infallible");
        let (head, body) = answer.into_parts();
        (head.status, head.headers, body.collect().await.expect("in memory").to_bytes())
    }

    #[tokio::test]
    async fn files_come_with_their_type_and_a_strict_policy() {
        for (path, kind, content) in [
            ("/", "text/html; charset=utf-8", FILES[0].content),
            ("/index.html", "text/html; charset=utf-8", FILES[0].content),
            ("/js/app.js", "text/javascript; charset=utf-8", FILES[1].content),
        ] {
            let (status, headers, body) = ask("GET", path, None).await;
            assert_eq!((status, &body[..]), (StatusCode::OK, content), "{path}");
            assert_eq!(headers[header::CONTENT_TYPE], kind);
            assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
            let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().expect("text");
            assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
            assert!(!policy.contains("unsafe"));
        }
    }

    #[tokio::test]
    async fn who_has_it_gets_304_and_no_body() {
        for tags in ["\"b2\"", "W/\"b2\"", "\"x\", \"b2\"", "*"] {
            let (status, headers, body) = ask("GET", "/js/app.js", Some(tags)).await;
            assert_eq!((status, body.len()), (StatusCode::NOT_MODIFIED, 0), "{tags}");
            assert_eq!(headers[header::ETAG], "\"b2\"");
        }
        assert_eq!(ask("GET", "/js/app.js", Some("\"a1\"")).await.0, StatusCode::OK);
    }

    #[tokio::test]
    async fn a_head_has_no_body_and_other_paths_are_not_ours() {
        let (status, headers, body) = ask("HEAD", "/", None).await;
        assert_eq!((status, body.len()), (StatusCode::OK, 0));
        assert_eq!(headers[header::CONTENT_LENGTH], "13");
        for path in ["/js", "/js/../index.html", "/none.js", "/%2e%2e/secret"] {
            assert_eq!(ask("GET", path, None).await.0, StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[tokio::test]
    async fn other_methods_are_refused_as_the_api_refuses_them() {
        for (method, path) in [("POST", "/"), ("PUT", "/index.html"), ("DELETE", "/js/app.js")] {
            let (status, headers, body) = ask(method, path, None).await;
            assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            assert_eq!(headers[header::ALLOW], "GET,HEAD");
            assert_eq!(headers[header::CONTENT_TYPE], "application/json");
            let failure: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
            assert_eq!(
                (&failure["success"], &failure["code"]),
                (&false.into(), &"METHOD_NOT_ALLOWED".into())
            );
            assert_eq!(failure["traceId"].as_str().map(str::len), Some(32));
        }
    }
}
