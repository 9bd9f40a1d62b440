//! Addresses, sizes and limits.

use std::fmt;
use std::time::Duration;

/// How Redis is reached, and for how long it keeps things. Every field has a default but the address.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RedisConfig {
    /// `redis://[user:password@]host[:port][/database]`, `rediss://` for TLS. Several are nodes of one cluster; a single one is
    /// a server, unless [`cluster`](Self::cluster) says otherwise.
    pub urls: Vec<String>,
    /// Whether a single address is a node of a cluster; false.
    pub cluster: bool,
    /// Longest time for a connection to be made; 500 ms.
    pub connect_timeout: Duration,
    /// Longest time for a call, with making a connection and repeating it; 1 s.
    pub call_timeout: Duration,
    /// How long nobody tries again after the second failure in a row; doubled by each further one. 50 ms.
    pub backoff_first: Duration,
    /// Most of it; 2 s.
    pub backoff_max: Duration,
    /// After so long without an answer the system gives a connection up, and another one is made; 5 s.
    pub dead_after: Duration,
    /// Connections that calls share, to a single server; 4. A cluster has one to each node.
    pub connections: usize,
    /// Most commands that are under way on a connection; more wait, within their time. 1,024.
    pub in_flight: usize,
    /// Most commands that are sent in one go; what is more goes in several, one after the other. 4,096.
    pub pipeline_max: usize,
    /// What all keys begin with; `gochat`. Letters, digits, `-`, `_`, `.` only.
    pub prefix: String,
    /// How long counters of conversations are kept after their last use; 7 days. Then they are read from the store again.
    pub sequence_ttl: Duration,
    /// How long sends are remembered; 24 h.
    pub dedup_ttl: Duration,
    /// How long a gateway counts as living after it last said so; 10 s.
    pub lease_ttl: Duration,
    /// How often it says so; 3 s.
    pub lease_renew: Duration,
    /// How long a user's sessions are kept without being refreshed; 1 h. Gateways refresh theirs three times within it.
    pub sessions_ttl: Duration,
    /// For so long the set of living gateways is taken as known; 1 s.
    pub gateways_age: Duration,
    /// Up to so many users online are counted exactly; 1,000.
    pub exact_online: u64,
    /// How long cached profiles and memberships are kept; 10 min.
    pub cache_ttl: Duration,
    /// How long it is kept that something does not exist; 5 s.
    pub negative_ttl: Duration,
    /// How long the newest messages of a conversation are kept after the last of them; 10 min.
    pub recent_ttl: Duration,
    /// How many newest messages of a conversation are kept; 100.
    pub recent_max: u32,
    /// Most bytes of a cached value; what is larger is not cached. 64 KiB.
    pub value_max: usize,
    /// Conversations of up to so many members are cached with all of them; 500.
    pub members_max: u32,
}

impl RedisConfig {
    /// The usual sizes, for this server.
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self::cluster([url.to_owned()])
    }

    /// The usual sizes, for the cluster that these nodes belong to; for a server when it is one address.
    #[must_use]
    pub fn cluster(urls: impl IntoIterator<Item = String>) -> Self {
        Self {
            urls: urls.into_iter().collect(),
            cluster: false,
            connect_timeout: Duration::from_millis(500),
            call_timeout: Duration::from_secs(1),
            backoff_first: Duration::from_millis(50),
            backoff_max: Duration::from_secs(2),
            dead_after: Duration::from_secs(5),
            connections: 4,
            in_flight: 1_024,
            pipeline_max: 4_096,
            prefix: "gochat".to_owned(),
            sequence_ttl: Duration::from_secs(7 * 86_400),
            dedup_ttl: Duration::from_secs(86_400),
            lease_ttl: Duration::from_secs(10),
            lease_renew: Duration::from_secs(3),
            sessions_ttl: Duration::from_secs(3_600),
            gateways_age: Duration::from_secs(1),
            exact_online: 1_000,
            cache_ttl: Duration::from_secs(600),
            negative_ttl: Duration::from_secs(5),
            recent_ttl: Duration::from_secs(600),
            recent_max: 100,
            value_max: 64 << 10,
            members_max: 500,
        }
    }

    /// Whether it is a cluster.
    pub(super) fn is_cluster(&self) -> bool {
        self.cluster || self.urls.len() > 1
    }

    /// What is wrong with it, if anything: a sentence that says how to mend it.
    pub(super) fn check(&self) -> Result<(), String> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if self.urls.is_empty() {
            return Err("no address is given: name at least one redis:// URL".to_owned());
        }
        if self.prefix.is_empty() || self.prefix.len() > 64 || !self.prefix.chars().all(fits) {
            return Err("the prefix must be 1 to 64 letters, digits, '-', '_' or '.'".to_owned());
        }
        let counts = [self.connections, self.in_flight, self.pipeline_max, self.recent_max as usize];
        if counts.contains(&0) {
            return Err("connections, in_flight, pipeline_max and recent_max must be 1 or more".to_owned());
        }
        if self.lease_renew.saturating_mul(2) >= self.lease_ttl {
            return Err(
                "lease_renew must be less than half of lease_ttl, or one late answer ends it".to_owned()
            );
        }
        if self.sessions_ttl < self.lease_ttl.saturating_mul(6) {
            return Err("sessions_ttl must be at least six times lease_ttl".to_owned());
        }
        let times = [
            self.connect_timeout,
            self.call_timeout,
            self.dead_after,
            self.sequence_ttl,
            self.dedup_ttl,
            self.lease_renew,
            self.cache_ttl,
            self.negative_ttl,
            self.recent_ttl,
        ];
        if times.iter().any(|time| time.as_millis() == 0) {
            return Err("times must be a millisecond or more".to_owned());
        }
        Ok(())
    }
}

impl fmt::Debug for RedisConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Addresses carry passwords.
        f.debug_struct("RedisConfig")
            .field("nodes", &self.urls.len())
            .field("prefix", &self.prefix)
            .field("connections", &self.connections)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_not_work_is_said() {
        assert_eq!(RedisConfig::new("redis://127.0.0.1").check(), Ok(()));
        let wrong = |change: fn(&mut RedisConfig)| {
            let mut config = RedisConfig::new("redis://user:secret@127.0.0.1");
            change(&mut config);
            assert!(!format!("{config:?}").contains("secret"));
            config.check().expect_err("wrong")
        };
        assert!(wrong(|c| c.urls.clear()).contains("address"));
        assert!(wrong(|c| c.prefix = "a{b}".into()).contains("prefix"));
        assert!(wrong(|c| c.connections = 0).contains("connections"));
        assert!(wrong(|c| c.lease_renew = Duration::from_secs(5)).contains("lease_renew"));
        assert!(wrong(|c| c.sessions_ttl = Duration::from_secs(5)).contains("sessions_ttl"));
        assert!(wrong(|c| c.negative_ttl = Duration::ZERO).contains("millisecond"));
    }
}
