//! Why a transfer did not come to its end.

use std::fmt;

use crate::{mysql, sqlite};

/// Why a transfer did not come to its end; each says what to do. What is in the folder stays as it is, always.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// The folder can't be opened.
    #[error(transparent)]
    Folder(#[from] sqlite::OpenError),
    /// The folder can't be read to its end: look at the disk.
    #[error("the data folder can't be read")]
    Read(#[from] sqlite::SqliteFault),
    /// The database can't be opened, or its schema not be made.
    #[error(transparent)]
    Database(#[from] mysql::OpenError),
    /// The database failed on the way. The same command goes on where it was.
    #[error("the database failed; run the same again, it goes on where it was")]
    Write(#[from] mysql::MySqlFault),
    /// The database holds something that no transfer has brought: name an empty one.
    #[error("the database is not empty: there is something in {table}; name an empty one")]
    Taken {
        /// A table with something in it.
        table: String,
    },
    /// The database holds a transfer of another folder, or of this one as it was before it was used again: name an empty
    /// database, or make this one anew.
    #[error(
        "the database holds a transfer of another folder, or of this one before it was used again; name an empty one"
    )]
    Other,
    /// Another transfer into the database goes on.
    #[error("another transfer into this database is going on")]
    Busy,
    /// Rows of the folder are damaged. Nothing was written.
    #[error("the data folder is damaged, and nothing was written:{0}")]
    Damaged(Findings),
    /// The database holds something else than the folder. The transfer is not marked as done, and no server opens the
    /// database; make it anew, and begin again.
    #[error("the database differs from the data folder; make it anew, and begin again:{0}")]
    Differs(Findings),
}

/// What was found: the first hundred, and how many there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Findings {
    /// The first of them, each with the key of its row.
    pub first: Vec<String>,
    /// How many there are.
    pub count: u64,
}

/// Findings that are told one by one.
const TOLD: usize = 100;

impl Findings {
    pub(super) fn add(&mut self, what: String) {
        self.count += 1;
        if self.first.len() < TOLD {
            self.first.push(what);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for what in &self.first {
            write!(f, "\n  {what}")?;
        }
        match self.count - self.first.len() as u64 {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}
