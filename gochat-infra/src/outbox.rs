//! What was told is done with, and what could not be told at once is told late: the tasks around an outbox.
//!
//! It runs in im-logic beside the use cases. Which notes are told, and how, is [`Relay`]'s; this knows only when.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use gochat_core::model::{Delivery, NoteId};
use gochat_core::ports::{Deliver, ErrorKind, Outbox, Result, Retry, StoreError, Tellings};
use gochat_core::usecase::relay::Relay;
use slog::{Logger, debug, warn};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use crate::runtime::metrics::Metrics;
use crate::runtime::{Backoff, Policy, Tasks};

/// Notes that wait to be removed; what comes while it is full is told again instead.
const WAITING: usize = 8_192;
/// Most notes removed by one call.
const TOGETHER: usize = 512;
/// So long the first note waits for others, to be removed by the same call.
const GATHER: Duration = Duration::from_millis(100);
/// So long a call waits for others to be told: a call has 4.5 s in all.
const PROMPT: Duration = Duration::from_secs(2);
/// Pauses while the outbox or the way to others is away.
const AWAY: Backoff = Backoff { first: Duration::from_secs(1), max: Duration::from_secs(15) };

/// Hears what use cases have told, without making them wait.
#[derive(Debug, Clone)]
pub struct Told {
    notes: mpsc::Sender<NoteId>,
    missed: Arc<Notify>,
}

/// What [`Told`] has heard.
#[derive(Debug)]
pub struct Heard {
    notes: mpsc::Receiver<NoteId>,
    missed: Arc<Notify>,
}

/// Delivers within a bounded time. Who asked for a change is answered then: it is made, and the relay tells of it late.
#[derive(Debug)]
pub struct Prompt(Arc<dyn Deliver>);

impl Prompt {
    /// In front of the way that use cases tell by.
    #[must_use]
    pub fn new(deliver: Arc<dyn Deliver>) -> Self {
        Self(deliver)
    }
}

#[async_trait]
impl Deliver for Prompt {
    async fn deliver(&self, batch: Vec<Delivery>) -> Result<()> {
        let late = |_| Err(StoreError::new(ErrorKind::Timeout, Retry::Ambiguous, "outbox.deliver"));
        timeout(PROMPT, self.0.deliver(batch)).await.unwrap_or_else(late)
    }
}

/// The two ends: the first is for [`Ports::tellings`](gochat_core::ports::Ports), the second for [`tell`].
#[must_use]
pub fn tellings() -> (Told, Heard) {
    let (sender, notes) = mpsc::channel(WAITING);
    let missed = Arc::new(Notify::new());
    (Told { notes: sender, missed: Arc::clone(&missed) }, Heard { notes, missed })
}

impl Tellings for Told {
    fn told(&self, note: NoteId) {
        // Full, or at the end: the relay tells it again, which does no harm, and removes it.
        let _forgotten = self.notes.try_send(note);
    }

    fn missed(&self, _: NoteId) {
        self.missed.notify_one();
    }
}

/// What it takes.
#[derive(Debug)]
#[expect(missing_docs, reason = "each field is the part of that name")]
pub struct OutboxParts {
    pub relay: Relay,
    pub outbox: Arc<dyn Outbox>,
    pub told: Heard,
    /// A note that was missed is due so much later; see [`RelayTerms`](gochat_core::usecase::relay::RelayTerms).
    pub patience: Duration,
    /// Longest time between two looks: what others have missed, nobody says.
    pub look: Duration,
    pub metrics: Metrics,
    pub log: Logger,
}

/// Starts the two tasks among `tasks`; they end with their phase.
pub fn tell(tasks: &Tasks, parts: OutboxParts) {
    let OutboxParts { relay, outbox, told, patience, look, metrics, log } = parts;
    let Heard { notes, missed } = told;
    let (stop, logger) = (tasks.token().clone(), log.clone());
    tasks.spawn("told notes", Policy::StopNode, async move {
        let mut clearing = Clearing { notes, told: Vec::new(), outbox, log: logger };
        tokio::select! {
            () = stop.cancelled() => {}
            () = clearing.run() => return,
        }
        clearing.rest().await;
    });
    let oldest = Arc::new(AtomicU64::new(0));
    let shown = Arc::clone(&oldest);
    metrics.watch(
        "outbox_oldest_seconds",
        "Age of the oldest change found untold at the last look",
        move || i64::try_from(shown.load(Ordering::Relaxed)).unwrap_or(i64::MAX),
    );
    let telling = Telling { relay, missed, patience, look, oldest, metrics, log };
    let stop = tasks.token().clone();
    tasks.spawn("outbox", Policy::StopNode, async move {
        tokio::select! {
            () = stop.cancelled() => {}
            () = telling.run() => {}
        }
    });
}

