//! Errors as `ErrorDetail`, and back.

use std::time::Duration;

use gochat_core::error::FieldError;
use gochat_core::ports::{ErrorKind, Retry, StoreError};
use gochat_core::{Code as ContractCode, Error};
use gochat_proto::pb::types::v1::{ErrorDetail, FieldFault};
use tonic::Code;

use super::intern::intern;
use super::table::{KINDS, RETRIES, fault, fault_parts, grpc_code};
use crate::wire;

/// Most users and fields that an error names, so that it fits the headers of an answer.
const USERS_MAX: usize = 4_000;
const FIELDS_MAX: usize = 100;

pub(super) fn of_store(error: &StoreError) -> (Code, ErrorDetail) {
    let (_, name, code) = *KINDS.iter().find(|(kind, ..)| *kind == error.kind()).unwrap_or(&(
        ErrorKind::Internal,
        "internal",
        Code::Internal,
    ));
    let retry = RETRIES.iter().find(|(retry, _)| *retry == error.retry()).map_or("never", |(_, name)| name);
    let detail = ErrorDetail {
        code: name.to_owned(),
        retry: retry.to_owned(),
        operation: error.operation().to_owned(),
        ..ErrorDetail::default()
    };
    (code, detail)
}

pub(super) fn to_store(detail: &ErrorDetail, operation: &'static str) -> Option<StoreError> {
    let (kind, ..) = *KINDS.iter().find(|(_, name, _)| *name == detail.code)?;
    let (retry, _) = *RETRIES.iter().find(|(_, name)| *name == detail.retry)?;
    Some(StoreError::new(kind, retry, intern(&detail.operation).unwrap_or(operation)))
}

pub(super) fn of_error(error: &Error) -> (Code, ErrorDetail) {
    let code = error.code();
    let mut detail = ErrorDetail { code: code.as_str().to_owned(), ..ErrorDetail::default() };
    match error {
        Error::Validation(fields) => {
            detail.faults = fields
                .iter()
                .take(FIELDS_MAX)
                .map(|e| {
                    let (fault, bound) = fault_parts(e.fault);
                    FieldFault { field: e.field.to_owned(), fault: fault.to_owned(), bound }
                })
                .collect();
        }
        Error::UserNotFound(users) => {
            detail.user_ids = users.iter().take(USERS_MAX).map(|user| user.get()).collect();
        }
        Error::Conflict(reason) => detail.reason = (*reason).to_owned(),
        Error::RateLimited(wait) => {
            // Rounded up: who comes back after it must not be too early.
            let millis = wait.as_nanos().div_ceil(1_000_000);
            detail.retry_after_ms = u64::try_from(millis).unwrap_or(u64::MAX);
        }
        _ => {}
    }
    (grpc_code(code), detail)
}

pub(super) fn to_error(detail: ErrorDetail, operation: &'static str) -> Option<Error> {
    if let Some(error) = to_store(&detail, operation) {
        return Some(Error::Port(error));
    }
    Some(match wire::code(&detail.code, "error.code").ok()? {
        ContractCode::Validation => {
            let fields: Option<Vec<_>> = detail.faults.iter().take(FIELDS_MAX).map(field).collect();
            Error::Validation(fields?)
        }
        ContractCode::Unauthenticated => Error::Unauthenticated,
        ContractCode::TokenExpired => Error::TokenExpired,
        ContractCode::BadCredentials => Error::BadCredentials,
        ContractCode::Forbidden => Error::Forbidden,
        ContractCode::GuestForbidden => Error::GuestForbidden,
        ContractCode::NotAMember => Error::NotAMember,
        ContractCode::Blocked => Error::Blocked,
        ContractCode::Muted => Error::Muted,
        ContractCode::UserNotFound => {
            Error::UserNotFound(wire::ids(&detail.user_ids, "error.user_ids").ok()?)
        }
        ContractCode::ConversationNotFound => Error::ConversationNotFound,
        ContractCode::MessageNotFound => Error::MessageNotFound,
        ContractCode::GroupNotFound => Error::GroupNotFound,
        ContractCode::UsernameTaken => Error::UsernameTaken,
        ContractCode::Conflict => Error::Conflict(intern(&detail.reason).unwrap_or("not possible as it is")),
        ContractCode::RecallExpired => Error::RecallExpired,
        ContractCode::RateLimited => Error::RateLimited(Duration::from_millis(detail.retry_after_ms)),
        // Of these core makes port errors only; an error of a newer version still says what it is.
        ContractCode::Unavailable => unknown(ErrorKind::Unavailable, operation),
        ContractCode::Timeout => unknown(ErrorKind::Timeout, operation),
        ContractCode::TooLarge => unknown(ErrorKind::TooLarge, operation),
        _ => unknown(ErrorKind::Internal, operation),
    })
}

fn unknown(kind: ErrorKind, operation: &'static str) -> Error {
    Error::Port(StoreError::new(kind, Retry::Never, operation))
}

fn field(pb: &FieldFault) -> Option<FieldError> {
    Some(FieldError { field: intern(&pb.field)?, fault: fault(&pb.fault, pb.bound)? })
}
