//! What the receivers found wrong. A figure counts only where this is empty.

use std::fmt;

#[derive(Debug, Default, Clone)]
pub(crate) struct Tally {
    pub(crate) missing: u64,
    pub(crate) doubled: u64,
    pub(crate) disordered: u64,
    /// Frames that say something else than another receiver was told, or than the sender's ack said.
    pub(crate) mismatched: u64,
    pub(crate) errors: u64,
    pub(crate) closed: u64,
    /// The first thing that went wrong, to have something to look at.
    pub(crate) first: Option<String>,
}

impl Tally {
    pub(crate) fn note(&mut self, what: impl FnOnce() -> String) {
        if self.first.is_none() {
            self.first = Some(what());
        }
    }

    pub(crate) fn is_clean(&self) -> bool {
        self.missing + self.doubled + self.disordered + self.mismatched + self.errors + self.closed == 0
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.missing += other.missing;
        self.doubled += other.doubled;
        self.disordered += other.disordered;
        self.mismatched += other.mismatched;
        self.errors += other.errors;
        self.closed += other.closed;
        if self.first.is_none() {
            self.first.clone_from(&other.first);
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_clean() {
            return f.write_str("none missing, doubled or out of order");
        }
        write!(
            f,
            "FAIL: missing {}, doubled {}, out of order {}, mismatched {}, error frames {}, sockets closed {}; first: {}",
            self.missing,
            self.doubled,
            self.disordered,
            self.mismatched,
            self.errors,
            self.closed,
            self.first.as_deref().unwrap_or("-")
        )
    }
}
