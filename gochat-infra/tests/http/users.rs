//! `/users`.

use serde_json::{Value, json};

use crate::kit::Server;

#[tokio::test]
async fn my_own_profile_under_all_its_paths() {
    let server = Server::new();
    let alice = server.person("alice").await;
    for path in ["/user/info", "/users/info", "/users/profile"] {
        assert_eq!(server.get(path, &alice).await.ok(200)["userId"], alice.id.as_str(), "{path}");
    }
}

#[tokio::test]
async fn names_in_any_script_and_case() {
    let server = Server::new();
    let alice = server.person("alice").await;
    let zhang = server.person("张三丰").await;
    for (path, want) in [
        ("/users/ALICE", &alice.id),
        ("/users/%E5%BC%A0%E4%B8%89%E4%B8%B0", &zhang.id),
        ("/users/%EF%BC%A1lice", &alice.id),
    ] {
        assert_eq!(server.get(path, &alice).await.ok(200)["userId"], want.as_str(), "{path}");
    }
    for nobody in ["/users/nobody", "/users/%20", "/users/%FF", "/users/status", "/users/a%2Fb"] {
        server.get(nobody, &alice).await.failed(404, "USER_NOT_FOUND");
    }
}

#[tokio::test]
async fn searching() {
    let server = Server::new();
    let alice = server.person("alice").await;
    let ali = server.person("ali-baba").await;
    server.person("bob").await;
    let found = |data: Value| {
        let list = data.as_array().expect("an array").clone();
        list.iter().map(|u| u["userId"].as_str().expect("an id").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(found(server.get("/users/search?q=AL", &alice).await.ok(200)), std::slice::from_ref(&ali.id));
    assert_eq!(found(server.get("/users/search?q=%25", &alice).await.ok(200)), [""; 0]);
    server.get("/users/search?q=", &alice).await.wrong(&[("q", "MISSING")]);
    server.get("/users/search", &alice).await.wrong(&[("q", "MISSING")]);
    for limit in ["0", "-1", "x", ""] {
        server
            .get(&format!("/users/search?q=a&limit={limit}"), &alice)
            .await
            .wrong(&[("limit", "MALFORMED")]);
    }
    server.get("/users/search?q=a&limit=99999999999", &alice).await.ok(200);
}

#[tokio::test]
async fn changing_the_profile() {
    let server = Server::new();
    let alice = server.person("alice").await;
    let changed =
        server.put("/users/profile", &alice, json!({"nickname": "Al", "avatar": "/b.png"})).await.ok(200);
    assert_eq!((&changed["nickname"], &changed["avatar"]), (&json!("Al"), &json!("/b.png")));
    let cleared = server.put("/users/profile", &alice, json!({"nickname": ""})).await.ok(200);
    assert_eq!(cleared["nickname"], "alice");
    assert_eq!(cleared["avatar"], "/b.png");
    let same = server.put("/users/profile", &alice, Value::Null).await.ok(200);
    assert_eq!(same, cleared);
}

#[tokio::test]
async fn changing_the_password() {
    let server = Server::new();
    let alice = server.person("alice").await;
    let form = json!({"username": "alice", "password": "secret1"});
    let other = server.call("POST", "/auth/login", "", form).await.ok(200);
    let put = |password: Value| server.put("/users/profile", &alice, json!({"password": password}));
    put(json!({"old": "wrong-1", "new": "secret2"})).await.wrong(&[("password", "WRONG_PASSWORD")]);
    put(json!({"old": "secret1"})).await.wrong(&[("password", "MISSING")]);
    put(json!("secret2")).await.wrong(&[("password", "MALFORMED")]);
    put(json!({"old": "secret1", "new": "x"})).await.failed(400, "VALIDATION");
    put(json!({"old": "secret1", "new": "secret2"})).await.ok(200);
    let token = other["token"].as_str().expect("a token");
    server.call("GET", "/user/info", token, Value::Null).await.failed(401, "UNAUTHENTICATED");
    server.get("/user/info", &alice).await.ok(200);
}

#[tokio::test]
async fn a_profile_of_the_wrong_types() {
    let server = Server::new();
    let alice = server.person("alice").await;
    let body = json!({"nickname": 5, "avatar": {}, "password": 7});
    server.put("/users/profile", &alice, body).await.wrong(&[
        ("nickname", "MALFORMED"),
        ("avatar", "MALFORMED"),
        ("password", "MALFORMED"),
    ]);
}
