//! Pages from elsewhere.

use axum::body::Body;
use axum::http::Request;
use gochat_infra::web::http::{Origins, ROUTES};

use crate::kit::{Reply, Server};

async fn from(server: &Server, method: &str, path: &str, origin: &str) -> Reply {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("origin", origin)
        .header("access-control-request-method", "PUT")
        .header("access-control-request-headers", "authorization,content-type");
    server.raw(request.body(Body::empty()).expect("a request")).await
}

const PAGE: &str = "http://localhost:5173";

#[tokio::test]
async fn preflights_on_any_path_without_a_token() {
    let server = Server::new();
    let paths = ROUTES.iter().map(|(_, path)| *path).chain(["/api/nothing", "/", "/api/messages/5"]);
    for path in paths {
        let reply = from(&server, "OPTIONS", path, PAGE).await;
        assert_eq!(reply.status, 204, "{path}");
        assert_eq!(reply.headers["access-control-allow-origin"], PAGE);
        let headers = reply.headers["access-control-allow-headers"].to_str().expect("ASCII");
        for name in ["authorization", "content-type", "idempotency-key", "x-session-id"] {
            assert!(headers.split(", ").any(|h| h == name), "{name} in {headers}");
        }
        let methods = reply.headers["access-control-allow-methods"].to_str().expect("ASCII");
        for name in ["GET", "POST", "PUT", "DELETE"] {
            assert!(methods.split(", ").any(|m| m == name), "{name} in {methods}");
        }
    }
}

#[tokio::test]
async fn errors_can_be_read_too() {
    let server = Server::new();
    for (method, path, status) in
        [("GET", "/api/friends", 401), ("GET", "/api/nothing", 404), ("PUT", "/api/auth/login", 405)]
    {
        let reply = from(&server, method, path, PAGE).await;
        assert_eq!(reply.status, status);
        assert_eq!(reply.headers["access-control-allow-origin"], PAGE);
        assert!(reply.headers.get_all("vary").iter().any(|v| v == "origin"));
    }
}

#[tokio::test]
async fn other_origins_get_no_permission_and_no_origin_needs_none() {
    let server = Server::new();
    for (method, path) in [("OPTIONS", "/api/friends"), ("GET", "/api/friends")] {
        let reply = from(&server, method, path, "https://evil.example").await;
        assert!(!reply.headers.contains_key("access-control-allow-origin"), "{method}");
    }
    let request = Request::options("/api/friends").body(Body::empty()).expect("a request");
    assert_eq!(server.raw(request).await.status, 204);
}

#[tokio::test]
async fn allowed_origins_are_configuration() {
    let server = Server::with(|s| s.config.origins = Origins::parse(["https://chat.example"]).expect("one"));
    let allowed = from(&server, "GET", "/api/friends", "https://chat.example").await;
    assert_eq!(allowed.headers["access-control-allow-origin"], "https://chat.example");
    let other = from(&server, "GET", "/api/friends", PAGE).await;
    assert!(!other.headers.contains_key("access-control-allow-origin"));
}
