//! What holds for every call: envelope, ids, times, language, bad input, limits of size.

use anyhow::ensure;
use serde_json::{Value, json};

use crate::Outcome;
use crate::json::Json;
use crate::shape;
use crate::world::{PASSWORD, World, fresh};

cases! { "common";
    "GET /healthz answers while the server is well" => health_is_answered,
    "success is {success:true,message,data}; failure {success:false,message,code,traceId}" => envelopes_have_their_fields,
    "each failure has a traceId of its own" => trace_ids_differ,
    "ids are strings; times are RFC 3339 UTC with milliseconds" => ids_are_strings_and_times_have_milliseconds,
    "one user has the same id string everywhere" => one_user_has_one_id_everywhere,
    "message is in the language of Accept-Language: zh when absent, else en" => language_follows_the_header,
    "zh where Accept-Language is absent or begins with it, else en" => language_of_any_tag_and_of_success,
    "401 for a missing, invalid or expired token" => calls_without_a_good_token_are_401,
    "Authorization: Bearer <token>" => other_schemes_of_authorization_are_401,
    "unknown path 404 NOT_FOUND" => unknown_paths_are_not_found,
    "wrong method 405 METHOD_NOT_ALLOWED" => wrong_methods_are_not_allowed,
    "bad JSON BAD_REQUEST" => bad_json_is_bad_request,
    "a wrong field: VALIDATION with fields" => wrong_types_are_validation,
    "another content type 415 UNSUPPORTED_MEDIA_TYPE" => other_content_types_are_415,
    "POST and PUT without a body or content type are fine where none is needed" => calls_without_a_body_are_fine,
    "a body missing where one is needed is a 400" => missing_bodies_are_400,
    "unknown fields are ignored" => unknown_fields_are_ignored,
    "unknown enum values are a 400" => unknown_enum_values_are_400,
    "a snake_case alias (client_msg_id) is accepted in a body" => snake_case_aliases_in_bodies,
    "a snake_case alias (seq_id) is accepted" => snake_case_aliases_of_seq,
}

async fn health_is_answered(t: World) -> Outcome {
    let reply = t.http.outside("GET", "/healthz").send().await?;
    ensure!(reply.status == 200, "200 expected{}", reply.shown());
    Ok(())
}

async fn envelopes_have_their_fields(t: World) -> Outcome {
    let alice = t.user().await?;
    alice.get("/friends").await?.ok(200)?;
    alice.get("/groups/1").await?.fails(404, "GROUP_NOT_FOUND")?;
    let reply = alice.get("/friends").await?;
    ensure!(
        reply.header("content-type").starts_with("application/json"),
        "JSON is application/json{}",
        reply.shown()
    );
    Ok(())
}

async fn trace_ids_differ(t: World) -> Outcome {
    let first = t.call("GET", "/friends").send().await?;
    let second = t.call("GET", "/friends").send().await?;
    let (first, second) = (first.fails(401, "UNAUTHENTICATED")?, second.fails(401, "UNAUTHENTICATED")?);
    ensure!(first.text("traceId")? != second.text("traceId")?, "two failures share a traceId");
    Ok(())
}

async fn ids_are_strings_and_times_have_milliseconds(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let message = alice.say(&chat, "hello").await?;
    shape::message(&message)?;
    shape::user(alice.get("/user/info").await?.ok(200)?)?;
    shape::conversation(&bob.conversation(&chat).await?)?;
    let group = alice.group(&[&bob]).await?;
    shape::group(alice.get(&format!("/groups/{}", group.id)).await?.ok(200)?)?;
    shape::conversation(&bob.conversation(&group.conversation).await?)
}

