//! `/groups`.

use serde_json::{Value, json};

use crate::kit::Server;

#[tokio::test]
async fn making_one() {
    let server = Server::new();
    let (alice, bob) = (server.person("alice").await, server.person("bob").await);
    let form = json!({
        "group_name": "Team", "members": [bob.id, bob.id, alice.id], "avatar": "/g.png", "description": "us",
    });
    let made = server.post("/groups", &alice, form).await.ok(201);
    let (group, conversation) = (&made["group"], &made["conversation"]);
    assert_eq!(group["groupId"], conversation["conversationId"]);
    assert_eq!((&group["groupName"], &group["description"]), (&json!("Team"), &json!("us")));
    assert_eq!((&group["memberCount"], &group["ownerId"]), (&json!(2), &json!(alice.id)));
    assert_eq!(conversation["type"], "group");
    assert_eq!(conversation["target"]["groupName"], "Team");
    let page =
        server.get(&format!("/groups/{}", group["groupId"].as_str().expect("an id")), &bob).await.ok(200);
    let members = page["members"].as_array().expect("members");
    let find = |id: &str| members.iter().find(|m| m["userId"] == id).expect("a member");
    assert_eq!((&find(&alice.id)["role"], &find(&bob.id)["role"]), (&json!("owner"), &json!("member")));
    assert_eq!((&find(&bob.id)["username"], &find(&bob.id)["online"]), (&json!("bob"), &json!(false)));
}

#[tokio::test]
async fn what_no_group_can_be_made_of() {
    let server = Server::new();
    let (alice, guest) = (server.person("alice").await, server.guest().await);
    let make = |body: Value| server.post("/groups", &alice, body);
    make(Value::Null).await.wrong(&[("groupName", "MISSING")]);
    make(json!({"groupName": " "})).await.wrong(&[("groupName", "MISSING")]);
    make(json!({"groupName": "x".repeat(51)})).await.wrong(&[("groupName", "TOO_LONG")]);
    make(json!({"groupName": 1, "members": "x", "avatar": 1, "description": 1})).await.wrong(&[
        ("groupName", "MALFORMED"),
        ("avatar", "MALFORMED"),
        ("description", "MALFORMED"),
        ("members", "MALFORMED"),
    ]);
    for members in [json!(["999999"]), json!(["x"])] {
        let json = make(json!({"groupName": "g", "members": members})).await.failed(404, "USER_NOT_FOUND");
        assert_eq!(json["userIds"], members);
    }
    make(json!({"groupName": "g", "members": [guest.id]})).await.failed(403, "GUEST_FORBIDDEN");
    make(json!({"groupName": "g", "members": []})).await.ok(201);
    server.post("/groups", &guest, json!({"groupName": "g"})).await.failed(403, "GUEST_FORBIDDEN");
}

#[tokio::test]
async fn a_stranger_finds_no_group() {
    let server = Server::new();
    let (alice, bob) = (server.person("alice").await, server.person("bob").await);
    let eve = server.person("eve").await;
    let group = server.group(&alice, &[&bob]).await;
    for id in [group.as_str(), "999999", "world", "x", "%FF"] {
        for (method, path, body) in [
            ("GET", format!("/groups/{id}"), Value::Null),
            ("PUT", format!("/groups/{id}"), json!({"groupName": "x"})),
            ("DELETE", format!("/groups/{id}"), Value::Null),
            ("GET", format!("/groups/{id}/members"), Value::Null),
            ("POST", format!("/groups/{id}/members"), json!({"members": [eve.id]})),
            ("PUT", format!("/groups/{id}/members/{}", bob.id), json!({"role": "admin"})),
            ("DELETE", format!("/groups/{id}/members/{}", bob.id), Value::Null),
            ("DELETE", format!("/groups/{id}/members/x"), Value::Null),
            ("POST", format!("/groups/{id}/transfer"), json!({"userId": bob.id})),
        ] {
            server.call(method, &path, &eve.token, body).await.failed(404, "GROUP_NOT_FOUND");
        }
    }
}

#[tokio::test]
async fn changing_and_ending_one() {
    let server = Server::new();
    let (alice, bob) = (server.person("alice").await, server.person("bob").await);
    let path = format!("/groups/{}", server.group(&alice, &[&bob]).await);
    let changed = server.put(&path, &alice, json!({"groupName": "New", "description": "d"})).await.ok(200);
    assert_eq!((&changed["groupName"], &changed["description"]), (&json!("New"), &json!("d")));
    server.put(&path, &alice, json!({"groupName": ""})).await.wrong(&[("groupName", "MISSING")]);
    server.put(&path, &alice, json!({"groupName": 5})).await.wrong(&[("groupName", "MALFORMED")]);
    server.put(&path, &bob, json!({"groupName": "x"})).await.failed(403, "FORBIDDEN");
    server.delete(&path, &bob).await.failed(403, "FORBIDDEN");
    assert_eq!(server.delete(&path, &alice).await.ok(200), Value::Null);
    server.get(&path, &alice).await.failed(404, "GROUP_NOT_FOUND");
}

