//! The HTTP router over core's in-memory adapters: every route, every code, both languages.
//!
//! `grpc_logic_http` runs the same with a network in between.
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

/// What stands between the router and the services.
#[derive(Debug)]
struct Line;

/// Nothing: they are in the same process.
fn connect(services: gochat_core::service::Services) -> (gochat_core::service::Services, Line) {
    (services, Line)
}
