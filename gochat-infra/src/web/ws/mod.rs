//! The WebSocket half of the client contract.
//!
//! A connection is a small task that waits for bytes; it has no buffer of its own while nothing is under way. What is
//! delivered to it is written by whoever delivers (see [`hub`](crate::hub)).

mod codec;
mod encode;
mod gateway;
mod handshake;
mod heartbeat;
mod intake;
mod requests;
mod socket;
mod wire;

pub use encode::JsonEncoder;
pub use gateway::{Gateway, GatewayParts, WsConfig};
pub use handshake::upgrade;
