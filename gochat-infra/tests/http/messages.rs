//! History, single messages, recalling.

use std::time::Duration;

use serde_json::{Value, json};

use crate::kit::{Person, Reply, Server};

/// A chat of two with this many messages of the first.
async fn chat(messages: usize) -> (Server, Person, Person, String) {
    let server = Server::new();
    let (alice, bob) = (server.person("alice").await, server.person("bob").await);
    let chat = server.chat(&alice, &bob).await;
    for n in 1..=messages {
        server.send(&alice, &chat, &n.to_string()).await;
    }
    (server, alice, bob, chat)
}

/// The sequences of a page, and what stands beside it.
#[track_caller]
fn page(reply: Reply) -> (Vec<u64>, Value) {
    let pagination = reply.json["pagination"].clone();
    let list = reply.ok(200).as_array().expect("an array").clone();
    (list.iter().map(|m| m["seq"].as_u64().expect("a sequence")).collect(), pagination)
}

#[tokio::test]
async fn pages_from_the_newest_each_ascending() {
    let (server, _, bob, chat) = chat(5).await;
    let get = |query: &str| {
        let path = format!("/conversations/{chat}/messages{query}");
        let (server, bob) = (&server, &bob);
        async move { server.get(&path, bob).await }
    };
    let beside = |page, size, more| json!({"page": page, "size": size, "total": 5, "hasMore": more});
    assert_eq!(page(get("").await), (vec![1, 2, 3, 4, 5], beside(1, 50, false)));
    assert_eq!(page(get("?page=1&size=2").await), (vec![4, 5], beside(1, 2, true)));
    assert_eq!(page(get("?page=3&size=2").await), (vec![1], beside(3, 2, false)));
    assert_eq!(page(get("?page=9&size=2").await), (vec![], beside(9, 2, false)));
    assert_eq!(page(get("?size=1000").await).1, beside(1, 100, false));
    for (query, field) in
        [("?page=0", "page"), ("?page=x", "page"), ("?size=0", "size"), ("?size=-1", "size")]
    {
        get(query).await.wrong(&[(field, "MALFORMED")]);
    }
}

#[tokio::test]
async fn pages_from_a_cursor_have_no_holes() {
    let (server, _, bob, chat) = chat(5).await;
    let get = |query: &str| {
        let path = format!("/conversations/{chat}/messages{query}");
        let (server, bob) = (&server, &bob);
        async move { server.get(&path, bob).await }
    };
    let beside = |more, next| json!({"hasMore": more, "nextSeq": next});
    assert_eq!(page(get("?afterSeq=1&limit=2").await), (vec![2, 3], beside(true, 3)));
    assert_eq!(page(get("?after_seq=3&limit=2").await), (vec![4, 5], beside(false, 5)));
    assert_eq!(page(get("?afterSeq=5").await), (vec![], beside(false, 5)));
    assert_eq!(page(get("?beforeSeq=4&limit=2").await), (vec![2, 3], beside(true, 2)));
    assert_eq!(page(get("?before_seq=2").await), (vec![1], beside(false, 1)));
    get("?afterSeq=1&beforeSeq=3").await.wrong(&[("beforeSeq", "CONTRADICTORY")]);
    get("?afterSeq=1&page=1").await.wrong(&[("page", "CONTRADICTORY")]);
    get("?afterSeq=x").await.wrong(&[("afterSeq", "MALFORMED")]);
    get("?afterSeq=1&limit=0").await.wrong(&[("limit", "MALFORMED")]);
}

#[tokio::test]
async fn one_message() {
    let (server, alice, bob, chat) = chat(1).await;
    let sent = server.send(&alice, &chat, "hé <script>").await;
    let path = format!("/messages/{}", sent["messageId"].as_str().expect("an id"));
    let message = server.get(&path, &bob).await.ok(200);
    assert_eq!(message, sent);
    assert_eq!(message["conversationId"], chat.as_str());
    assert_eq!((&message["senderId"], &message["senderName"]), (&json!(alice.id), &json!("alice")));
    assert_eq!((&message["content"], &message["type"]), (&json!("hé <script>"), &json!("text")));
    assert_eq!((&message["status"], &message["seq"]), (&json!("sent"), &json!(2)));
    assert_eq!(message["sendTime"], "2026-01-31T09:30:00.123Z");
    let eve = server.person("eve").await;
    server.get(&path, &eve).await.failed(404, "MESSAGE_NOT_FOUND");
    for id in ["999999", "x", "0", "world"] {
        server.get(&format!("/messages/{id}"), &bob).await.failed(404, "MESSAGE_NOT_FOUND");
    }
}

#[tokio::test]
async fn reading_up_to_a_message() {
    let (server, alice, bob, chat) = chat(1).await;
    let second = server.send(&alice, &chat, "2").await;
    server.send(&alice, &chat, "3").await;
    let path = format!("/messages/{}/read", second["messageId"].as_str().expect("an id"));
    assert_eq!(server.put(&path, &bob, Value::Null).await.ok(200), Value::Null);
    assert_eq!(server.get(&format!("/conversations/{chat}"), &bob).await.ok(200)["unreadCount"], 1);
    server.put("/messages/999999/read", &bob, Value::Null).await.failed(404, "MESSAGE_NOT_FOUND");
    server.put("/messages/x/read", &bob, Value::Null).await.failed(404, "MESSAGE_NOT_FOUND");
}

#[tokio::test]
async fn recalling() {
    let (server, alice, bob, chat) = chat(0).await;
    let sent = server.send(&alice, &chat, "oops").await;
    let path = format!("/messages/{}", sent["messageId"].as_str().expect("an id"));
    server.delete(&path, &bob).await.failed(403, "FORBIDDEN");
    let eve = server.person("eve").await;
    server.delete(&path, &eve).await.failed(404, "MESSAGE_NOT_FOUND");
    let tombstone = server.delete(&path, &alice).await.ok(200);
    assert_eq!((&tombstone["content"], &tombstone["messageId"]), (&json!(""), &sent["messageId"]));
    assert_eq!(tombstone["recalledAt"], "2026-01-31T09:30:00.123Z");
    assert_eq!(server.delete(&path, &alice).await.ok(200), tombstone);
    let shown = server.get(&format!("/conversations/{chat}"), &bob).await.ok(200);
    assert_eq!((&shown["lastMessage"], &shown["unreadCount"]), (&json!(""), &json!(1)));

    let late = server.send(&alice, &chat, "late").await;
    server.kit.clock.advance(Duration::from_secs(121));
    let path = format!("/messages/{}", late["messageId"].as_str().expect("an id"));
    server.delete(&path, &alice).await.failed(409, "RECALL_EXPIRED");
    server.delete("/messages/999999", &alice).await.failed(404, "MESSAGE_NOT_FOUND");
}
