//! What can go wrong for a caller of a use case, and the stable codes that programs see.

use std::fmt;
use std::time::Duration;

use crate::model::UserId;
use crate::ports::{ErrorKind, StoreError};

/// Stable, machine-readable name of a failure; part of the client contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code {
    /// The input is not of the expected form at all.
    BadRequest,
    /// A field has a value that is not allowed.
    Validation,
    /// No token, or one that is not valid.
    Unauthenticated,
    /// Name or password is wrong.
    BadCredentials,
    /// The token was valid and has expired.
    TokenExpired,
    /// The caller may not do this.
    Forbidden,
    /// Guests may not do this.
    GuestForbidden,
    /// The user named in a member action is no member.
    NotAMember,
    /// One of the two has blocked the other.
    Blocked,
    /// The caller is muted in this group.
    Muted,
    /// No such user.
    UserNotFound,
    /// No such conversation, or not the caller's.
    ConversationNotFound,
    /// No such message, or not one the caller may read.
    MessageNotFound,
    /// No such group, or not the caller's.
    GroupNotFound,
    /// No such resource.
    NotFound,
    /// The resource exists and does not take this method.
    MethodNotAllowed,
    /// The body is of a type that is not understood.
    UnsupportedMediaType,
    /// The username belongs to somebody else.
    UsernameTaken,
    /// The state of the resource does not allow this.
    Conflict,
    /// The time in which a message can be recalled has passed.
    RecallExpired,
    /// The input is larger than allowed.
    TooLarge,
    /// Too many requests; wait and try again.
    RateLimited,
    /// A fault of the server.
    Internal,
    /// A part that is needed is away for the moment; try again.
    Unavailable,
    /// The answer took too long; it may or may not have happened.
    Timeout,
}

impl Code {
    /// Every code, for tables that must be complete.
    pub const ALL: [Self; 25] = [
        Self::BadRequest,
        Self::Validation,
        Self::Unauthenticated,
        Self::BadCredentials,
        Self::TokenExpired,
        Self::Forbidden,
        Self::GuestForbidden,
        Self::NotAMember,
        Self::Blocked,
        Self::Muted,
        Self::UserNotFound,
        Self::ConversationNotFound,
        Self::MessageNotFound,
        Self::GroupNotFound,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::UnsupportedMediaType,
        Self::UsernameTaken,
        Self::Conflict,
        Self::RecallExpired,
        Self::TooLarge,
        Self::RateLimited,
        Self::Internal,
        Self::Unavailable,
        Self::Timeout,
    ];

    /// The name as it stands on the wire, such as `USERNAME_TAKEN`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "BAD_REQUEST",
            Self::Validation => "VALIDATION",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::BadCredentials => "BAD_CREDENTIALS",
            Self::TokenExpired => "TOKEN_EXPIRED",
            Self::Forbidden => "FORBIDDEN",
            Self::GuestForbidden => "GUEST_FORBIDDEN",
            Self::NotAMember => "NOT_A_MEMBER",
            Self::Blocked => "BLOCKED",
            Self::Muted => "MUTED",
            Self::UserNotFound => "USER_NOT_FOUND",
            Self::ConversationNotFound => "CONVERSATION_NOT_FOUND",
            Self::MessageNotFound => "MESSAGE_NOT_FOUND",
            Self::GroupNotFound => "GROUP_NOT_FOUND",
            Self::NotFound => "NOT_FOUND",
            Self::MethodNotAllowed => "METHOD_NOT_ALLOWED",
            Self::UnsupportedMediaType => "UNSUPPORTED_MEDIA_TYPE",
            Self::UsernameTaken => "USERNAME_TAKEN",
            Self::Conflict => "CONFLICT",
            Self::RecallExpired => "RECALL_EXPIRED",
            Self::TooLarge => "TOO_LARGE",
            Self::RateLimited => "RATE_LIMITED",
            Self::Internal => "INTERNAL",
            Self::Unavailable => "UNAVAILABLE",
            Self::Timeout => "TIMEOUT",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One field of a request that was refused, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The field's name as it stands on the wire (camelCase).
    pub field: &'static str,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a field. Shown to people in their language by the outer layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The field is needed and missing, empty or blank.
    Missing,
    /// Shorter than `min` (characters, bytes or entries, as the field counts).
    TooShort {
        /// The least that is allowed.
        min: usize,
    },
    /// Longer than `max`.
    TooLong {
        /// The most that is allowed.
        max: usize,
    },
    /// Has characters or a form that are not allowed.
    Malformed,
    /// A reserved word.
    Reserved,
    /// A value that is not one of those known.
    Unknown,
    /// Not allowed together with another field, or differs from it.
    Contradictory,
    /// Names the caller where another user is needed.
    Oneself,
    /// The old password does not match.
    WrongPassword,
}

