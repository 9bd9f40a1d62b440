//! How failures of the server, of the network and of opening look from outside.

use gochat_core::ports::{ErrorKind, Retry, StoreError};
use mysql_async::{DriverError, Error as SqlError};

/// Why a store could not be opened, or its schema not be brought up to date.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// An address or a file that it names can't be used: correct it.
    #[error("the address of a database is wrong")]
    Address(#[source] MySqlFault),
    /// The primary does not answer, or not to us: check its address, the user's rights, and that the database exists.
    #[error("can't reach the database")]
    Unreachable(#[source] MySqlFault),
    /// The schema is older than this version wants: run the migration first.
    #[error("the database has schema {found}, and this version needs {needed}: migrate it first")]
    Behind {
        /// The schema it has; 0 for none.
        found: u32,
        /// The schema that this version reads and writes.
        needed: u32,
    },
    /// The schema was made by a newer version: use that one.
    #[error("the database has schema {found}; this version knows none above {known}")]
    Newer {
        /// The schema it has.
        found: u32,
        /// The newest schema known here.
        known: u32,
    },
    /// A migration that was applied is not the one known by that number here: the database was made by a changed build.
    #[error("the database was migrated by another build: step {number} differs")]
    Drift {
        /// Which step.
        number: u32,
    },
    /// Another instance has been migrating for as long as we wait: look what it does, and start again.
    #[error("another instance is migrating the database")]
    Busy,
    /// A data folder is being copied into it: let `gochat migrate` come to its end, or empty the database.
    #[error("a data folder is being transferred into the database, and is not verified yet")]
    Transfer,
    /// A step failed. It can be started again: what it had done is left out then.
    #[error("step {number} of the migration failed")]
    Migration {
        /// Which step.
        number: u32,
        /// What the server says.
        source: MySqlFault,
    },
}

/// A failure that the server or the driver reported.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct MySqlFault(String);

impl From<SqlError> for MySqlFault {
    fn from(e: SqlError) -> Self {
        Self(e.to_string())
    }
}

impl From<String> for MySqlFault {
    fn from(what: String) -> Self {
        Self(what)
    }
}

/// Why a piece of work on a connection did not succeed.
#[derive(Debug)]
pub(super) enum Fail {
    /// An answer for the caller; nothing was written.
    Answer(StoreError),
    /// A row that says something else than was written.
    Corrupt(String),
    /// Somebody was faster; begin again.
    Again,
    /// All connections are in use, and as many wait as may.
    Full,
    /// No connection within the time for one.
    Away,
    /// The server was away a moment ago, and is not asked yet.
    Resting,
    /// Reported while statements ran: what had been done is rolled back.
    Sql(SqlError),
    /// Reported by a commit.
    Commit(SqlError),
}

pub(super) type Done<T> = Result<T, Fail>;

impl From<StoreError> for Fail {
    fn from(e: StoreError) -> Self {
        Self::Answer(e)
    }
}

impl From<SqlError> for Fail {
    fn from(e: SqlError) -> Self {
        Self::Sql(e)
    }
}

impl Fail {
    pub(super) fn into_store(self, operation: &'static str) -> StoreError {
        let error = |(kind, retry)| StoreError::new(kind, retry, operation);
        match self {
            Self::Answer(e) => e,
            Self::Corrupt(what) => error((ErrorKind::Corrupt, Retry::Never)).because(what),
            Self::Again => {
                error((ErrorKind::Overloaded, Retry::Safe)).because("others were faster each time")
            }
            Self::Full => error((ErrorKind::Overloaded, Retry::Safe)).because("all connections are in use"),
            Self::Away => error((ErrorKind::Unavailable, Retry::Safe)).because("no connection in time"),
            Self::Resting => error((ErrorKind::Unavailable, Retry::Safe)).because("it was away a moment ago"),
            Self::Sql(e) => error(classify(&e, Stage::Before)).because(e),
            Self::Commit(e) => error(classify(&e, Stage::Commit)).because(e),
        }
    }

    /// Whether the server could not be reached; before a statement has run.
    pub(super) fn is_away(&self) -> bool {
        match self {
            Self::Away => true,
            Self::Sql(e) => lost(e),
            _ => false,
        }
    }

    /// Whether the same work may be begun again at once: nothing of it has happened.
    pub(super) fn again(&self) -> bool {
        match self {
            Self::Again => true,
            Self::Sql(e) => lost(e) || matches!(e, SqlError::Server(e) if contended(e.code)),
            Self::Commit(SqlError::Server(e)) => contended(e.code),
            _ => false,
        }
    }
}

/// How far a transaction had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Its statements ran: what failed was rolled back.
    Before,
    /// It was being committed.
    Commit,
}

/// Two wanted the same: a deadlock, a lock not had in time, a row changed since it was read, a certification that failed.
const fn contended(code: u16) -> bool {
    matches!(code, 1213 | 1205 | 1020 | 1180 | 1613 | 1614 | 3101)
}

/// Whether the connection is gone, which rolls back what it had begun.
pub(super) fn lost(e: &SqlError) -> bool {
    match e {
        SqlError::Io(_) => true,
        SqlError::Driver(DriverError::ConnectionClosed | DriverError::PacketOutOfOrder) => true,
        SqlError::Server(e) => matches!(e.code, 1053 | 1927 | 1152 | 1158..=1161),
        _ => false,
    }
}

