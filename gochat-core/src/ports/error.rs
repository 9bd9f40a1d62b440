//! How ports fail.

use std::error::Error as StdError;
use std::fmt;

/// What a failure means to the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// What the operation is about does not exist.
    NotFound,
    /// Something unique exists already.
    Conflict,
    /// A version or state that the caller expected has changed; read again and decide again.
    Precondition,
    /// Larger than the adapter takes.
    TooLarge,
    /// A bounded queue or pool is full; wait and try again.
    Overloaded,
    /// The other side is away.
    Unavailable,
    /// No room left to store; nothing was stored.
    Full,
    /// It took longer than allowed.
    Timeout,
    /// What was read is not what was written.
    Corrupt,
    /// The adapter can't do this.
    Unsupported,
    /// The adapter is shutting down.
    Closed,
    /// Anything else; a fault of ours.
    Internal,
}

/// Whether the same call may be made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Retry {
    /// It would fail the same way.
    Never,
    /// It did not happen; it may succeed later.
    Safe,
    /// It may have happened; only a write that carries its own key may be repeated.
    Ambiguous,
}

/// A failed port call: what it means, whether a retry is safe, which call, and why.
///
/// ```
/// use gochat_core::ports::{ErrorKind, Retry, StoreError};
///
/// let e = StoreError::new(ErrorKind::Unavailable, Retry::Ambiguous, "messages.append").because("broken pipe");
/// assert_eq!(e.to_string(), "messages.append: unavailable");
/// assert_eq!(e.retry(), Retry::Ambiguous);
/// assert_eq!(std::error::Error::source(&e).map(ToString::to_string), Some("broken pipe".to_owned()));
/// ```
#[derive(Debug)]
pub struct StoreError {
    kind: ErrorKind,
    retry: Retry,
    operation: &'static str,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl StoreError {
    /// Makes an error of an operation, such as `messages.append`.
    #[must_use]
    pub const fn new(kind: ErrorKind, retry: Retry, operation: &'static str) -> Self {
        Self { kind, retry, operation, source: None }
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The thing asked for does not exist.
    #[must_use]
    pub const fn not_found(operation: &'static str) -> Self {
        Self::new(ErrorKind::NotFound, Retry::Never, operation)
    }

    /// Something unique exists already.
    #[must_use]
    pub const fn conflict(operation: &'static str) -> Self {
        Self::new(ErrorKind::Conflict, Retry::Never, operation)
    }

    /// What the caller expected has changed.
    #[must_use]
    pub const fn precondition(operation: &'static str) -> Self {
        Self::new(ErrorKind::Precondition, Retry::Never, operation)
    }

    /// What it means.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whether to try again.
    #[must_use]
    pub const fn retry(&self) -> Retry {
        self.retry
    }

    /// Which call failed.
    #[must_use]
    pub const fn operation(&self) -> &'static str {
        self.operation
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            ErrorKind::NotFound => "not found",
            ErrorKind::Conflict => "exists already",
            ErrorKind::Precondition => "changed meanwhile",
            ErrorKind::TooLarge => "too large",
            ErrorKind::Overloaded => "overloaded",
            ErrorKind::Unavailable => "unavailable",
            ErrorKind::Full => "no space left",
            ErrorKind::Timeout => "timed out",
            ErrorKind::Corrupt => "corrupt data",
            ErrorKind::Unsupported => "not supported",
            ErrorKind::Closed => "closed",
            ErrorKind::Internal => "internal fault",
        };
        write!(f, "{}: {what}", self.operation)
    }
}

impl StdError for StoreError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|e| e as _)
    }
}
