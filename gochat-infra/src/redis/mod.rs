//! What several processes share and may lose, in Redis 6.2 or newer, or a cluster of them: sequences, receipts of what was
//! sent lately, who is connected where, and caches.
//!
//! - Nothing here is the truth. Losing a key, or all, costs look-ups in the store, never a message or its order.
//! - Every call is bounded in time and in commands. A server that is away is asked again after a pause that doubles to its
//!   limit; meanwhile calls are refused at once.
//! - All keys carry a hash tag, so that the same code runs on a cluster; scripts stay within one tag.
//!
//! This room knows the model, the ports and the protobuf forms of [`wire`](crate::wire), and nothing of databases or sockets.

mod answer;
mod caches;
mod client;
mod command;
mod config;
mod dedup;
mod detours;
mod error;
mod keys;
mod scripts;
mod sequencer;
mod sessions;
mod throttle;

pub use caches::Caches;
pub use client::{Redis, RedisStats};
pub use config::RedisConfig;
pub use dedup::RedisDedup;
pub use detours::RedisDetours;
pub use error::RedisConfigError;
pub use sequencer::RedisSequencer;
pub use sessions::{
    GatewayLease, GatewayStanding, HeldSessions, LeaseError, LeaseState, Lost, LostPage, RedisSessions,
};
pub use throttle::{RedisThrottle, Window};

fn millis(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
