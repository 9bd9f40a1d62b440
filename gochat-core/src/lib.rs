//! The business rules of GoChat, an instant-messaging backend.
//!
//! This crate knows accounts, friends, single chats, groups, the world channel, sending, ordering, unread counts and
//! fan-out, and nothing of how bytes travel or rest: it opens no socket or file, spawns no thread, reads no clock,
//! environment or random source. All of that comes in through the traits in [`ports`].
//!
//! - [`model`]: identifiers, checked values, users, conversations, messages, events.
//! - [`ports`]: what an adapter implements.
//! - [`service`]: what a caller (a gateway, an embedding program) may ask, as traits that are the same in process and
//!   over a network.
//! - [`usecase`]: the implementation of the services over the ports.
//! - [`send`]: the one pipeline that every message goes through.
//! - [`rules`]: decisions without I/O.
//!
//! # All of it at once
//!
//! Over the in-memory ports of the `testing` feature; a program would put durable ones in their place.
//!
//! ```
//! use std::sync::Arc;
//! use gochat_core::model::{ClientMsgId, Event, GatewayId, MessageBody, MessageId, Origin, ReplyTo, SendCommand};
//! use gochat_core::send::Pipeline;
//! use gochat_core::service::{HistoryQuery, Registration};
//! use gochat_core::testing::TestKit;
//! use gochat_core::{Settings, usecase};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let kit = TestKit::new();
//! let settings = Arc::new(Settings::default());
//! let log = slog::Logger::root(slog::Discard, slog::o!());
//! let chat = usecase::services(&kit.ports, Arc::clone(&settings), &log);
//!
//! // Two people who become friends have a conversation.
//! chat.accounts.register(Registration::new("alice", "correct horse")).await?;
//! let bob = chat.accounts.register(Registration::new("bob", "battery staple")).await?;
//! let login = chat.accounts.login("alice", "correct horse").await?;
//! let alice = chat.accounts.authenticate(&login.access_token).await?;
//! let conversation = chat.friends.befriend(&alice, bob.id).await?.conversation;
//!
//! // Every message goes through the pipeline: stored first, then told.
//! let send = SendCommand {
//!     id: MessageId::new(kit.ports.ids.next_id()).expect("ids are in range"),
//!     conversation,
//!     sender: alice.user,
//!     guest: false,
//!     client_msg_id: ClientMsgId::new("mine-1").expect("short enough"),
//!     body: MessageBody::text("hello"),
//!     origin: Origin {
//!         gateway: GatewayId::new("here").expect("a plain name"),
//!         session: None,
//!         reply: ReplyTo::Nobody,
//!         tag: None,
//!     },
//! };
//! Pipeline::new(kit.ports.clone(), settings, log).process(&[send]).await?;
//! assert!(kit.deliver.seen().iter().any(|told| matches!(told.event, Event::NewMessage(_))));
//!
//! let page = chat.messages.history(&alice, conversation, HistoryQuery::Page { page: 1, size: None }).await?;
//! assert_eq!(&*page.messages[0].message.body.content, "hello");
//! # Ok(())
//! # }
//! ```
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(missing_docs)]

pub mod error;
pub mod model;
pub mod ports;
pub mod rules;
pub mod send;
pub mod service;
pub mod settings;
#[cfg(feature = "testing")]
#[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
pub mod testing;
pub mod usecase;

pub use error::{Code, Error, FieldError};
pub use settings::Settings;
