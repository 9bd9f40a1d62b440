//! How etcd fails, and what to do about it.

use std::time::Duration;

use etcd_client::Error;

/// What the server or the connection reported.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct EtcdFault(String);

/// Why something in etcd did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EtcdError {
    /// A setting can't be used.
    #[error("etcd {setting}: {what}; {mend}")]
    Setting {
        /// Which.
        setting: &'static str,
        /// What is wrong with it.
        what: String,
        /// What to do.
        mend: &'static str,
    },
    /// No endpoint answered in time, or none can be reached.
    #[error(
        "etcd {endpoints}: no answer to {operation} within {within:?}; check the endpoints, and that etcd has a leader"
    )]
    Away {
        /// What was asked for.
        operation: &'static str,
        /// Whom.
        endpoints: String,
        /// For how long.
        within: Duration,
        /// What is known of the cause.
        source: Option<EtcdFault>,
    },
    /// The server refuses us.
    #[error(
        "etcd {endpoints}: {operation} is not allowed; check user and password, and grant the role read and write below the prefix"
    )]
    Denied {
        /// What was asked for.
        operation: &'static str,
        /// Whom.
        endpoints: String,
        /// What the server says.
        source: EtcdFault,
    },
    /// The server answered with a failure, or with something that makes no sense.
    #[error("etcd {endpoints}: {operation} failed")]
    Failed {
        /// What was asked for.
        operation: &'static str,
        /// Whom.
        endpoints: String,
        /// What the server says.
        source: EtcdFault,
    },
    /// Other instances hold all node numbers.
    #[error(
        "no node number is free: {held} of {nodes} are held below {key}; stop what is not needed, or wait until the leases of \
         instances that are gone have ended"
    )]
    NoNode {
        /// How many are held; the others were used by a clock that is far ahead of ours.
        held: usize,
        /// How many there are.
        nodes: usize,
        /// Where they are.
        key: String,
    },
    /// Identifiers can no longer be reserved.
    #[error(
        "no identifiers could be reserved for {for_:?}; etcd is away for too long, so this process stops"
    )]
    NodeLost {
        /// For how long.
        for_: Duration,
    },
}

impl EtcdError {
    pub(super) fn of(operation: &'static str, endpoints: &str, within: Duration, e: &Error) -> Self {
        let (endpoints, source) = (endpoints.to_owned(), EtcdFault(e.to_string()));
        // Codes of gRPC by number: this room does not need to know the crate that names them.
        let code = if let Error::GRpcStatus(status) = e { Some(status.code() as i32) } else { None };
        // A wrong password and a missing user come as invalid arguments.
        let refusals = ["authentication failed", "user name is empty"];
        let refused = matches!(e, Error::GRpcStatus(s) if refusals.iter().any(|r| s.message().contains(r)));
        match (code, e) {
            (Some(7 | 16), _) => Self::Denied { operation, endpoints, source },
            _ if refused => Self::Denied { operation, endpoints, source },
            (Some(4 | 14), _) | (None, Error::TransportError(_) | Error::IoError(_)) => {
                Self::Away { operation, endpoints, within, source: Some(source) }
            }
            _ => Self::Failed { operation, endpoints, source },
        }
    }

    pub(super) fn odd(operation: &'static str, endpoints: &str, what: &str) -> Self {
        Self::Failed { operation, endpoints: endpoints.to_owned(), source: EtcdFault(what.to_owned()) }
    }
}

/// The error with its causes, on one line.
pub(super) fn whole(e: &EtcdError) -> String {
    match std::error::Error::source(e) {
        Some(source) => format!("{e}: {source}"),
        None => e.to_string(),
    }
}
