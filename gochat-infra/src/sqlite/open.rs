//! Opening a folder: the lock, the file, its schema, the connections and threads.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use slog::{Logger, info, o, warn};
use tokio::sync::mpsc;

use super::caches::{Caches, Sizes};
use super::checkpoint::{self, Bounds, Checkpoints};
use super::complaints::Complaints;
use super::error::{Fail, OpenError};
use super::queue::Queue;
use super::readers::Reader;
use super::tx::Memory;
use super::writer::{Counters, Writer};
use super::{Inner, SqliteOptions, SqliteStore, migrate};

pub(super) const FILE: &str = "gochat.db";
const LOCK: &str = "gochat.lock";

/// A connection waits so long for another one of ours, which happens at checkpoints only.
const BUSY: Duration = Duration::from_secs(5);

/// What the log has before its frames, and what it has for each page, in bytes: see SQLite's file format, 4.1.
const LOG_HEADER: u64 = 32;
const LOG_FRAME: u64 = 24 + 4096;

/// Prepared statements kept for each connection: more than there are.
const STATEMENTS: usize = 128;

pub(super) fn open(folder: &Path, options: &SqliteOptions, log: &Logger) -> Result<SqliteStore, OpenError> {
    let log = log.new(o!("part" => "sqlite"));
    let lock = lock(folder)?;
    let file = folder.join(FILE);
    let fault = |e: rusqlite::Error| OpenError::Database { file: file.clone(), source: e.into() };

    // Made before SQLite does, for its owner only: there are hashes of passwords in it. The log gets the same rights.
    writable(&file).map_err(|source| OpenError::Folder { folder: folder.into(), source })?;
    let mut conn = Connection::open(&file).map_err(fault)?;
    conn.busy_timeout(BUSY).map_err(fault)?;
    migrate::migrate(&mut conn, &file)?;
    prepare_writer(&conn, options).map_err(fault)?;
    let bounds = Bounds { soft: options.log_pages, hard: options.log_pages.saturating_mul(2) };
    reserve_log(&file, bounds.hard, &log);
    let memory = Memory::load(&conn).map_err(|e| match e {
        Fail::Sql(e) => fault(e),
        Fail::Answer(_) | Fail::Corrupt(_) => OpenError::Foreign { file: file.clone() },
    })?;

    let caches = Arc::new(Caches::new(Sizes {
        members_bytes: options.members_cache,
        users: options.users_cache,
        logins: options.logins_cache,
    }));
    let jobs = Arc::new(Queue::new(options.write_queue));
    let reads = Arc::new(Queue::new(options.read_queue));
    let wake = Arc::new(Queue::new(1));
    let counters = Arc::new(Counters::default());
    // Every thread holds a sender and sends nothing: when all are gone, so are the threads.
    let (running, ended) = mpsc::channel(1);
    let inner = Inner {
        jobs: jobs.clone(),
        reads: reads.clone(),
        caches: caches.clone(),
        counters: counters.clone(),
        ended: tokio::sync::Mutex::new(ended),
    };
    // From here on, dropping this ends the threads that were started.
    let store = SqliteStore { inner: Arc::new(inner) };

    let checkpoints =
        Checkpoints { bounds, wake: wake.clone(), complaints: Complaints::default(), log: log.clone() };
    let group_max = options.group_rows;
    // The lock goes last, with the writer's thread: the next one to open the folder finds all connections that write closed.
    let writer = Writer {
        conn,
        memory,
        jobs,
        group_max,
        caches,
        checkpoints,
        counters,
        complaints: Complaints::default(),
        log: log.clone(),
    };
    spawn("gochat-writer", &running, move || {
        writer.run();
        drop(lock);
    })?;

    let conn = connect(&file).map_err(fault)?;
    let (path, thread_log) = (file.clone(), log.clone());
    spawn("gochat-wal", &running, move || checkpoint::run(&conn, &wake, &path, &thread_log))?;
    for _ in 0..options.readers.max(1) {
        let conn = connect(&file).and_then(|conn| prepare_reader(conn, options)).map_err(fault)?;
        let (reads, reader) =
            (reads.clone(), Reader { conn, complaints: Complaints::default(), log: log.clone() });
        spawn("gochat-reader", &running, move || reader.run(&reads))?;
    }
    info!(log, "storage open"; "file" => %file.display(), "schema" => migrate::NEWEST);
    Ok(store)
}

