//! Where it ends in tests what became of tellings.

use std::sync::Mutex;

use super::lock;
use crate::model::NoteId;
use crate::ports::Tellings;

/// Keeps what it hears, in order.
#[derive(Debug, Default)]
pub struct RecordingTellings {
    told: Mutex<Vec<NoteId>>,
    missed: Mutex<Vec<NoteId>>,
}

impl RecordingTellings {
    /// Has heard nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes told so far, which are forgotten.
    #[must_use]
    pub fn take_told(&self) -> Vec<NoteId> {
        std::mem::take(&mut lock(&self.told))
    }

    /// Notes missed so far, which are forgotten.
    #[must_use]
    pub fn take_missed(&self) -> Vec<NoteId> {
        std::mem::take(&mut lock(&self.missed))
    }
}

impl Tellings for RecordingTellings {
    fn told(&self, note: NoteId) {
        lock(&self.told).push(note);
    }

    fn missed(&self, note: NoteId) {
        lock(&self.missed).push(note);
    }
}