/// Whether something unique is there already.
pub(super) fn is_unique(e: &SqlError) -> bool {
    matches!(e, SqlError::Server(e) if matches!(e.code, 1062 | 1586 | 1859))
}

/// What a failure means to the caller, and whether the call may be repeated.
pub(super) fn classify(e: &SqlError, stage: Stage) -> (ErrorKind, Retry) {
    // A commit that was cut short may have happened.
    let cut = if stage == Stage::Commit { Retry::Ambiguous } else { Retry::Safe };
    match e {
        SqlError::Server(e) => server(e.code, cut),
        _ if lost(e) => (ErrorKind::Unavailable, cut),
        SqlError::Driver(DriverError::PoolDisconnected) => (ErrorKind::Closed, Retry::Safe),
        SqlError::Driver(DriverError::PacketTooLarge | DriverError::StmtParamsNumberExceedsLimit { .. }) => {
            (ErrorKind::TooLarge, Retry::Never)
        }
        SqlError::Driver(DriverError::FromValue { .. } | DriverError::FromRow { .. }) => {
            (ErrorKind::Corrupt, Retry::Never)
        }
        _ => (ErrorKind::Internal, Retry::Never),
    }
}

/// Numbers of both servers' lists of error messages.
const fn server(code: u16, cut: Retry) -> (ErrorKind, Retry) {
    match code {
        1205 => (ErrorKind::Timeout, Retry::Safe),
        code if contended(code) => (ErrorKind::Overloaded, Retry::Safe),
        // Too many connections, of all or of this user; no memory; no slot for a transaction or a prepared statement.
        1040 | 1203 | 1226 | 1037 | 1038 | 1041 | 1135 | 1206 | 1461 | 1637 => {
            (ErrorKind::Overloaded, Retry::Safe)
        }
        // Interrupted, or ran longer than allowed (MySQL, MariaDB).
        1317 | 3024 | 1969 => (ErrorKind::Timeout, cut),
        // Shutting down, killed, the network.
        1053 | 1927 | 1152 | 1158..=1161 => (ErrorKind::Unavailable, cut),
        // Read-only: a replica that is not primary yet, or a primary no longer.
        1290 | 1792 | 1836 => (ErrorKind::Unavailable, Retry::Safe),
        1062 | 1586 | 1859 => (ErrorKind::Conflict, Retry::Never),
        1021 | 1114 => (ErrorKind::Full, Retry::Safe),
        1118 | 1153 | 1162 | 1301 | 1390 | 1406 => (ErrorKind::TooLarge, Retry::Never),
        1034 | 1035 | 1194 | 1195 | 1712 | 1877 => (ErrorKind::Corrupt, Retry::Never),
        _ => (ErrorKind::Internal, Retry::Never),
    }
}

#[cfg(test)]
mod tests {
    use mysql_async::ServerError;

    use super::*;

    fn server_error(code: u16) -> SqlError {
        SqlError::Server(ServerError { code, message: String::new(), state: String::new() })
    }

    #[test]
    fn every_error_has_a_meaning() {
        use ErrorKind::*;
        use Retry::*;
        for (code, kind, before, at_commit, again) in [
            (1213, Overloaded, Safe, Safe, true),
            (1205, Timeout, Safe, Safe, true),
            (1020, Overloaded, Safe, Safe, true),
            (3101, Overloaded, Safe, Safe, true),
            (1040, Overloaded, Safe, Safe, false),
            (1226, Overloaded, Safe, Safe, false),
            (1461, Overloaded, Safe, Safe, false),
            (1317, Timeout, Safe, Ambiguous, false),
            (3024, Timeout, Safe, Ambiguous, false),
            (1969, Timeout, Safe, Ambiguous, false),
            (1053, Unavailable, Safe, Ambiguous, true),
            (1290, Unavailable, Safe, Safe, false),
            (1836, Unavailable, Safe, Safe, false),
            (1062, Conflict, Never, Never, false),
            (1114, Full, Safe, Safe, false),
            (1153, TooLarge, Never, Never, false),
            (1406, TooLarge, Never, Never, false),
            (1194, Corrupt, Never, Never, false),
            (1064, Internal, Never, Never, false),
            (1146, Internal, Never, Never, false),
            (1366, Internal, Never, Never, false),
        ] {
            let e = server_error(code);
            assert_eq!(classify(&e, Stage::Before), (kind, before), "{code}");
            assert_eq!(classify(&e, Stage::Commit), (kind, at_commit), "{code} at commit");
            assert_eq!(Fail::Sql(e).again(), again, "{code} again");
        }
    }

    #[test]
    fn a_lost_connection_undoes_all_but_a_commit() {
        let gone = || SqlError::from(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
        assert_eq!(classify(&gone(), Stage::Before), (ErrorKind::Unavailable, Retry::Safe));
        assert_eq!(classify(&gone(), Stage::Commit), (ErrorKind::Unavailable, Retry::Ambiguous));
        assert!(Fail::Sql(gone()).again());
        assert!(!Fail::Commit(gone()).again(), "it may have happened");
        assert!(Fail::Commit(server_error(1213)).again());
    }
}
