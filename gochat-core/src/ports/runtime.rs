//! Time, identity and chance.

use std::fmt::Debug;

use crate::model::Timestamp;

/// Tells the time.
pub trait Clock: Debug + Send + Sync + 'static {
    /// Now. May stand still or go back a little (the machine's clock may be set); callers must bear it.
    fn now(&self) -> Timestamp;
}

/// Makes identifiers.
pub trait IdGenerator: Debug + Send + Sync + 'static {
    /// A number from 2 to 2^63 - 1 that no other call in the whole system has returned or will; greater than all that this
    /// instance returned before. (1 is the world channel.)
    fn next_id(&self) -> u64;
}

/// Gives bytes that nobody can guess.
pub trait Secrets: Debug + Send + Sync + 'static {
    /// Fills `buf` from a cryptographically secure source.
    fn fill(&self, buf: &mut [u8]);
}
