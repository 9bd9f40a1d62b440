//! `POST /messages`.

use axum::body::Body;
use axum::http::Request;
use bytes::Bytes;
use gochat_core::model::{Event, LoginId, SessionId, Timestamp};
use gochat_infra::hub::{Link, SessionInfo};
use gochat_infra::web::rate::SendRate;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::kit::{Direct, Person, Reply, Server};

async fn chat() -> (Server, Person, Person, String) {
    let server = Server::new();
    let (alice, bob) = (server.person("alice").await, server.person("bob").await);
    let chat = server.chat(&alice, &bob).await;
    (server, alice, bob, chat)
}

async fn send_with(server: &Server, who: &Person, headers: &[(&str, &str)], body: Value) -> Reply {
    let mut request = Request::post("/api/messages").header("authorization", format!("Bearer {}", who.token));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    server.raw(request.body(Body::from(body.to_string())).expect("a request")).await
}

#[tokio::test]
async fn a_repeat_gets_the_first_ones_ids() {
    let (server, alice, bob, chat) = chat().await;
    let form = |text: &str| json!({"conversationId": chat, "content": text, "clientMsgId": "c1"});
    let first = server.post("/messages", &alice, form("one")).await.ok(201);
    assert_eq!((&first["clientMsgId"], &first["seq"]), (&json!("c1"), &json!(1)));
    let again = server.post("/messages", &alice, form("two")).await.ok(200);
    assert_eq!(again, first);
    // Another's own id, and the same one elsewhere, are other messages.
    server.post("/messages", &bob, form("three")).await.ok(201);
    let world = json!({"conversationId": "world", "content": "one", "clientMsgId": "c1"});
    server.post("/messages", &alice, world).await.ok(201);
}

#[tokio::test]
async fn the_idempotency_key_is_the_clients_id() {
    let (server, alice, _, chat) = chat().await;
    let bare = json!({"conversationId": chat, "content": "hi"});
    let first = send_with(&server, &alice, &[("idempotency-key", "k1")], bare.clone()).await.ok(201);
    assert_eq!(first["clientMsgId"], "k1");
    let again = send_with(&server, &alice, &[("idempotency-key", "k1")], bare.clone()).await.ok(200);
    assert_eq!(again["messageId"], first["messageId"]);
    let both = json!({"conversationId": chat, "content": "hi", "client_msg_id": "k1"});
    send_with(&server, &alice, &[("idempotency-key", "k1")], both.clone()).await.ok(200);
    let differ = send_with(&server, &alice, &[("idempotency-key", "k2")], both).await;
    differ.wrong(&[("clientMsgId", "CONTRADICTORY")]);
    let long = "k".repeat(129);
    let long = send_with(&server, &alice, &[("idempotency-key", &long)], bare).await;
    long.wrong(&[("clientMsgId", "TOO_LONG")]);
}

#[tokio::test]
async fn without_a_clients_id_one_is_made() {
    let (server, alice, _, chat) = chat().await;
    let form = json!({"conversation_id": chat, "content": "hi", "message_type": 1});
    let (one, two) =
        (server.post("/messages", &alice, form.clone()).await, server.post("/messages", &alice, form).await);
    let (one, two) = (one.ok(201), two.ok(201));
    assert!(one["clientMsgId"].as_str().is_some_and(|id| !id.is_empty()));
    assert_ne!(one["clientMsgId"], two["clientMsgId"]);
}

#[tokio::test]
async fn kinds_attachments_and_mentions_come_back() {
    let (server, alice, bob, chat) = chat().await;
    let first = server.send(&alice, &chat, "hi").await;
    let form = json!({
        "conversationId": chat, "content": "", "messageType": "image", "attachment": {"url": "/x", "n": [1]},
        "replyTo": first["messageId"], "mentions": [bob.id],
    });
    let sent = server.post("/messages", &alice, form).await.ok(201);
    assert_eq!((&sent["type"], &sent["attachment"]), (&json!("image"), &json!({"url": "/x", "n": [1]})));
    assert_eq!((&sent["replyTo"], &sent["mentions"]), (&first["messageId"], &json!([bob.id])));
    for (kind, name) in [(json!(3), "file"), (json!("custom"), "custom"), (Value::Null, "text")] {
        let form = json!({"conversationId": chat, "content": "x", "messageType": kind});
        assert_eq!(server.post("/messages", &alice, form).await.ok(201)["type"], name);
    }
}

