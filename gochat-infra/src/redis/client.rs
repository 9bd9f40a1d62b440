//! Connections that mend themselves, and the one way to call: batches of commands, bounded in time and number.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use ::redis::aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig};
use ::redis::cluster::{ClusterClientBuilder, ClusterConfig};
use ::redis::cluster_async::ClusterConnection;
use ::redis::io::tcp::TcpSettings;
use ::redis::{
    Client, ConnectionInfo, IntoConnectionInfo, Pipeline, ProtocolVersion, RedisError, ServerErrorKind, Value,
};
use futures_util::future::join_all;
use gochat_core::ports::Result;
use rustc_hash::FxHashMap;
use slog::{Logger, info, warn};

use super::command::Command;
use super::config::RedisConfig;
use super::error::{Call, Failure, RedisConfigError};
use super::keys::Keys;
use super::scripts::Scripts;
use crate::gate::{Change, Gate};

/// Connections to Redis. A handle: clones share them. Everything in this module stands on one.
#[derive(Clone)]
pub struct Redis {
    inner: Arc<Inner>,
}

struct Inner {
    link: Link,
    config: RedisConfig,
    keys: Keys,
    scripts: Scripts,
    gate: Gate,
    counters: Counters,
    log: Logger,
}

enum Link {
    Server { connections: Vec<ConnectionManager>, turn: AtomicUsize },
    Cluster(ClusterConnection),
}

#[derive(Debug, Default)]
struct Counters {
    round_trips: AtomicU64,
    failures: AtomicU64,
    refused: AtomicU64,
}

/// What was called since the connections were opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RedisStats {
    /// Pipelines sent; on a cluster those that went to several nodes at once count as one.
    pub round_trips: u64,
    /// Calls that failed.
    pub failures: u64,
    /// Calls that were not tried since the server was away a moment ago.
    pub refused: u64,
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("config", &self.inner.config).finish_non_exhaustive()
    }
}

impl Redis {
    /// Prepares the connections; each is made when it is first needed, so the server may be away. Call it inside a tokio
    /// runtime; [`ping`](Self::ping) asks whether the server is there.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub fn open(config: RedisConfig, log: &Logger) -> std::result::Result<Self, RedisConfigError> {
        config.check().map_err(RedisConfigError)?;
        let link = Link::new(&config).map_err(|e| RedisConfigError(e.to_string()))?;
        let gate = Gate::new(config.backoff_first, config.backoff_max, config.call_timeout);
        let inner = Inner {
            link,
            keys: Keys::new(&config.prefix),
            scripts: Scripts::new(),
            gate,
            counters: Counters::default(),
            log: log.new(slog::o!("server" => "redis")),
            config,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Asks the server whether it answers; for readiness and reports.
    ///
    /// # Errors
    /// `Unavailable` or `Timeout`.
    pub async fn ping(&self) -> Result<()> {
        // A key, so that a cluster knows whom to ask.
        let exists = Command::new("EXISTS", &self.inner.keys.gateways());
        self.call("redis.ping", Call::Again, vec![exists]).await.map(drop)
    }

    /// What was called so far.
    #[must_use]
    pub fn stats(&self) -> RedisStats {
        let Counters { round_trips, failures, refused } = &self.inner.counters;
        RedisStats {
            round_trips: round_trips.load(Ordering::Relaxed),
            failures: failures.load(Ordering::Relaxed),
            refused: refused.load(Ordering::Relaxed),
        }
    }

    /// Whether calls are refused for a moment since the server was away.
    #[must_use]
    pub fn is_resting(&self) -> bool {
        self.inner.gate.is_closed(Instant::now())
    }

    pub(super) fn config(&self) -> &RedisConfig {
        &self.inner.config
    }

    pub(super) fn keys(&self) -> &Keys {
        &self.inner.keys
    }

    pub(super) fn scripts(&self) -> &Scripts {
        &self.inner.scripts
    }

    pub(super) fn log(&self) -> &Logger {
        &self.inner.log
    }

    /// Sends commands in one go and answers by position. What the server says of a single command (`WRONGTYPE`) stands in its
    /// place, as [`Value::ServerError`]; what it says of itself fails the call.
    pub(super) async fn call(
        &self,
        operation: &'static str,
        call: Call,
        commands: Vec<Command>,
    ) -> Result<Vec<Value>> {
        self.try_call(call, commands).await.map_err(|failure| failure.into_store(operation, call))
    }

    async fn try_call(&self, call: Call, commands: Vec<Command>) -> std::result::Result<Vec<Value>, Failure> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let Inner { gate, counters, config, log, .. } = &*self.inner;
        let began = Instant::now();
        if !gate.enter(began) {
            counters.refused.fetch_add(1, Ordering::Relaxed);
            return Err(Failure::RESTING);
        }
        let done = tokio::time::timeout(config.call_timeout, self.all(call, &commands)).await;
        let done = done.unwrap_or(Err(Failure::TIMEOUT));
        match &done {
            Err(failure) => {
                counters.failures.fetch_add(1, Ordering::Relaxed);
                if failure.away && gate.failed(began, Instant::now()) == Change::Away {
                    warn!(log, "redis does not answer"; "error" => ?failure);
                }
            }
            Ok(_) => {
                if gate.answered() == Change::Back {
                    info!(log, "redis answers again");
                }
            }
        }
        done
    }

