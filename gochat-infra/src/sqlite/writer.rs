//! The one writer: a thread that takes all that waits, does it in one transaction, commits once, and then answers all.
//!
//! A job that is refused (something is taken, a version has changed) has written nothing, so the others don't notice it. When
//! something unforeseen happens to one, all is rolled back and each is done again in a transaction of its own: then it fails
//! alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use gochat_core::ports::{ErrorKind, Result, Retry, StoreError};
use rusqlite::{Connection, Error as SqlError};
use slog::{Logger, crit, error};
use tokio::sync::oneshot;

use super::caches::Caches;
use super::checkpoint::Checkpoints;
use super::complaints::Complaints;
use super::error::{Done, Fail, Stage};
use super::queue::{Queue, Refused};
use super::statements::{Prepare, Sql};
use super::tx::{Memory, Tx};

// Prepared once: parsing them would be a tenth of what a lone commit costs. They have no plan to be tested.
const BEGIN: Sql = Sql::registered("BEGIN IMMEDIATE");
const COMMIT: Sql = Sql::registered("COMMIT");

/// A piece of work for the writer.
pub(super) trait Job: Send {
    /// How much it writes, in rows or so.
    fn weight(&self) -> usize;
    /// Does it; may be called again after a rollback.
    fn run(&mut self, tx: &mut Tx<'_>) -> Ran;
    /// Answers, after the commit or its failure.
    fn settle(self: Box<Self>, committed: std::result::Result<(), &Broken>);
}

/// What came of one run.
#[derive(Debug)]
pub(super) enum Ran {
    Done,
    /// The answer is an error, and nothing was written.
    Refused,
    /// It must be rolled back.
    Broken(Fail),
}

/// Why a transaction did not commit.
#[derive(Debug)]
pub(super) struct Broken {
    stage: Stage,
    fail: Fail,
}

impl Broken {
    /// One failure may be the answer to several callers.
    fn answer(&self, operation: &'static str) -> StoreError {
        match &self.fail {
            Fail::Answer(e) => StoreError::new(e.kind(), e.retry(), operation),
            Fail::Corrupt(what) => {
                StoreError::new(ErrorKind::Corrupt, Retry::Never, operation).because(what.clone())
            }
            Fail::Sql(e) => {
                let (kind, retry) = super::error::classify(e, self.stage);
                StoreError::new(kind, retry, operation).because(e.to_string())
            }
        }
    }
}

struct Call<T, F> {
    operation: &'static str,
    weight: usize,
    work: F,
    outcome: Option<Result<T>>,
    answer: oneshot::Sender<Result<T>>,
}

impl<T, F> Job for Call<T, F>
where
    T: Send,
    F: FnMut(&mut Tx<'_>) -> Done<T> + Send,
{
    fn weight(&self) -> usize {
        self.weight
    }

    fn run(&mut self, tx: &mut Tx<'_>) -> Ran {
        match (self.work)(tx) {
            Ok(value) => {
                self.outcome = Some(Ok(value));
                Ran::Done
            }
            Err(Fail::Answer(e)) => {
                self.outcome = Some(Err(e));
                Ran::Refused
            }
            Err(fail) => Ran::Broken(fail),
        }
    }

    fn settle(self: Box<Self>, committed: std::result::Result<(), &Broken>) {
        let answer = match (committed, self.outcome) {
            (Ok(()), Some(outcome)) => outcome,
            // A refusal holds whatever becomes of the transaction.
            (Err(_), Some(Err(refusal))) => Err(refusal),
            (Ok(()), None) => Err(StoreError::new(ErrorKind::Internal, Retry::Safe, self.operation)),
            (Err(broken), _) => Err(broken.answer(self.operation)),
        };
        // Who no longer waits needs no answer.
        let _ = self.answer.send(answer);
    }
}

pub(super) type Jobs = Queue<Box<dyn Job>>;

/// Hands work to the writer and waits until it is durable.
pub(super) async fn write<T, F>(jobs: &Jobs, operation: &'static str, weight: usize, work: F) -> Result<T>
where
    T: Send + 'static,
    F: FnMut(&mut Tx<'_>) -> Done<T> + Send + 'static,
{
    let (answer, outcome) = oneshot::channel();
    jobs.push(Box::new(Call { operation, weight, work, outcome: None, answer })).map_err(|refused| {
        let kind = match refused {
            Refused::Full => ErrorKind::Overloaded,
            Refused::Closed => ErrorKind::Closed,
        };
        StoreError::new(kind, Retry::Safe, operation)
    })?;
    // The writer answers each job that it takes; only its death leaves one without an answer.
    outcome.await.unwrap_or(Err(StoreError::new(ErrorKind::Closed, Retry::Ambiguous, operation)))
}

/// What the writer has done since it started.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) commits: AtomicU64,
    pub(super) jobs: AtomicU64,
}

/// The writer's thread.
pub(super) struct Writer {
    pub(super) conn: Connection,
    pub(super) memory: Memory,
    pub(super) jobs: Arc<Jobs>,
    pub(super) group_max: usize,
    pub(super) caches: Arc<Caches>,
    pub(super) checkpoints: Checkpoints,
    pub(super) counters: Arc<Counters>,
    pub(super) complaints: Complaints,
    pub(super) log: Logger,
}

impl Writer {
    /// Works until the queue is closed and empty.
    pub(super) fn run(mut self) {
        loop {
            let group = self.jobs.pop_group(self.group_max, |job| job.weight());
            if group.is_empty() {
                break;
            }
            // Before the answers: whoever has one finds it counted.
            self.counters.jobs.fetch_add(group.len() as u64, Ordering::Relaxed);
            self.group(group);
            if self.jobs.is_empty() {
                // On one core, whoever was answered would wait for what follows.
                thread::yield_now();
            }
            self.checkpoints.after_commit(&self.conn);
            self.begin_ahead();
        }
        self.rollback();
        self.checkpoints.finish(self.conn);
    }

    /// Begins the next transaction while nobody waits for it: its locks and its look at the log are a tenth of what a lone
    /// commit costs. Nobody else writes, so it sees the newest state for as long as it stays open, and readers and
    /// checkpoints don't mind it.
    fn begin_ahead(&self) {
        // What keeps it from beginning is met again, and said, by the next group.
        let _ = self.begin();
    }

    fn begin(&self) -> rusqlite::Result<()> {
        if self.conn.is_autocommit() {
            self.conn.stmt(BEGIN)?.execute([])?;
        }
        Ok(())
    }

    fn group(&mut self, mut jobs: Vec<Box<dyn Job>>) {
        match self.transaction(&mut jobs) {
            Ok(()) => jobs.into_iter().for_each(|job| job.settle(Ok(()))),
            Err(_) if jobs.len() > 1 => jobs.into_iter().for_each(|job| self.alone(job)),
            Err(broken) => jobs.into_iter().for_each(|job| job.settle(Err(&broken))),
        }
    }

    fn alone(&mut self, job: Box<dyn Job>) {
        let mut one = [job];
        let committed = self.transaction(&mut one);
        let [job] = one;
        job.settle(committed.as_ref().copied());
    }

    /// Runs all jobs and commits, or rolls back.
    fn transaction(&mut self, jobs: &mut [Box<dyn Job>]) -> std::result::Result<(), Broken> {
        let before = self.conn.total_changes();
        let outcome = self.attempt(jobs);
        match outcome {
            Ok(()) if self.conn.total_changes() == before => self.rollback(),
            Ok(()) => {}
            Err(_) => self.rollback(),
        }
        if let Err(broken) = &outcome
            && let Some(hidden) = self.complaints.due(Instant::now())
        {
            error!(self.log, "storing failed";
                "error" => ?broken, "jobs" => jobs.len(), "failures_not_shown" => hidden);
        }
        if outcome.is_ok() {
            // Before the answers: whoever has one finds no older state in a cache.
            self.caches.apply(&self.memory.effects);
            self.memory.effects.clear();
        } else {
            self.memory.forget();
        }
        outcome
    }

    fn attempt(&mut self, jobs: &mut [Box<dyn Job>]) -> std::result::Result<(), Broken> {
        let before = |e: SqlError| Broken { stage: Stage::Before, fail: e.into() };
        self.begin().map_err(before)?;
        let start = self.conn.total_changes();
        for job in jobs {
            let written = self.conn.total_changes();
            match job.run(&mut Tx { conn: &self.conn, memory: &mut self.memory }) {
                Ran::Done => {}
                Ran::Refused if self.conn.total_changes() == written => {}
                Ran::Refused => {
                    let fail = Fail::Corrupt("a refused job had written".into());
                    return Err(Broken { stage: Stage::Before, fail });
                }
                Ran::Broken(fail) => return Err(Broken { stage: Stage::Before, fail }),
            }
        }
        if self.conn.total_changes() == start {
            return Ok(());
        }
        let at_commit = |e: SqlError| Broken { stage: Stage::Commit, fail: e.into() };
        self.conn.stmt(COMMIT).and_then(|mut commit| commit.execute([])).map_err(at_commit)?;
        self.counters.commits.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn rollback(&self) {
        // Some failures have rolled back already.
        if self.conn.is_autocommit() {
            return;
        }
        if let Err(e) = self.conn.execute_batch("ROLLBACK") {
            crit!(self.log, "rolling back failed"; "error" => %e);
        }
    }
}