async fn one_user_has_one_id_everywhere(t: World) -> Outcome {
    let name = fresh("u_");
    let id = t.register(&name).await?.text("userId")?.to_owned();
    let (bob, alice) = (t.user().await?, t.login(&name, PASSWORD).await?);
    let chat = bob.befriend(&alice).await?;
    let group = bob.group(&[&alice]).await?;
    let message = alice.say(&chat, "me").await?;
    let mut socket = alice.connect().await?;
    let places: Vec<(&str, String)> = vec![
        ("login", alice.id.clone()),
        ("/user/info", alice.get("/user/info").await?.ok(200)?.text("userId")?.to_owned()),
        ("/users/{name}", bob.get(&format!("/users/{name}")).await?.ok(200)?.text("userId")?.to_owned()),
        ("/friends", bob.get("/friends").await?.ok(200)?.text("0.userId")?.to_owned()),
        ("target", bob.conversation(&chat).await?.text("target.userId")?.to_owned()),
        ("senderId", message.text("senderId")?.to_owned()),
        ("connected", socket.hello.text("userId")?.to_owned()),
    ];
    for (place, seen) in places {
        same!(seen, id, "the same id in {place} as at registration");
    }
    bob.get(&format!("/groups/{}", group.id)).await?.ok(200)?.at("members")?.find("userId", &id)?;
    bob.get("/users/status/online").await?.ok(200)?.flag(&id)?;
    bob.say(&chat, "you").await?;
    same!(socket.hears("you").await?.text("data.message.senderId")?, bob.id, "senderId in new-message");
    Ok(())
}

fn chinese(text: &str) -> bool {
    text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))
}

async fn language_follows_the_header(t: World) -> Outcome {
    for (header, zh) in
        [(None, true), (Some("zh-CN,zh;q=0.9"), true), (Some("en-US"), false), (Some("fr"), false)]
    {
        let mut call = t.call("GET", "/friends");
        if let Some(value) = header {
            call = call.header("accept-language", value);
        }
        let reply = call.send().await?;
        let message = reply.fails(401, "UNAUTHENTICATED")?.text("message")?;
        same!(
            chinese(message),
            zh,
            "Accept-Language {header:?} gives {}{}",
            if zh { "zh" } else { "en" },
            reply.shown()
        );
    }
    Ok(())
}

async fn language_of_any_tag_and_of_success(t: World) -> Outcome {
    let body = json!({"username": fresh("nobody_"), "password": "whatever"});
    for (header, zh) in [("zh", true), ("zh-TW", true), ("en", false), ("ja,zh;q=0.5", false)] {
        let call = t.call("POST", "/auth/login").json(&body).header("accept-language", header);
        let reply = call.send().await?;
        let message = reply.fails(401, "BAD_CREDENTIALS")?.text("message")?;
        same!(chinese(message), zh, "the language for {header}{}", reply.shown());
    }
    Ok(())
}

async fn calls_without_a_good_token_are_401(t: World) -> Outcome {
    let calls = [
        ("GET", "/user/info"),
        ("GET", "/users/info"),
        ("GET", "/users/profile"),
        ("PUT", "/users/profile"),
        ("GET", "/users/someone"),
        ("GET", "/users/search?q=a"),
        ("GET", "/users/status/online"),
        ("GET", "/friends"),
        ("POST", "/friends"),
        ("GET", "/conversations"),
        ("POST", "/conversations"),
        ("GET", "/conversations/world"),
        ("GET", "/conversations/world/messages"),
        ("GET", "/sync"),
        ("PUT", "/conversations/world/read"),
        ("DELETE", "/conversations/1"),
        ("POST", "/groups"),
        ("GET", "/groups/1"),
        ("PUT", "/groups/1"),
        ("DELETE", "/groups/1"),
        ("GET", "/groups/1/members"),
        ("POST", "/messages"),
        ("GET", "/messages/1"),
        ("DELETE", "/messages/1"),
        ("PUT", "/messages/1/read"),
    ];
    for (method, path) in calls {
        t.call(method, path).send().await?.fails(401, "UNAUTHENTICATED")?;
        t.call(method, path).token("not.a.token").send().await?.fails(401, "UNAUTHENTICATED")?;
    }
    Ok(())
}

