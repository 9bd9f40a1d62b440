//! Errors over gRPC: out as a status with an `ErrorDetail`, and back as the same error.
//!
//! A status without a detail of ours comes from the transport or from a stranger. What it means for a retry depends on
//! whether the call may have had an [`Effect`].

mod detail;
mod intern;
mod table;
#[cfg(test)]
mod tests;

use std::error::Error as StdError;

use gochat_core::Error;
use gochat_core::ports::{ErrorKind, Retry, StoreError};
use gochat_proto::pb::types::v1::ErrorDetail;
use prost::Message as _;
use tonic::{Code, ConnectError, Status, TimeoutExpired};

use crate::wire::Malformed;
pub use table::grpc_code;

/// What a call does at the other side, and so what a lost answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing that a second call would do again: it may be repeated at any time.
    Read,
    /// Something: without an answer it may have happened, or not.
    Write,
}

impl Effect {
    /// Whether a call whose answer is lost may be repeated.
    #[must_use]
    pub const fn when_lost(self) -> Retry {
        match self {
            Self::Read => Retry::Safe,
            Self::Write => Retry::Ambiguous,
        }
    }
}

/// A failed port call as a status. The cause stays here: it may name what is nobody else's business.
#[must_use]
pub fn store_status(error: &StoreError) -> Status {
    let (code, detail) = detail::of_store(error);
    Status::with_details(code, error.to_string(), detail.encode_to_vec().into())
}

/// A failed use case as a status.
#[must_use]
pub fn status(error: &Error) -> Status {
    match error {
        Error::Port(error) => store_status(error),
        error => {
            let (code, detail) = detail::of_error(error);
            Status::with_details(code, error.to_string(), detail.encode_to_vec().into())
        }
    }
}

/// A request that is not what one of our clients would send. Nothing was done.
#[must_use]
pub fn malformed(malformed: Malformed) -> Status {
    Status::invalid_argument(malformed.to_string())
}

impl From<Malformed> for Status {
    fn from(e: Malformed) -> Self {
        malformed(e)
    }
}

/// What a failed call of a port means. `operation` is the caller's own name of it, such as `messages.append`.
#[must_use]
pub fn store_error(status: Status, operation: &'static str, effect: Effect) -> StoreError {
    match ours(&status).and_then(|d| detail::to_store(&d, operation)) {
        Some(error) => error.because(Remote(status.message().to_owned())),
        None => foreign(status, operation, effect),
    }
}

/// What a failed call of a use case means.
#[must_use]
pub fn error(status: Status, operation: &'static str, effect: Effect) -> Error {
    match ours(&status).and_then(|d| detail::to_error(d, operation)) {
        Some(Error::Port(error)) => Error::Port(error.because(Remote(status.message().to_owned()))),
        Some(error) => error,
        None => Error::Port(foreign(status, operation, effect)),
    }
}

/// An answer that no server of ours would give.
#[must_use]
pub fn malformed_answer(malformed: Malformed, operation: &'static str, effect: Effect) -> StoreError {
    let retry = match effect {
        Effect::Read => Retry::Never,
        Effect::Write => Retry::Ambiguous,
    };
    StoreError::new(ErrorKind::Corrupt, retry, operation).because(malformed)
}

/// Whether the call certainly never left, or was refused before anything was done.
#[must_use]
pub fn never_sent(status: &Status) -> bool {
    has_cause::<ConnectError>(status)
}

/// Whether the other side was away, and another instance of it may not be.
#[must_use]
pub fn is_away(status: &Status) -> bool {
    match ours(status) {
        Some(_) => status.code() == Code::Unavailable,
        None => meaning(status, Effect::Read).0 == ErrorKind::Unavailable,
    }
}

fn has_cause<E: StdError + 'static>(status: &Status) -> bool {
    let mut source = StdError::source(status);
    while let Some(error) = source {
        if error.is::<E>() {
            return true;
        }
        source = error.source();
    }
    false
}

/// Whether the time was over. tonic has a clock of its own at either end, and calls that cancelled.
#[must_use]
pub fn is_late(status: &Status) -> bool {
    let of_tonic = || has_cause::<TimeoutExpired>(status) || status.message() == "Timeout expired";
    status.code() == Code::DeadlineExceeded || status.code() == Code::Cancelled && of_tonic()
}

/// What the other side said of its failure; its cause is in its own log.
#[derive(Debug, thiserror::Error)]
#[error("at the other side: {0}")]
struct Remote(String);

fn ours(status: &Status) -> Option<ErrorDetail> {
    ErrorDetail::decode(status.details()).ok().filter(|detail| !detail.code.is_empty())
}

fn foreign(status: Status, operation: &'static str, effect: Effect) -> StoreError {
    let (kind, retry) = meaning(&status, effect);
    StoreError::new(kind, retry, operation).because(status)
}

/// What a status means that none of our services gave.
fn meaning(status: &Status, effect: Effect) -> (ErrorKind, Retry) {
    let lost = effect.when_lost();
    // A status with a cause was made on this side, of what the connection did.
    let transport = StdError::source(status).is_some();
    match status.code() {
        _ if never_sent(status) => (ErrorKind::Unavailable, Retry::Safe),
        _ if is_late(status) => (ErrorKind::Timeout, lost),
        Code::Unavailable | Code::Cancelled | Code::Aborted => (ErrorKind::Unavailable, lost),
        Code::ResourceExhausted if !transport => (ErrorKind::Overloaded, Retry::Safe),
        Code::OutOfRange => (ErrorKind::TooLarge, Retry::Never),
        Code::Unimplemented => (ErrorKind::Unsupported, Retry::Never),
        Code::InvalidArgument | Code::Unauthenticated | Code::PermissionDenied | Code::NotFound => {
            (ErrorKind::Internal, Retry::Never)
        }
        _ if transport => (ErrorKind::Unavailable, lost),
        _ if effect == Effect::Read => (ErrorKind::Internal, Retry::Never),
        _ => (ErrorKind::Internal, Retry::Ambiguous),
    }
}
