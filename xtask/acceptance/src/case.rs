//! One case of the suite: its name, the sentence it tests, and the code.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use crate::Outcome;
use crate::world::World;

/// The future of a running case.
pub type Running = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// How a case goes together with the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Company {
    /// Beside any others.
    Shared,
    /// With the server to itself: it counts who is online, or loads the server.
    Alone,
}

/// One named test.
#[derive(Clone)]
pub struct Case {
    /// `area::what_is_tested`.
    pub name: &'static str,
    /// What the contract says, in its own words as far as they go.
    pub says: &'static str,
    /// Starts it.
    pub run: fn(World) -> Running,
    /// Whether others may run meanwhile.
    pub company: Company,
    /// Only run when asked for with `--ignored` or `--include-ignored`.
    pub later: bool,
    /// Longer than this is a failure.
    pub limit: Duration,
}

impl Case {
    /// A case that runs beside others, within a minute.
    pub fn new(name: &'static str, says: &'static str, run: fn(World) -> Running) -> Self {
        Self { name, says, run, company: Company::Shared, later: false, limit: Duration::from_secs(90) }
    }

    /// Has the server to itself.
    pub fn alone(mut self) -> Self {
        self.company = Company::Alone;
        self
    }

    /// Belongs to a later stage of the contract.
    pub fn later(mut self) -> Self {
        self.later = true;
        self
    }

    /// May take this many seconds.
    pub fn within(mut self, seconds: u64) -> Self {
        self.limit = Duration::from_secs(seconds);
        self
    }
}
