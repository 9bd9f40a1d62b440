//! What a failure of Redis means to the caller.

use gochat_core::ports::{ErrorKind, Retry, StoreError};

use ::redis::{ErrorKind as Fault, RedisError, ServerErrorKind};

/// A configuration that can't be used: correct it.
#[derive(Debug, thiserror::Error)]
#[error("redis can't be used as configured: {0}")]
pub struct RedisConfigError(pub(super) String);

/// Whether a call may be made again without harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    /// It reads, or writes what may be written twice.
    Again,
    /// Twice is not the same as once.
    Once,
}

/// A failure, and whether the connection is to blame.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) kind: ErrorKind,
    /// Whether nothing was sent.
    pub(super) unsent: bool,
    /// Whether the server can't be reached, or does not answer.
    pub(super) away: bool,
    source: Option<Box<RedisError>>,
}

impl Failure {
    /// It took longer than allowed.
    pub(super) const TIMEOUT: Self =
        Self { kind: ErrorKind::Timeout, unsent: false, away: true, source: None };
    /// It is not tried now: it failed a moment ago.
    pub(super) const RESTING: Self =
        Self { kind: ErrorKind::Unavailable, unsent: true, away: true, source: None };

    pub(super) fn internal(what: &'static str) -> Self {
        let source = RedisError::from((Fault::UnexpectedReturnType, what));
        Self { kind: ErrorKind::Internal, unsent: false, away: false, source: Some(Box::new(source)) }
    }

    pub(super) fn into_store(self, operation: &'static str, call: Call) -> StoreError {
        let retry = match self.kind {
            ErrorKind::Internal | ErrorKind::Corrupt => Retry::Never,
            _ if self.unsent || call == Call::Again => Retry::Safe,
            _ => Retry::Ambiguous,
        };
        let error = StoreError::new(self.kind, retry, operation);
        match self.source {
            Some(source) => error.because(source),
            None if self.unsent => error.because("redis was away a moment ago"),
            None => error,
        }
    }
}

impl From<RedisError> for Failure {
    fn from(e: RedisError) -> Self {
        let (kind, unsent, away) = match e.kind() {
            Fault::Io if e.is_connection_refusal() => (ErrorKind::Unavailable, true, true),
            // Answers are waited for here, not by the driver: what it gives up is making a connection.
            Fault::Io if e.is_timeout() => (ErrorKind::Timeout, true, true),
            Fault::Io => (ErrorKind::Unavailable, false, true),
            Fault::ClusterConnectionNotFound => (ErrorKind::Unavailable, true, true),
            Fault::AuthenticationFailed | Fault::InvalidClientConfig | Fault::RESP3NotSupported => {
                (ErrorKind::Unavailable, true, true)
            }
            Fault::Server(fault) => (server(fault), true, false),
            Fault::Extension => (extension(e.code().unwrap_or_default()), true, false),
            _ => (ErrorKind::Internal, false, false),
        };
        Self { kind, unsent, away, source: Some(Box::new(e)) }
    }
}

/// Of what the server says, only a fault of ours is ours.
fn server(fault: ServerErrorKind) -> ErrorKind {
    match fault {
        ServerErrorKind::BusyLoading
        | ServerErrorKind::ClusterDown
        | ServerErrorKind::MasterDown
        | ServerErrorKind::ReadOnly
        | ServerErrorKind::TryAgain
        | ServerErrorKind::Moved
        | ServerErrorKind::Ask
        | ServerErrorKind::NoPerm => ErrorKind::Unavailable,
        _ => ErrorKind::Internal,
    }
}

fn extension(code: &str) -> ErrorKind {
    match code {
        "OOM" => ErrorKind::Full,
        "NOAUTH" | "WRONGPASS" | "BUSY" | "MISCONF" | "NOREPLICAS" | "UNKILLABLE" => ErrorKind::Unavailable,
        _ => ErrorKind::Internal,
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn failures_mean_what_they_are() {
        let io = |kind: io::ErrorKind| RedisError::from(io::Error::from(kind));
        let server = |kind: ServerErrorKind| RedisError::from((Fault::Server(kind), "said"));
        for (error, kind, once, again) in [
            (io(io::ErrorKind::ConnectionRefused), ErrorKind::Unavailable, Retry::Safe, Retry::Safe),
            (io(io::ErrorKind::BrokenPipe), ErrorKind::Unavailable, Retry::Ambiguous, Retry::Safe),
            (io(io::ErrorKind::TimedOut), ErrorKind::Timeout, Retry::Safe, Retry::Safe),
            (server(ServerErrorKind::BusyLoading), ErrorKind::Unavailable, Retry::Safe, Retry::Safe),
            (server(ServerErrorKind::ReadOnly), ErrorKind::Unavailable, Retry::Safe, Retry::Safe),
            (server(ServerErrorKind::CrossSlot), ErrorKind::Internal, Retry::Never, Retry::Never),
            (server(ServerErrorKind::ResponseError), ErrorKind::Internal, Retry::Never, Retry::Never),
        ] {
            let shown = error.to_string();
            let of = |call| Failure::from(error.clone()).into_store("x.y", call);
            assert_eq!((of(Call::Once).kind(), of(Call::Once).retry()), (kind, once), "{shown}");
            assert_eq!(of(Call::Again).retry(), again, "{shown}");
        }
        assert_eq!(extension("OOM"), ErrorKind::Full);
        assert_eq!(extension("MISCONF"), ErrorKind::Unavailable);
        assert_eq!(extension("WRONGTYPE"), ErrorKind::Internal);
        let late = Failure::TIMEOUT.into_store("x.y", Call::Once);
        assert_eq!((late.kind(), late.retry()), (ErrorKind::Timeout, Retry::Ambiguous));
    }
}
