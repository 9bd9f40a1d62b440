//! Black-box acceptance of any implementation of the client contract.
//!
//! It is given a base URL and knows nothing of how the server was made: own HTTP and WebSocket clients, JSON
//! as it comes, and the contract's names and types asserted exactly. No gochat crate is used here, so that a
//! mistake in our types can't hide itself.

#[macro_use]
mod macros;

pub mod case;
pub mod cases;
pub mod chaos;
pub mod client;
pub mod cluster;
pub mod history;
pub mod json;
pub mod process;
pub mod report;
pub mod run;
pub mod shape;
pub mod user;
pub mod world;

/// How one case ends.
pub type Outcome = anyhow::Result<()>;
