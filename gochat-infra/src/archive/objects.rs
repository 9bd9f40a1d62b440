//! The objects themselves: written once and durable, read through a cache that is bounded by bytes.

use std::fmt;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gochat_core::model::{ConversationId, Seq};
use gochat_core::ports::{ErrorKind, Retry, StoreError};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{Error as ObjectError, ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use slog::{Logger, error};

use super::format::{self, Sheet};

/// Limits of an [`Archive`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArchiveOptions {
    /// Memory for what was read lately; 64 MiB.
    pub cache: u64,
    /// Longest time for one call of the object store; 5 s.
    pub time: Duration,
    /// What a call that was cut short has left is removed when it is older; 1 h. More than any call may take.
    pub strays_after: Duration,
}

impl Default for ArchiveOptions {
    fn default() -> Self {
        Self { cache: 64 << 20, time: Duration::from_secs(5), strays_after: Duration::from_secs(3_600) }
    }
}

/// Why an archive can't be used.
#[derive(Debug, thiserror::Error)]
#[error("can't keep archives in {}: {why}", folder.display())]
pub struct ArchiveError {
    folder: PathBuf,
    why: String,
}

/// Where the contents of old messages are. A handle: clones share the cache.
#[derive(Clone)]
pub struct Archive(Arc<Inner>);

struct Inner {
    store: Arc<dyn ObjectStore>,
    sheets: Cache<String, Arc<Sheet>, ByBytes>,
    options: ArchiveOptions,
    log: Logger,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<String, Arc<Sheet>> for ByBytes {
    fn weight(&self, _: &String, sheet: &Arc<Sheet>) -> u64 {
        sheet.weight()
    }
}

impl fmt::Debug for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Archive({})", self.0.store)
    }
}

/// Why an object could not be read; each names it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    /// The object store does not answer, or not to us.
    #[error("{0}: {1}")]
    Away(String, String),
    /// It is not there, or not what was written.
    #[error("{0}: {1}")]
    Rotten(String, String),
}

impl Broken {
    pub(crate) fn into_store(self, operation: &'static str) -> StoreError {
        let (kind, retry) = match self {
            Self::Away(..) => (ErrorKind::Unavailable, Retry::Safe),
            Self::Rotten(..) => (ErrorKind::Corrupt, Retry::Never),
        };
        StoreError::new(kind, retry, operation).because(self)
    }
}

impl Archive {
    /// Keeps objects in a folder, which is made where it is missing. All processes that read archives need the same folder.
    /// A file that was written is on the disk before anything relies on it.
    ///
    /// # Errors
    /// The folder can't be made or opened.
    pub fn in_folder(folder: &FilePath, options: ArchiveOptions, log: Logger) -> Result<Self, ArchiveError> {
        let failed = |why: String| ArchiveError { folder: folder.to_owned(), why };
        std::fs::create_dir_all(folder).map_err(|e| failed(e.to_string()))?;
        let store = LocalFileSystem::new_with_prefix(folder).map_err(|e| failed(e.to_string()))?;
        Ok(Self::over(Arc::new(store.with_fsync(true)), options, log))
    }

    /// Keeps objects in any store; what it has acknowledged must be durable.
    #[must_use]
    pub fn over(store: Arc<dyn ObjectStore>, options: ArchiveOptions, log: Logger) -> Self {
        let sheets = Cache::with_weighter(1_024, options.cache, ByBytes);
        Self(Arc::new(Inner { store, sheets, options, log }))
    }

    /// A name that no object has had before: what is written under it, only its writer can have entered in a database.
    pub(crate) fn name(
        conversation: ConversationId,
        (first, last): (Seq, Seq),
    ) -> Result<String, getrandom::Error> {
        let once = getrandom::u64()?;
        Ok(format!("messages/{conversation}/{first}-{last}-{once:016x}.jsonl.gz"))
    }

    /// Writes an object, durably.
    pub(crate) async fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), Broken> {
        let path = Path::from(name);
        let create = PutOptions::from(PutMode::Create);
        let put = self.0.store.put_opts(&path, Bytes::from(bytes).into(), create);
        self.in_time(name, async { put.await.map(drop) }).await
    }

    /// Reads an object from the store, past the cache.
    pub(crate) async fn get(&self, name: &str) -> Result<Sheet, Broken> {
        let path = Path::from(name);
        let bytes = async { self.0.store.get(&path).await?.bytes().await };
        let bytes = self.in_time(name, bytes).await?;
        let read = tokio::task::spawn_blocking(move || format::decode(&bytes));
        let read = read.await.map_err(|e| Broken::Away(name.to_owned(), e.to_string()))?;
        read.map_err(|why| Broken::Rotten(name.to_owned(), why))
    }

    /// Reads an object; several readers of one read it once.
    pub(crate) async fn read(&self, name: &str) -> Result<Arc<Sheet>, Broken> {
        let read = self.0.sheets.get_or_insert_async(name, async { self.get(name).await.map(Arc::new) });
        let sheet = read.await;
        if let Err(broken) = &sheet {
            error!(self.0.log, "an archive can't be read"; "archive" => name, "error" => %broken);
        }
        sheet
    }

    /// Tells of a content that is not what its row says.
    pub(crate) fn rotten(&self, name: &str, what: String) -> Broken {
        error!(self.0.log, "an archive does not have what was put into it"; "archive" => name, "error" => &what);
        Broken::Rotten(name.to_owned(), what)
    }

    /// Removes an object that may be there.
    pub(crate) async fn remove(&self, name: &str) -> Result<(), Broken> {
        let path = Path::from(name);
        let removed = async {
            match self.0.store.delete(&path).await {
                Err(ObjectError::NotFound { .. }) => Ok(()),
                other => other,
            }
        };
        self.in_time(name, removed).await
    }

    /// Age at which what a call has left is removed.
    pub(crate) fn strays_after(&self) -> Duration {
        self.0.options.strays_after
    }

    async fn in_time<T>(
        &self,
        name: &str,
        call: impl Future<Output = Result<T, ObjectError>>,
    ) -> Result<T, Broken> {
        match tokio::time::timeout(self.0.options.time, call).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(ObjectError::NotFound { .. })) => {
                Err(Broken::Rotten(name.to_owned(), "it is not there".to_owned()))
            }
            Ok(Err(e)) => Err(Broken::Away(name.to_owned(), e.to_string())),
            Err(_) => Err(Broken::Away(name.to_owned(), "the object store took too long".to_owned())),
        }
    }
}
