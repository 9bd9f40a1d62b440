//! The one pipeline that every message goes through.
//!
//! ```text
//! validate -> recognise repeats -> authorise -> number -> append -> plan delivery -> deliver -> remember
//! ```
//!
//! What the fast path remembers of repeats, who the senders are and what they may do is asked at once, since no answer
//! depends on another.
//!
//! It takes a batch and makes a constant number of port calls for it, however many messages, members and conversations are
//! in it. The store has the last word on repeats, rights and order; what it refuses goes round again. A crash, or an error,
//! between any two steps leaves a batch that can be given again as it is: what was stored is recognised by its key and
//! delivered from the stored row.

mod authorise;
mod batch;
mod pipeline;
mod plan;
mod validate;

pub use pipeline::{Pipeline, Report};
pub(crate) use plan::audience;
pub use validate::validate;
