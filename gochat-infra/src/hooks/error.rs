//! What is wrong with settings, and how calls fail.

use std::time::Duration;

use gochat_core::ports::{ErrorKind, Retry, StoreError};
use http::StatusCode;

/// A setting that can't be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// The address.
    #[error("the address {0}")]
    Address(&'static str),
    /// A signing secret.
    #[error("the secret {0}")]
    Secret(&'static str),
    /// The system's certificates can't be read.
    #[error("the system's certificates can't be read")]
    Certificates(#[source] std::io::Error),
}

/// How one try failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    #[error("no connection")]
    Connection(#[source] hyper_util::client::legacy::Error),
    #[error("no answer in time")]
    Timeout,
    #[error("the answer broke off")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the answer is too large")]
    TooLarge,
    #[error("status {status}")]
    Status { status: StatusCode, wait: Option<Duration> },
    #[error("a request can't be made of it")]
    Request(#[source] http::Error),
}

impl Failed {
    /// Whether another try may do better.
    pub(super) fn again(&self) -> bool {
        match self {
            Self::Connection(_) | Self::Timeout | Self::Broken(_) => true,
            Self::Status { status, .. } => {
                status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
            Self::TooLarge | Self::Request(_) => false,
        }
    }

    /// How long the other side wants to be left alone.
    pub(super) fn wait(&self) -> Duration {
        match self {
            Self::Status { wait: Some(wait), .. } => *wait,
            _ => Duration::ZERO,
        }
    }

    /// What it means to the caller of a port.
    pub(super) fn into_store(self, operation: &'static str) -> StoreError {
        let (kind, retry) = match &self {
            Self::Timeout => (ErrorKind::Timeout, Retry::Ambiguous),
            Self::TooLarge => (ErrorKind::TooLarge, Retry::Never),
            Self::Status { status, .. } if *status == StatusCode::TOO_MANY_REQUESTS => {
                (ErrorKind::Overloaded, Retry::Safe)
            }
            failed if failed.again() => (ErrorKind::Unavailable, Retry::Ambiguous),
            _ => (ErrorKind::Internal, Retry::Never),
        };
        StoreError::new(kind, retry, operation).because(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_each_answer_means() {
        for (status, kind, retry) in [
            (500, ErrorKind::Unavailable, Retry::Ambiguous),
            (503, ErrorKind::Unavailable, Retry::Ambiguous),
            (429, ErrorKind::Overloaded, Retry::Safe),
            (301, ErrorKind::Internal, Retry::Never),
            (307, ErrorKind::Internal, Retry::Never),
            (400, ErrorKind::Internal, Retry::Never),
            (401, ErrorKind::Internal, Retry::Never),
            (404, ErrorKind::Internal, Retry::Never),
            (408, ErrorKind::Internal, Retry::Never),
            (410, ErrorKind::Internal, Retry::Never),
        ] {
            let status = StatusCode::from_u16(status).expect("a status");
            let failed = Failed::Status { status, wait: None };
            assert_eq!(failed.again(), retry != Retry::Never, "{status}");
            let e = failed.into_store("test");
            assert_eq!((e.kind(), e.retry()), (kind, retry), "{status}");
        }
    }
}