    async fn all(&self, call: Call, commands: &[Command]) -> std::result::Result<Vec<Value>, Failure> {
        let mut answers = Vec::with_capacity(commands.len());
        for part in commands.chunks(self.inner.config.pipeline_max) {
            answers.extend(self.part(call, part).await?);
        }
        Ok(answers)
    }

    async fn part(&self, call: Call, commands: &[Command]) -> std::result::Result<Vec<Value>, Failure> {
        let mut answers = match self.send(commands.iter()).await.map_err(Failure::from) {
            // A connection that was dropped while idle shows it only now; and the driver answers once with the failure of
            // its last try.
            Err(failure) if failure.away && (failure.unsent || call == Call::Again) => {
                self.send(commands.iter()).await?
            }
            done => done?,
        };
        let unknown = |value: &Value| match value {
            Value::ServerError(e) => e.kind() == Some(ServerErrorKind::NoScript),
            _ => false,
        };
        let lost: Vec<usize> = (0..answers.len()).filter(|i| unknown(&answers[*i])).collect();
        if !lost.is_empty() {
            let again: Vec<_> = lost.iter().filter_map(|i| commands[*i].spelled_out()).collect();
            for (i, answer) in lost.into_iter().zip(self.send(again.iter()).await?) {
                answers[i] = answer;
            }
        }
        for answer in &answers {
            if let Value::ServerError(e) = answer {
                let mut failure = Failure::from(RedisError::from(e.clone()));
                failure.unsent &= commands.len() == 1;
                if failure.kind != gochat_core::ports::ErrorKind::Internal {
                    return Err(failure);
                }
            }
        }
        Ok(answers)
    }

    async fn send(
        &self,
        commands: impl ExactSizeIterator<Item = &Command>,
    ) -> std::result::Result<Vec<Value>, RedisError> {
        self.inner.counters.round_trips.fetch_add(1, Ordering::Relaxed);
        match &self.inner.link {
            Link::Server { connections, turn } => {
                let mut pipeline = Pipeline::with_capacity(commands.len());
                commands.for_each(|command| {
                    pipeline.add_command(command.cmd.clone());
                });
                let turn = turn.fetch_add(1, Ordering::Relaxed);
                let mut connection = connections[turn % connections.len()].clone();
                connection.send_packed_commands(&pipeline, 0, pipeline.len()).await
            }
            Link::Cluster(connection) => {
                let mut groups: FxHashMap<u64, (Vec<usize>, Pipeline)> = HashMap::default();
                let count = commands.len();
                for (i, command) in commands.enumerate() {
                    let (places, pipeline) = groups.entry(command.tag).or_default();
                    places.push(i);
                    pipeline.add_command(command.cmd.clone());
                }
                let sent = groups.into_values().map(|(places, pipeline)| {
                    let mut connection = connection.clone();
                    async move {
                        let answers = connection.req_packed_commands(&pipeline, 0, pipeline.len()).await?;
                        Ok::<_, RedisError>((places, answers))
                    }
                });
                let mut answers = vec![Value::Nil; count];
                for group in join_all(sent).await {
                    let (places, group) = group?;
                    for (place, answer) in places.into_iter().zip(group) {
                        answers[place] = answer;
                    }
                }
                Ok(answers)
            }
        }
    }
}

impl Link {
    fn new(config: &RedisConfig) -> std::result::Result<Self, RedisError> {
        let tcp = TcpSettings::default().set_nodelay(true);
        #[cfg(any(target_os = "android", target_os = "linux"))]
        let tcp = tcp.set_user_timeout(config.dead_after);
        if config.is_cluster() {
            let client = ClusterClientBuilder::new(config.urls.iter().map(String::as_str))
                .use_protocol(ProtocolVersion::RESP3)
                .connection_concurrency_limit(config.in_flight)
                .tcp_settings(tcp)
                .retries(2)
                .build()?;
            let times = ClusterConfig::new()
                .set_connection_timeout(config.connect_timeout)
                .set_response_timeout(config.call_timeout);
            return Ok(Self::Cluster(client.get_pending_async_connection_with_config(times)));
        }
        let info: ConnectionInfo = config.urls[0].as_str().into_connection_info()?;
        // RESP3 tells at once of a connection that is closed; so it is made again before it is needed.
        let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let client = Client::open(info.set_redis_settings(settings).set_tcp_settings(tcp))?;
        let manager = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(config.connect_timeout))
            // The whole call is timed, with the wait for its turn.
            .set_response_timeout(None)
            .set_pipeline_buffer_size(config.in_flight)
            .set_concurrency_limit(config.in_flight);
        let connections = (0..config.connections)
            .map(|_| ConnectionManager::new_lazy_with_config(client.clone(), manager.clone()));
        Ok(Self::Server {
            connections: connections.collect::<std::result::Result<_, _>>()?,
            turn: AtomicUsize::new(0),
        })
    }
}
