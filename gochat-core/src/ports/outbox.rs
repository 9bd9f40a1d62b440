//! Notes of changes that others are still to be told of.
//!
//! A store whose changes may outlive the process that tells of them keeps a [`Note`] in the transaction of the change; see
//! [`GroupStore::noted`](super::GroupStore::noted) and its like. What is told at once is done with; the rest is claimed here
//! and told late.

use std::fmt::Debug;

use async_trait::async_trait;

use super::Result;
use crate::model::{Note, NoteId, PageLimit, Timestamp};

/// The notes that stores have kept.
#[async_trait]
pub trait Outbox: Debug + Send + Sync + 'static {
    /// Takes notes to be told, oldest first, at most `limit`.
    ///
    /// - Exclusive: until the claim ends, no other call gets them.
    /// - Durable: what is not [`done`](Self::done) when the claim ends can be claimed again.
    /// - A note that can't be read is no note: the adapter logs its id and removes it.
    async fn claim(&self, claim: &Claim) -> Result<Vec<Note>>;

    /// Removes notes, claimed or not; those that are not there are no error. May be repeated.
    async fn done(&self, notes: &[NoteId]) -> Result<()>;
}

/// Which notes to take, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Those made up to then: younger ones are being told by who made them.
    pub made_until: Timestamp,
    /// Now: claims that ended up to now count no more.
    pub now: Timestamp,
    /// When this claim ends.
    pub until: Timestamp,
    /// Most notes.
    pub limit: PageLimit,
}

/// Hears from the use cases what became of a telling. Never waits, and may forget: then it is told again.
pub trait Tellings: Debug + Send + Sync + 'static {
    /// Others were told; the note is done with.
    fn told(&self, note: NoteId);

    /// They could not be told; the note is to be told late.
    fn missed(&self, note: NoteId);
}
