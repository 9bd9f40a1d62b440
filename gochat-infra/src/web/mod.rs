//! HTTP and WebSocket.

pub mod assets;
pub mod convert;
pub mod counters;
pub mod error;
pub mod http;
pub mod lang;
pub mod mount;
pub mod rate;
pub mod server;
#[cfg(feature = "tls")]
#[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
pub mod tls;
pub mod ws;
