//! Rows of the contract that need other settings than the defaults.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use tokio::io::AsyncReadExt;

use super::server::Home;
use crate::Outcome;
use crate::client::raw;
use crate::json::Json;
use crate::world::{PASSWORD, World, fresh};

cases! { "process";
    "TOKEN_EXPIRED 401 once an access token has expired; a refresh gives another" => expired_tokens_are_told_apart,
    "4500 token expired: its sockets close" => sockets_end_with_their_token,
    "RECALL_EXPIRED 409 after the time; a group's owner any time" => recalling_too_late_is_409,
    "4001 heartbeat missed: the server pings, and closes after silence" => silent_sessions_close_with_4001,
    "a client that answers pings stays" => answering_sessions_stay,
    "registrations 30 and guests 60 a minute an address" => registrations_and_guests_are_limited_by_address,
    "login failures 50 an address; successful logins are not counted" => login_failures_are_limited_by_address,
    "add members (config `admin`)" => only_admins_add_members,
    "who may write to whom is config (`friends`)" => only_friends_may_write,
    "history from before I joined is readable (config)" => history_before_joining_can_be_hidden,
    "limits are config: content, frame, page, sessions" => limits_follow_the_config,
    "allowed origins are configured" => origins_follow_the_config,
}

async fn expired_tokens_are_told_apart(_: World) -> Outcome {
    let home = Home::new()?;
    let server = home.start(&["auth.access_ttl=2s"]).await?;
    let alice = server.world.user().await?;
    alice.get("/friends").await?.ok(200)?;
    let expired = async {
        loop {
            let reply = alice.get("/friends").await?;
            if reply.status != 200 {
                return Ok::<_, anyhow::Error>(reply);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let reply = tokio::time::timeout(Duration::from_secs(10), expired).await??;
    reply.fails(401, "TOKEN_EXPIRED")?;
    let refused = server.world.dial(&format!("/ws?token={}", alice.token), &[]).await?;
    same!(refused.err(), Some(401), "401 before the upgrade");
    let body = json!({"refreshToken": alice.refresh});
    server.world.call("POST", "/auth/refresh").json(&body).send().await?.ok(200)?;
    Ok(())
}

async fn sockets_end_with_their_token(_: World) -> Outcome {
    let home = Home::new()?;
    let server = home.start(&["auth.access_ttl=2s"]).await?;
    let mut socket = server.world.user().await?.connect().await?;
    same!(socket.ends().await?.code, Some(4500), "4500 when the token has expired");
    Ok(())
}

async fn recalling_too_late_is_409(_: World) -> Outcome {
    let home = Home::new()?;
    let server = home.start(&["chat.recall_window=1s"]).await?;
    let (owner, ann, _ben, group) = server.world.group_of_three().await?;
    let path = format!("/messages/{}", ann.say(&group.conversation, "too late").await?.text("messageId")?);
    // The window is a second of the server's clock.
    tokio::time::sleep(Duration::from_millis(1300)).await;
    ann.delete(&path).await?.fails(409, "RECALL_EXPIRED")?;
    owner.delete(&path).await?.ok(200)?;
    Ok(())
}

async fn silent_sessions_close_with_4001(_: World) -> Outcome {
    let home = Home::new()?;
    let server = home.start(&["heartbeat.ping=1s", "heartbeat.dead=2s"]).await?;
    let alice = server.world.user().await?;
    let mut tcp = raw::websocket(server.world.base(), &alice.token).await?;
    let mut all = Vec::new();
    let read = tcp.read_to_end(&mut all);
    let _ended = tokio::time::timeout(Duration::from_secs(20), read).await?;
    // A ping frame has the bytes 0x89 and its length; a close frame with 4001 is 0x88, its length, 0x0f 0xa1.
    ensure!(all.windows(2).any(|w| w[0] == 0x89), "a protocol ping came in {all:02x?}");
    ensure!(
        all.windows(4).any(|w| w[0] == 0x88 && w[2..4] == 4001u16.to_be_bytes()),
        "close 4001 in {all:02x?}"
    );
    Ok(())
}

async fn answering_sessions_stay(_: World) -> Outcome {
    let home = Home::new()?;
    let server = home.start(&["heartbeat.ping=1s", "heartbeat.dead=2s"]).await?;
    let (alice, bob, chat) = server.world.two_friends().await?;
    let mut socket = alice.connect().await?;
    let later = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        bob.say(&chat, "still there").await
    };
    let (heard, said) = tokio::join!(socket.hears("still there"), later);
    said?;
    heard?;
    Ok(())
}

async fn registrations_and_guests_are_limited_by_address(_: World) -> Outcome {
    let home = Home::new()?;
    let server = home.start(&["server.trusted_proxies=127.0.0.1"]).await?;
    let t = &server.world;
    let register = async |from: &str| {
        let body = json!({"username": fresh("u_"), "password": PASSWORD});
        t.call("POST", "/auth/register").header("x-forwarded-for", from).json(&body).send().await
    };
    let guest = async |from: &str| {
        t.call("POST", "/auth/guest")
            .header("x-forwarded-for", from)
            .json(&json!({"guestName": ""}))
            .send()
            .await
    };
    for _ in 0..30 {
        register("203.0.113.7").await?.ok(201)?;
    }
    let limited = register("203.0.113.7").await?;
    limited.fails(429, "RATE_LIMITED")?;
    ensure!(
        limited.header("retry-after").parse::<u64>().is_ok_and(|s| (1..=60).contains(&s)),
        "Retry-After{}",
        limited.shown()
    );
    register("203.0.113.8").await?.ok(201)?;
    for _ in 0..60 {
        guest("203.0.113.7").await?.fine()?;
    }
    guest("203.0.113.7").await?.fails(429, "RATE_LIMITED")?;
    guest("203.0.113.8").await?.fine()?;
    Ok(())
}

async fn login_failures_are_limited_by_address(_: World) -> Outcome {
    let home = Home::new()?;
    let server = home.start(&["server.trusted_proxies=127.0.0.1"]).await?;
    let t = &server.world;
    let user = t.user().await?;
    let login = async |name: &str, password: &str| {
        let body = json!({"username": name, "password": password});
        t.call("POST", "/auth/login").header("x-forwarded-for", "203.0.113.7").json(&body).send().await
    };
    for _ in 0..100 {
        login(&user.name, PASSWORD).await?.ok(200)?;
    }
    for _ in 0..50 {
        login(&fresh("nobody_"), "wrong password").await?.fails(401, "BAD_CREDENTIALS")?;
    }
    login(&fresh("nobody_"), "wrong password").await?.fails(429, "RATE_LIMITED")?;
    Ok(())
}

async fn only_admins_add_members(_: World) -> Outcome {
    let home = Home::new()?;
    let key = setting(&home, "add_members").await?;
    let server = home.start(&[&format!("{key}=admin")]).await?;
    let (owner, admin, plain, group) = server.world.ranks().await?;
    let path = format!("/groups/{}/members", group.id);
    let new = server.world.users(3).await?;
    plain.post(&path, json!({"members": [new[0].id]})).await?.fails(403, "FORBIDDEN")?;
    admin.post(&path, json!({"members": [new[1].id]})).await?.fine()?;
    owner.post(&path, json!({"members": [new[2].id]})).await?.fine()?;
    Ok(())
}

/// The full key of a setting that the program's own example lists.
async fn setting(home: &Home, name: &str) -> Result<String> {
    let shown = home.run(&["config", "--example"], &[]).await?;
    let mut section = "";
    for line in shown.output.lines() {
        if let Some(inner) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            section = inner;
        } else if line.trim_start_matches('#').trim().starts_with(&format!("{name} =")) {
            return Ok(format!("{section}.{name}"));
        }
    }
    anyhow::bail!("no setting {name} in\n{}", shown.output)
}

async fn only_friends_may_write(_: World) -> Outcome {
    let home = Home::new()?;
    let server = home.start(&["chat.write_policy=friends"]).await?;
    let (alice, bob) = server.world.two().await?;
    let opened = alice.post("/conversations", json!({"targetUserId": bob.id})).await?;
    if opened.status.is_success() {
        let chat = opened.fine()?.text("conversationId")?.to_owned();
        let body = json!({"conversationId": chat, "content": "x", "clientMsgId": fresh("c")});
        alice.post("/messages", body).await?.fails(403, "FORBIDDEN")?;
    } else {
        opened.fails(403, "FORBIDDEN")?;
    }
    let chat = alice.befriend(&bob).await?;
    alice.say(&chat, "friends now").await?;
    Ok(())
}

async fn history_before_joining_can_be_hidden(_: World) -> Outcome {
    let home = Home::new()?;
    let server = home.start(&["chat.history_before_join=false"]).await?;
    let (owner, ann) = server.world.two().await?;
    let group = owner.group(&[]).await?;
    let before = owner.say(&group.conversation, "before").await?;
    owner.post(&format!("/groups/{}/members", group.id), json!({"members": [ann.id]})).await?.fine()?;
    owner.say(&group.conversation, "after").await?;
    same!(ann.contents(&group.conversation).await?, vec!["after"], "what came after the joining");
    let reply = ann.get(&format!("/conversations/{}/messages?page=1&size=10", group.conversation)).await?;
    same!(reply.json.int("pagination.total")?, 1, "total counts what I may read");
    let path = format!("/messages/{}", before.text("messageId")?);
    ann.get(&path).await?.fails(404, "MESSAGE_NOT_FOUND")?;
    same!(owner.contents(&group.conversation).await?, vec!["before", "after"], "the owner's history");
    Ok(())
}

async fn limits_follow_the_config(_: World) -> Outcome {
    let home = Home::new()?;
    let settings = [
        "chat.content=10",
        "limits.frame=1KiB",
        "chat.page=5",
        "chat.page_default=5",
        "chat.search_default=5",
        "limits.sessions_per_user=2",
        "limits.body=2KiB",
    ];
    let server = home.start(&settings).await?;
    let (alice, bob, chat) = server.world.two_friends().await?;
    let long = json!({"conversationId": chat, "content": "12345678901"});
    alice.post("/messages", long).await?.invalid("content")?;
    alice.say_many(&chat, "m", 7).await?;
    same!(bob.history(&chat).await?.len(), 5, "a page");
    let call =
        alice.call("POST", "/groups").header("content-type", "application/json").bytes("x".repeat(3000));
    call.send().await?.fails(413, "TOO_LARGE")?;
    let (mut one, _two) = (alice.connect().await?, alice.connect().await?);
    let _three = alice.connect().await?;
    same!(one.ends().await?.code, Some(4501), "the oldest of three");
    let mut b = bob.connect().await?;
    b.put_text(&"x".repeat(1025)).await?;
    same!(b.ends().await?.code, Some(1009), "a frame over 1 KiB");
    Ok(())
}

async fn origins_follow_the_config(_: World) -> Outcome {
    let home = Home::new()?;
    let server = home.start(&["server.allowed_origins=https://chat.example.com"]).await?;
    let ask = async |origin: &str| server.world.call("GET", "/friends").header("origin", origin).send().await;
    let reply = ask("https://chat.example.com").await?;
    same!(reply.header("access-control-allow-origin"), "https://chat.example.com", "the configured origin");
    let reply = ask("http://localhost:5173").await?;
    same!(reply.header("access-control-allow-origin"), "", "localhost is no longer allowed");
    Ok(())
}
