//! Ports that fail when told to, are counted, and let something else happen in between.
//!
//! ```
//! # use gochat_core::testing::{TestKit, faults::{Faults, When}};
//! let kit = TestKit::new();
//! let faults = Faults::new();
//! let ports = faults.wrap(&kit.ports);
//! // The third call of whichever port will take effect, and its answer will be lost.
//! faults.fail(2, When::After);
//! # drop(ports);
//! ```

mod wrap;

use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use super::{Seeded, lock};
use crate::ports::{ErrorKind, Outbox, Ports, Result, Retry, StoreError};

/// When a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// It has no effect: unavailable, safe to repeat.
    Before,
    /// It takes effect and its answer is lost: timeout, ambiguous.
    After,
}

/// What happens before a call, once.
pub type Meanwhile = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The one plan that all wrapped ports follow. Calls are counted over all ports together, from 0. The clock, identifiers,
/// secrets and token signer do no I/O: they are neither counted nor broken.
#[derive(Default)]
pub struct Faults(Mutex<Plan>);

#[derive(Default)]
struct Plan {
    calls: Vec<&'static str>,
    fail: BTreeMap<usize, When>,
    fail_all: Vec<&'static str>,
    failed: Vec<(&'static str, When)>,
    meanwhile: Vec<(&'static str, Meanwhile)>,
    switching: Option<Seeded>,
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").field("calls", &self.calls().len()).finish_non_exhaustive()
    }
}

impl Faults {
    /// Fails nothing yet.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// These ports, under this plan.
    #[must_use]
    pub fn wrap(self: &Arc<Self>, ports: &Ports) -> Ports {
        wrap::wrap(self, ports)
    }

    /// This outbox, under this plan.
    #[must_use]
    pub fn wrap_outbox(self: &Arc<Self>, outbox: Arc<dyn Outbox>) -> Arc<dyn Outbox> {
        wrap::outbox(self, outbox)
    }

    /// Makes call number `nth`, counted since [`reset`](Self::reset), fail.
    pub fn fail(&self, nth: usize, when: When) {
        lock(&self.0).fail.insert(nth, when);
    }

    /// Makes every call of an operation, such as `dedup.seen`, fail.
    pub fn fail_all(&self, operation: &'static str) {
        lock(&self.0).fail_all.push(operation);
    }

    /// Does `what` right before the next call of `operation`; of several, each before a call of its own, in the order given.
    pub fn before(&self, operation: &'static str, what: impl Future<Output = ()> + Send + 'static) {
        lock(&self.0).meanwhile.push((operation, Box::pin(what)));
    }

    /// Does at once what still waits for calls of `operation`.
    pub async fn settle(&self, operation: &'static str) {
        while let Some(meanwhile) = self.take_meanwhile(operation) {
            meanwhile.await;
        }
    }

    /// Gives way to other tasks before and after calls, as this seed has it: tasks of one thread mix in another way for each
    /// seed.
    pub fn switch(&self, seed: u64) {
        lock(&self.0).switching = Some(Seeded::new(seed));
    }

    /// Forgets all plans and counts.
    pub fn reset(&self) {
        *lock(&self.0) = Plan::default();
    }

    /// The calls so far, by operation, such as `messages.append`.
    #[must_use]
    pub fn calls(&self) -> Vec<&'static str> {
        lock(&self.0).calls.clone()
    }

    /// How often each operation was called.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for operation in &lock(&self.0).calls {
            *counts.entry(*operation).or_default() += 1;
        }
        counts
    }

    /// What failed so far.
    #[must_use]
    pub fn failed(&self) -> Vec<(&'static str, When)> {
        lock(&self.0).failed.clone()
    }

    /// Takes one call through the plan.
    async fn call<T: Send>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        self.give_way().await;
        if let Some(meanwhile) = self.take_meanwhile(operation) {
            meanwhile.await;
        }
        match self.count(operation) {
            Some(When::Before) => Err(StoreError::new(ErrorKind::Unavailable, Retry::Safe, operation)),
            Some(When::After) => {
                // What it answered, be it an error, nobody hears.
                let _lost = call.await;
                Err(StoreError::new(ErrorKind::Timeout, Retry::Ambiguous, operation))
            }
            None => {
                let answer = call.await;
                self.give_way().await;
                answer
            }
        }
    }

    fn take_meanwhile(&self, operation: &'static str) -> Option<Meanwhile> {
        let mut plan = lock(&self.0);
        let i = plan.meanwhile.iter().position(|(of, _)| *of == operation)?;
        Some(plan.meanwhile.remove(i).1)
    }

    fn count(&self, operation: &'static str) -> Option<When> {
        let mut plan = lock(&self.0);
        let nth = plan.calls.len();
        plan.calls.push(operation);
        let always = plan.fail_all.contains(&operation).then_some(When::Before);
        let when = plan.fail.remove(&nth).or(always)?;
        plan.failed.push((operation, when));
        Some(when)
    }

    async fn give_way(&self) {
        let turns = lock(&self.0).switching.as_mut().map_or(0, |random| random.below(4));
        for _ in 0..turns {
            let mut waited = false;
            poll_fn(|cx| {
                if std::mem::replace(&mut waited, true) {
                    return Poll::Ready(());
                }
                cx.waker().wake_by_ref();
                Poll::Pending
            })
            .await;
        }
    }
}
