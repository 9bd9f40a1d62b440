//! When something inside breaks.

use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Body;
use axum::http::Request;
use gochat_core::model::{Caller, ConversationId, ConversationView, ReadState, Seq, UserId};
use gochat_core::ports::{ErrorKind, Retry, StoreError, SyncCursor};
use gochat_core::service::{Conversations, Result, SyncPage};
use gochat_infra::web::http::Health;
use serde_json::{Value, json};

use crate::kit::{Person, Server};

/// Each call breaks in its own way.
#[derive(Debug)]
struct Broken;

fn away(kind: ErrorKind) -> gochat_core::Error {
    StoreError::new(kind, Retry::Safe, "conversations.test").because("a secret reason").into()
}

#[async_trait]
impl Conversations for Broken {
    async fn list(&self, _: &Caller) -> Result<Vec<ConversationView>> {
        panic!("on purpose")
    }

    async fn open_single(&self, _: &Caller, _: UserId) -> Result<(ConversationView, bool)> {
        Err(away(ErrorKind::Unavailable))
    }

    async fn get(&self, _: &Caller, _: ConversationId) -> Result<ConversationView> {
        std::future::pending().await
    }

    async fn mark_read(&self, _: &Caller, _: ConversationId, _: Option<Seq>) -> Result<ReadState> {
        Err(away(ErrorKind::Corrupt))
    }

    async fn hide(&self, _: &Caller, _: ConversationId) -> Result<()> {
        Err(away(ErrorKind::Timeout))
    }

    async fn sync(&self, _: &Caller, _: SyncCursor, _: Option<u32>) -> Result<SyncPage> {
        Err(away(ErrorKind::Full))
    }
}

async fn broken() -> (Server, Person) {
    let server = Server::with(|s| s.services.conversations = Arc::new(Broken));
    let alice = server.person("alice").await;
    (server, alice)
}

#[tokio::test]
async fn a_panic_is_one_500_and_no_more() {
    let (server, alice) = broken().await;
    let json = server.get("/conversations", &alice).await.failed(500, "INTERNAL");
    assert!(!json.to_string().contains("on purpose"));
    server.get("/user/info", &alice).await.ok(200);
}

#[tokio::test]
async fn failures_of_stores_have_their_codes_and_keep_their_reasons() {
    let (server, alice) = broken().await;
    for (method, path, status, code) in [
        ("POST", "/conversations", 503, "UNAVAILABLE"),
        ("PUT", "/conversations/5/read", 500, "INTERNAL"),
        ("DELETE", "/conversations/5", 504, "TIMEOUT"),
        ("GET", "/sync", 503, "UNAVAILABLE"),
    ] {
        let reply = server.call(method, path, &alice.token, json!({"targetUserId": "5"})).await;
        assert_eq!(reply.headers.contains_key("retry-after"), status == 503, "{path}");
        let json = reply.failed(status, code);
        assert!(!json.to_string().contains("secret reason"), "{json}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_call_is_answered_within_five_seconds() {
    let (server, alice) = broken().await;
    let start = tokio::time::Instant::now();
    server.get("/conversations/5", &alice).await.failed(504, "TIMEOUT");
    assert!(start.elapsed() < std::time::Duration::from_secs(5));
}

#[derive(Debug)]
struct Starting;

impl Health for Starting {
    fn ready(&self) -> std::result::Result<(), &'static str> {
        Err("still starting")
    }
}

#[tokio::test]
async fn unready_is_said_with_the_reason() {
    let server = Server::with(|s| s.health = Arc::new(Starting));
    let reply = server.raw(Request::get("/readyz").body(Body::empty()).expect("a request")).await;
    assert_eq!((reply.status, reply.json), (503, json!({"status": "unready", "reason": "still starting"})));
    assert_eq!(server.call("POST", "/auth/logout", "", Value::Null).await.status, 200);
}