#[tokio::test]
async fn what_is_not_sent() {
    let (server, alice, _, chat) = chat().await;
    let eve = server.person("eve").await;
    let send = |who: &Person, form: Value| {
        let who = who.clone();
        let server = &server;
        async move { server.post("/messages", &who, form).await }
    };
    let text = |content: &str| json!({"conversationId": chat, "content": content});
    send(&alice, Value::Null).await.wrong(&[("conversationId", "MISSING")]);
    send(&alice, text(" \n")).await.wrong(&[("content", "MISSING")]);
    send(&alice, text(&"界".repeat(5_001))).await.wrong(&[("content", "TOO_LONG")]);
    send(&alice, text(&"😀".repeat(5_000))).await.ok(201);
    send(&alice, json!({"conversationId": chat, "content": "x", "messageType": "poem"}))
        .await
        .wrong(&[("messageType", "UNKNOWN")]);
    send(&alice, json!({"conversationId": chat, "content": "x", "messageType": "system"}))
        .await
        .failed(403, "FORBIDDEN");
    send(&alice, json!({"conversationId": 5, "content": 5}))
        .await
        .wrong(&[("conversationId", "MALFORMED"), ("content", "MALFORMED")]);
    for id in ["999999", "x", "1"] {
        send(&alice, json!({"conversationId": id, "content": "x"}))
            .await
            .failed(404, "CONVERSATION_NOT_FOUND");
    }
    send(&eve, text("x")).await.failed(404, "CONVERSATION_NOT_FOUND");
}

#[tokio::test(start_paused = true)]
async fn when_storing_takes_long_it_is_accepted() {
    let (server, alice, _, chat) = chat().await;
    server.upstream.feel(Direct::ASLEEP);
    let form = json!({"conversationId": chat, "content": "hi", "clientMsgId": "c1"});
    let start = tokio::time::Instant::now();
    let data = server.post("/messages", &alice, form).await.ok(202);
    assert_eq!(start.elapsed().as_millis(), 4_000);
    assert_eq!(data, json!({"status": "accepted", "conversationId": chat, "clientMsgId": "c1"}));
    assert!(server.hub.waiters().is_empty(), "nobody waits any more");
}

#[tokio::test(start_paused = true)]
async fn when_there_is_no_room_it_may_be_sent_again() {
    let (server, alice, _, chat) = chat().await;
    let form = json!({"conversationId": chat, "content": "hi"});
    for mood in [Direct::STUCK, Direct::FULL] {
        server.upstream.feel(mood);
        let reply = server.post("/messages", &alice, form.clone()).await;
        assert_eq!(reply.headers["retry-after"], "1");
        reply.failed(503, "UNAVAILABLE");
    }
    assert!(server.hub.waiters().is_empty());
}

#[tokio::test]
async fn too_many_sends_are_told_when_to_come_back() {
    let server = Server::with(|s| s.send_rate = SendRate::new(1, 2));
    let alice = server.person("alice").await;
    let form = json!({"conversationId": "world", "content": "hi"});
    for _ in 0..2 {
        server.post("/messages", &alice, form.clone()).await.ok(201);
    }
    let reply = server.post("/messages", &alice, form.clone()).await;
    assert_eq!(reply.headers["retry-after"], "1");
    reply.failed(429, "RATE_LIMITED");
    let bob = server.person("bob").await;
    server.post("/messages", &bob, form).await.ok(201);
}

/// A session of somebody, as a stream of events.
fn listen(server: &Server, who: &Person, session: u64) -> mpsc::Receiver<Event> {
    let info = SessionInfo {
        user: who.id.parse().expect("an id"),
        session: SessionId::new(session).expect("an id"),
        login: LoginId::new(1).expect("an id"),
        guest: false,
        expires_at: Timestamp::from_millis(i64::MAX),
        english: true,
    };
    let (sender, events) = mpsc::channel(64);
    let _session = server.hub.attach(info, Link::Events(sender), Bytes::new());
    events
}

/// How many new messages have come.
fn new_messages(events: &mut mpsc::Receiver<Event>) -> usize {
    std::iter::from_fn(|| events.try_recv().ok()).filter(|e| matches!(e, Event::NewMessage(_))).count()
}

#[tokio::test]
async fn every_session_gets_it_but_the_one_that_is_named() {
    let (server, alice, bob, chat) = chat().await;
    let (mut a1, mut a2) = (listen(&server, &alice, 11), listen(&server, &alice, 12));
    let mut b = listen(&server, &bob, 21);
    let form = json!({"conversationId": chat, "content": "hi"});
    let mut counts = || [&mut a1, &mut a2, &mut b].map(new_messages);
    counts();
    for (session, want) in [("", [1, 1, 1]), ("11", [0, 1, 1]), ("99", [1, 1, 1]), ("x", [1, 1, 1])] {
        send_with(&server, &alice, &[("x-session-id", session)], form.clone()).await.ok(201);
        assert_eq!(counts(), want, "{session:?}");
    }
    // Nobody makes another miss a message.
    send_with(&server, &alice, &[("x-session-id", "21")], form).await.ok(201);
    assert_eq!(counts(), [1, 1, 1]);
}
