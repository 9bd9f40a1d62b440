//! Chat inside your own program: two users, one message. Run it with `cargo run -p gochat-examples --bin embed`.
use gochat_infra::embedded::GoChat;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let chat = GoChat::open(std::env::args().nth(1).unwrap_or("./embed-data".into())).await?;
    let alice = chat.user("alice@example.com", "alice").await?; // your own users, by your own ids
    let bob = chat.user("bob@example.com", "bob").await?;
    let mut inbox = bob.subscribe().await?;
    let room = alice.open_chat(bob.id()).await?;
    alice.send(room, "hello").await?; // on disk when this returns
    println!("bob got {:?}", inbox.next_message().await.map(|m| m.message.body.content.clone()));
    chat.shutdown().await;
    Ok(())
}
