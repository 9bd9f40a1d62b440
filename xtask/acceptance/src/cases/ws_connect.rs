//! Opening and ending WebSocket sessions.

use anyhow::ensure;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::Outcome;
use crate::json::Json;
use crate::shape;
use crate::world::World;

cases! { "ws_connect";
    "connected {userId, sessionId, serverTime, heartbeatMs} is the first frame" => connected_is_the_first_frame,
    "each session has an id of its own" => sessions_have_ids_of_their_own,
    "GET /ws?token=, Authorization, or the subprotocol pair gochat.v1, bearer.<token>" => a_token_comes_three_ways,
    "a bad token is HTTP 401 before the upgrade" => a_bad_token_is_401_before_the_upgrade,
    "a token in an Authorization header that is bad is 401" => a_bad_header_is_401,
    "GET /ws without an upgrade is an HTTP error, not a hang" => a_plain_get_is_refused,
    "the closing handshake is answered" => the_close_is_answered,
    "sessions end when their client is gone; the server stays well" => vanished_clients_are_forgotten,
    "what a session missed is not pushed again on reconnecting" => missed_messages_are_not_pushed_again,
    "4501 replaced: over the sessions-per-user limit (50) the oldest goes" => the_oldest_session_is_replaced,
    "a protocol ping is answered" => protocol_pings_are_answered,
    "ping: pong with the request's id" => pings_are_answered,
    "a session works without Origin, and with the page's own" => any_allowed_origin_connects,
}

async fn connected_is_the_first_frame(t: World) -> Outcome {
    let alice = t.user().await?;
    let socket = alice.connect().await?;
    same!(socket.hello.text("userId")?, alice.id, "userId");
    shape::id(&socket.hello, "sessionId")?;
    shape::time(&socket.hello, "serverTime")?;
    ensure!(socket.hello.int("heartbeatMs")? > 0, "heartbeatMs in {}", socket.hello);
    Ok(())
}

async fn sessions_have_ids_of_their_own(t: World) -> Outcome {
    let alice = t.user().await?;
    let (one, two) = (alice.connect().await?, alice.connect().await?);
    ensure!(one.session()? != two.session()?, "two sessions share the id {}", one.session()?);
    Ok(())
}

async fn a_token_comes_three_ways(t: World) -> Outcome {
    let alice = t.user().await?;
    alice.connect().await?.settle().await?;
    let bearer = format!("Bearer {}", alice.token);
    let by_header = t.dial("/ws", &[("authorization", &bearer)]).await?;
    by_header
        .map_err(|s| anyhow::anyhow!("Authorization is refused with {s}"))?
        .greeted()
        .await?
        .settle()
        .await?;
    let pair = format!("gochat.v1, bearer.{}", alice.token);
    let by_protocol = t.dial("/ws", &[("sec-websocket-protocol", &pair)]).await?;
    by_protocol
        .map_err(|s| anyhow::anyhow!("the subprotocol pair is refused with {s}"))?
        .greeted()
        .await?
        .settle()
        .await
}

async fn a_bad_token_is_401_before_the_upgrade(t: World) -> Outcome {
    for path in ["/ws?token=nonsense", "/ws?token=", "/ws", "/ws?other=1", "/ws?token=a.b.c"] {
        same!(t.dial(path, &[]).await?.err(), Some(401), "401 for {path}");
    }
    let reply = t
        .http
        .outside("GET", "/ws?token=nonsense")
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .send()
        .await?;
    reply.fails(401, "UNAUTHENTICATED")?;
    Ok(())
}

async fn a_bad_header_is_401(t: World) -> Outcome {
    same!(
        t.dial("/ws", &[("authorization", "Bearer nonsense")]).await?.err(),
        Some(401),
        "401 for the header"
    );
    let pair = "gochat.v1, bearer.nonsense";
    same!(
        t.dial("/ws", &[("sec-websocket-protocol", pair)]).await?.err(),
        Some(401),
        "401 for the subprotocol"
    );
    same!(
        t.dial("/ws", &[("sec-websocket-protocol", "gochat.v1")]).await?.err(),
        Some(401),
        "401 for no token"
    );
    Ok(())
}

async fn a_plain_get_is_refused(t: World) -> Outcome {
    let alice = t.user().await?;
    let reply = t.http.outside("GET", &format!("/ws?token={}", alice.token)).send().await?;
    ensure!(reply.status.is_client_error(), "a plain GET of /ws is a client error{}", reply.shown());
    Ok(())
}

async fn the_close_is_answered(t: World) -> Outcome {
    let alice = t.user().await?;
    alice.connect().await?.close().await?;
    let mut socket = alice.connect().await?;
    socket.put(Message::Close(Some(CloseFrame { code: 1000.into(), reason: "bye".into() }))).await?;
    same!(socket.ends().await?.code, Some(1000), "the close to be answered with its code");
    Ok(())
}

async fn vanished_clients_are_forgotten(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    for _ in 0..10 {
        drop(bob.connect().await?);
    }
    let mut b = bob.connect().await?;
    alice.connect().await?.say(&chat, "to the one that is left").await?;
    b.hears("to the one that is left").await?;
    Ok(())
}

async fn missed_messages_are_not_pushed_again(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    bob.connect().await?.close().await?;
    alice.say_many(&chat, "missed", 3).await?;
    let mut b = bob.connect().await?;
    alice.say(&chat, "live").await?;
    b.hears("live").await?;
    same!(b.heard(&chat).len(), 1, "the live one alone, each push counts as unread");
    Ok(())
}

async fn the_oldest_session_is_replaced(t: World) -> Outcome {
    let alice = t.user().await?;
    let mut sockets = Vec::new();
    for _ in 0..50 {
        sockets.push(alice.connect().await?);
    }
    for socket in &mut sockets {
        socket.settle().await?;
    }
    let mut newest = alice.connect().await?;
    same!(sockets[0].ends().await?.code, Some(4501), "the oldest of 51 to be replaced");
    sockets[1].settle().await?;
    newest.settle().await
}

async fn protocol_pings_are_answered(t: World) -> Outcome {
    let alice = t.user().await?;
    let mut socket = alice.connect().await?;
    for payload in [&b""[..], b"hello", &[7u8; 125]] {
        socket.put(Message::Ping(payload.to_vec().into())).await?;
    }
    socket.settle().await?;
    ensure!(
        socket.pongs.contains(&vec![7u8; 125]),
        "a pong with the latest ping's payload, seen {:?}",
        socket.pongs
    );
    Ok(())
}

async fn pings_are_answered(t: World) -> Outcome {
    let alice = t.user().await?;
    let mut socket = alice.connect().await?;
    socket.put_text(r#"{"type":"ping"}"#).await?;
    socket.expect("pong", |_| true).await?;
    socket.put_text(r#"{"type":"ping","data":{},"id":"abc"}"#).await?;
    same!(socket.answer("pong", "abc").await?.text("id")?, "abc", "the request's id");
    socket.put_text(r#"{"type":"ping","data":null,"id":7}"#).await?;
    let pong = socket.expect("pong", |_| true).await?;
    same!(*pong.at("id")?, json!(7), "a request's id comes back as it came");
    Ok(())
}

async fn any_allowed_origin_connects(t: World) -> Outcome {
    let alice = t.user().await?;
    let path = format!("/ws?token={}", alice.token);
    let dialled = t.dial(&path, &[("origin", "http://localhost:5173")]).await?;
    dialled
        .map_err(|s| anyhow::anyhow!("the dev server's origin is refused with {s}"))?
        .greeted()
        .await?
        .settle()
        .await
}
