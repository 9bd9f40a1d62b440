//! The HTTP router as im-gateway runs it: its services are behind gRPC, and everything is as in one process.
#![cfg(all(feature = "web", feature = "auth", feature = "grpc"))]

#[path = "../http/accounts.rs"]
mod accounts;
#[path = "../http/api_docs.rs"]
mod api_docs;
#[path = "../http/broken.rs"]
mod broken;
#[path = "../http/conversations.rs"]
mod conversations;
#[path = "../http/envelope.rs"]
mod envelope;
#[path = "../http/friends.rs"]
mod friends;
#[path = "../http/groups.rs"]
mod groups;
#[path = "../http/kit.rs"]
mod kit;
#[path = "../http/limits.rs"]
mod limits;
#[path = "../grpc_logic/line.rs"]
mod line;
#[path = "../http/messages.rs"]
mod messages;
#[path = "../http/origins.rs"]
mod origins;
#[path = "../http/schema.rs"]
mod schema;
#[path = "../http/sending.rs"]
mod sending;
#[path = "../http/users.rs"]
mod users;

use line::{Line, connect};
