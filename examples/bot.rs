//! A bot on any GoChat server, over HTTP and WebSocket: it logs in (registering first if need be), answers `!echo …` and
//! `!time` wherever somebody writes to it, and comes back after every interruption without answering twice.
//!
//! `cargo run -p gochat-examples --bin bot -- http://127.0.0.1:8080 my-bot its-password`

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use gochat_examples::http::Http;
use gochat_examples::socket::{Frame, Socket};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let mut next = |what| args.next().with_context(|| format!("usage: bot URL NAME PASSWORD (no {what})"));
    let (url, name, password) = (next("URL")?, next("NAME")?, next("PASSWORD")?);
    let http = Http::new(&url)?;
    let mut bot = Bot::default();
    let mut pause = Duration::from_millis(200);
    loop {
        let began = Instant::now();
        match bot.serve(&http, &name, &password).await {
            Ok(()) => return Ok(()),
            Err(e) => eprintln!("interrupted: {e:#}; back in {pause:?}"),
        }
        tokio::time::sleep(pause).await;
        if began.elapsed() > Duration::from_secs(60) {
            pause = Duration::from_millis(200); // it went well for long: this is a new interruption
        }
        pause = (pause * 2).min(Duration::from_secs(30));
    }
}

/// What survives an interruption: how far each conversation has been answered.
#[derive(Default)]
struct Bot {
    seen: HashMap<String, u64>,
    answered: HashSet<String>,
}

impl Bot {
    async fn serve(&mut self, http: &Http, name: &str, password: &str) -> anyhow::Result<()> {
        let me = http.log_in_or_register(name, password).await?;
        let mut socket = Socket::connect(http, &me.token).await?;
        // Connected first, then caught up: what arrives meanwhile waits in the socket.
        for conversation in http.conversations(&me.token).await? {
            let id = conversation["conversationId"].as_str().unwrap_or_default().to_owned();
            let last = conversation["lastSeq"].as_u64().unwrap_or_default();
            let after = *self.seen.entry(id.clone()).or_insert(last);
            for message in http.messages_after(&me.token, &id, after).await? {
                self.answer(&mut socket, &me.user_id, &message).await?;
            }
        }
        println!("{name} listens");
        while let Some(frame) = socket.next().await? {
            if let Frame::NewMessage(message) = frame {
                self.answer(&mut socket, &me.user_id, &message).await?;
            }
        }
        anyhow::bail!("the server closed the connection")
    }

    async fn answer(&mut self, socket: &mut Socket, me: &str, message: &Value) -> anyhow::Result<()> {
        let text = |field: &str| message[field].as_str().unwrap_or_default();
        let (room, id) = (text("conversationId"), text("messageId"));
        let seq = message["seq"].as_u64().unwrap_or_default();
        let seen = self.seen.entry(room.to_owned()).or_default();
        *seen = seq.max(*seen);
        if text("senderId") == me || !self.answered.insert(id.to_owned()) {
            return Ok(());
        }
        let Some(answer) = reply(text("content")) else { return Ok(()) };
        // Named after the message it answers: should this be sent twice, the server keeps one.
        let client_id = format!("re-{id}");
        socket.send("send-message", json!({"conversationId": room, "content": answer, "messageType": "text", "tempMessageId": client_id})).await
    }
}

fn reply(text: &str) -> Option<String> {
    if let Some(rest) = text.strip_prefix("!echo ") {
        return Some(rest.to_owned());
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (text.trim() == "!time").then(|| format!("{} seconds since 1970", now.as_secs()))
}
