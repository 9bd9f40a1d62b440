//! Each example, run as a user would run it.

mod kit;

use gochat_core::model::ConversationId;
use gochat_core::service::HistoryQuery;
use gochat_examples::http::Http;
use gochat_examples::socket::{Frame, Socket};
use gochat_infra::embedded::Client;
use reqwest::Method;
use serde_json::json;

use kit::{Cable, Program, Server, folder, in_time};

#[tokio::test]
async fn embed_brings_a_message_from_one_user_to_the_other() {
    let data = folder();
    // A second run finds the users and the conversation of the first.
    for _ in 0..2 {
        let mut program = Program::start(env!("CARGO_BIN_EXE_embed"), &[data.path()]);
        program.line("bob got Some(\"hello\")").await;
        assert!(program.end().await.success());
    }
}

#[tokio::test]
async fn own_store_keeps_what_was_said_in_its_file() {
    let data = folder();
    let start = || Program::start(env!("CARGO_BIN_EXE_own-store"), &[data.path()]);
    let mut first = start();
    assert_eq!(first.line("ann: ").await, "1. ann: is anybody here?");
    assert_eq!(first.line("bob: ").await, "2. bob: I am");
    assert!(first.end().await.success());
    let mut second = start();
    assert_eq!(second.line("before").await, "before: 1. is anybody here?");
    assert_eq!(second.line("before").await, "before: 2. I am");
    assert_eq!(second.line("ann: ").await, "3. ann: is anybody here?");
    assert!(second.end().await.success());
}

#[tokio::test]
async fn mount_serves_the_contract_to_the_programs_own_users_and_stops_at_ctrl_c() {
    let data = folder();
    let folder = data.path().display().to_string();
    let mut program = Program::start(env!("CARGO_BIN_EXE_mount"), &[&*folder, "127.0.0.1:0"]);
    let line = program.line("listening on ").await;
    let base = line.strip_prefix("listening on ").expect("begins so");
    let log_in = async |name: &str| {
        let answer = reqwest::Client::new().post(format!("{base}/login/{name}")).send().await;
        let text = answer.expect("answered").text().await.expect("a text");
        let answer: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        ["token", "userId"].map(|field| answer[field].as_str().expect("a text").to_owned())
    };
    let ([ann, _], [bob, bob_id]) = (log_in("ann").await, log_in("bob").await);
    assert_eq!(log_in("bob").await[1], bob_id, "one user has one id");

    let http = Http::new(&format!("{base}/chat")).expect("a client");
    let body = json!({"targetUserId": bob_id});
    let room = http.call(Method::POST, "/conversations", Some(&ann), Some(body)).await.expect("opened");
    let mut to = Socket::connect(&http, &bob).await.expect("connected");
    let mut from = Socket::connect(&http, &ann).await.expect("connected");
    let send = json!({"conversationId": room["conversationId"], "content": "hi bob", "tempMessageId": "1"});
    from.send("send-message", send).await.expect("sent");
    let got = loop {
        if let Frame::NewMessage(got) = in_time(to.next()).await.expect("a frame").expect("open") {
            break got;
        }
    };
    assert_eq!((&got["content"], &got["senderName"]), (&json!("hi bob"), &json!("ann")));
    assert!(http.conversations("no token").await.is_err(), "strangers stay outside");

    program.interrupt();
    assert!(program.end().await.success());
    // The sockets that were open were told and closed.
    while let Ok(Some(_)) = in_time(to.next()).await {}
}

#[tokio::test]
async fn mount_says_what_is_wrong_when_the_port_is_taken() {
    let data = folder();
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let folder = data.path().display().to_string();
    let program = Program::start(env!("CARGO_BIN_EXE_mount"), &[&*folder, &*address]);
    assert!(!program.end().await.success());
}

/// The texts of a conversation, in order.
async fn texts(client: &Client, room: ConversationId) -> Vec<String> {
    let page = client.history(room, HistoryQuery::Page { page: 1, size: Some(100) }).await.expect("history");
    page.messages.iter().map(|m| m.message.body.content.to_string()).collect()
}

