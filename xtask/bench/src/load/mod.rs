//! The load generator: one thread, one epoll loop, frames prepared once and read by searching.
//!
//! Every receiver checks what it gets ([`Lanes`]); nothing here knows which server is at the other end.

mod api;
mod frame;
mod http;
mod lanes;
mod pool;
mod state;
mod tally;

pub(crate) use api::{Api, Login};
#[cfg(feature = "cluster")]
pub(crate) use frame::content;
pub(crate) use frame::{CLIENT_ID_FROM_END, CLIENT_ID_LEN, CONTENT_FROM_END, CONTENT_LEN, SendFrame};
pub(crate) use http::Http;
pub(crate) use lanes::{LaneSpec, Lanes, Pace, Sample};
pub(crate) use pool::{Handler, Outbox, Pool};
pub(crate) use state::histogram;
pub(crate) use tally::Tally;
