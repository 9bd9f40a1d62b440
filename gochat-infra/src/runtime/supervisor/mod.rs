//! The one place that starts tasks: each is named, counted, told to stop in its phase, and its panic is caught and logged.

mod catch;
mod group;
mod policy;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use slog::{Logger, info, o, warn};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use group::PhaseState;
pub use group::{TaskGroup, Tasks};
pub use policy::{Backoff, Outcome, Policy};

/// When a task is told to stop. Phases end one after the other, in this order, each when all its tasks have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// What lets new work in: listeners.
    Accept,
    /// What talks to clients.
    Sessions,
    /// What works for them behind: pipelines, deliveries, timers.
    Work,
    /// What keeps data: writers. The last, so that all before can still store.
    Store,
}

impl Phase {
    const ALL: [Self; 4] = [Self::Accept, Self::Sessions, Self::Work, Self::Store];

    const fn name(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Sessions => "sessions",
            Self::Work => "work",
            Self::Store => "store",
        }
    }
}

/// Starts and stops all tasks of one node. Clones are handles on the same; when the last is dropped every task is told to
/// stop, unasked. Needs a tokio runtime around each call that starts a task; knows nothing of which one.
#[derive(Clone)]
pub struct Supervisor(Arc<Inner>);

pub(super) struct Inner {
    log: Logger,
    stopping: CancellationToken,
    phases: [Tasks; 4],
}

impl Supervisor {
    /// Makes a supervisor without tasks.
    #[must_use]
    pub fn new(log: &Logger) -> Self {
        Self::inside(log, &CancellationToken::new())
    }

    /// Makes one that is asked to stop when `outside` is cancelled, too. (Cancelling does not wait for tasks; the owner then
    /// calls [`shutdown`](Self::shutdown).)
    #[must_use]
    pub fn inside(log: &Logger, outside: &CancellationToken) -> Self {
        let stopping = outside.child_token();
        let phases = Phase::ALL.map(|phase| {
            let log = log.new(o!("phase" => phase.name()));
            Tasks(Arc::new(PhaseState::new(log, stopping.clone())))
        });
        Self(Arc::new(Inner { log: log.clone(), stopping, phases }))
    }

    /// The tasks of one phase.
    #[must_use]
    pub fn phase(&self, phase: Phase) -> &Tasks {
        &self.0.phases[phase as usize]
    }

    /// Starts a task of the [`Work`](Phase::Work) phase; see [`Tasks::spawn`].
    pub fn spawn<F>(&self, name: &'static str, policy: Policy, future: F)
    where
        F: Future<Output: Outcome> + Send + 'static,
    {
        self.phase(Phase::Work).spawn(name, policy, future);
    }

    /// Cancelled as soon as the node is to stop: [`stop`](Self::stop) was called, a task ended that it can't do without, or
    /// the outside asked for it. Readiness goes false by it; tasks watch their phase's [`token`](Tasks::token) instead.
    #[must_use]
    pub fn stopping(&self) -> &CancellationToken {
        &self.0.stopping
    }

    /// Asks the owner to shut the node down. Returns at once.
    pub fn stop(&self) {
        self.0.stopping.cancel();
    }

    /// How many tasks live.
    #[must_use]
    pub fn running(&self) -> usize {
        self.0.phases.iter().map(Tasks::running).sum()
    }

    /// How many tasks of each name live; names without any are there with 0 when they have been used.
    #[must_use]
    pub fn census(&self) -> Vec<Left> {
        self.0.phases.iter().flat_map(|tasks| tasks.0.census()).collect()
    }

    pub(super) fn downgrade(&self) -> Weak<Inner> {
        Arc::downgrade(&self.0)
    }

    pub(super) const fn of(inner: Arc<Inner>) -> Self {
        Self(inner)
    }

    /// Stops phase after phase: tells its tasks to stop, and waits for them, `grace` for all phases together, an eighth of
    /// which is kept for each later phase. Named tasks that are not done by then are aborted; those of a group must watch
    /// their token. It may be called again, and by several.
    pub async fn shutdown(&self, grace: Duration) -> Shutdown {
        self.stop();
        let begun = Instant::now();
        let mut left = Vec::new();
        for (tasks, later) in self.0.phases.iter().zip((0..4).rev()) {
            tasks.0.cancel();
            // So that one deaf session doesn't take the writers' time to store what is queued.
            let deadline = begun + grace - grace / 8 * later;
            if timeout_at(deadline, tasks.0.wait()).await.is_err() {
                let late: Vec<Left> = tasks.0.census().into_iter().filter(|l| l.tasks > 0).collect();
                for l in &late {
                    warn!(tasks.0.log, "did not stop in time"; "task" => l.name, "tasks" => l.tasks);
                }
                left.extend(late);
                tasks.0.abort();
            }
        }
        if left.is_empty() {
            info!(self.0.log, "all tasks stopped");
        }
        Shutdown { left }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stopping.cancel();
        for tasks in &self.phases {
            tasks.0.cancel();
        }
    }
}

impl fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervisor").field("running", &self.running()).finish_non_exhaustive()
    }
}

/// How many tasks of one name there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// Their name.
    pub name: &'static str,
    /// How many live.
    pub tasks: usize,
}

/// How a shutdown went.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Shutdown {
    /// What had not stopped when the time was over; empty when all is well.
    pub left: Vec<Left>,
}

impl Shutdown {
    /// Whether every task stopped in time.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.left.is_empty()
    }
}
