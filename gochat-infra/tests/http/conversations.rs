//! `/conversations` and `/sync`.

use serde_json::{Value, json};

use crate::kit::Server;

#[tokio::test]
async fn world_comes_first() {
    let server = Server::new();
    let (alice, bob) = (server.person("alice").await, server.person("bob").await);
    server.chat(&alice, &bob).await;
    let list = server.get("/conversations", &alice).await.ok(200);
    assert_eq!(list.as_array().map(Vec::len), Some(2));
    assert_eq!((&list[0]["conversationId"], &list[0]["type"]), (&json!("world"), &json!("world")));
    assert_eq!(list[0]["target"]["groupId"], "world");
    assert_eq!(list[0]["target"]["memberCount"], 0);
    assert_eq!(list[1]["target"]["username"], "bob");
    for field in ["lastMessage", "lastMessageTime"] {
        assert!(list[1][field].is_string(), "{field}");
    }
    for field in ["unreadCount", "lastSeq", "readSeq"] {
        assert_eq!(list[1][field], 0, "{field}");
    }
    assert_eq!((&list[1]["muted"], &list[1]["pinned"]), (&json!(false), &json!(false)));
}

#[tokio::test]
async fn a_guest_sees_the_world_only() {
    let server = Server::new();
    let (alice, guest) = (server.person("alice").await, server.guest().await);
    let list = server.get("/conversations", &guest).await.ok(200);
    assert_eq!(list.as_array().map(Vec::len), Some(1));
    let open = server.post("/conversations", &guest, json!({"targetUserId": alice.id})).await;
    open.failed(403, "GUEST_FORBIDDEN");
    let chat = server.chat(&alice, &guest).await;
    server.get(&format!("/conversations/{chat}"), &guest).await.ok(200);
}

#[tokio::test]
async fn opening_a_single_chat() {
    let server = Server::new();
    let (alice, bob) = (server.person("alice").await, server.person("bob").await);
    let open = |who: Value| server.post("/conversations", &alice, json!({"targetUserId": who}));
    let made = open(json!(bob.id)).await.ok(201);
    assert_eq!(open(json!(bob.id)).await.ok(200)["conversationId"], made["conversationId"]);
    open(json!(alice.id)).await.wrong(&[("targetUserId", "ONESELF")]);
    open(json!("999999")).await.failed(404, "USER_NOT_FOUND");
    open(Value::Null).await.wrong(&[("targetUserId", "MISSING")]);
}

#[tokio::test]
async fn conversations_of_others_do_not_exist() {
    let server = Server::new();
    let (alice, bob) = (server.person("alice").await, server.person("bob").await);
    let eve = server.person("eve").await;
    let chat = server.chat(&alice, &bob).await;
    for id in [chat.as_str(), "999999", "1", "x", "-1", "%FF"] {
        for (method, path) in [
            ("GET", format!("/conversations/{id}")),
            ("DELETE", format!("/conversations/{id}")),
            ("GET", format!("/conversations/{id}/messages")),
            ("PUT", format!("/conversations/{id}/read")),
        ] {
            let reply = server.call(method, &path, &eve.token, Value::Null).await;
            reply.failed(404, "CONVERSATION_NOT_FOUND");
        }
    }
}

#[tokio::test]
async fn reading_only_grows_and_is_cut_to_what_there_is() {
    let server = Server::new();
    let (alice, bob) = (server.person("alice").await, server.person("bob").await);
    let chat = server.chat(&alice, &bob).await;
    for text in ["1", "2", "3"] {
        server.send(&alice, &chat, text).await;
    }
    let path = format!("/conversations/{chat}");
    let unread = async || {
        let data = server.get(&path, &bob).await.ok(200);
        (data["unreadCount"].clone(), data["readSeq"].clone())
    };
    let pointer = format!("{path}/read");
    let read = |body: Value| server.put(&pointer, &bob, body);
    assert_eq!(unread().await, (json!(3), json!(0)));
    assert_eq!(read(json!({"seq": 2})).await.ok(200), Value::Null);
    assert_eq!(unread().await, (json!(1), json!(2)));
    read(json!({"seq_id": 1})).await.ok(200);
    assert_eq!(unread().await, (json!(1), json!(2)));
    read(json!({"seq": 99})).await.ok(200);
    assert_eq!(unread().await, (json!(0), json!(3)));
    read(Value::Null).await.ok(200);
    for bad in [json!(-1), json!("x"), json!(1.5), json!([])] {
        read(json!({"seq": bad})).await.wrong(&[("seq", "MALFORMED")]);
    }
    server.put("/conversations/world/read", &bob, Value::Null).await.ok(200);
}

#[tokio::test]
async fn a_hidden_conversation_comes_back_with_something_new() {
    let server = Server::new();
    let (alice, bob) = (server.person("alice").await, server.person("bob").await);
    let chat = server.chat(&alice, &bob).await;
    let count = async || server.get("/conversations", &bob).await.ok(200).as_array().map(Vec::len);
    server.delete(&format!("/conversations/{chat}"), &bob).await.ok(200);
    assert_eq!(count().await, Some(1));
    server.send(&alice, &chat, "hi").await;
    assert_eq!(count().await, Some(2));
}

#[tokio::test]
async fn catching_up() {
    let server = Server::new();
    let (alice, bob) = (server.person("alice").await, server.person("bob").await);
    server.post("/friends", &alice, json!({"friendId": bob.id})).await.ok(201);
    let group = server.group(&alice, &[&bob]).await;
    let all = server.get("/sync", &bob).await.ok(200);
    assert!(all["conversations"].as_array().is_some_and(|c| c.len() >= 2), "{all}");
    assert!(
        all["friends"].as_array().expect("friends").contains(&json!({"userId": alice.id, "friend": true}))
    );
    let member = json!({"conversationId": group, "groupId": group, "member": true});
    assert!(all["memberships"].as_array().expect("memberships").contains(&member), "{all}");
    assert_eq!(all["hasMore"], false);
    let cursor = all["cursor"].as_str().expect("a cursor").to_owned();

    server.delete(&format!("/groups/{group}/members/{}", bob.id), &bob).await.ok(200);
    let changed = server.get(&format!("/sync?cursor={cursor}&limit=50"), &bob).await.ok(200);
    let gone = json!({"conversationId": group, "groupId": group, "member": false});
    assert!(changed["memberships"].as_array().expect("memberships").contains(&gone), "{changed}");
    server.get("/sync?cursor=x", &bob).await.wrong(&[("cursor", "MALFORMED")]);
    server.get("/sync?limit=0", &bob).await.wrong(&[("limit", "MALFORMED")]);
}
