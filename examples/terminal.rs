//! Chat in a terminal: `cargo run -p gochat-examples --bin terminal -- http://127.0.0.1:8080 NAME PASSWORD [CONVERSATION]`
//!
//! Prints what comes in and sends each line that is typed, to the world channel unless another conversation is named.
//! `/list` shows the conversations, `/to ID` changes the one that lines go to, `/quit` leaves.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use gochat_examples::http::{Http, Me};
use gochat_examples::socket::{Frame, Socket};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let mut next = |what| {
        args.next().with_context(|| format!("usage: terminal URL NAME PASSWORD [CONVERSATION] (no {what})"))
    };
    let (url, name, password) = (next("URL")?, next("NAME")?, next("PASSWORD")?);
    let mut to = args.next().unwrap_or_else(|| "world".to_owned());
    let http = Http::new(&url)?;
    let me = http.log_in_or_register(&name, &password).await?;
    let mut socket = Socket::connect(&http, &me.token).await?;
    let mut lines = BufReader::new(stdin()).lines();
    println!("connected as {name}; lines go to {to}");
    let mut sent = 0u64;
    loop {
        tokio::select! {
            frame = socket.next() => match frame? {
                Some(frame) => show(&frame),
                None => return Ok(()),
            },
            line = lines.next_line() => {
                let Some(line) = line? else { return Ok(()) };
                match line.trim().split_once(' ').unwrap_or((line.trim(), "")) {
                    ("", _) => {}
                    ("/quit", _) => return Ok(()),
                    ("/list", _) => list(&http, &me).await?,
                    ("/to", id) => to = id.trim().to_owned(),
                    _ => {
                        sent += 1;
                        // Grows with time, as the server's index likes it, and is never the same again.
                        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros();
                        let data = json!({"conversationId": to, "content": line, "messageType": "text", "tempMessageId": format!("{now:x}-{sent}")});
                        socket.send("send-message", data).await?;
                    }
                }
            }
        }
    }
}

fn show(frame: &Frame) {
    let text = |v: &Value, field: &str| v[field].as_str().unwrap_or_default().to_owned();
    match frame {
        Frame::NewMessage(m) => {
            println!("[{}] {}: {}", text(m, "conversationId"), text(m, "senderName"), text(m, "content"));
        }
        Frame::Other(kind, data) if kind == "message-ack" => println!("  ({})", text(data, "status")),
        Frame::Other(kind, data) if kind == "error" => println!("  ! {}", text(data, "message")),
        Frame::Other(..) => {}
    }
}

async fn list(http: &Http, me: &Me) -> anyhow::Result<()> {
    for c in http.conversations(&me.token).await? {
        let target = &c["target"];
        let name = target["groupName"].as_str().or(target["username"].as_str()).unwrap_or_default();
        println!(
            "  {} {} ({} unread)",
            c["conversationId"].as_str().unwrap_or_default(),
            name,
            c["unreadCount"]
        );
    }
    Ok(())
}
