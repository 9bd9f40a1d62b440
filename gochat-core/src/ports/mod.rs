//! What an adapter implements.
//!
//! Each trait is narrow and dyn-safe; calls on the hot path take batches and answer by position: `result[i]` belongs to
//! `asked[i]`. Each method says what is durable and visible when it returns. The `testing` feature has a conformance suite
//! for each port; an adapter that passes it will do.

mod auth;
mod conversations;
mod deliver;
mod error;
mod groups;
mod messages;
mod people;
mod runtime;

pub use auth::*;
pub use conversations::*;
pub use deliver::*;
pub use error::*;
pub use groups::*;
pub use messages::*;
pub use people::*;
pub use runtime::*;

/// What every port call answers.
pub type Result<T> = std::result::Result<T, StoreError>;