#[tokio::test]
async fn members_come_and_go() {
    let server = Server::new();
    let (alice, bob) = (server.person("alice").await, server.person("bob").await);
    let carol = server.person("carol").await;
    let path = format!("/groups/{}/members", server.group(&alice, &[&bob]).await);
    let added = server.post(&path, &bob, json!({"members": [carol.id, bob.id]})).await.ok(200);
    assert_eq!(added["memberCount"], 3);
    server.post(&path, &alice, json!({"members": []})).await.ok(200);
    server.post(&path, &alice, Value::Null).await.wrong(&[("members", "MISSING")]);
    server.post(&path, &alice, json!({"members": [5]})).await.wrong(&[("members", "MALFORMED")]);
    server.post(&path, &alice, json!({"members": ["999999"]})).await.failed(404, "USER_NOT_FOUND");

    let first = server.get(&format!("{path}?limit=2"), &bob).await;
    let page = first.json["pagination"].clone();
    assert_eq!(first.ok(200).as_array().map(Vec::len), Some(2));
    assert_eq!(page["hasMore"], true);
    let after = page["nextAfter"].as_str().expect("a cursor");
    let rest = server.get(&format!("{path}?limit=2&after={after}"), &bob).await;
    assert_eq!(rest.json["pagination"]["hasMore"], false);
    assert_eq!(rest.ok(200)[0]["userId"], carol.id.as_str());
    server.get(&format!("{path}?after=x"), &bob).await.wrong(&[("after", "MALFORMED")]);
    server.get(&format!("{path}?limit=0"), &bob).await.wrong(&[("limit", "MALFORMED")]);

    let mut ids = Vec::new();
    for page in 1..=3 {
        let found = server.get(&format!("{path}?page={page}&size=1"), &bob).await;
        let want = json!({"page": page, "size": 1, "total": 3, "hasMore": page < 3});
        assert_eq!(found.json["pagination"], want);
        ids.push(found.ok(200)[0]["userId"].as_str().expect("an id").to_owned());
    }
    assert_eq!(ids, [&*alice.id, &*bob.id, &*carol.id]);
    let past = server.get(&format!("{path}?page=4&size=1"), &bob).await;
    assert_eq!(past.json["pagination"], json!({"page": 4, "size": 1, "total": 3, "hasMore": false}));
    assert_eq!(past.ok(200), json!([]));
    let sized = server.get(&format!("{path}?size=2"), &bob).await;
    assert_eq!(sized.json["pagination"]["page"], 1);
    server.get(&format!("{path}?page=0"), &bob).await.wrong(&[("page", "MALFORMED")]);
    server.get(&format!("{path}?page=1&size=0"), &bob).await.wrong(&[("size", "MALFORMED")]);
    server.get(&format!("{path}?page=1&after={}", bob.id), &bob).await.wrong(&[("page", "CONTRADICTORY")]);

    server.delete(&format!("{path}/{}", carol.id), &bob).await.failed(403, "FORBIDDEN");
    server.delete(&format!("{path}/{}", alice.id), &alice).await.failed(409, "CONFLICT");
    server.delete(&format!("{path}/{}", bob.id), &bob).await.ok(200);
    server.delete(&format!("{path}/{}", carol.id), &alice).await.ok(200);
    for nobody in [carol.id.as_str(), "999999", "x"] {
        server.delete(&format!("{path}/{nobody}"), &alice).await.failed(403, "NOT_A_MEMBER");
    }
}

#[tokio::test]
async fn roles_mutes_and_transfer() {
    let server = Server::new();
    let (alice, bob) = (server.person("alice").await, server.person("bob").await);
    let group = server.group(&alice, &[&bob]).await;
    let path = format!("/groups/{group}/members/{}", bob.id);
    assert_eq!(server.put(&path, &alice, json!({"role": "admin"})).await.ok(200)["role"], "admin");
    assert_eq!(server.put(&path, &alice, json!({"role": "member"})).await.ok(200)["role"], "member");
    server.put(&path, &bob, json!({"role": "admin"})).await.failed(403, "FORBIDDEN");
    server.put(&path, &alice, json!({"role": "king"})).await.wrong(&[("role", "UNKNOWN")]);
    server
        .put(&path, &alice, json!({"role": 5, "mutedUntil": "soon"}))
        .await
        .wrong(&[("role", "MALFORMED"), ("mutedUntil", "MALFORMED")]);

    let muted = server.put(&path, &alice, json!({"muted_until": "2026-02-01T00:00:00+08:00"})).await.ok(200);
    assert_eq!(muted["mutedUntil"], "2026-01-31T16:00:00.000Z");
    let send = json!({"conversationId": group, "content": "hi"});
    server.post("/messages", &bob, send.clone()).await.failed(403, "MUTED");
    let unmuted = server.put(&path, &alice, json!({"mutedUntil": null})).await.ok(200);
    assert!(unmuted.get("mutedUntil").is_none());
    server.post("/messages", &bob, send).await.ok(201);

    let transfer = format!("/groups/{group}/transfer");
    server.post(&transfer, &bob, json!({"userId": bob.id})).await.failed(403, "FORBIDDEN");
    server.post(&transfer, &alice, Value::Null).await.wrong(&[("userId", "MISSING")]);
    server.post(&transfer, &alice, json!({"userId": "x"})).await.failed(403, "NOT_A_MEMBER");
    assert_eq!(server.post(&transfer, &alice, json!({"user_id": bob.id})).await.ok(200)["role"], "owner");
    assert_eq!(server.get(&format!("/groups/{group}"), &alice).await.ok(200)["ownerId"], bob.id.as_str());
}
