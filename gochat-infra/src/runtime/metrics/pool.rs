//! What is counted of connections to a database.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::TypedMetric;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

use super::{Latency, Metrics};

/// Counters of one server. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct PoolCounters {
    /// How long each connection was somebody's: that is once for every call, and for every try of one.
    pub used: Latency,
    /// How long each caller waited for it.
    pub waited: Latency,
    /// Connections that are somebody's now.
    pub in_use: Gauge,
    /// Callers that wait for one now.
    pub waiting: Gauge,
    /// Tries that found the server away.
    pub away: Counter,
    /// Calls that were not tried since it was away a moment ago.
    pub refused: Counter,
    /// Calls refused since all connections were in use.
    pub full: Counter,
    /// Rows that had rotted and were mended.
    pub mended: Counter,
}

impl Metrics {
    /// Shows counters of servers, each by its name.
    pub fn watch_pools(&self, pools: Vec<(String, PoolCounters)>) {
        self.0.registry.lock().register_collector(Box::new(Pools(pools)));
    }
}

#[derive(Debug)]
struct Pools(Vec<(String, PoolCounters)>);

impl Pools {
    fn show<M: EncodeMetric + TypedMetric>(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        name: &str,
        help: &str,
        of: impl Fn(&PoolCounters) -> &M,
    ) -> fmt::Result {
        let mut family = encoder.encode_descriptor(name, help, None, M::TYPE)?;
        for (server, counters) in &self.0 {
            of(counters).encode(family.encode_family(&[("server", server.as_str())])?)?;
        }
        Ok(())
    }
}

impl Collector for Pools {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let e = &mut encoder;
        self.show(e, "mysql_call_seconds", "How long each call had its connection", |c| &c.used)?;
        self.show(e, "mysql_wait_seconds", "How long each call waited for a connection", |c| &c.waited)?;
        self.show(e, "mysql_connections_used", "Connections that calls have now", |c| &c.in_use)?;
        self.show(e, "mysql_waiting", "Calls that wait for a connection now", |c| &c.waiting)?;
        self.show(e, "mysql_away", "Tries that found the server away", |c| &c.away)?;
        self.show(e, "mysql_refused", "Calls not tried since it was away a moment ago", |c| &c.refused)?;
        self.show(e, "mysql_full", "Calls refused since all connections were in use", |c| &c.full)?;
        self.show(e, "mysql_mended", "Rows that had rotted and were mended", |c| &c.mended)
    }
}
