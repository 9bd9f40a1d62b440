//! Chat on a store of your own: what is said in the world channel is in a file, the rest in memory.
//!
//! `cargo run -p gochat-examples --bin own-store -- FOLDER`; run it twice, and the second conversation goes on after the first.
//! The store is in `own_store/`; `tests/own_store.rs` shows that it does what its port asks.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use gochat_core::model::{
    ClientMsgId, ConversationId, Event, GatewayId, MessageBody, MessageId, Origin, ReplyTo, SendCommand,
    SessionId, UserId,
};
use gochat_core::ports::{Ports, SessionRecord};
use gochat_core::send::Pipeline;
use gochat_core::service::HistoryQuery;
use gochat_core::testing::{MemoryHub, TestKit};
use gochat_core::{Settings, usecase};
use gochat_examples::own_store::FileMessages;
use gochat_infra::runtime::{Snowflake, SystemClock};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "./own-store-data".to_owned()));
    std::fs::create_dir_all(&folder)?;
    let kit = TestKit::new();
    let messages = FileMessages::open(&folder.join("messages.log"), kit.memory.clone()).await?;
    let here = GatewayId::new("here").context("a good name")?;
    let hub = Arc::new(MemoryHub::new(here.clone(), kit.memory.clone()));
    // Every port may have an adapter of its own; `..kit.ports` stands for those that you have not written yet.
    let ports = Ports {
        clock: Arc::new(SystemClock),
        ids: Arc::new(Snowflake::new(0, Arc::new(SystemClock))),
        messages: Arc::new(messages),
        deliver: hub.clone(),
        ..kit.ports
    };
    let (settings, log) = (Arc::new(Settings::default()), slog::Logger::root(slog::Discard, slog::o!()));
    let chat = usecase::services(&ports, settings.clone(), &log);
    let pipeline = Pipeline::new(ports.clone(), settings, log);

    let ann = chat.accounts.adopt("staff/1", "ann").await?;
    let bob = chat.accounts.adopt("staff/2", "bob").await?;
    let bob_at = chat.accounts.authenticate(&bob.access_token).await?;
    let all = HistoryQuery::Page { page: 1, size: None };
    for old in chat.messages.history(&bob_at, ConversationId::WORLD, all).await?.messages {
        println!("before: {}. {}", old.message.seq, old.message.body.content);
    }

    let session = SessionId::new(ports.ids.next_id()).context("an id")?;
    let inbox = hub.connect(SessionRecord {
        user: bob.user.id,
        session,
        gateway: here.clone(),
        login: bob.login,
        guest: false,
        at: ports.clock.now(),
    });
    let say = |sender: UserId, text| {
        let id = MessageId::new(ports.ids.next_id()).expect("ids are in range");
        let client_msg_id = ClientMsgId::new(&ports.ids.next_id().to_string()).expect("digits are fine");
        let origin = Origin { gateway: here.clone(), session: None, reply: ReplyTo::Nobody, tag: None };
        let (conversation, body) = (ConversationId::WORLD, MessageBody::text(text));
        SendCommand { id, conversation, sender, guest: false, client_msg_id, body, origin }
    };
    // One batch: one fsync, however many messages.
    pipeline.process(&[say(ann.user.id, "is anybody here?"), say(bob.user.id, "I am")]).await?;
    for _ in 0..2 {
        if let Event::NewMessage(view) = inbox.next().await {
            let name = view.sender.map(|sender| sender.name.as_str().to_owned()).unwrap_or_default();
            println!("{}. {name}: {}", view.message.seq, view.message.body.content);
        }
    }
    Ok(())
}
