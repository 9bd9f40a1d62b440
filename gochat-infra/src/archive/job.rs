//! Drives an [`Archiver`]: a portion, a pause, until there is nothing more, and again after a while.

use std::sync::Arc;
use std::time::Duration;

use gochat_core::model::Timestamp;
use gochat_core::ports::{Clock, StoreError};
use slog::{Logger, info, warn};
use tokio::time::sleep;

use super::{Archiver, Next, Portion, Step};
use crate::runtime::metrics::Metrics;
use crate::runtime::{Phase, Policy, Supervisor};

/// What is archived, and how gently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArchivePlan {
    /// Age at which a message's content is moved.
    pub after: Duration,
    /// Between two rounds through all conversations, and after a failure.
    pub every: Duration,
    /// Between two portions of a round, so that those who chat have the database for themselves meanwhile.
    pub pause: Duration,
    /// Least messages of one portion.
    pub least: u32,
    /// Most messages of one portion.
    pub most: u32,
    /// Most bytes of content of one portion.
    pub bytes: u64,
}

/// A task that archives, in any number of processes: one at a time does something.
#[derive(Debug)]
pub struct ArchiveJob {
    /// Who does it.
    pub archiver: Arc<dyn Archiver>,
    /// What is archived.
    pub plan: ArchivePlan,
    /// Tells what is old.
    pub clock: Arc<dyn Clock>,
    /// Counts what was moved.
    pub metrics: Metrics,
    /// Hears of rounds and failures.
    pub log: Logger,
}

impl ArchiveJob {
    /// Starts it as a task of the work phase. It ends within a portion when it is told to.
    pub fn start(self, supervisor: &Supervisor) {
        let token = supervisor.phase(Phase::Work).token().clone();
        supervisor.spawn("archive", Policy::StopNode, async move {
            token.run_until_cancelled(self.run()).await;
        });
    }

    async fn run(self) {
        let mut round = (0, 0);
        loop {
            let step = self.step().await;
            sleep(self.after(step, &mut round)).await;
        }
    }

    async fn step(&self) -> Result<Step, StoreError> {
        let ArchivePlan { after, least, most, bytes, .. } = self.plan;
        let age = i64::try_from(after.as_millis()).unwrap_or(i64::MAX);
        let before = Timestamp::from_millis(self.clock.now().as_millis().saturating_sub(age));
        self.archiver.archive_next(Portion { before, least, most, bytes }).await
    }

    /// Counts a step; how long to wait for the next one.
    fn after(&self, step: Result<Step, StoreError>, round: &mut (u64, u64)) -> Duration {
        let ArchivePlan { every, pause, .. } = self.plan;
        match step {
            Ok(step) => {
                self.metrics.archived_messages.inc_by(step.messages);
                self.metrics.archived_bytes.inc_by(step.bytes);
                *round = (round.0 + step.messages, round.1 + step.bytes);
                if step.next == Next::Done {
                    let (messages, bytes) = std::mem::take(round);
                    info!(self.log, "old messages are archived"; "messages" => messages, "bytes" => bytes);
                }
                if step.next == Next::More { pause } else { every }
            }
            Err(e) => {
                self.metrics.archive_failures.inc();
                let cause = std::error::Error::source(&e).map(ToString::to_string).unwrap_or_default();
                warn!(self.log, "archiving failed, and is tried again"; "error" => %e, "cause" => cause);
                every
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use async_trait::async_trait;
    use gochat_core::ports::{ErrorKind, Retry};
    use gochat_core::testing::ManualClock;
    use parking_lot::Mutex;
    use tokio::sync::mpsc;
    use tokio::time::Instant;

    use super::*;

    /// Does as it is told, then sticks; tells when it was asked, and for what.
    #[derive(Debug)]
    struct Told {
        answers: Mutex<VecDeque<Result<Step, StoreError>>>,
        asked: mpsc::Sender<(Instant, Portion)>,
    }

    #[async_trait]
    impl Archiver for Told {
        async fn archive_next(&self, portion: Portion) -> Result<Step, StoreError> {
            self.asked.send((Instant::now(), portion)).await.expect("somebody listens");
            let answer = self.answers.lock().pop_front();
            match answer {
                Some(answer) => answer,
                None => std::future::pending().await,
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_pauses_rests_after_a_round_and_bears_failures() {
        let step = |messages, next| Ok(Step { messages, bytes: messages * 10, next });
        let away = StoreError::new(ErrorKind::Unavailable, Retry::Safe, "archive.next");
        let answers = [step(5, Next::More), step(1, Next::Done), Err(away), step(0, Next::Busy)];
        let (asked, mut calls) = mpsc::channel(10);
        let archiver = Arc::new(Told { answers: Mutex::new(answers.into()), asked });
        let (pause, every) = (Duration::from_secs(1), Duration::from_secs(3_600));
        let after = Duration::from_secs(86_400);
        let plan = ArchivePlan { after, every, pause, least: 2, most: 9, bytes: 99 };
        let clock = Arc::new(ManualClock::default());
        let before = clock.now().as_millis() - 86_400_000;
        let (metrics, log) = (Metrics::new(), Logger::root(slog::Discard, slog::o!()));
        let supervisor = Supervisor::new(&log);
        ArchiveJob { archiver, plan, clock, metrics: metrics.clone(), log }.start(&supervisor);
        let mut times = Vec::new();
        for _ in 0..5 {
            let (at, portion) = calls.recv().await.expect("asked");
            let before = Timestamp::from_millis(before);
            assert_eq!(portion, Portion { before, least: 2, most: 9, bytes: 99 });
            times.push(at);
        }
        let waits: Vec<_> = times.windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect();
        assert_eq!(waits, [1, 3_600, 3_600, 3_600]);
        assert_eq!((metrics.archived_messages.get(), metrics.archived_bytes.get()), (6, 60));
        assert_eq!(metrics.archive_failures.get(), 1);
        assert!(supervisor.shutdown(Duration::from_secs(5)).await.is_clean(), "stuck, but it ends");
    }
}
