//! What holds on every path: envelopes, methods, bodies, languages, headers.

use axum::body::Body;
use axum::http::Request;
use gochat_infra::web::http::ROUTES;
use serde_json::{Value, json};

use crate::kit::Server;

/// A path with something in place of its variables.
fn filled(path: &str) -> String {
    path.replace("{username}", "nobody").replace("{userId}", "5").replace("{id}", "5").replacen("/api", "", 1)
}

#[tokio::test]
async fn every_route_but_those_for_logging_in_needs_a_token() {
    let server = Server::new();
    for (method, path) in ROUTES {
        let method = method.to_ascii_uppercase();
        if path.starts_with("/api/auth/") || !path.starts_with("/api/") {
            continue;
        }
        for token in ["", "nonsense", "a.b.c"] {
            let reply = server.call(&method, &filled(path), token, Value::Null).await;
            assert_eq!(reply.headers["www-authenticate"], "Bearer", "{method} {path}");
            reply.failed(401, "UNAUTHENTICATED");
        }
    }
}

#[tokio::test]
async fn unknown_paths_and_methods() {
    let server = Server::new();
    let alice = server.person("alice").await;
    for token in ["", alice.token.as_str()] {
        for path in ["/", "/nothing", "/users", "/auth", "/messages/5/reactions/x", "/users/a/b", "/friends/"]
        {
            server.call("GET", path, token, Value::Null).await.failed(404, "NOT_FOUND");
        }
        for (method, path) in
            [("GET", "/auth/login"), ("DELETE", "/users/alice"), ("PATCH", "/friends"), ("PUT", "/groups")]
        {
            let reply = server.call(method, path, token, json!({})).await;
            assert!(reply.headers.contains_key("allow"), "{method} {path}");
            reply.failed(405, "METHOD_NOT_ALLOWED");
        }
    }
}

#[tokio::test]
async fn rows_of_the_contract_that_come_later_are_not_found() {
    let server = Server::new();
    let alice = server.person("alice").await;
    for (method, path) in [
        ("PUT", "/messages/5"),
        ("PUT", "/messages/5/reactions/x"),
        ("DELETE", "/messages/5/reactions/x"),
        ("GET", "/messages/search/hello"),
        ("GET", "/messages/search/read"),
        ("GET", "/blocks"),
        ("POST", "/blocks/5"),
        ("POST", "/friends/requests"),
        ("GET", "/friends/requests"),
        ("POST", "/friends/requests/5/accept"),
        ("POST", "/attachments"),
    ] {
        server.call(method, path, &alice.token, json!({})).await.failed(404, "NOT_FOUND");
    }
}

fn post(path: &str, content_type: Option<&str>, body: impl Into<Body>) -> Request<Body> {
    let mut request = Request::post(format!("/api{path}"));
    if let Some(content_type) = content_type {
        request = request.header("content-type", content_type);
    }
    request.body(body.into()).expect("a request")
}

#[tokio::test]
async fn bodies_that_are_not_json() {
    let server = Server::new();
    let json = Some("application/json");
    for bad in ["{", "[]", "5", "null", "\"x\"", "{\"username\":}", "{} {}", "username=x"] {
        server.raw(post("/auth/login", json, bad)).await.failed(400, "BAD_REQUEST");
    }
    server.raw(post("/auth/login", json, vec![b'"', 0xff, b'"'])).await.failed(400, "BAD_REQUEST");
    for other in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        server.raw(post("/auth/login", Some(other), "{}")).await.failed(415, "UNSUPPORTED_MEDIA_TYPE");
        // Without a body nothing is said about it.
        server.raw(post("/auth/logout", Some(other), "")).await.ok(200);
    }
    server
        .raw(post("/auth/login", None, r#"{"username":"nobody","password":"x"}"#))
        .await
        .failed(401, "BAD_CREDENTIALS");
}

#[tokio::test]
async fn bodies_up_to_the_limit() {
    let server = Server::new();
    let json = Some("application/json");
    let form = |n: usize| format!(r#"{{"username":"nobody","password":"x","pad":"{}"}}"#, "x".repeat(n));
    let room = 1024 * 1024 - form(0).len();
    server.raw(post("/auth/login", json, form(room))).await.failed(401, "BAD_CREDENTIALS");
    server.raw(post("/auth/login", json, form(room + 1))).await.failed(413, "TOO_LARGE");
    let mut huge = post("/auth/login", json, "");
    huge.headers_mut().insert("content-length", "99999999999".parse().expect("a value"));
    server.raw(huge).await.failed(413, "TOO_LARGE");
}

#[tokio::test]
async fn deep_nesting_is_no_way_to_break_it() {
    let server = Server::new();
    for deep in ["[".repeat(500_000), format!("{{\"username\":{}", "{\"a\":".repeat(100_000))] {
        server.raw(post("/auth/login", Some("application/json"), deep)).await.failed(400, "BAD_REQUEST");
    }
}

#[tokio::test]
async fn languages() {
    let server = Server::new();
    for (language, want) in [
        (None, "用户名或密码错误"),
        (Some("zh-CN,zh;q=0.9,en;q=0.8"), "用户名或密码错误"),
        (Some("en-US,en;q=0.9"), "Wrong username or password."),
        (Some("fr"), "Wrong username or password."),
    ] {
        let mut request = post("/auth/login", None, r#"{"username":"nobody","password":"x"}"#);
        if let Some(language) = language {
            request.headers_mut().insert("accept-language", language.parse().expect("a value"));
        }
        let json = server.raw(request).await.failed(401, "BAD_CREDENTIALS");
        assert_eq!(json["message"], want, "{language:?}");
    }
    let reply = server.raw(post("/auth/register", None, "{}")).await;
    let json = reply.failed(400, "VALIDATION");
    assert_eq!(json["fields"][0]["message"], "不能为空");
}

#[tokio::test]
async fn answers_are_not_kept_framed_or_guessed_at() {
    let server = Server::new();
    for path in ["/auth/logout", "/nothing"] {
        let reply = server.call("POST", path, "", Value::Null).await;
        assert_eq!(reply.headers["content-type"], "application/json");
        assert_eq!(reply.headers["cache-control"], "no-store");
        assert_eq!(reply.headers["x-content-type-options"], "nosniff");
        assert_eq!(reply.headers["x-frame-options"], "DENY");
        assert!(reply.headers.contains_key("content-security-policy"));
    }
}

#[tokio::test]
async fn health() {
    let server = Server::new();
    let get = |path: &str| Request::get(path).body(Body::empty()).expect("a request");
    let live = server.raw(get("/healthz")).await;
    assert_eq!((live.status, live.json), (200, json!({"status": "ok"})));
    let ready = server.raw(get("/readyz")).await;
    assert_eq!((ready.status, ready.json), (200, json!({"status": "ready"})));
}
