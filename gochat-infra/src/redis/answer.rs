//! Reading what the server answered. What has another shape than asked for was put there by somebody else.

use ::redis::Value;
use gochat_core::ports::StoreError;

use super::error::{Call, Failure};

/// The text or bytes of an answer; `None` for nil and for anything else.
pub(super) fn bytes(value: &Value) -> Option<&[u8]> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        Value::SimpleString(text) => Some(text.as_bytes()),
        _ => None,
    }
}

pub(super) fn text(value: &Value) -> Option<&str> {
    std::str::from_utf8(bytes(value)?).ok()
}

pub(super) fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Int(n) => u64::try_from(*n).ok(),
        other => text(other)?.parse().ok(),
    }
}

/// The elements of a list; `None` for anything else.
pub(super) fn list(value: &Value) -> Option<&[Value]> {
    match value {
        Value::Array(values) | Value::Set(values) => Some(values),
        _ => None,
    }
}

/// A failure: the answer to `operation` has a shape that the server does not give.
pub(super) fn strange(operation: &'static str, answer: Option<&Value>) -> StoreError {
    match answer {
        Some(Value::ServerError(e)) => Failure::from(::redis::RedisError::from(e.clone())),
        _ => Failure::internal("an answer of another shape than asked for"),
    }
    .into_store(operation, Call::Once)
}
