//! The HTTP router over core's in-memory adapters: every route, every code, both languages.
#![cfg(all(feature = "web", feature = "auth"))]

mod accounts;
mod api_docs;
mod broken;
mod conversations;
mod envelope;
mod friends;
mod groups;
mod kit;
mod limits;
mod messages;
mod origins;
mod schema;
mod sending;
mod users;
