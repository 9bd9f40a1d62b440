//! WebSocket frames: one JSON object each, `{"type":…,"data":{…},"id"?}`.

mod client;
mod notices;
mod server;

pub use client::*;
pub use notices::*;
pub use server::*;
