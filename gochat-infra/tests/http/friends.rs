//! `/friends` and who of them is here.

use serde_json::{Value, json};

use crate::kit::Server;

#[tokio::test]
async fn becoming_friends_is_mutual_at_once_and_repeats_itself() {
    let server = Server::new();
    let (alice, bob) = (server.person("alice").await, server.person("bob").await);
    let made = server.post("/friends", &alice, json!({"friendId": bob.id})).await.ok(201);
    let conversation = &made["conversation"];
    assert_eq!(conversation["type"], "single");
    assert_eq!(conversation["target"]["userId"], bob.id.as_str());
    assert_eq!(conversation["target"]["username"], "bob");
    let again = server.post("/friends", &alice, json!({"friend_id": bob.id})).await.ok(200);
    assert_eq!(again["conversation"]["conversationId"], conversation["conversationId"]);
    for (who, other) in [(&alice, &bob), (&bob, &alice)] {
        let friends = server.get("/friends", who).await.ok(200);
        assert_eq!(friends.as_array().map(Vec::len), Some(1));
        assert_eq!(friends[0]["userId"], other.id.as_str());
        assert_eq!((&friends[0]["online"], &friends[0]["isGuest"]), (&json!(false), &json!(false)));
        let online = server.get("/users/status/online", who).await.ok(200);
        assert_eq!(online, json!({other.id.as_str(): false}));
    }
    assert_eq!(server.delete(&format!("/friends/{}", bob.id), &alice).await.ok(200), Value::Null);
    assert_eq!(server.get("/friends", &bob).await.ok(200), json!([]));
    assert_eq!(server.get("/users/status/online", &bob).await.ok(200), json!({}));
    server.delete(&format!("/friends/{}", bob.id), &alice).await.ok(200);
}

#[tokio::test]
async fn whom_one_cannot_befriend() {
    let server = Server::new();
    let (alice, guest) = (server.person("alice").await, server.guest().await);
    let befriend = |who: Value| server.post("/friends", &alice, json!({"friendId": who}));
    befriend(json!(alice.id)).await.wrong(&[("friendId", "ONESELF")]);
    befriend(json!(guest.id)).await.failed(403, "GUEST_FORBIDDEN");
    for nobody in ["999999", "x", "-5", "01"] {
        let json = befriend(json!(nobody)).await.failed(404, "USER_NOT_FOUND");
        assert_eq!(json["userIds"], json!([nobody]));
    }
    befriend(json!(5)).await.wrong(&[("friendId", "MALFORMED")]);
    befriend(json!("")).await.wrong(&[("friendId", "MISSING")]);
    server.post("/friends", &alice, Value::Null).await.wrong(&[("friendId", "MISSING")]);
    server.post("/friends", &guest, json!({"friendId": alice.id})).await.failed(403, "GUEST_FORBIDDEN");
    server.delete("/friends/x", &alice).await.failed(404, "USER_NOT_FOUND");
}
