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
