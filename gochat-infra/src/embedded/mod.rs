//! GoChat inside one process: every port over a data folder and memory, and the face that an embedding program uses.
//!
//! ```
//! use gochat_infra::embedded::GoChat;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! let chat = GoChat::builder(folder.path()).bcrypt_cost(4).build().await?;
//! let alice = chat.register("alice", "correct horse").await?;
//! let bob = chat.user("bob@example.com", "bob").await?; // a user of your own program, by your own id
//!
//! let mut heard = bob.subscribe().await?;
//! let room = alice.open_chat(bob.id()).await?;
//! let sent = alice.send(room, "hello").await?; // durable when this returns
//!
//! let got = heard.next_message().await.expect("still subscribed");
//! assert_eq!(got.message.id, sent.message.id);
//! chat.shutdown().await;
//! # Ok(())
//! # }
//! ```

mod builder;
mod chat;
mod client;
mod dedup;
mod feed;
#[cfg(feature = "web")]
mod mount;
mod sequencer;
mod sessions;
mod silent;
mod subscription;
mod timed;

#[cfg(feature = "web")]
#[cfg_attr(docsrs, doc(cfg(feature = "web")))]
pub use crate::web::mount::Mount;
pub use builder::{BuildError, Builder};
pub use chat::GoChat;
pub use client::Client;
pub use dedup::LocalDedup;
pub use feed::{Feed, FeedConfig};
pub use sequencer::LocalSequencer;
pub use sessions::LocalSessions;
pub use subscription::Subscription;
