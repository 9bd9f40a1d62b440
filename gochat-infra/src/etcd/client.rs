//! The connection: settings, keys, and calls with a time limit.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use etcd_client::{Client, ConnectOptions, Error, GetOptions, KvClient, LeaseClient, WatchClient};
use tokio::time::timeout;

use super::error::EtcdError;

/// How often a connection with open streams is asked whether it lives. etcd hangs up on those who ask more often than 5 s.
const PING_EVERY: Duration = Duration::from_secs(10);

/// Where etcd is and how it is used.
#[derive(Debug, Clone)]
pub struct EtcdConfig {
    /// `http://host:port`, 1 to 32 of them, members of one cluster.
    pub endpoints: Vec<String>,
    /// What all keys begin with: `/` and more, without a `/` at its end. All services of one system have the same.
    pub prefix: String,
    /// Longest time to connect.
    pub connect_timeout: Duration,
    /// Longest time for a call.
    pub timeout: Duration,
    /// How long an instance that is silent counts as there: whole seconds, 1 to 3,600. etcd may round it up.
    pub lease_ttl: Duration,
    /// Who we are, when etcd wants to know.
    pub user: Option<EtcdUser>,
}

impl EtcdConfig {
    /// Defaults for these endpoints: prefix `/gochat`, 2 s to connect, 3 s for a call, leases of 10 s, no user.
    pub fn new<S: Into<String>>(endpoints: impl IntoIterator<Item = S>) -> Self {
        Self {
            endpoints: endpoints.into_iter().map(Into::into).collect(),
            prefix: "/gochat".to_owned(),
            connect_timeout: Duration::from_secs(2),
            timeout: Duration::from_secs(3),
            lease_ttl: Duration::from_secs(10),
            user: None,
        }
    }

    fn check(&self) -> Result<(), EtcdError> {
        let wrong = |setting, what: String, mend| Err(EtcdError::Setting { setting, what, mend });
        if !(1..=32).contains(&self.endpoints.len()) {
            let mend = "name those of one cluster, such as http://127.0.0.1:2379";
            return wrong("endpoints", format!("{} are named", self.endpoints.len()), mend);
        }
        if let Some(bad) = self.endpoints.iter().find(|e| !e.starts_with("http://")) {
            return wrong(
                "endpoints",
                format!("{bad:?} does not begin with http://"),
                "write http://host:port",
            );
        }
        let parts = self.prefix.strip_prefix('/').unwrap_or_default();
        let plain = |part: &str| !part.is_empty() && part.chars().all(|c| !c.is_control() && c != ' ');
        if self.prefix.len() > 256 || !parts.split('/').all(plain) {
            let mend = "begin it with '/', end it without, up to 256 bytes; /gochat is usual";
            return wrong("prefix", format!("{:?} can't be used", self.prefix), mend);
        }
        let ttl = self.lease_ttl;
        if !(1..=3_600).contains(&ttl.as_secs()) || ttl.subsec_nanos() != 0 {
            return wrong(
                "lease_ttl",
                format!("{ttl:?} can't be used"),
                "take whole seconds, 1 to 3600; 10 is usual",
            );
        }
        if self.timeout.is_zero() || self.connect_timeout.is_zero() {
            return wrong("timeout", "must not be 0".to_owned(), "leave it out for the default");
        }
        Ok(())
    }
}

/// A user of etcd.
#[derive(Clone)]
pub struct EtcdUser {
    /// Its name.
    pub name: String,
    /// Its password; never shown.
    pub password: String,
}

impl fmt::Debug for EtcdUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EtcdUser").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A connection to the cluster, which finds its way back by itself. Clones share it.
#[derive(Clone)]
pub struct Etcd {
    client: Client,
    config: Arc<EtcdConfig>,
    endpoints: Arc<str>,
}

