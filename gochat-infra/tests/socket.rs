//! Real WebSocket clients against the gateway over an embedded chat.
#![cfg(all(feature = "embedded", feature = "web"))]

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use futures_util::{SinkExt, StreamExt};
use gochat_infra::embedded::{Client, GoChat};
use gochat_infra::hub::Limits;
use gochat_infra::web::rate::SendRate;
use gochat_infra::web::server::{ServerConfig, serve};
use gochat_infra::web::ws::{Gateway, GatewayParts, WsConfig, upgrade};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

struct Server {
    chat: GoChat,
    address: String,
    _folder: TempDir,
}

impl Server {
    async fn start(config: WsConfig, limits: Limits) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let chat =
            GoChat::builder(folder.path()).bcrypt_cost(4).queue_limits(limits).build().await.expect("a chat");
        let gateway = Gateway::start(GatewayParts {
            services: chat.services().clone(),
            upstream: Arc::new(chat.upstream().clone()),
            hub: chat.hub().clone(),
            supervisor: chat.supervisor().clone(),
            ids: Arc::clone(&chat.ports().ids),
            clock: Arc::clone(&chat.ports().clock),
            settings: Arc::clone(chat.settings()),
            send_rate: SendRate::new(0, 0),
            config,
            log: chat.log().clone(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let app = Router::new().route("/ws", get(upgrade)).with_state(gateway);
        serve(listener, app, ServerConfig::default(), chat.supervisor(), chat.log());
        Self { chat, address, _folder: folder }
    }

    async fn user(&self, name: &str) -> Client {
        self.chat.user(name, name).await.expect("a user")
    }

    /// Connects and reads the greeting.
    async fn connect(&self, client: &Client) -> Socket {
        let url = format!("ws://{}/ws?token={}", self.address, client.grant().access_token);
        let (mut socket, _) = connect_async(url).await.expect("a socket");
        assert_eq!(next(&mut socket).await["type"], "connected");
        socket
    }
}

async fn message(socket: &mut Socket) -> Message {
    let message = timeout(Duration::from_secs(10), socket.next()).await.expect("in time");
    message.expect("open").expect("a message")
}

async fn next(socket: &mut Socket) -> Value {
    loop {
        match message(socket).await {
            Message::Text(text) => return serde_json::from_str(&text).expect("JSON"),
            Message::Ping(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

async fn next_of(socket: &mut Socket, kind: &str) -> Value {
    loop {
        let frame = next(socket).await;
        if frame["type"] == kind {
            return frame;
        }
    }
}

async fn close_code(socket: &mut Socket) -> u16 {
    loop {
        if let Message::Close(frame) = message(socket).await {
            return frame.map_or(1005, |f| u16::from(f.code));
        }
    }
}

async fn send(socket: &mut Socket, frame: Value) {
    socket.send(Message::text(frame.to_string())).await.expect("sent");
}

fn text(conversation: impl ToString, id: &str, content: &str) -> Value {
    json!({"type": "send-message", "id": 7, "data": {
        "conversationId": conversation.to_string(), "content": content, "messageType": "text", "tempMessageId": id,
    }})
}

#[tokio::test]
async fn a_message_goes_to_the_others_and_its_receipt_back() {
    let server = Server::start(WsConfig::default(), Limits::default()).await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let room = alice.open_chat(bob.id()).await.expect("a room");
    let mut a = server.connect(&alice).await;
    let mut a2 = server.connect(&alice).await;
    let mut b = server.connect(&bob).await;

    send(&mut a, text(room, "t1", "hé 😀")).await;
    let ack = next_of(&mut a, "message-ack").await;
    assert_eq!(ack["id"], 7);
    assert_eq!((&ack["data"]["status"], &ack["data"]["seq"]), (&json!("stored"), &json!(1)));
    let update = next(&mut a).await;
    assert_eq!(
        (&update["type"], &update["data"]["type"]),
        (&json!("conversation-update"), &json!("conversation-update"))
    );
    for other in [&mut a2, &mut b] {
        let new = next_of(other, "new-message").await;
        assert_eq!(new["data"]["message"]["content"], "hé 😀");
        assert_eq!(new["data"]["message"]["messageId"], ack["data"]["messageId"]);
    }

    send(&mut a, text(room, "t1", "again")).await;
    let again = next_of(&mut a, "message-ack").await;
    assert_eq!(again["data"]["messageId"], ack["data"]["messageId"]);
    send(&mut a, json!({"type": "ping"})).await;
    assert_eq!(next_of(&mut a, "pong").await["type"], "pong");
    server.chat.shutdown().await;
}

#[tokio::test]
async fn a_slow_reader_is_cut_off_and_nobody_waits_for_it() {
    let limits = Limits { queue_bytes: 64 * 1024, ..Limits::default() };
    // Time enough to read what is in the kernel's buffers, on however busy a machine.
    let config = WsConfig { close_timeout: Duration::from_secs(120), ..WsConfig::default() };
    let server = Server::start(config, limits).await;
    let (alice, slow, quick) =
        (server.user("alice").await, server.user("slow").await, server.user("quick").await);
    let room = alice.create_group("g", &[slow.id(), quick.id()]).await.expect("a group");
    let mut lazy = server.connect(&slow).await;
    let mut eager = server.connect(&quick).await;

    // Far more than both sockets' kernel buffers and the queue hold; the slow one reads nothing meanwhile.
    let content = "x".repeat(5_000);
    let given_up = || {
        let mut any = false;
        server.chat.hub().for_each(|session| any |= session.closing().is_some());
        any
    };
    let mut sent = 0;
    while !given_up() {
        alice.send(room, &content).await.expect("stored");
        sent += 1;
        let got = next_of(&mut eager, "new-message").await;
        assert_eq!(got["data"]["message"]["seq"], sent);
    }
    // It reads at last: what was in the kernel, then the reason.
    assert_eq!(close_code(&mut lazy).await, 4000);
    server.chat.shutdown().await;
}

#[tokio::test]
async fn of_a_large_group_those_who_are_here_hear_once_and_strangers_nothing() {
    let server = Server::start(WsConfig::default(), Limits::default()).await;
    let alice = server.user("alice").await;
    let mut members = Vec::new();
    for n in 0..1_200 {
        members.push(server.user(&format!("member{n}")).await);
    }
    let stranger = server.user("stranger").await;
    let ids: Vec<_> = members.iter().map(Client::id).collect();
    let group = alice.create_group("large", &ids).await.expect("a group");
    let mut here = Vec::new();
    for member in [&members[0], &members[999], &members[1_000], &members[1_199]] {
        here.push(server.connect(member).await);
    }
    let mut outside = server.connect(&stranger).await;
    for text in ["one", "two"] {
        alice.send(group, text).await.expect("stored");
    }
    for socket in &mut here {
        // All of it was handed on before the last send was answered, so a double would come before this.
        send(socket, json!({"type": "ping"})).await;
        let mut heard = Vec::new();
        loop {
            let frame = next(socket).await;
            match frame["type"].as_str() {
                Some("new-message") => heard.push(frame["data"]["message"]["content"].clone()),
                Some("pong") => break,
                _ => {}
            }
        }
        assert_eq!(heard, ["one", "two"]);
    }
    // What was meant for somebody else would have come before this.
    send(&mut outside, json!({"type": "ping"})).await;
    assert_eq!(next(&mut outside).await["type"], "pong");
    server.chat.shutdown().await;
}

#[tokio::test]
async fn limits_and_nonsense() {
    let server = Server::start(WsConfig::default(), Limits::default()).await;
    let alice = server.user("alice").await;
    let mut a = server.connect(&alice).await;
    for _ in 0..9 {
        send(&mut a, json!(["nonsense"])).await;
        assert_eq!(next(&mut a).await["data"]["code"], "BAD_REQUEST");
    }
    send(&mut a, json!({"type": "ping", "id": "p"})).await;
    assert_eq!(next(&mut a).await, json!({"type": "pong", "id": "p", "data": {}}));
    for _ in 0..10 {
        a.send(Message::binary(vec![1, 2, 3])).await.expect("sent");
    }
    assert_eq!(close_code(&mut a).await, 4502);

    let mut a = server.connect(&alice).await;
    a.send(Message::text("x".repeat(65_536))).await.expect("sent");
    assert_eq!(next(&mut a).await["data"]["code"], "BAD_REQUEST");
    a.send(Message::text("x".repeat(65_537))).await.expect("sent");
    assert_eq!(close_code(&mut a).await, u16::from(CloseCode::Size));
    server.chat.shutdown().await;
}

#[tokio::test]
async fn silence_is_pinged_and_then_ended() {
    let config = WsConfig {
        ping_after: Duration::from_millis(120),
        dead_after: Duration::from_millis(400),
        ..WsConfig::default()
    };
    let server = Server::start(config, Limits::default()).await;
    let alice = server.user("alice").await;
    let mut lively = server.connect(&alice).await;
    // A client that reads answers pings by itself; one that does not read shows no life.
    let silent = server.connect(&alice).await;
    let hub = server.chat.hub().clone();
    while hub.len() == 2 {
        let _pings = timeout(Duration::from_millis(20), lively.next()).await;
    }
    assert_eq!(hub.len(), 1);
    drop(silent);
    send(&mut lively, json!({"type": "ping"})).await;
    assert_eq!(next_of(&mut lively, "pong").await["type"], "pong");
    // Who comes when the server has been up for longer than anybody may be silent is new, not dead: it gets its ping.
    let mut late = server.connect(&alice).await;
    assert!(matches!(message(&mut late).await, Message::Ping(_)));
    server.chat.shutdown().await;
}

#[tokio::test]
async fn the_farewell_spreads_the_return() {
    let server = Server::start(WsConfig::default(), Limits::default()).await;
    let alice = server.user("alice").await;
    let mut sockets = Vec::new();
    for _ in 0..5 {
        sockets.push(server.connect(&alice).await);
    }
    let chat = server.chat.clone();
    #[expect(clippy::disallowed_methods, reason = "a test's own task, which it awaits")]
    let ending = tokio::spawn(async move { chat.shutdown_within(Duration::from_secs(8)).await });
    let mut waits = Vec::new();
    for socket in &mut sockets {
        let error = next_of(socket, "error").await;
        waits.push(error["data"]["retryAfterMs"].as_u64().expect("a time"));
        assert_eq!(close_code(socket).await, 1012);
    }
    waits.sort_unstable();
    waits.dedup();
    assert_eq!(waits.len(), 5, "each client comes back at its own time");
    assert!(ending.await.expect("ended").is_clean());
}

#[tokio::test]
async fn a_token_that_is_none_gets_no_socket() {
    let server = Server::start(WsConfig::default(), Limits::default()).await;
    for query in ["", "?token=", "?token=abc"] {
        let refused = connect_async(format!("ws://{}/ws{query}", server.address)).await.expect_err("refused");
        let tokio_tungstenite::tungstenite::Error::Http(response) = refused else { panic!("{refused:?}") };
        assert_eq!(response.status(), 401);
        let body = response.body().as_ref().map(|b| String::from_utf8_lossy(b).into_owned());
        assert!(body.is_none_or(|b| b.is_empty() || b.contains("UNAUTHENTICATED")));
    }
    server.chat.shutdown().await;
}
