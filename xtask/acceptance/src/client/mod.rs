//! Own thin clients: HTTP, WebSocket, and plain bytes on a TCP connection.

mod base;
mod http;
pub mod raw;
mod socket;

pub use base::Base;
pub use http::{Call, Http, Reply};
pub use socket::{Closed, Frame, Next, Socket, Stored};
