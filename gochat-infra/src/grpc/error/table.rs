//! What each failure is called on the wire, and which gRPC code goes with it. The one table.

use gochat_core::error::{Code as ContractCode, Fault};
use gochat_core::ports::{ErrorKind, Retry};
use tonic::Code;

/// Kinds of port failures: lower case, so that none is taken for a code of the client contract.
pub(super) const KINDS: [(ErrorKind, &str, Code); 12] = [
    (ErrorKind::NotFound, "not_found", Code::NotFound),
    (ErrorKind::Conflict, "conflict", Code::AlreadyExists),
    (ErrorKind::Precondition, "precondition", Code::Aborted),
    (ErrorKind::TooLarge, "too_large", Code::OutOfRange),
    (ErrorKind::Overloaded, "overloaded", Code::ResourceExhausted),
    (ErrorKind::Unavailable, "unavailable", Code::Unavailable),
    (ErrorKind::Full, "full", Code::ResourceExhausted),
    (ErrorKind::Timeout, "timeout", Code::DeadlineExceeded),
    (ErrorKind::Corrupt, "corrupt", Code::DataLoss),
    (ErrorKind::Unsupported, "unsupported", Code::Unimplemented),
    (ErrorKind::Closed, "closed", Code::Unavailable),
    (ErrorKind::Internal, "internal", Code::Internal),
];

pub(super) const RETRIES: [(Retry, &str); 3] =
    [(Retry::Never, "never"), (Retry::Safe, "safe"), (Retry::Ambiguous, "ambiguous")];

/// The gRPC code of a code of the client contract.
#[must_use]
pub fn grpc_code(code: ContractCode) -> Code {
    match code {
        ContractCode::BadRequest | ContractCode::Validation | ContractCode::UnsupportedMediaType => {
            Code::InvalidArgument
        }
        ContractCode::Unauthenticated | ContractCode::BadCredentials | ContractCode::TokenExpired => {
            Code::Unauthenticated
        }
        ContractCode::Forbidden
        | ContractCode::GuestForbidden
        | ContractCode::NotAMember
        | ContractCode::Blocked
        | ContractCode::Muted => Code::PermissionDenied,
        ContractCode::UserNotFound
        | ContractCode::ConversationNotFound
        | ContractCode::MessageNotFound
        | ContractCode::GroupNotFound
        | ContractCode::NotFound => Code::NotFound,
        ContractCode::MethodNotAllowed => Code::Unimplemented,
        ContractCode::UsernameTaken => Code::AlreadyExists,
        ContractCode::Conflict | ContractCode::RecallExpired => Code::FailedPrecondition,
        ContractCode::TooLarge => Code::OutOfRange,
        ContractCode::RateLimited => Code::ResourceExhausted,
        ContractCode::Unavailable => Code::Unavailable,
        ContractCode::Timeout => Code::DeadlineExceeded,
        _ => Code::Internal,
    }
}

/// A fault by name, and its bound where it has one.
pub(super) fn fault_parts(fault: Fault) -> (&'static str, Option<u64>) {
    let bound = |n| Some(u64::try_from(n).unwrap_or(u64::MAX));
    match fault {
        Fault::Missing => ("missing", None),
        Fault::TooShort { min } => ("too_short", bound(min)),
        Fault::TooLong { max } => ("too_long", bound(max)),
        Fault::Reserved => ("reserved", None),
        Fault::Unknown => ("unknown", None),
        Fault::Contradictory => ("contradictory", None),
        Fault::Oneself => ("oneself", None),
        Fault::WrongPassword => ("wrong_password", None),
        // Newer ones too: the field is still named.
        _ => ("malformed", None),
    }
}

pub(super) fn fault(name: &str, bound: Option<u64>) -> Option<Fault> {
    let bound = || bound.and_then(|n| usize::try_from(n).ok());
    Some(match name {
        "missing" => Fault::Missing,
        "too_short" => Fault::TooShort { min: bound()? },
        "too_long" => Fault::TooLong { max: bound()? },
        "reserved" => Fault::Reserved,
        "unknown" => Fault::Unknown,
        "contradictory" => Fault::Contradictory,
        "oneself" => Fault::Oneself,
        "wrong_password" => Fault::WrongPassword,
        "malformed" => Fault::Malformed,
        _ => return None,
    })
}
