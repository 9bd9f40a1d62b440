//! The telling of what was noted and could not be told at once: its process died, or the way to others was closed.
//!
//! What is told is read from the stores when it is told, so it is true then, however late: told twice, or after what came
//! later, it does no harm. Two tellings at the same moment may still pass each other, as those of two calls do.

mod news;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use slog::Logger;

use super::context::Context;
use crate::model::{Delivery, Note, NoteId, PageLimit, Subject};
use crate::ports::{Claim, Outbox, Ports, Result, Retry, StoreError};
use crate::{Error, Settings};

/// So many deliveries at least are handed on at once.
const TOGETHER: usize = 500;

/// When notes are told late, and how many at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelayTerms {
    /// Notes younger than this are being told by who made them; 5 s.
    pub patience: Duration,
    /// So long no other relay tells what this one has taken; 15 s.
    pub claim: Duration,
    /// Most notes of one round; 200.
    pub notes: PageLimit,
}

impl Default for RelayTerms {
    fn default() -> Self {
        let notes = PageLimit::new(200, 200).expect("at least 1");
        Self { patience: Duration::from_secs(5), claim: Duration::from_secs(15), notes }
    }
}

/// Tells what is in an outbox. Any number of them may share one.
#[derive(Debug)]
pub struct Relay {
    cx: Context,
    outbox: Arc<dyn Outbox>,
    terms: RelayTerms,
}

/// What a round did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Round {
    /// Notes told and removed.
    pub told: usize,
    /// Notes that can never be told, removed.
    pub dropped: usize,
    /// Notes that could not be told now.
    pub left: usize,
    /// How old the oldest note found was.
    pub oldest: Duration,
    /// Whether there may be more to tell now.
    pub more: bool,
}

impl Relay {
    /// Over these ports.
    #[must_use]
    pub fn new(
        ports: Ports,
        outbox: Arc<dyn Outbox>,
        terms: RelayTerms,
        settings: Arc<Settings>,
        log: &Logger,
    ) -> Self {
        Self { cx: Context { ports, settings, log: log.clone() }, outbox, terms }
    }

    /// Takes notes that are due, tells them, and removes them. To be called again at once when there is
    /// [`more`](Round::more).
    ///
    /// # Errors
    /// The outbox or the way to others is away: what was taken can be taken again when the claim ends.
    pub async fn round(&self) -> Result<Round> {
        let RelayTerms { patience, claim, notes: limit } = self.terms;
        let now = self.cx.now();
        let claim = Claim { made_until: now.before(patience), now, until: now.after(claim), limit };
        let notes = self.outbox.claim(&claim).await?;
        let oldest = notes.iter().map(|note| now.since(note.at)).max().unwrap_or_default();
        let more = u64::try_from(notes.len()).is_ok_and(|n| n >= u64::from(limit.get()));
        let mut round = Round { oldest, more, ..Round::default() };
        let mut work = Work::default();
        for (subject, notes) in by_subject(notes) {
            match self.news(&subject).await {
                Ok(news) => work.add(notes, news),
                Err(e) if never(&e) => {
                    slog::error!(self.cx.log, "notes can't be told and are dropped"; "error" => %e,
                        "notes" => ?notes);
                    round.dropped += notes.len();
                    self.outbox.done(&notes).await?;
                }
                Err(e) => {
                    slog::warn!(self.cx.log, "notes not told yet"; "error" => %e, "notes" => notes.len());
                    round.left += notes.len();
                }
            }
            if work.size >= TOGETHER {
                self.hand_on(std::mem::take(&mut work), &mut round).await?;
            }
        }
        self.hand_on(work, &mut round).await?;
        Ok(round)
    }

    async fn hand_on(&self, work: Work, round: &mut Round) -> Result<()> {
        let all: Vec<Delivery> = work.news.iter().flat_map(|(_, news)| news).cloned().collect();
        let told = if all.is_empty() { Ok(()) } else { self.cx.ports.deliver.deliver(all).await };
        match told {
            Ok(()) => {
                let notes: Vec<NoteId> = work.news.into_iter().flat_map(|(notes, _)| notes).collect();
                if !notes.is_empty() {
                    self.outbox.done(&notes).await?;
                }
                round.told += notes.len();
                Ok(())
            }
            // One of them is to blame: the others must not wait for it.
            Err(e) if e.retry() == Retry::Never => self.one_by_one(work, round).await,
            Err(e) => Err(e),
        }
    }

    async fn one_by_one(&self, work: Work, round: &mut Round) -> Result<()> {
        for (notes, news) in work.news {
            match self.cx.ports.deliver.deliver(news).await {
                Ok(()) => round.told += notes.len(),
                Err(e) if e.retry() == Retry::Never => {
                    slog::error!(self.cx.log, "notes can't be told and are dropped"; "error" => %e,
                        "notes" => ?notes);
                    round.dropped += notes.len();
                }
                Err(e) => return Err(e),
            }
            self.outbox.done(&notes).await?;
        }
        Ok(())
    }
}

/// What is to be handed on together.
#[derive(Debug, Default)]
struct Work {
    news: Vec<(Vec<NoteId>, Vec<Delivery>)>,
    size: usize,
}

impl Work {
    fn add(&mut self, notes: Vec<NoteId>, news: Vec<Delivery>) {
        self.size += news.len();
        self.news.push((notes, news));
    }
}

/// Notes of the same change are told once: a read pointer moves often. In the order of the first of each.
fn by_subject(notes: Vec<Note>) -> Vec<(Subject, Vec<NoteId>)> {
    let mut found: Vec<(Subject, Vec<NoteId>)> = Vec::new();
    let mut places: HashMap<Subject, usize> = HashMap::new();
    for note in notes {
        let next = found.len();
        let place = *places.entry(note.subject.clone()).or_insert(next);
        match found.get_mut(place) {
            Some((_, ids)) => ids.push(note.id),
            None => found.push((note.subject, vec![note.id])),
        }
    }
    found
}

/// Whether it would fail the same way each time. What belongs to a store that is away is none of this.
fn never(error: &Error) -> bool {
    match error {
        Error::Port(e) => StoreError::retry(e) == Retry::Never,
        _ => true,
    }
}