#[tokio::test]
async fn bot_answers_once_also_what_was_asked_while_it_was_away() {
    let server = Server::start().await;
    let cable = Cable::to(&server.address).await;
    let url = format!("http://{}", cable.address);
    let mut program = Program::start(env!("CARGO_BIN_EXE_bot"), &[&*url, "parrot", "polly-wants"]);
    program.line("parrot listens").await;

    let ann = server.chat.user("ann", "ann").await.expect("a user");
    let mut inbox = ann.subscribe().await.expect("subscribed");
    let mut answer = async || loop {
        let message = in_time(inbox.next_message()).await.expect("subscribed").message;
        if message.sender != ann.id() {
            return message.body.content.to_string();
        }
    };
    let world = ConversationId::WORLD;
    ann.send(world, "no question").await.expect("sent");
    ann.send(world, "!echo one").await.expect("sent");
    assert_eq!(answer().await, "one");

    cable.cut().await;
    ann.send(world, "!echo two").await.expect("sent");
    cable.mend();
    program.line("parrot listens").await;
    assert_eq!(answer().await, "two");
    ann.send(world, "!echo three").await.expect("sent");
    assert_eq!(answer().await, "three");
    ann.send(world, "!time").await.expect("sent");
    assert!(answer().await.ends_with("seconds since 1970"));

    let all = texts(&ann, world).await;
    for said in ["one", "two", "three"] {
        assert_eq!(all.iter().filter(|text| *text == said).count(), 1, "answered once: {all:?}");
    }
    assert_eq!(all.len(), 9, "{all:?}");
    server.stop().await;
}

#[tokio::test]
async fn terminal_sends_shows_lists_and_quits() {
    let server = Server::start().await;
    let url = format!("http://{}", server.address);
    let bob = server.chat.user("bob", "bob").await.expect("a user");
    let mut inbox = bob.subscribe().await.expect("subscribed");
    let mut program = Program::start(env!("CARGO_BIN_EXE_terminal"), &[&*url, "ann", "ann-secret"]);
    program.line("connected as ann; lines go to world").await;

    program.types("hello from a terminal").await;
    let got = in_time(inbox.next_message()).await.expect("subscribed");
    assert_eq!(&*got.message.body.content, "hello from a terminal");
    program.line("(stored)").await;
    bob.send(ConversationId::WORLD, "hello, 终端").await.expect("sent");
    assert_eq!(program.line("bob: ").await, "[world] bob: hello, 终端");

    let room = bob.open_chat(got.message.sender).await.expect("opened");
    bob.send(room, "just us").await.expect("sent");
    assert_eq!(program.line("just us").await, format!("[{room}] bob: just us"));
    program.types("/list").await;
    program.line("  world ").await;
    assert_eq!(program.line(&room.to_string()).await, format!("  {room} bob (1 unread)"));
    program.types(&format!("/to {room}")).await;
    program.types("and you").await;
    // Bob's own messages reach his session, too: the program sent them, no session did.
    let got = loop {
        let got = in_time(inbox.next_message()).await.expect("subscribed");
        if got.message.sender != bob.id() {
            break got;
        }
    };
    assert_eq!((got.message.conversation, &*got.message.body.content), (room, "and you"));

    program.types("/quit").await;
    assert!(program.end().await.success());
    server.stop().await;
}

#[tokio::test]
async fn clients_without_arguments_say_how_to_use_them() {
    for (program, usage) in [
        (env!("CARGO_BIN_EXE_bot"), "usage: bot URL NAME PASSWORD"),
        (env!("CARGO_BIN_EXE_terminal"), "usage: terminal URL NAME PASSWORD"),
    ] {
        let output = in_time(tokio::process::Command::new(program).output()).await.expect("it runs");
        assert!(!output.status.success());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(usage), "{said}");
    }
}

#[test]
fn the_examples_that_the_documents_name_are_there() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let manifest = include_str!("../Cargo.toml");
    let mut named = 0;
    for document in ["README.md", "README.zh.md", "docs/tutorial-all-in-one.md", "docs/tutorial-embedded.md"]
    {
        let text = std::fs::read_to_string(format!("{root}/{document}")).expect("readable");
        for rest in text.split("-p gochat-examples --bin ").skip(1) {
            let name = rest.split_whitespace().next().expect("a name");
            assert!(manifest.contains(&format!("name = \"{name}\"")), "{document}: no example {name}");
            named += 1;
        }
    }
    assert!(named >= 3, "{named} are named");
}
