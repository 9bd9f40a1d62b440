//! Old messages leave the database for compressed objects in a folder or an object store, and are read again through history.
//!
//! What moves is the content, text and attachment. The row stays, with all else and with the checksum of the whole message:
//! so repeats are recognised, sequences stay dense, and whatever comes back from an object is checked by the row. An object
//! holds one range of one conversation, is written once, and never changes. Who keeps the rows implements [`Archiver`];
//! [`ArchiveJob`] drives it. This room knows no database.

#[cfg(feature = "archive")]
mod format;
mod job;
#[cfg(feature = "archive")]
mod objects;

use std::fmt::Debug;

use async_trait::async_trait;
use gochat_core::model::Timestamp;
use gochat_core::ports::Result;

#[cfg(feature = "archive")]
pub(crate) use format::encode;
pub use job::{ArchiveJob, ArchivePlan};
#[cfg(feature = "archive")]
pub use object_store;
#[cfg(feature = "archive")]
pub(crate) use objects::Broken;
#[cfg(feature = "archive")]
pub use objects::{Archive, ArchiveError, ArchiveOptions};

/// Moves the contents of old messages into an archive, a part at a time.
#[async_trait]
pub trait Archiver: Debug + Send + Sync + 'static {
    /// Looks for the next conversation with contents to move, and moves those of one range of it. Goes on where the last
    /// call, of whichever process, has ended; one call at a time does something, all others find it [busy](Next::Busy).
    ///
    /// A content leaves the database only after the object that holds it was read again and found to be the same. The newest
    /// message of a conversation stays, and so does one that was recalled. A call that is cut short, wherever, has moved a
    /// whole range or nothing; what it has left in the object store is removed later.
    ///
    /// # Errors
    /// `Unsupported` where no archive is set up. `Unavailable`, `Corrupt` or what the database says else; all may be repeated.
    async fn archive_next(&self, portion: Portion) -> Result<Step>;
}

/// Which messages are moved, and how many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Portion {
    /// Those sent before.
    pub before: Timestamp,
    /// At least so many of one conversation, or they wait until there are: small objects cost more than they save.
    pub least: u32,
    /// At most so many.
    pub most: u32,
    /// At most so many bytes of content, but one message.
    pub bytes: u64,
}

/// What one call has moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Contents moved.
    pub messages: u64,
    /// Size of the object.
    pub bytes: u64,
    /// Whether there may be more.
    pub next: Next,
}

/// Whether to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// There may be more.
    More,
    /// All conversations were looked at; the next call begins anew.
    Done,
    /// Another call is at it.
    Busy,
}
