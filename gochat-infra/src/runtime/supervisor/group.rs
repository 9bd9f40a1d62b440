//! Tasks of one phase, and groups of many alike.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use pin_project_lite::pin_project;
use slog::{Logger, debug, error, warn};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::catch::CatchUnwind;
use super::{Backoff, Left, Outcome, Policy};

/// The tasks of one phase. Clones are handles on the same.
#[derive(Clone)]
pub struct Tasks(pub(super) Arc<PhaseState>);

pub(super) struct PhaseState {
    pub(super) log: Logger,
    stopping: CancellationToken,
    token: CancellationToken,
    tracker: TaskTracker,
    alive: Mutex<BTreeMap<&'static str, Arc<AtomicUsize>>>,
    named: Mutex<Vec<AbortHandle>>,
}

impl Tasks {
    /// Cancelled when the tasks of this phase are to stop: they finish what they hold, and return.
    #[must_use]
    pub fn token(&self) -> &CancellationToken {
        &self.0.token
    }

    /// How many live.
    #[must_use]
    pub fn running(&self) -> usize {
        self.0.tracker.len()
    }

    /// Starts a task. It is to watch [`token`](Self::token).
    pub fn spawn<F>(&self, name: &'static str, policy: Policy, future: F)
    where
        F: Future<Output: Outcome> + Send + 'static,
    {
        let state = self.0.clone();
        let future = CatchUnwind::new(future);
        self.0.start(name, async move {
            let failure = state.failure(name, future.await);
            if policy == Policy::StopNode && !state.token.is_cancelled() {
                if failure.is_none() {
                    error!(state.log, "a task ended that must not"; "task" => name);
                }
                state.stopping.cancel();
            }
        });
    }

    /// Starts a task that is made anew, after a pause, each time it fails; it is over when it returns without an error.
    pub fn spawn_restarting<M, F>(&self, name: &'static str, backoff: Backoff, mut make: M)
    where
        M: FnMut() -> F + Send + 'static,
        F: Future<Output: Outcome> + Send + 'static,
    {
        let state = self.0.clone();
        self.0.start(name, async move {
            let mut failures = 0;
            loop {
                let begun = Instant::now();
                if state.failure(name, CatchUnwind::new(make()).await).is_none() || state.token.is_cancelled() {
                    return;
                }
                failures = if begun.elapsed() > backoff.max { 1 } else { failures + 1 };
                let pause = backoff.after(failures);
                warn!(state.log, "restarting"; "task" => name, "failures" => failures, "in_ms" => pause.as_millis());
                tokio::select! {
                    () = sleep(pause) => {}
                    () = state.token.cancelled() => return,
                }
            }
        });
    }

    /// A group of many short or small tasks of one name, such as connections. A task in it costs one allocation, its own.
    #[must_use]
    pub fn group(&self, name: &'static str) -> TaskGroup {
        TaskGroup { name, alive: self.0.counter(name), phase: self.0.clone() }
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks").field("running", &self.running()).finish_non_exhaustive()
    }
}

impl PhaseState {
    pub(super) fn new(log: Logger, stopping: CancellationToken) -> Self {
        let (token, tracker) = (CancellationToken::new(), TaskTracker::new());
        // A closed tracker takes tasks all the same; closed only means that `wait` may end.
        tracker.close();
        Self { log, stopping, token, tracker, alive: Mutex::default(), named: Mutex::default() }
    }

    pub(super) fn cancel(&self) {
        self.token.cancel();
    }

    pub(super) async fn wait(&self) {
        self.tracker.wait().await;
    }

    pub(super) fn abort(&self) {
        for task in self.named.lock().drain(..) {
            task.abort();
        }
    }

    pub(super) fn census(&self) -> Vec<Left> {
        let alive = self.alive.lock();
        alive.iter().map(|(name, n)| Left { name, tasks: n.load(Ordering::Relaxed) }).collect()
    }

    fn counter(&self, name: &'static str) -> Arc<AtomicUsize> {
        self.alive.lock().entry(name).or_default().clone()
    }

    fn start(self: &Arc<Self>, name: &'static str, future: impl Future<Output = ()> + Send + 'static) {
        let counted = Counted { future, alive: Alive::new(self.counter(name)) };
        debug!(self.log, "task started"; "task" => name);
        let handle = spawn(&self.tracker, counted);
        let mut named = self.named.lock();
        named.retain(|h| !h.is_finished());
        named.push(handle);
    }

    /// Logs why a task failed, if it did.
    fn failure<T: Outcome>(&self, name: &'static str, end: Result<T, String>) -> Option<String> {
        let (how, why) = match end.map(Outcome::failure) {
            Ok(None) => return None,
            Ok(Some(why)) => ("a task failed", why),
            Err(why) => ("a task panicked", why),
        };
        error!(self.log, "{}", how; "task" => name, "error" => &why);
        Some(why)
    }
}

/// Many tasks of one name. Clones are handles on the same.
#[derive(Clone)]
pub struct TaskGroup {
    name: &'static str,
    alive: Arc<AtomicUsize>,
    phase: Arc<PhaseState>,
}

impl TaskGroup {
    /// Starts a task in the group; a failure or panic of it is logged. It is to watch [`token`](Self::token).
    pub fn spawn<F>(&self, future: F)
    where
        F: Future<Output: Outcome> + Send + 'static,
    {
        let task = Member { future: CatchUnwind::new(future), name: self.name, phase: self.phase.clone() };
        spawn(&self.phase.tracker, Counted { future: task, alive: Alive::new(self.alive.clone()) });
    }

    /// Cancelled when the tasks of this group are to stop.
    #[must_use]
    pub fn token(&self) -> &CancellationToken {
        &self.phase.token
    }

    /// How many live.
    #[must_use]
    pub fn running(&self) -> usize {
        self.alive.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for TaskGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskGroup")
            .field("name", &self.name)
            .field("running", &self.running())
            .finish_non_exhaustive()
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where tasks are started")]
fn spawn(tracker: &TaskTracker, future: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
    tokio::spawn(tracker.track_future(future)).abort_handle()
}

/// Counts itself for as long as it is.
struct Alive(Arc<AtomicUsize>);

impl Alive {
    fn new(count: Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

pin_project! {
    /// A future that is counted while it lives, however it ends.
    struct Counted<F> {
        #[pin]
        future: F,
        alive: Alive,
    }
}

impl<F: Future> Future for Counted<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().future.poll(cx)
    }
}

pin_project! {
    /// A task of a group.
    struct Member<F> {
        #[pin]
        future: CatchUnwind<F>,
        name: &'static str,
        phase: Arc<PhaseState>,
    }
}

impl<F: Future<Output: Outcome>> Future for Member<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        this.future.poll(cx).map(|end| {
            this.phase.failure(this.name, end);
        })
    }
}