/// Why a use case refused or failed.
///
/// ```
/// use gochat_core::error::{Error, Fault};
///
/// let error = Error::field("username", Fault::TooShort { min: 3 });
/// assert_eq!(error.code().as_str(), "VALIDATION");
/// assert_eq!(error.to_string(), "invalid input: username");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Some fields are not allowed as they are; nothing was done.
    #[error("invalid input: {}", .0.iter().map(|e| e.field).collect::<Vec<_>>().join(", "))]
    Validation(Vec<FieldError>),
    /// The caller is not known; log in again.
    #[error("not authenticated")]
    Unauthenticated,
    /// The token has expired; refresh it.
    #[error("token expired")]
    TokenExpired,
    /// Name or password is wrong.
    #[error("wrong name or password")]
    BadCredentials,
    /// The caller may not do this.
    #[error("forbidden")]
    Forbidden,
    /// Guests may not do this, or it may not be done to a guest.
    #[error("not for guests")]
    GuestForbidden,
    /// The user named is not a member.
    #[error("not a member")]
    NotAMember,
    /// One of the two has blocked the other.
    #[error("blocked")]
    Blocked,
    /// The caller is muted here.
    #[error("muted")]
    Muted,
    /// Some users do not exist; nothing was done.
    #[error("no such user")]
    UserNotFound(Vec<UserId>),
    /// No such conversation, or not the caller's.
    #[error("no such conversation")]
    ConversationNotFound,
    /// No such message, or not the caller's to see.
    #[error("no such message")]
    MessageNotFound,
    /// No such group, or not the caller's.
    #[error("no such group")]
    GroupNotFound,
    /// Somebody has this name already.
    #[error("username taken")]
    UsernameTaken,
    /// The state does not allow it; the text says what to do first.
    #[error("conflict: {0}")]
    Conflict(&'static str),
    /// The time for recalling has passed.
    #[error("too late to recall")]
    RecallExpired,
    /// Too many at once; try again after the time given.
    #[error("too many requests")]
    RateLimited(Duration),
    /// A port failed; whether it may have happened stands inside.
    #[error(transparent)]
    Port(#[from] StoreError),
}

impl Error {
    /// A validation error of one field.
    #[must_use]
    pub fn field(field: &'static str, fault: Fault) -> Self {
        Self::Validation(vec![FieldError { field, fault }])
    }

    /// The stable code for programs.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Validation(_) => Code::Validation,
            Self::Unauthenticated => Code::Unauthenticated,
            Self::TokenExpired => Code::TokenExpired,
            Self::BadCredentials => Code::BadCredentials,
            Self::Forbidden => Code::Forbidden,
            Self::GuestForbidden => Code::GuestForbidden,
            Self::NotAMember => Code::NotAMember,
            Self::Blocked => Code::Blocked,
            Self::Muted => Code::Muted,
            Self::UserNotFound(_) => Code::UserNotFound,
            Self::ConversationNotFound => Code::ConversationNotFound,
            Self::MessageNotFound => Code::MessageNotFound,
            Self::GroupNotFound => Code::GroupNotFound,
            Self::UsernameTaken => Code::UsernameTaken,
            Self::Conflict(_) => Code::Conflict,
            Self::RecallExpired => Code::RecallExpired,
            Self::RateLimited(_) => Code::RateLimited,
            Self::Port(e) => match e.kind() {
                ErrorKind::Overloaded | ErrorKind::Unavailable | ErrorKind::Full | ErrorKind::Closed => {
                    Code::Unavailable
                }
                ErrorKind::Timeout => Code::Timeout,
                ErrorKind::TooLarge => Code::TooLarge,
                _ => Code::Internal,
            },
        }
    }
}