/// Makes the folder, for its owner only, and takes it for this process.
pub(super) fn lock(folder: &Path) -> Result<File, OpenError> {
    let fault = |source| OpenError::Folder { folder: folder.into(), source };
    if !folder.is_dir() {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder).map_err(fault)?;
    }
    let path = folder.join(LOCK);
    let file = writable(&path).map_err(fault)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { folder: folder.into() }),
        Err(TryLockError::Error(source)) => Err(fault(source)),
    }
}

/// Opens a file for writing, or makes it with no rights for others.
fn writable(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn connect(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(file, flags)?;
    conn.busy_timeout(BUSY)?;
    // Until it has read something a connection does not know that there is a log, and its checkpoints do nothing.
    conn.query_row("SELECT count(*) FROM counters", [], |_| Ok(()))?;
    Ok(conn)
}

pub(super) fn prepare_writer(conn: &Connection, options: &SqliteOptions) -> rusqlite::Result<()> {
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    rusqlite::vtab::array::load_module(conn)?;
    conn.pragma_update(None, "journal_mode", "WAL")?;
    // One fsync of the log for each commit, before it is acknowledged.
    conn.pragma_update(None, "synchronous", "FULL")?;
    // Another connection does it; see `checkpoint.rs`.
    conn.pragma_update(None, "wal_autocheckpoint", 0)?;
    // The log keeps the room that it usually needs: room given back would have to be allocated again with each commit.
    conn.pragma_update(None, "journal_size_limit", i64::from(options.log_pages) * 4 * 4096)?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    conn.pragma_update(None, "foreign_keys", false)?;
    // What is recalled is overwritten and not only unlinked.
    conn.pragma_update(None, "secure_delete", true)?;
    conn.pragma_update(None, "cache_size", -kibibytes(options.writer_cache))?;
    if let Some(bytes) = options.size_max {
        set_size_max(conn, bytes)?;
    }
    Ok(())
}

/// Gives the log the length that it usually has before anything is written to it. A sync of a file that grows has to
/// write what the file system keeps about it as well, and takes a third longer.
///
/// What comes behind the last valid frame is not looked at: SQLite leaves frames of earlier rounds there itself. It goes in
/// page by page, as the log is written later on: Linux caches what comes in one call as one unit, and searches all of that
/// for the dirty page at each sync. Must not run while somebody writes.
fn reserve_log(file: &Path, pages: u32, log: &Logger) {
    let mut path = file.as_os_str().to_owned();
    path.push("-wal");
    let reserved = writable(Path::new(&path)).and_then(|mut wal| {
        let before = wal.seek(SeekFrom::End(0))?;
        fill(&mut wal, before, LOG_HEADER + u64::from(pages) * LOG_FRAME).inspect_err(|_| {
            // On a full disk the room is better left to messages.
            let _as_it_was = wal.set_len(before);
        })
    });
    if let Err(e) = reserved {
        warn!(log, "no room reserved for the write-ahead log, commits take longer"; "error" => %e);
    }
}

/// Appends zeros to a file of `length` bytes until it has `wanted`.
fn fill(file: &mut File, mut length: u64, wanted: u64) -> io::Result<()> {
    const ZEROS: [u8; 4096] = [0; 4096];
    while length < wanted {
        let rest = ZEROS.len() as u64 - length % ZEROS.len() as u64;
        let chunk = rest.min(wanted - length);
        file.write_all(&ZEROS[..usize::try_from(chunk).unwrap_or(ZEROS.len())])?;
        length += chunk;
    }
    Ok(())
}

/// Sets how large the file may get; answers in whole pages.
pub(super) fn set_size_max(conn: &Connection, bytes: u64) -> rusqlite::Result<()> {
    let page: u64 =
        conn.pragma_query_value(None, "page_size", |row| row.get::<_, i64>(0)).map(i64::cast_unsigned)?;
    let pages = i64::try_from(bytes / page.max(1)).unwrap_or(i64::MAX).clamp(1, 0xffff_fffe);
    conn.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
}

fn prepare_reader(conn: Connection, options: &SqliteOptions) -> rusqlite::Result<Connection> {
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    rusqlite::vtab::array::load_module(&conn)?;
    conn.pragma_update(None, "query_only", true)?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    conn.pragma_update(None, "cache_size", -kibibytes(options.reader_cache))?;
    Ok(conn)
}

fn kibibytes(bytes: u64) -> i64 {
    i64::try_from(bytes / 1024).unwrap_or(i64::MAX)
}

fn spawn(
    name: &str,
    running: &mpsc::Sender<()>,
    work: impl FnOnce() + Send + 'static,
) -> Result<(), OpenError> {
    let running = running.clone();
    let thread = thread::Builder::new().name(name.into()).spawn(move || {
        work();
        drop(running);
    });
    thread.map(drop).map_err(OpenError::Thread)
}
