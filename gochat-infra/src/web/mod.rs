//! HTTP and WebSocket.

pub mod assets;
pub mod convert;
pub mod error;
pub mod http;
pub mod lang;
pub mod rate;
pub mod server;
pub mod ws;
