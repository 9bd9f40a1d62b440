//! How failures of SQLite and of opening look from outside.

use std::fmt;
use std::io;
use std::path::PathBuf;

use gochat_core::ports::{ErrorKind, Retry, StoreError};
use rusqlite::{Error as SqlError, ErrorCode, ffi};

/// Why a folder could not be opened as a store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The folder can't be made or written to: check its owner, its rights, and that the disk has room.
    #[error("can't write to the data folder {}", .folder.display())]
    Folder {
        /// Which.
        folder: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another process (or another store of this one) has the folder open: stop it, or choose another folder.
    #[error("the data folder {} is in use by another process", .folder.display())]
    InUse {
        /// Which.
        folder: PathBuf,
    },
    /// The file is a database of another program, or no database at all: choose another folder.
    #[error("{} is not a GoChat database", .file.display())]
    Foreign {
        /// Which.
        file: PathBuf,
    },
    /// The file was written by a newer version of this program: use that one.
    #[error("{} has schema {found}; this version knows none above {known}", .file.display())]
    Newer {
        /// Which.
        file: PathBuf,
        /// The schema it has.
        found: u32,
        /// The newest schema known here.
        known: u32,
    },
    /// There is nothing to read: no store was ever opened in this folder. Name another.
    #[error("there is no {}", .file.display())]
    Missing {
        /// Which.
        file: PathBuf,
    },
    /// The file was written by an older version, and is only to be read: start this version over it once.
    #[error("{} has schema {found}, and this version reads {needed}: start this version over it once", .file.display())]
    Behind {
        /// Which.
        file: PathBuf,
        /// The schema it has.
        found: u32,
        /// The schema that this version reads.
        needed: u32,
    },
    /// A migration that was applied to the file is not the one known by that number here: the file was made by a changed
    /// build.
    #[error("{} was migrated by another build: step {number} differs", .file.display())]
    Drift {
        /// Which.
        file: PathBuf,
        /// Which step.
        number: u32,
    },
    /// A migration failed; the file is as it was before it.
    #[error("step {number} of the migration of {} failed", .file.display())]
    Migration {
        /// Which.
        file: PathBuf,
        /// Which step.
        number: u32,
        /// What SQLite says.
        source: SqliteFault,
    },
    /// SQLite can't open the file.
    #[error("can't open {}", .file.display())]
    Database {
        /// Which.
        file: PathBuf,
        /// What SQLite says.
        source: SqliteFault,
    },
    /// A thread could not be started.
    #[error("can't start a storage thread")]
    Thread(#[source] io::Error),
}

/// A failure that SQLite reported.
#[derive(Debug)]
pub struct SqliteFault(SqlError);

impl fmt::Display for SqliteFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for SqliteFault {}

impl From<SqlError> for SqliteFault {
    fn from(e: SqlError) -> Self {
        Self(e)
    }
}

/// Why a piece of work on a connection did not succeed.
#[derive(Debug)]
pub(super) enum Fail {
    /// An answer for the caller; nothing was written.
    Answer(StoreError),
    /// A row that says something else than was written.
    Corrupt(String),
    /// SQLite reported it.
    Sql(SqlError),
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
    pub(super) fn into_store(self, operation: &'static str, stage: Stage) -> StoreError {
        match self {
            Self::Answer(e) => e,
            Self::Corrupt(what) => StoreError::new(ErrorKind::Corrupt, Retry::Never, operation).because(what),
            Self::Sql(e) => {
                let (kind, retry) = classify(&e, stage);
                StoreError::new(kind, retry, operation).because(e)
            }
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

/// What a failure of SQLite means to the caller, and whether the call may be repeated.
pub(super) fn classify(e: &SqlError, stage: Stage) -> (ErrorKind, Retry) {
    let Some(code) = e.sqlite_error_code() else {
        return match e {
            SqlError::FromSqlConversionFailure(..)
            | SqlError::IntegralValueOutOfRange(..)
            | SqlError::Utf8Error(..)
            | SqlError::InvalidColumnType(..) => (ErrorKind::Corrupt, Retry::Never),
            _ => (ErrorKind::Internal, Retry::Never),
        };
    };
    match code {
        // The last page written is the one that makes a commit one: without room for it there is none.
        ErrorCode::DiskFull => (ErrorKind::Full, Retry::Safe),
        // A commit that could not be synced may be found whole after a crash.
        ErrorCode::SystemIoFailure if stage == Stage::Commit => (ErrorKind::Unavailable, Retry::Ambiguous),
        ErrorCode::SystemIoFailure
        | ErrorCode::CannotOpen
        | ErrorCode::ReadOnly
        | ErrorCode::PermissionDenied
        | ErrorCode::FileLockingProtocolFailed
        | ErrorCode::NoLargeFileSupport => (ErrorKind::Unavailable, Retry::Safe),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::OutOfMemory => {
            (ErrorKind::Overloaded, Retry::Safe)
        }
        ErrorCode::OperationInterrupted | ErrorCode::OperationAborted => (ErrorKind::Timeout, Retry::Safe),
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => (ErrorKind::Corrupt, Retry::Never),
        ErrorCode::TooBig => (ErrorKind::TooLarge, Retry::Never),
        ErrorCode::ConstraintViolation if is_unique(e) => (ErrorKind::Conflict, Retry::Never),
        _ => (ErrorKind::Internal, Retry::Never),
    }
}

/// Whether something unique is there already.
pub(super) fn is_unique(e: &SqlError) -> bool {
    matches!(
        e.sqlite_extended_error_code(),
        Some(
            ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID
        )
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_result_code_has_a_meaning() {
        use ErrorKind::*;
        for (code, kind, before, at_commit) in [
            (ffi::SQLITE_ERROR, Internal, Retry::Never, Retry::Never),
            (ffi::SQLITE_INTERNAL, Internal, Retry::Never, Retry::Never),
            (ffi::SQLITE_PERM, Unavailable, Retry::Safe, Retry::Safe),
            (ffi::SQLITE_ABORT, Timeout, Retry::Safe, Retry::Safe),
            (ffi::SQLITE_BUSY, Overloaded, Retry::Safe, Retry::Safe),
            (ffi::SQLITE_BUSY_SNAPSHOT, Overloaded, Retry::Safe, Retry::Safe),
            (ffi::SQLITE_LOCKED, Overloaded, Retry::Safe, Retry::Safe),
            (ffi::SQLITE_NOMEM, Overloaded, Retry::Safe, Retry::Safe),
            (ffi::SQLITE_READONLY, Unavailable, Retry::Safe, Retry::Safe),
            (ffi::SQLITE_INTERRUPT, Timeout, Retry::Safe, Retry::Safe),
            (ffi::SQLITE_IOERR, Unavailable, Retry::Safe, Retry::Ambiguous),
            (ffi::SQLITE_IOERR_FSYNC, Unavailable, Retry::Safe, Retry::Ambiguous),
            (ffi::SQLITE_CORRUPT, Corrupt, Retry::Never, Retry::Never),
            (ffi::SQLITE_NOTFOUND, Internal, Retry::Never, Retry::Never),
            (ffi::SQLITE_FULL, Full, Retry::Safe, Retry::Safe),
            (ffi::SQLITE_CANTOPEN, Unavailable, Retry::Safe, Retry::Safe),
            (ffi::SQLITE_PROTOCOL, Unavailable, Retry::Safe, Retry::Safe),
            (ffi::SQLITE_SCHEMA, Internal, Retry::Never, Retry::Never),
            (ffi::SQLITE_TOOBIG, TooLarge, Retry::Never, Retry::Never),
            (ffi::SQLITE_CONSTRAINT_UNIQUE, Conflict, Retry::Never, Retry::Never),
            (ffi::SQLITE_CONSTRAINT_PRIMARYKEY, Conflict, Retry::Never, Retry::Never),
            (ffi::SQLITE_CONSTRAINT_NOTNULL, Internal, Retry::Never, Retry::Never),
            (ffi::SQLITE_MISMATCH, Internal, Retry::Never, Retry::Never),
            (ffi::SQLITE_MISUSE, Internal, Retry::Never, Retry::Never),
            (ffi::SQLITE_NOLFS, Unavailable, Retry::Safe, Retry::Safe),
            (ffi::SQLITE_AUTH, Internal, Retry::Never, Retry::Never),
            (ffi::SQLITE_RANGE, Internal, Retry::Never, Retry::Never),
            (ffi::SQLITE_NOTADB, Corrupt, Retry::Never, Retry::Never),
        ] {
            let e = SqlError::SqliteFailure(ffi::Error::new(code), None);
            assert_eq!(classify(&e, Stage::Before), (kind, before), "{code}");
            assert_eq!(classify(&e, Stage::Commit), (kind, at_commit), "{code} at commit");
        }
    }

    #[test]
    fn a_value_of_another_type_is_corruption_and_a_wrong_call_is_our_fault() {
        let wrong = SqlError::InvalidColumnType(0, "id".into(), rusqlite::types::Type::Text);
        assert_eq!(classify(&wrong, Stage::Before).0, ErrorKind::Corrupt);
        assert_eq!(classify(&SqlError::InvalidColumnIndex(9), Stage::Before).0, ErrorKind::Internal);
    }
}