async fn other_schemes_of_authorization_are_401(t: World) -> Outcome {
    let alice = t.user().await?;
    let mut forged = alice.token.clone();
    let last = if forged.ends_with('A') { 'B' } else { 'A' };
    forged.pop();
    forged.pop();
    forged.push(last);
    forged.push(last);
    for value in [
        "Basic YTpi".to_owned(),
        alice.token.clone(),
        "Bearer".into(),
        "Bearer ".into(),
        format!("Bearer {forged}"),
    ] {
        let reply = t.call("GET", "/friends").header("authorization", &value).send().await?;
        reply.fails(401, "UNAUTHENTICATED")?;
    }
    alice.get("/friends").await?.ok(200)?;
    Ok(())
}

async fn unknown_paths_are_not_found(t: World) -> Outcome {
    let alice = t.user().await?;
    for path in ["/nothing", "/users/info/more/and/more", "/auth/nothing", "/conversations/world/nothing"] {
        alice.get(path).await?.fails(404, "NOT_FOUND")?;
    }
    Ok(())
}

async fn wrong_methods_are_not_allowed(t: World) -> Outcome {
    let alice = t.user().await?;
    let wrong = [
        ("PATCH", "/friends"),
        ("DELETE", "/conversations"),
        ("GET", "/auth/login"),
        ("PUT", "/messages"),
        ("POST", "/sync"),
    ];
    for (method, path) in wrong {
        alice.call(method, path).send().await?.fails(405, "METHOD_NOT_ALLOWED")?;
    }
    Ok(())
}

async fn bad_json_is_bad_request(t: World) -> Outcome {
    let alice = t.user().await?;
    for body in ["{", "", "nonsense", "{\"friendId\":}", "{\"a\":1}{}", "\u{0}", "[1,2"] {
        let call = alice.call("POST", "/friends").header("content-type", "application/json");
        let reply = call.bytes(body).send().await?;
        if body.is_empty() {
            ensure!(reply.status == 400, "an empty body where one is needed is a 400{}", reply.shown());
        } else {
            reply.fails(400, "BAD_REQUEST")?;
        }
    }
    let call = alice.call("POST", "/friends").header("content-type", "application/json");
    call.bytes(&b"{\"friendId\":\"\xff\xfe\"}"[..]).send().await?.fails(400, "BAD_REQUEST")?;
    Ok(())
}

async fn wrong_types_are_validation(t: World) -> Outcome {
    let alice = t.user().await?;
    let wrong: [(&str, Value, &str); 8] = [
        ("/friends", json!({"friendId": {"a": 1}}), "friendId"),
        ("/friends", json!({"friendId": "not-a-number-x"}), "friendId"),
        ("/friends", json!({}), "friendId"),
        ("/conversations", json!({"targetUserId": true}), "targetUserId"),
        ("/groups", json!({"groupName": ["x"], "members": []}), "groupName"),
        ("/groups", json!({"groupName": "x", "members": "y"}), "members"),
        ("/messages", json!({"conversationId": "world", "content": 5}), "content"),
        ("/messages", json!({"content": "x"}), "conversationId"),
    ];
    for (path, body, field) in wrong {
        let reply = alice.post(path, body).await?;
        // An id that no user can have may just as well be an unknown user.
        if reply.status == 404 {
            reply.fails(404, "USER_NOT_FOUND")?;
        } else {
            reply.invalid(field)?;
        }
    }
    for body in ["[]", "5", "null", "\"text\""] {
        let call = alice.call("POST", "/friends").header("content-type", "application/json");
        let reply = call.bytes(body).send().await?;
        ensure!(reply.status == 400, "a body that isn't an object is a 400{}", reply.shown());
    }
    Ok(())
}

