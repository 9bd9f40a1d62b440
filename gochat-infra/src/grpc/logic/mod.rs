//! The services of core over gRPC (`gochat.logic.v1`): a server over [`Services`], and a client that is [`Services`].
//!
//! A gateway can't tell whether its services are in its own process. Calls come from gateways, which have checked their
//! clients' tokens: the server believes the `Caller` of a request, and is to be reached by gateways only.
//!
//! Messages with passwords or tokens in them show none in `Debug`; nothing here logs a request.
//!
//! [`Services`]: gochat_core::service::Services

mod client;
mod convert;
mod server;

pub use client::LogicClient;
pub use server::routes;

/// Most users that one call looks up; a client asks for more in several.
const LOOKUP_MAX: usize = 1_000;
