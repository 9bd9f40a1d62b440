//! What spans say of calls.

use std::borrow::Cow;

use tonic::Code;
use tonic::body::Body;

use crate::runtime::trace::{Span, Value};

/// A call's name: package, service and method.
pub(super) fn name(path: &str) -> Cow<'static, str> {
    path.trim_start_matches('/').to_owned().into()
}

/// How a call ended, as far as the head of its answer says. Failures of ours stand there: nothing has been answered before.
pub(super) fn code(answer: &http::Response<Body>) -> Code {
    answer.headers().get("grpc-status").map_or(Code::Ok, |code| Code::from_bytes(code.as_bytes()))
}

/// Notes how it ended. A refusal is no failure.
pub(super) fn note(span: &mut Span, code: Code) {
    span.note("rpc.system", || Value::Text("grpc".into()));
    span.note("rpc.grpc.status_code", || Value::Number(i64::from(i32::from(code))));
    if matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    ) {
        span.fail();
    }
}
