//! What went wrong, on its way to a client: one table of codes and statuses, one shape of a failure.

use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use gochat_core::error::{Code, Error, Fault, FieldError};
use gochat_proto::RawValue;
use gochat_proto::http::{Failure, WrongField};
use gochat_proto::ws::{ErrorData, Frame};
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};

use super::convert::wrong_fields;
use super::lang::Lang;

/// The HTTP status of a code. The one table.
#[must_use]
pub fn http_status(code: Code) -> StatusCode {
    match code {
        Code::BadRequest | Code::Validation => StatusCode::BAD_REQUEST,
        Code::Unauthenticated | Code::BadCredentials | Code::TokenExpired => StatusCode::UNAUTHORIZED,
        Code::Forbidden | Code::GuestForbidden | Code::NotAMember | Code::Blocked | Code::Muted => {
            StatusCode::FORBIDDEN
        }
        Code::UserNotFound
        | Code::ConversationNotFound
        | Code::MessageNotFound
        | Code::GroupNotFound
        | Code::NotFound => StatusCode::NOT_FOUND,
        Code::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Code::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Code::UsernameTaken | Code::Conflict | Code::RecallExpired => StatusCode::CONFLICT,
        Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::Timeout => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// How long a client is asked to wait when a part of the server is away.
const UNAVAILABLE_FOR: Duration = Duration::from_secs(1);

/// Why a request failed, with all that its client may know, and the cause for the log.
#[derive(Debug)]
pub struct Problem {
    /// The stable code.
    pub code: Code,
    /// The fields that are wrong.
    pub fields: Vec<FieldError>,
    /// The users that do not exist.
    pub users: Vec<String>,
    /// When to try again.
    pub retry_after: Option<Duration>,
    /// What went wrong inside; for the log only.
    pub cause: Option<Error>,
}

impl Problem {
    /// A problem without particulars.
    #[must_use]
    pub fn new(code: Code) -> Self {
        let retry_after = (code == Code::Unavailable).then_some(UNAVAILABLE_FOR);
        Self { code, fields: Vec::new(), users: Vec::new(), retry_after, cause: None }
    }

    /// One field is wrong.
    #[must_use]
    pub fn field(field: &'static str, fault: Fault) -> Self {
        Self { fields: vec![FieldError { field, fault }], ..Self::new(Code::Validation) }
    }

    /// These users do not exist.
    #[must_use]
    pub fn no_such_users(users: Vec<String>) -> Self {
        Self { users, ..Self::new(Code::UserNotFound) }
    }

    /// Too many requests; try again after `wait`.
    #[must_use]
    pub fn limited(wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..Self::new(Code::RateLimited) }
    }

    /// Whether the fault is ours, not the client's.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        http_status(self.code).is_server_error()
    }

    /// What the client may know of an error.
    #[must_use]
    pub fn of(error: &Error) -> Self {
        let mut problem = Self::new(error.code());
        match error {
            Error::Validation(fields) => problem.fields.clone_from(fields),
            Error::UserNotFound(users) => problem.users = users.iter().map(ToString::to_string).collect(),
            Error::RateLimited(wait) => problem.retry_after = Some(*wait),
            _ => {}
        }
        problem
    }

    /// Calls `f` with the wrong fields as they go over the wire.
    pub fn with_fields<T>(&self, lang: Lang, f: impl FnOnce(&[WrongField<'_>]) -> T) -> T {
        f(&wrong_fields(&self.fields, lang))
    }

    /// Appends it as an `error` frame; `id` is that of the request, `about` what was sent or asked for.
    pub fn write_frame(&self, lang: Lang, id: Option<&RawValue>, about: About<'_>, out: &mut Vec<u8>) {
        let wait_ms = |wait: Duration| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1);
        self.with_fields(lang, |fields| {
            let data = ErrorData {
                temp_message_id: about.temp_message_id,
                conversation_id: about.conversation_id,
                retry_after_ms: self.retry_after.map(wait_ms),
                fields,
                ..ErrorData::new(self.code.as_str(), lang.code(self.code))
            };
            Frame::answer(id, data).write(out);
        });
    }

    /// The whole answer; `trace_id` finds it in the log.
    #[must_use]
    pub fn response(&self, lang: Lang, trace_id: &str) -> Response {
        let fields = wrong_fields(&self.fields, lang);
        let envelope = Failure {
            fields: &fields,
            user_ids: &self.users,
            ..Failure::new(lang.code(self.code), self.code.as_str(), trace_id)
        };
        let body = serde_json::to_vec(&envelope).expect("wire types serialise");
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = http_status(self.code);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(wait) = self.retry_after {
            // The header counts in whole seconds: rounded up, and never 0.
            let seconds = wait.as_millis().div_ceil(1_000).max(1);
            let seconds = HeaderValue::from(u64::try_from(seconds).unwrap_or(u64::MAX));
            response.headers_mut().insert(RETRY_AFTER, seconds);
        }
        if response.status() == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// What an `error` frame is about, where it is about something.
#[derive(Debug, Clone, Copy, Default)]
pub struct About<'a> {
    /// The send that failed.
    pub temp_message_id: Option<&'a str>,
    /// The conversation asked for.
    pub conversation_id: Option<&'a str>,
}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        Self::new(code)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let mut problem = Self::of(&error);
        problem.cause = Some(error);
        problem
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gochat_core::ports::{ErrorKind, Retry, StoreError};

    #[test]
    fn statuses_are_those_of_the_contract() {
        let table = [
            (400, "BAD_REQUEST VALIDATION"),
            (401, "UNAUTHENTICATED BAD_CREDENTIALS TOKEN_EXPIRED"),
            (403, "FORBIDDEN GUEST_FORBIDDEN NOT_A_MEMBER BLOCKED MUTED"),
            (404, "USER_NOT_FOUND CONVERSATION_NOT_FOUND MESSAGE_NOT_FOUND GROUP_NOT_FOUND NOT_FOUND"),
            (405, "METHOD_NOT_ALLOWED"),
            (409, "USERNAME_TAKEN CONFLICT RECALL_EXPIRED"),
            (413, "TOO_LARGE"),
            (415, "UNSUPPORTED_MEDIA_TYPE"),
            (429, "RATE_LIMITED"),
            (500, "INTERNAL"),
            (503, "UNAVAILABLE"),
            (504, "TIMEOUT"),
        ];
        let mut seen = 0;
        for (status, codes) in table {
            for name in codes.split(' ') {
                let code = Code::ALL.into_iter().find(|c| c.as_str() == name).expect("a code");
                assert_eq!(http_status(code).as_u16(), status, "{name}");
                seen += 1;
            }
        }
        assert_eq!(seen, Code::ALL.len());
    }

    #[test]
    fn a_frame_names_fields_and_the_request() {
        let mut out = Vec::new();
        let id: &RawValue = serde_json::from_str("7").expect("JSON");
        let about = About { temp_message_id: Some("t"), conversation_id: None };
        Problem::field("content", Fault::TooLong { max: 5 }).write_frame(Lang::En, Some(id), about, &mut out);
        assert_eq!(
            String::from_utf8(out).expect("UTF-8"),
            r#"{"type":"error","id":7,"data":{"code":"VALIDATION","message":"Some fields are not allowed as they are.","tempMessageId":"t","fields":[{"field":"content","fault":"TOO_LONG","message":"must not be longer than 5","max":5}]}}"#
        );
    }

    #[test]
    fn causes_are_kept_for_the_log_and_waits_for_the_client() {
        let away = StoreError::new(ErrorKind::Unavailable, Retry::Safe, "messages.append");
        let problem = Problem::from(Error::Port(away));
        assert!(problem.is_ours() && problem.cause.is_some());
        assert_eq!(problem.retry_after, Some(UNAVAILABLE_FOR));
        let wait = Duration::from_secs(3);
        assert_eq!(Problem::from(Error::RateLimited(wait)).retry_after, Some(wait));
        assert!(!Problem::from(Error::Muted).is_ours());
    }
}
