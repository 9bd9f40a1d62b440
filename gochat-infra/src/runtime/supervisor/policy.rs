//! What a task says of its end, and what is done about it.

use std::fmt::Display;
use std::time::Duration;

/// What to do when a task fails: returns an error, or panics. In any case it is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Go on without it.
    Log,
    /// Stop the node: it can't do without. Also when the task ends without an error before it was told to.
    StopNode,
}

/// How long to wait before a failed task is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// After the first failure; doubled by each further one.
    pub first: Duration,
    /// At most. A run that lasted longer than this counts as a success: the next failure is a first one.
    pub max: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_millis(100), max: Duration::from_secs(10) }
    }
}

impl Backoff {
    pub(crate) fn after(self, failures: u32) -> Duration {
        self.first.saturating_mul(1 << failures.saturating_sub(1).min(20)).min(self.max)
    }
}

/// What a task returns.
pub trait Outcome: Send + 'static {
    /// Why it failed, if it did.
    fn failure(self) -> Option<String>;
}

impl Outcome for () {
    fn failure(self) -> Option<String> {
        None
    }
}

impl<E: Display + Send + 'static> Outcome for Result<(), E> {
    fn failure(self) -> Option<String> {
        // `{:#}` lets errors that know their causes (anyhow) tell them.
        self.err().map(|e| format!("{e:#}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_to_its_limit() {
        let b = Backoff { first: Duration::from_millis(100), max: Duration::from_secs(1) };
        let waits: Vec<_> = [1, 2, 3, 4, 5, 100].map(|n| b.after(n).as_millis()).into();
        assert_eq!(waits, [100, 200, 400, 800, 1_000, 1_000]);
    }
}
