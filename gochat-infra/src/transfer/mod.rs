//! A data folder goes into MySQL: the way from one process to the four services.
//!
//! 1. **Check.** The folder is taken for this process and read from end to end. Damaged rows end it here, each with its key.
//!    What was read is summed up: the sum is whose the database is from then on.
//! 2. **Copy.** Table by table in order of keys, in batches; each batch is one transaction with the position after it. A
//!    transfer that was cut short anywhere goes on from there.
//! 3. **Verify.** Both sides are read in order of keys and compared row by row and by their sums; the messages of every
//!    conversation are counted against its head. Only then the database is marked as whole, and servers open it.
//!
//! Ids, sequences, read pointers, versions, change numbers, logins and tombstones stay what they are, and change numbers go
//! on behind those of the folder: a client's cursor is good on either side.
//!
//! Nothing in the folder is changed. This room knows rows, and nothing of rules; what tables are like is said by `tables`.

pub(crate) mod cell;
mod error;
pub(crate) mod tables;
mod verify;

use std::path::Path;

use gochat_core::model::Timestamp;
use gochat_core::ports::Clock;
use sha2::{Digest, Sha256};

use crate::mysql::import::{Import, Whose};
use crate::runtime::SystemClock;
use crate::sqlite::export::{Bounds, Export};
use cell::Sum;
pub use error::{Findings, TransferError};
use tables::Table;

/// How much is copied at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TransferOptions {
    /// Rows of a transaction, at most; 500.
    pub rows: usize,
    /// Bytes after which a transaction ends, even with fewer rows; 1 MiB. The server's `max_allowed_packet` must be above
    /// this and the longest message together.
    pub bytes: usize,
}

impl Default for TransferOptions {
    fn default() -> Self {
        Self { rows: 500, bytes: 1 << 20 }
    }
}

impl TransferOptions {
    fn bounds(self) -> Bounds {
        Bounds { rows: self.rows.max(1), bytes: self.bytes.max(1) }
    }
}

/// What a transfer is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The folder is read.
    Check,
    /// Rows are written; what is told last may not be durable yet.
    Copy,
    /// Both sides are compared.
    Verify,
}

/// How far a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// What it is at.
    pub step: Step,
    /// The table, as MySQL calls it.
    pub table: &'static str,
    /// Rows of it that are done, with those of runs before.
    pub rows: u64,
    /// Rows that it has.
    pub of: u64,
}

/// A transfer that is done.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transferred {
    /// The rows of each table, as MySQL calls it.
    pub tables: Vec<(&'static str, u64)>,
    /// When it was verified: now, or by an earlier run, after which there was nothing left to do.
    pub verified_at: Timestamp,
    /// Whether this run wrote nothing, since an earlier one has verified the same.
    pub earlier: bool,
}

/// What the folder holds.
struct Manifest {
    sums: Vec<(Table, Sum)>,
    digest: [u8; 32],
}

/// Copies the data folder into the database that `url` names, which is empty, or holds a part of this same transfer.
/// Answers when all of it is verified, and tells `progress` on the way.
///
/// - The schema is made first; that takes a user who may make tables.
/// - It blocks its thread while it reads the folder: give it a thread of its own.
/// - Cut short anywhere, by whatever, it goes on where it was when it is called again.
///
/// # Errors
/// Each says what to do; see [`TransferError`].
pub async fn transfer(
    folder: &Path,
    url: &str,
    options: TransferOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<Transferred, TransferError> {
    let export = Export::open(folder)?;
    // Before the long reading: a wrong address is told at once.
    let mut import = match Import::open(url).await? {
        Ok(import) => import,
        Err(table) if table.is_empty() => return Err(TransferError::Busy),
        Err(table) => return Err(TransferError::Taken { table }),
    };
    let done = run(&export, &mut import, options.bounds(), progress).await;
    import.close().await;
    done
}

async fn run(
    export: &Export,
    import: &mut Import,
    bounds: Bounds,
    progress: &mut dyn FnMut(Progress),
) -> Result<Transferred, TransferError> {
    let manifest = check(export, bounds, progress)?;
    let whose = import.take(&manifest.digest, SystemClock.now().as_millis()).await?;
    let verified_at = match whose {
        Whose::Other => return Err(TransferError::Other),
        Whose::Taken(table) => return Err(TransferError::Taken { table }),
        Whose::Verified(at) => Some(at),
        Whose::New | Whose::Resumed => None,
    };
    let earlier = verified_at.is_some();
    let verified_at = match verified_at {
        Some(at) => at,
        None => {
            copy(export, import, &manifest, bounds, progress).await?;
            import.changes_behind(export.changed()).await?;
            verify::verify(export, import, &manifest.sums, bounds, progress).await?;
            let now = SystemClock.now().as_millis();
            import.finish(now).await?;
            now
        }
    };
    let tables = manifest.sums.iter().map(|(table, sum)| (table.name(), sum.rows)).collect();
    Ok(Transferred { tables, verified_at: Timestamp::from_millis(verified_at), earlier })
}

/// Reads the folder from end to end.
fn check(
    export: &Export,
    bounds: Bounds,
    progress: &mut dyn FnMut(Progress),
) -> Result<Manifest, TransferError> {
    let mut findings = Findings::default();
    export.complaints()?.into_iter().for_each(|what| findings.add(what));
    let mut sums = Vec::new();
    let mut digest = Sha256::new();
    digest.update(export.changed().to_be_bytes());
    for table in Table::ALL {
        let of = export.count(table)?;
        let (mut sum, mut after, before) = (Sum::default(), table.start(), findings.count);
        loop {
            let part = export.part(table, &after, bounds)?;
            part.rows.iter().for_each(|row| sum.add(row));
            part.faults.into_iter().for_each(|what| findings.add(what));
            progress(Progress { step: Step::Check, table: table.name(), rows: sum.rows, of });
            if part.last {
                break;
            }
            after = part.upto;
        }
        // Rows that no key leads to, such as messages of no conversation.
        if findings.count == before && sum.rows != of {
            findings.add(format!("{}: there are {of} rows, and {} can be reached", table.name(), sum.rows));
        }
        digest.update(sum.rows.to_be_bytes());
        digest.update(sum.digest());
        sums.push((table, sum));
    }
    if findings.is_empty() {
        Ok(Manifest { sums, digest: digest.finalize().into() })
    } else {
        Err(TransferError::Damaged(findings))
    }
}

async fn copy(
    export: &Export,
    import: &mut Import,
    manifest: &Manifest,
    bounds: Bounds,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), TransferError> {
    for (table, sum) in &manifest.sums {
        let (mut after, mut copied) = import.position(*table).await?;
        loop {
            let part = export.part(*table, &after, bounds)?;
            copied += part.rows.len() as u64;
            if !part.rows.is_empty() {
                let step = Progress { step: Step::Copy, table: table.name(), rows: copied, of: sum.rows };
                import.write(*table, &part.rows, (&part.upto, copied), || progress(step)).await?;
            }
            if part.last {
                break;
            }
            after = part.upto;
        }
    }
    Ok(())
}
