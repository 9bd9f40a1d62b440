//! `/auth`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::kit::Server;

#[tokio::test]
async fn register_and_log_in() {
    let server = Server::new();
    let form = json!({"username": "  Ａlice ", "password": "secret1", "avatar": "/a.png"});
    let data = server.call("POST", "/auth/register", "", form).await.ok(201);
    let user = &data["user"];
    assert_eq!((&user["username"], &user["avatar"]), (&json!("Alice"), &json!("/a.png")));
    assert_eq!(user["isGuest"], false);
    assert_eq!(user["createdAt"], "2026-01-31T09:30:00.123Z");
    assert!(user["userId"].is_string() && user["nickname"].is_string());

    let login = json!({"username": "ALICE", "password": "secret1"});
    let data = server.call("POST", "/auth/login", "", login).await.ok(200);
    assert_eq!(data["user"], *user);
    assert_eq!(data["token"], data["accessToken"]);
    assert!(data["refreshToken"].is_string() && data["expiresIn"].is_u64());
    let token = data["token"].as_str().expect("a token");
    assert_eq!(server.call("GET", "/user/info", token, Value::Null).await.ok(200), *user);
}

#[tokio::test]
async fn registering_what_is_not_allowed() {
    let server = Server::new();
    server.person("alice").await;
    let register = |body: Value| server.call("POST", "/auth/register", "", body);
    register(json!({"username": "ALICE", "password": "secret1"})).await.failed(409, "USERNAME_TAKEN");
    register(json!({})).await.wrong(&[("username", "MISSING"), ("password", "MISSING")]);
    register(Value::Null).await.wrong(&[("username", "MISSING"), ("password", "MISSING")]);
    register(json!({"username": 5, "password": [], "avatar": true})).await.wrong(&[
        ("username", "MALFORMED"),
        ("password", "MALFORMED"),
        ("avatar", "MALFORMED"),
    ]);
    register(json!({"username": "al", "password": "12345"}))
        .await
        .wrong(&[("username", "TOO_SHORT"), ("password", "TOO_SHORT")]);
    register(json!({"username": "World", "password": "x".repeat(73)}))
        .await
        .wrong(&[("username", "RESERVED"), ("password", "TOO_LONG")]);
}

#[tokio::test]
async fn wrong_credentials_look_alike() {
    let server = Server::new();
    server.person("alice").await;
    let login =
        |name: &str| server.call("POST", "/auth/login", "", json!({"username": name, "password": "wrong-1"}));
    let known = login("alice").await.failed(401, "BAD_CREDENTIALS");
    let unknown = login("nobody").await.failed(401, "BAD_CREDENTIALS");
    assert_eq!(known["message"], unknown["message"]);
    server
        .call("POST", "/auth/login", "", json!({"username": "alice"}))
        .await
        .wrong(&[("password", "MISSING")]);
}

#[tokio::test]
async fn a_stale_token_does_no_harm_where_none_is_needed() {
    let server = Server::new();
    let form = json!({"username": "alice", "password": "secret1"});
    server.call("POST", "/auth/register", "stale", form.clone()).await.ok(201);
    server.call("POST", "/auth/login", "stale", form).await.ok(200);
    server.call("POST", "/auth/guest", "stale", Value::Null).await.ok(200);
}

#[tokio::test]
async fn guests() {
    let server = Server::new();
    for body in [json!({"guestName": ""}), json!({}), Value::Null] {
        let data = server.call("POST", "/auth/guest", "", body).await.ok(200);
        assert_eq!(data["user"]["isGuest"], true);
        assert!(data["token"].is_string());
    }
    let named = server.call("POST", "/auth/guest", "", json!({"guest_name": "Visitor"})).await.ok(200);
    assert_eq!(named["user"]["username"], "Visitor");
    server
        .call("POST", "/auth/guest", "", json!({"guestName": 5}))
        .await
        .wrong(&[("guestName", "MALFORMED")]);
}

#[tokio::test]
async fn refreshing() {
    let server = Server::new();
    let alice = server.person("alice").await;
    let refresh = |token: Value| server.call("POST", "/auth/refresh", "", json!({"refreshToken": token}));
    let data = refresh(json!(alice.refresh)).await.ok(200);
    assert_ne!(data["refreshToken"], alice.refresh.as_str());
    let again = refresh(json!(alice.refresh)).await.ok(200);
    assert_eq!(again["refreshToken"], data["refreshToken"]);
    server.kit.clock.advance(Duration::from_secs(11));
    refresh(json!(alice.refresh)).await.failed(401, "UNAUTHENTICATED");
    refresh(data["refreshToken"].clone()).await.failed(401, "UNAUTHENTICATED");
    refresh(json!("nonsense")).await.failed(401, "UNAUTHENTICATED");
    refresh(Value::Null).await.wrong(&[("refreshToken", "MISSING")]);
}

#[tokio::test]
async fn logging_out_ends_the_token_at_once_and_never_fails() {
    let server = Server::new();
    let alice = server.person("alice").await;
    assert_eq!(server.post("/auth/logout", &alice, Value::Null).await.ok(200), Value::Null);
    server.get("/user/info", &alice).await.failed(401, "UNAUTHENTICATED");
    for token in ["", "nonsense", alice.token.as_str()] {
        server.call("POST", "/auth/logout", token, Value::Null).await.ok(200);
    }
}

#[tokio::test]
async fn an_expired_token_says_so() {
    let server = Server::new();
    let alice = server.person("alice").await;
    server.kit.clock.advance(Duration::from_secs(24 * 3600 + 1));
    server.get("/user/info", &alice).await.failed(401, "TOKEN_EXPIRED");
}
