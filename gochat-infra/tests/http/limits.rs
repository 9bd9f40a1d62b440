//! How often accounts may be tried and made.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use gochat_core::ports::{ErrorKind, Result, Retry, StoreError};
use gochat_infra::web::http::{Counted, HttpConfig, Limited, SharedLimits, Whose};
use parking_lot::Mutex;
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

/// Counts for several gateways. Time stands still.
#[derive(Debug, Default)]
struct Together {
    events: Mutex<HashMap<(Counted, Whose), u32>>,
    away: AtomicBool,
}

impl Together {
    fn of(&self, limit: &Limited, count: bool) -> Result<Duration> {
        if self.away.load(Ordering::Relaxed) {
            return Err(StoreError::new(ErrorKind::Unavailable, Retry::Safe, "limits"));
        }
        let mut events = self.events.lock();
        let events = events.entry((limit.counted, limit.whose.clone())).or_default();
        if *events >= limit.max {
            return Ok(limit.window);
        }
        *events += u32::from(count);
        Ok(Duration::ZERO)
    }
}

#[async_trait]
impl SharedLimits for Together {
    async fn wait(&self, limits: &[Limited]) -> Result<Duration> {
        let waits: Result<Vec<_>> = limits.iter().map(|limit| self.of(limit, false)).collect();
        Ok(waits?.into_iter().max().unwrap_or_default())
    }

    async fn count(&self, limits: &[Limited]) -> Result<()> {
        limits.iter().try_for_each(|limit| self.of(limit, true).map(drop))
    }

    async fn take(&self, limit: &Limited) -> Result<Duration> {
        self.of(limit, true)
    }

    async fn clear(&self, limit: &Limited) -> Result<()> {
        self.of(limit, false)?;
        self.events.lock().remove(&(limit.counted, limit.whose.clone()));
        Ok(())
    }
}

fn gateways(together: &Arc<Together>) -> [Server; 2] {
    [(); 2].map(|()| Server::with(|state| state.config.shared_limits = Some(together.clone())))
}

#[tokio::test]
async fn gateways_count_failures_of_a_name_together() {
    let together = Arc::new(Together::default());
    let servers = gateways(&together);
    servers[0].person("alice").await;
    let right = || json!({"username": "Alice", "password": "secret1"});
    for n in 0..18 {
        let server = &servers[n % 2];
        from(server, "127.0.0.1", "", "/auth/login", wrong("alice")).await.failed(401, "BAD_CREDENTIALS");
        if n == 8 {
            from(&servers[0], "127.0.0.1", "", "/auth/login", right()).await.ok(200);
        }
    }
    from(&servers[1], "127.0.0.1", "", "/auth/login", wrong("alice")).await.failed(401, "BAD_CREDENTIALS");
    for server in &servers {
        from(server, "127.0.0.1", "", "/auth/login", right()).await.failed(429, "RATE_LIMITED");
    }
}

#[tokio::test]
async fn gateways_count_addresses_together() {
    let together = Arc::new(Together::default());
    let servers = gateways(&together);
    for n in 0..60 {
        from(&servers[n % 2], "9.9.9.9", "", "/auth/guest", json!({})).await.ok(200);
        let reply = from(&servers[n % 2], "9.9.9.8", "", "/auth/login", wrong(&format!("nobody{n}"))).await;
        reply.failed(if n < 50 { 401 } else { 429 }, if n < 50 { "BAD_CREDENTIALS" } else { "RATE_LIMITED" });
    }
    for server in &servers {
        from(server, "9.9.9.9", "", "/auth/guest", json!({})).await.failed(429, "RATE_LIMITED");
        from(server, "9.9.9.8", "", "/auth/guest", json!({})).await.ok(200);
    }
}

#[tokio::test]
async fn a_gateway_alone_goes_by_what_it_has_counted() {
    let together = Arc::new(Together::default());
    let [server, other] = gateways(&together);
    for _ in 0..5 {
        from(&server, "127.0.0.1", "", "/auth/login", wrong("alice")).await.failed(401, "BAD_CREDENTIALS");
    }
    together.away.store(true, Ordering::Relaxed);
    for _ in 0..5 {
        from(&server, "127.0.0.1", "", "/auth/login", wrong("alice")).await.failed(401, "BAD_CREDENTIALS");
    }
    from(&server, "127.0.0.1", "", "/auth/login", wrong("alice")).await.failed(429, "RATE_LIMITED");
    from(&other, "127.0.0.1", "", "/auth/login", wrong("alice")).await.failed(401, "BAD_CREDENTIALS");
    from(&server, "9.9.9.9", "", "/auth/guest", json!({})).await.ok(200);
}
