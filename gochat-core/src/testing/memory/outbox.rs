//! Notes of changes.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{Memory, State, count};
use crate::model::{Note, NoteId, Timestamp};
use crate::ports::{Claim, Outbox, Result};

/// Notes, each with the end of its claim.
pub(super) type Notes = BTreeMap<NoteId, (Note, Timestamp)>;

impl State {
    /// Leaves what the handle was given: to be called with each change, under the lock that makes it.
    pub(super) fn leave(&mut self, note: Option<&Note>) {
        if let Some(note) = note {
            self.notes.insert(note.id, (note.clone(), Timestamp::from_millis(i64::MIN)));
        }
    }
}

#[async_trait]
impl Outbox for Memory {
    async fn claim(&self, claim: &Claim) -> Result<Vec<Note>> {
        let mut state = self.lock();
        let free =
            |(note, until): &&mut (Note, Timestamp)| note.at <= claim.made_until && *until <= claim.now;
        let mut free: Vec<_> = state.notes.values_mut().filter(free).collect();
        free.sort_by_key(|(note, _)| note.at);
        let taken = free.into_iter().take(count(claim.limit));
        Ok(taken
            .map(|(note, until)| {
                *until = claim.until;
                note.clone()
            })
            .collect())
    }

    async fn done(&self, notes: &[NoteId]) -> Result<()> {
        let mut state = self.lock();
        for id in notes {
            state.notes.remove(id);
        }
        Ok(())
    }
}