impl Etcd {
    /// Connects, and looks that the cluster answers and lets us read.
    ///
    /// # Errors
    /// [`EtcdError`]: a setting can't be used, nobody answers, or we are refused.
    pub async fn connect(config: EtcdConfig) -> Result<Self, EtcdError> {
        config.check()?;
        let mut options = ConnectOptions::new()
            .with_connect_timeout(config.connect_timeout)
            .with_keep_alive(PING_EVERY, config.timeout)
            .with_keep_alive_while_idle(false)
            // A member that was cut off from the others would give old news for ever.
            .with_require_leader(true)
            .with_auto_token_refresh(true);
        if let Some(user) = &config.user {
            options = options.with_user(&*user.name, &*user.password);
        }
        let endpoints: Arc<str> = config.endpoints.join(", ").into();
        let connecting = Box::pin(Client::connect(&config.endpoints, Some(options)));
        let client =
            within("connect", &endpoints, config.connect_timeout + config.timeout, connecting).await?;
        let etcd = Self { client, config: Arc::new(config), endpoints };
        let first = etcd.config.prefix.clone();
        etcd.call("read", etcd.kv().get(first, Some(GetOptions::new().with_limit(1)))).await?;
        Ok(etcd)
    }

    /// What it was made with.
    #[must_use]
    pub fn config(&self) -> &EtcdConfig {
        &self.config
    }

    pub(super) fn kv(&self) -> KvClient {
        self.client.kv_client()
    }

    pub(super) fn leases(&self) -> LeaseClient {
        self.client.lease_client()
    }

    pub(super) fn watches(&self) -> WatchClient {
        self.client.watch_client()
    }

    /// A key below the prefix.
    pub(super) fn key(&self, path: fmt::Arguments<'_>) -> String {
        format!("{}/{path}", self.config.prefix)
    }

    /// Bounds a call in time.
    pub(super) fn call<'a, T>(
        &'a self,
        operation: &'static str,
        call: impl Future<Output = Result<T, Error>> + Send + 'a,
    ) -> impl Future<Output = Result<T, EtcdError>> + Send + 'a
    where
        T: 'a,
    {
        // Those of the client are large, and would be in each that waits for them.
        let call = Box::pin(call);
        async move { within(operation, &self.endpoints, self.config.timeout, call).await }
    }

    pub(super) fn odd(&self, operation: &'static str, what: &str) -> EtcdError {
        EtcdError::odd(operation, &self.endpoints, what)
    }
}

impl fmt::Debug for Etcd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Etcd").field("config", &self.config).finish_non_exhaustive()
    }
}

async fn within<T>(
    operation: &'static str,
    endpoints: &str,
    within: Duration,
    call: impl Future<Output = Result<T, Error>>,
) -> Result<T, EtcdError> {
    match timeout(within, call).await {
        Ok(done) => done.map_err(|e| EtcdError::of(operation, endpoints, within, &e)),
        Err(_) => Err(EtcdError::Away { operation, endpoints: endpoints.to_owned(), within, source: None }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(change: impl FnOnce(&mut EtcdConfig)) -> String {
        let mut config = EtcdConfig::new(["http://127.0.0.1:2379"]);
        change(&mut config);
        config.check().expect_err("it is wrong").to_string()
    }

    #[test]
    fn settings_that_cannot_work_are_told_before_anything_is_dialled() {
        assert!(EtcdConfig::new(["http://127.0.0.1:2379"]).check().is_ok());
        assert!(problem(|c| c.endpoints.clear()).contains("endpoints: 0 are named; name"));
        assert!(problem(|c| c.endpoints = vec!["https://e:1".into()]).contains("write http://host:port"));
        for prefix in ["", "/", "gochat", "/gochat/", "/a//b", "/a b"] {
            assert!(problem(|c| c.prefix = prefix.into()).contains("prefix"), "{prefix:?}");
        }
        for ttl in [0, 500, 1_500, 3_601_000] {
            assert!(problem(|c| c.lease_ttl = Duration::from_millis(ttl)).contains("lease_ttl"), "{ttl}");
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        let mut config = EtcdConfig::new(["http://127.0.0.1:2379"]);
        config.user = Some(EtcdUser { name: "gochat".into(), password: "hunter2".into() });
        let shown = format!("{config:?}");
        assert!(shown.contains("\"gochat\"") && !shown.contains("hunter2"), "{shown}");
    }
}
