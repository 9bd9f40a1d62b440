//! Clock, identifiers, chance, the supervisor of all tasks, counters, and what work is done for.
//!
//! Knows nothing of chats, sockets or storage.

mod clock;
pub mod metrics;
mod secrets;
pub(crate) mod snowflake;
mod supervisor;
pub mod trace;
#[cfg(feature = "tracing")]
#[cfg_attr(docsrs, doc(cfg(feature = "tracing")))]
pub mod tracing;

pub use clock::SystemClock;
pub use secrets::OsSecrets;
pub use snowflake::Snowflake;
pub use supervisor::{Backoff, Left, Outcome, Phase, Policy, Shutdown, Supervisor, TaskGroup, Tasks};