/// Removes what was told, many by one call.
struct Clearing {
    notes: mpsc::Receiver<NoteId>,
    /// Taken from there, and not removed yet: a stop may come at any time.
    told: Vec<NoteId>,
    outbox: Arc<dyn Outbox>,
    log: Logger,
}

impl Clearing {
    async fn run(&mut self) {
        loop {
            if self.notes.recv_many(&mut self.told, TOGETHER).await == 0 {
                return std::future::pending().await;
            }
            let end = Instant::now() + GATHER;
            while self.told.len() < TOGETHER {
                let room = TOGETHER - self.told.len();
                let more = self.notes.recv_many(&mut self.told, room);
                // Nobody is left to tell, or nobody did for a while.
                if !matches!(timeout_at(end, more).await, Ok(1..)) {
                    break;
                }
            }
            self.clear().await;
        }
    }

    /// What is left at the end.
    async fn rest(&mut self) {
        while let Ok(note) = self.notes.try_recv() {
            self.told.push(note);
        }
        self.clear().await;
    }

    async fn clear(&mut self) {
        if self.told.is_empty() {
            return;
        }
        if let Err(e) = self.outbox.done(&self.told).await {
            let notes = self.told.len();
            debug!(self.log, "told notes not removed, the relay will"; "notes" => notes, "error" => %e);
        }
        self.told.clear();
    }
}

/// Tells what is due, again and again.
struct Telling {
    relay: Relay,
    missed: Arc<Notify>,
    patience: Duration,
    look: Duration,
    oldest: Arc<AtomicU64>,
    metrics: Metrics,
    log: Logger,
}

impl Telling {
    async fn run(&self) {
        let mut failures = 0_u32;
        loop {
            match self.relay.round().await {
                Ok(round) => {
                    failures = 0;
                    self.oldest.store(round.oldest.as_secs(), Ordering::Relaxed);
                    self.metrics.notes_told.inc_by(round.told as u64);
                    self.metrics.notes_dropped.inc_by(round.dropped as u64);
                    if round.more {
                        continue;
                    }
                    self.wait().await;
                }
                Err(e) => {
                    failures = failures.saturating_add(1);
                    warn!(self.log, "changes not told yet"; "error" => %e, "failures" => failures);
                    sleep_until(Instant::now() + AWAY.after(failures)).await;
                }
            }
        }
    }