async fn other_content_types_are_415(t: World) -> Outcome {
    let alice = t.user().await?;
    for kind in ["text/plain", "application/xml", "application/x-www-form-urlencoded"] {
        let call = alice.call("POST", "/friends").header("content-type", kind).bytes("{\"friendId\":\"1\"}");
        call.send().await?.fails(415, "UNSUPPORTED_MEDIA_TYPE")?;
    }
    let call = alice.call("POST", "/groups").header("content-type", "application/json; charset=utf-8");
    call.bytes("{\"groupName\":\"x\",\"members\":[]}").send().await?.ok(201)?;
    Ok(())
}

async fn calls_without_a_body_are_fine(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let message = bob.say(&chat, "read me").await?;
    alice.call("PUT", &format!("/messages/{}/read", message.text("messageId")?)).send().await?.ok(200)?;
    alice.call("PUT", &format!("/conversations/{chat}/read")).send().await?.ok(200)?;
    alice.call("PUT", "/conversations/world/read").send().await?.ok(200)?;
    let json =
        alice.call("PUT", &format!("/conversations/{chat}/read")).header("content-type", "application/json");
    json.send().await?.ok(200)?;
    alice.call("POST", "/auth/logout").send().await?.ok(200)?;
    Ok(())
}

async fn missing_bodies_are_400(t: World) -> Outcome {
    let alice = t.user().await?;
    for (method, path) in
        [("POST", "/friends"), ("POST", "/conversations"), ("POST", "/groups"), ("POST", "/messages")]
    {
        let reply = alice.call(method, path).send().await?;
        ensure!(reply.status == 400, "a missing body is a 400{}", reply.shown());
    }
    for path in ["/auth/register", "/auth/login", "/auth/refresh"] {
        let reply = t.call("POST", path).send().await?;
        ensure!(reply.status == 400, "a missing body is a 400{}", reply.shown());
    }
    Ok(())
}

async fn unknown_fields_are_ignored(t: World) -> Outcome {
    let alice = t.user().await?;
    let body = json!({"groupName": "g", "members": [], "colour": "red", "nested": {"a": [1]}});
    alice.post("/groups", body).await?.ok(201)?;
    alice.get("/friends?whatever=1").await?.ok(200)?;
    Ok(())
}

async fn unknown_enum_values_are_400(t: World) -> Outcome {
    let (owner, ann, _ben, group) = t.group_of_three().await?;
    for kind in [json!("hologram"), json!(0), json!(8), json!(-1), json!("TEXT ")] {
        let body = json!({"conversationId": group.conversation, "content": "x", "messageType": kind});
        owner.post("/messages", body).await?.invalid("messageType")?;
    }
    let path = format!("/groups/{}/members/{}", group.id, ann.id);
    owner.put(&path, json!({"role": "emperor"})).await?.invalid("role")
}

async fn snake_case_aliases_in_bodies(t: World) -> Outcome {
    let (alice, _bob, chat) = t.two_friends().await?;
    let id = fresh("c");
    let body = json!({"conversation_id": chat, "content": "x", "message_type": 1, "client_msg_id": id});
    let sent = alice.post("/messages", body).await?;
    same!(sent.ok(201)?.text("clientMsgId")?, id, "client_msg_id to be taken as clientMsgId");
    let body = json!({"conversationId": chat, "content": "x", "messageType": "text", "clientMsgId": id});
    let again = alice.post("/messages", body).await?;
    same!(
        again.ok(200)?.text("messageId")?,
        sent.json.text("data.messageId")?,
        "both spellings to be one id"
    );
    Ok(())
}

async fn snake_case_aliases_of_seq(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    alice.say_many(&chat, "m", 3).await?;
    bob.put(&format!("/conversations/{chat}/read"), json!({"seq_id": 2})).await?.ok(200)?;
    same!(bob.unread(&chat).await?, 1, "unread after reading up to seq_id 2 of 3");
    Ok(())
}
