//! The writer's promises, with a queue that is filled before it starts: what is in one group is not left to chance.

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use gochat_core::ports::{ErrorKind, Result, StoreError};
use rusqlite::Connection;
use slog::{Discard, Logger, o};
use tempfile::TempDir;

use super::caches::{Caches, Sizes};
use super::checkpoint::{Bounds, Checkpoints};
use super::complaints::Complaints;
use super::error::{Done, Fail};
use super::queue::Queue;
use super::tx::{Memory, Tx};
use super::writer::{Counters, Jobs, Writer, write};
use super::{SqliteOptions, migrate, open};

struct Bench {
    folder: TempDir,
    jobs: Arc<Jobs>,
    counters: Arc<Counters>,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { folder, jobs: Arc::new(Queue::new(100)), counters: Arc::default() }
    }

    fn connect(&self) -> Connection {
        Connection::open(self.folder.path().join("test.db")).expect("opened")
    }

    /// Does all that waits, and ends.
    fn work(&self, group_max: usize) {
        let mut conn = self.connect();
        migrate::migrate(&mut conn, Path::new("test.db")).expect("migrated");
        open::prepare_writer(&conn, &SqliteOptions::default()).expect("prepared");
        let memory = Memory::load(&conn).expect("loaded");
        let log = Logger::root(Discard, o!());
        let bounds = Bounds { soft: 1000, hard: 2000 };
        self.jobs.close();
        Writer {
            conn,
            memory,
            jobs: self.jobs.clone(),
            group_max,
            caches: Arc::new(Caches::new(Sizes { members_bytes: 1 << 20, users: 10, logins: 10 })),
            checkpoints: Checkpoints {
                bounds,
                wake: Arc::new(Queue::new(1)),
                complaints: Complaints::default(),
                log: log.clone(),
            },
            counters: self.counters.clone(),
            complaints: Complaints::default(),
            log,
        }
        .run();
    }

    fn commits(&self) -> u64 {
        self.counters.commits.load(Ordering::Relaxed)
    }

    fn kept(&self) -> Vec<String> {
        let conn = self.connect();
        let mut stmt =
            conn.prepare("SELECT name FROM counters WHERE name <> 'changed' ORDER BY name").expect("sql");
        stmt.query_map([], |row| row.get(0)).expect("rows").map(|name| name.expect("a name")).collect()
    }
}

fn keep(tx: &Tx<'_>, name: &str) -> Done<()> {
    tx.conn.execute("INSERT INTO counters VALUES (?1, 0)", [name])?;
    Ok(())
}

type Waiting<T> = Pin<Box<dyn Future<Output = Result<T>>>>;

/// A call that is waiting for the writer.
macro_rules! waiting {
    ($bench:expr, $work:expr) => {{
        let jobs = $bench.jobs.clone();
        let mut call: Waiting<_> = Box::pin(async move { write(&jobs, "test", 1, $work).await });
        assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        call
    }};
}

fn answer<T>(mut call: Waiting<T>) -> Result<T> {
    match call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("not answered"),
    }
}

#[test]
fn what_waits_is_committed_once() {
    let bench = Bench::new();
    let calls: Vec<_> =
        (0..50).map(|i| waiting!(bench, move |tx: &mut Tx<'_>| keep(tx, &format!("{i:02}")))).collect();
    bench.work(1000);
    assert!(calls.into_iter().all(|call| answer(call).is_ok()));
    assert_eq!(bench.commits(), 1);
    assert_eq!(bench.kept().len(), 50);
}

#[test]
fn a_group_is_bounded() {
    let bench = Bench::new();
    let calls: Vec<_> =
        (0..50).map(|i| waiting!(bench, move |tx: &mut Tx<'_>| keep(tx, &format!("{i:02}")))).collect();
    bench.work(20);
    assert!(calls.into_iter().all(|call| answer(call).is_ok()));
    assert_eq!(bench.commits(), 3);
}

#[test]
fn one_that_is_refused_or_breaks_takes_nobody_with_it() {
    let bench = Bench::new();
    let first = waiting!(bench, |tx: &mut Tx<'_>| keep(tx, "first"));
    let refused = waiting!(bench, |_: &mut Tx<'_>| Done::<()>::Err(StoreError::not_found("x").into()));
    let wrote_and_refused = waiting!(bench, |tx: &mut Tx<'_>| {
        keep(tx, "half")?;
        Done::<()>::Err(StoreError::conflict("x").into())
    });
    let broken = waiting!(bench, |tx: &mut Tx<'_>| {
        keep(tx, "broken")?;
        Done::<()>::Err(Fail::Corrupt("something".into()))
    });
    let taken = waiting!(bench, |tx: &mut Tx<'_>| keep(tx, "first"));
    let last = waiting!(bench, |tx: &mut Tx<'_>| keep(tx, "last"));
    bench.work(1000);
    answer(first).expect("stored");
    answer(last).expect("stored");
    let kinds =
        [refused, wrote_and_refused, broken, taken].map(|call| answer(call).expect_err("fails").kind());
    assert_eq!(kinds, [ErrorKind::NotFound, ErrorKind::Conflict, ErrorKind::Corrupt, ErrorKind::Conflict]);
    assert_eq!(bench.kept(), ["first", "last"]);
}

#[test]
fn a_group_of_refusals_commits_nothing() {
    let bench = Bench::new();
    let call = waiting!(bench, |_: &mut Tx<'_>| Done::<()>::Err(StoreError::not_found("x").into()));
    bench.work(1000);
    assert_eq!(answer(call).expect_err("refused").kind(), ErrorKind::NotFound);
    assert_eq!(bench.commits(), 0);
}

#[test]
fn the_queue_is_bounded() {
    let bench = Bench::new();
    let _waiting: Vec<_> = (0..100).map(|_| waiting!(bench, |_: &mut Tx<'_>| Ok(()))).collect();
    let jobs = bench.jobs.clone();
    let one_more = Box::pin(async move { write(&jobs, "test", 1, |_| Ok(())).await });
    assert_eq!(answer(one_more).expect_err("refused").kind(), ErrorKind::Overloaded);
}

#[test]
fn the_writer_syncs_each_commit_and_leaves_checkpoints_to_others() {
    let bench = Bench::new();
    let conn = bench.connect();
    open::prepare_writer(&conn, &SqliteOptions::default()).expect("prepared");
    let number =
        |name: &str| conn.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).expect("a number");
    let mode: String = conn.pragma_query_value(None, "journal_mode", |row| row.get(0)).expect("a mode");
    const FULL: i64 = 2;
    assert_eq!((mode.as_str(), number("synchronous"), number("wal_autocheckpoint")), ("wal", FULL, 0));
}