    /// Until the next look, or until what was missed here is due.
    async fn wait(&self) {
        let until = Instant::now() + self.look;
        tokio::select! {
            () = sleep_until(until) => {}
            () = self.missed.notified() => sleep_until(until.min(Instant::now() + self.patience)).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use gochat_core::Settings;
    use gochat_core::model::{ConversationId, Event, Note, Subject, UserId};
    use gochat_core::ports::{Claim, Clock, ConversationStore, OpenSingle};
    use gochat_core::testing::TestKit;
    use gochat_core::usecase::relay::RelayTerms;
    use parking_lot::Mutex;

    use super::*;
    use crate::runtime::{Phase, Supervisor};

    /// An outbox that says what was removed, and by how many calls.
    #[derive(Debug)]
    struct Counting {
        inner: Arc<dyn Outbox>,
        removed: Mutex<Vec<Vec<NoteId>>>,
        called: Notify,
    }

    #[async_trait]
    impl Outbox for Counting {
        async fn claim(&self, claim: &Claim) -> Result<Vec<Note>> {
            self.inner.claim(claim).await
        }

        async fn done(&self, notes: &[NoteId]) -> Result<()> {
            self.inner.done(notes).await?;
            self.removed.lock().push(notes.to_vec());
            self.called.notify_one();
            Ok(())
        }
    }

    fn log() -> Logger {
        Logger::root(slog::Discard, slog::o!())
    }

    fn note_id(n: u64) -> NoteId {
        NoteId::new(n).expect("in range")
    }

    struct Bench {
        kit: TestKit,
        outbox: Arc<Counting>,
        told: Told,
        supervisor: Supervisor,
        metrics: Metrics,
    }

    fn bench() -> Bench {
        let kit = TestKit::new();
        let (removed, called) = (Mutex::default(), Notify::new());
        let outbox = Arc::new(Counting { inner: kit.memory.clone(), removed, called });
        let supervisor = Supervisor::new(&log());
        let (terms, settings) = (RelayTerms::default(), Arc::new(Settings::default()));
        let relay = Relay::new(kit.ports.clone(), outbox.clone(), terms, settings, &log());
        let ((told, heard), metrics) = (tellings(), Metrics::new());
        let (patience, look) = (terms.patience, Duration::from_secs(60));
        let parts = OutboxParts {
            relay,
            outbox: outbox.clone(),
            told: heard,
            patience,
            look,
            metrics: metrics.clone(),
            log: log(),
        };
        tell(supervisor.phase(Phase::Work), parts);
        Bench { kit, outbox, told, supervisor, metrics }
    }

    #[tokio::test(start_paused = true)]
    async fn many_told_notes_are_removed_by_one_call() {
        let bench = bench();
        let notes: Vec<_> = (1..=300).map(note_id).collect();
        notes.iter().for_each(|note| bench.told.told(*note));
        bench.outbox.called.notified().await;
        assert_eq!(*bench.outbox.removed.lock(), [notes]);
        // What is told at the end is removed at the end.
        bench.told.told(note_id(400));
        assert!(bench.supervisor.shutdown(Duration::from_secs(1)).await.is_clean());
        assert_eq!(bench.outbox.removed.lock().last(), Some(&vec![note_id(400)]));
    }

    #[tokio::test(start_paused = true)]
    async fn more_than_can_wait_is_forgotten_and_holds_nobody_up() {
        let (told, heard) = tellings();
        (1..=20_000).for_each(|n| told.told(note_id(n)));
        assert_eq!(heard.notes.len(), WAITING);
        drop(heard);
        told.told(note_id(1));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_missed_is_told_as_soon_as_it_is_due() {
        let bench = bench();
        let [a, b] = [2, 3].map(|n| UserId::new(n).expect("in range"));
        let conversation = ConversationId::new(9).expect("in range");
        // Past the first look, so that only the hint can bring the next before a minute has gone.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let at = bench.kit.clock.now();
        let open = OpenSingle { users: [a, b], by: a, id: conversation, at };
        let subject = Subject::Opened { conversation, users: [a, b].into() };
        let note = Note { id: note_id(7), subject, at };
        let memory = &bench.kit.memory;
        let store = ConversationStore::noted(&**memory, &note).expect("memory keeps notes");
        store.open_single(&open).await.expect("opened");
        bench.kit.clock.advance(Duration::from_secs(5));
        let begun = Instant::now();
        bench.told.missed(note.id);
        bench.outbox.called.notified().await;
        assert_eq!(begun.elapsed().as_secs(), 5);
        assert_eq!((bench.metrics.notes_told.get(), bench.kit.deliver.seen().len()), (1, 2));
        let first = &bench.kit.deliver.seen()[0].event;
        assert!(
            matches!(first, Event::ConversationChanged(view) if view.entry.conversation.id == conversation)
        );
        assert!(bench.supervisor.shutdown(Duration::from_secs(1)).await.is_clean());
    }

    /// A way to others that never ends.
    #[derive(Debug)]
    struct Stuck;

    #[async_trait]
    impl Deliver for Stuck {
        async fn deliver(&self, _: Vec<Delivery>) -> Result<()> {
            std::future::pending().await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_long_for_others_to_be_told() {
        let failure = Prompt::new(Arc::new(Stuck)).deliver(Vec::new()).await.expect_err("it is stuck");
        assert_eq!(failure.kind(), ErrorKind::Timeout);
    }
}
