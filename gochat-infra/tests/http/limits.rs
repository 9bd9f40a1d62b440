//! How often accounts may be tried and made.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use gochat_infra::web::http::HttpConfig;
use serde_json::{Value, json};

use crate::kit::{Reply, Server};

async fn from(server: &Server, address: &str, forwarded: &str, path: &str, body: Value) -> Reply {
    let mut request = Request::post(format!("/api{path}")).header("accept-language", "en");
    if !forwarded.is_empty() {
        request = request.header("x-forwarded-for", forwarded);
    }
    let address: SocketAddr = format!("{address}:9").parse().expect("an address");
    let request = request.extension(ConnectInfo(address)).body(Body::from(body.to_string()));
    server.raw(request.expect("a request")).await
}

fn wrong(name: &str) -> Value {
    json!({"username": name, "password": "wrong-1"})
}

#[tokio::test]
async fn failed_logins_of_one_name_wherever_from() {
    let server = Server::new();
    server.person("alice").await;
    for n in 0..10 {
        from(&server, &format!("9.9.9.{n}"), "", "/auth/login", wrong("ALICE"))
            .await
            .failed(401, "BAD_CREDENTIALS");
    }
    let right = json!({"username": "alice", "password": "secret1"});
    let reply = from(&server, "127.0.0.1", "", "/auth/login", right.clone()).await;
    assert_eq!(reply.headers["retry-after"], "300");
    reply.failed(429, "RATE_LIMITED");
    server.kit.clock.advance(Duration::from_secs(300));
    from(&server, "127.0.0.1", "", "/auth/login", right).await.ok(200);
}

#[tokio::test]
async fn a_success_forgives_the_name() {
    let server = Server::new();
    server.person("alice").await;
    for _ in 0..3 {
        for _ in 0..9 {
            from(&server, "127.0.0.1", "", "/auth/login", wrong("alice"))
                .await
                .failed(401, "BAD_CREDENTIALS");
        }
        let right = json!({"username": "alice", "password": "secret1"});
        from(&server, "127.0.0.1", "", "/auth/login", right).await.ok(200);
    }
}

#[tokio::test]
async fn failed_logins_from_one_address_whatever_the_name() {
    let server = Server::new();
    for n in 0..50 {
        from(&server, "9.9.9.9", "", "/auth/login", wrong(&format!("name-{n}")))
            .await
            .failed(401, "BAD_CREDENTIALS");
    }
    from(&server, "9.9.9.9", "", "/auth/login", wrong("name-50")).await.failed(429, "RATE_LIMITED");
    from(&server, "9.9.9.8", "", "/auth/login", wrong("name-50")).await.failed(401, "BAD_CREDENTIALS");
}

#[tokio::test]
async fn many_successes_from_one_address_are_normal() {
    let server = Server::new();
    server.person("alice").await;
    let right = json!({"username": "alice", "password": "secret1"});
    for _ in 0..120 {
        from(&server, "9.9.9.9", "", "/auth/login", right.clone()).await.ok(200);
    }
}

#[tokio::test]
async fn registrations_and_guests_a_minute() {
    let server = Server::new();
    for n in 0..30 {
        let form = json!({"username": format!("user-{n}"), "password": "secret1"});
        from(&server, "9.9.9.9", "", "/auth/register", form).await.ok(201);
    }
    let form = json!({"username": "one-more", "password": "secret1"});
    let reply = from(&server, "9.9.9.9", "", "/auth/register", form.clone()).await;
    assert_eq!(reply.headers["retry-after"], "60");
    reply.failed(429, "RATE_LIMITED");
    for _ in 0..60 {
        from(&server, "9.9.9.9", "", "/auth/guest", json!({})).await.ok(200);
    }
    from(&server, "9.9.9.9", "", "/auth/guest", json!({})).await.failed(429, "RATE_LIMITED");
    server.kit.clock.advance(Duration::from_secs(60));
    from(&server, "9.9.9.9", "", "/auth/register", form).await.ok(201);
}

#[tokio::test]
async fn this_machine_is_exempt() {
    let server = Server::new();
    for n in 0..100 {
        from(&server, "127.0.0.1", "", "/auth/guest", json!({})).await.ok(200);
        let name = format!("nobody-{n}");
        from(&server, "[::1]", "", "/auth/login", wrong(&name)).await.failed(401, "BAD_CREDENTIALS");
    }
}

#[tokio::test]
async fn forwarded_addresses_count_behind_trusted_proxies_only() {
    let trusting = Server::with(|s| {
        let mut config = HttpConfig::default();
        config.trusted_proxies = vec!["10.0.0.0/8".parse().expect("a network")];
        config.limits.guests = 1;
        s.config = config;
    });
    let guest = |forwarded: &'static str| from(&trusting, "10.0.0.1", forwarded, "/auth/guest", json!({}));
    guest("1.1.1.1").await.ok(200);
    guest("2.2.2.2").await.ok(200);
    guest("127.0.0.1, 1.1.1.1").await.failed(429, "RATE_LIMITED");

    let plain = Server::with(|s| s.config.limits.guests = 1);
    from(&plain, "9.9.9.9", "1.1.1.1", "/auth/guest", json!({})).await.ok(200);
    from(&plain, "9.9.9.9", "2.2.2.2", "/auth/guest", json!({})).await.failed(429, "RATE_LIMITED");
}
