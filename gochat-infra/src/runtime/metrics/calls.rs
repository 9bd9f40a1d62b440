//! What is counted of calls between services.

use std::time::Instant;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::{Latency, metric};

/// The name that calls go by which no service knows: whoever calls could think of any number of them.
const UNKNOWN: &str = "unknown";

/// Counters of one side of calls. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct CallCounters {
    calls: Family<[(&'static str, String); 2], Counter>,
    seconds: Family<[(&'static str, String); 1], Latency>,
}

impl CallCounters {
    pub(super) fn register(r: &mut Registry, names: [&str; 2], whose: &str) -> Self {
        Self {
            calls: metric(r, names[0], &format!("Calls {whose}, by method and code")),
            seconds: metric(r, names[1], &format!("How long calls {whose} took, by method")),
        }
    }

    /// A call begins. It is counted when what this returns is dropped.
    #[must_use]
    pub fn begin(&self, method: &str) -> CallCount {
        let method = method.trim_start_matches('/').to_owned();
        CallCount { counters: self.clone(), method, begun: Instant::now(), code: "CANCELLED", known: true }
    }
}

/// A call that is under way.
#[derive(Debug)]
pub struct CallCount {
    counters: CallCounters,
    method: String,
    begun: Instant,
    code: &'static str,
    known: bool,
}

impl CallCount {
    /// How it ended; one that nobody says it of was given up. `known` is whether there is such a method.
    pub fn ended(mut self, code: &'static str, known: bool) {
        (self.code, self.known) = (code, known);
    }
}

impl Drop for CallCount {
    fn drop(&mut self) {
        let method = if self.known { std::mem::take(&mut self.method) } else { UNKNOWN.to_owned() };
        let labels = [("method", method.clone()), ("code", self.code.to_owned())];
        self.counters.calls.get_or_create(&labels).inc();
        self.counters.seconds.get_or_create(&[("method", method)]).observe(self.begun.elapsed());
    }
}
