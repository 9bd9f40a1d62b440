//! From the configuration to what each adapter takes.

use gochat_core::model::GatewayId;

use crate::archive::ArchivePlan;
use crate::etcd::{EtcdConfig, EtcdUser};
use crate::grpc::channel::ChannelConfig;
use crate::grpc::serve::ServeConfig;
use crate::hooks::{SigningSecrets, WebhookConfig, WebhookError};
use crate::kafka::{Compression, KafkaConfig};
use crate::process::config::{Config, Secret, choices};
use crate::process::{Problem, Problems};
use crate::redis::RedisConfig;

/// A setting that a service can't be without.
fn needed(key: &str, what: &str) -> Problem {
    Problem::new(key, "is not set", what)
}

/// The addresses in a setting that may hold several.
fn several(secret: Option<&Secret>) -> Vec<String> {
    secret.map(|s| s.reveal().split_whitespace().map(str::to_owned).collect()).unwrap_or_default()
}

/// Everything that all services take, checked.
#[derive(Debug, Clone)]
pub(super) struct Options {
    pub(super) etcd: EtcdConfig,
    pub(super) serve: ServeConfig,
    pub(super) channel: ChannelConfig,
}

impl Options {
    pub(super) fn of(config: &Config) -> Result<Self, Problems> {
        let service = &config.service;
        collector(config)?;
        if config.etcd.endpoints.is_empty() {
            return Err(needed("etcd.endpoints", "name etcd, such as [\"http://127.0.0.1:2379\"]").into());
        }
        let mut etcd = EtcdConfig::new(config.etcd.endpoints.iter().cloned());
        etcd.prefix.clone_from(&config.etcd.prefix);
        etcd.timeout = config.etcd.timeout;
        etcd.lease_ttl = config.etcd.lease;
        if let Some(name) = &config.etcd.user {
            let password = config.etcd.password.as_ref().map(|p| p.reveal().to_owned()).unwrap_or_default();
            etcd.user = Some(EtcdUser { name: name.clone(), password });
        }
        let message_max = service.call_size.as_usize();
        let serve = ServeConfig { calls_max: service.calls, message_max, ..ServeConfig::default() };
        let channel =
            ChannelConfig { deadline: service.call_timeout, message_max, ..ChannelConfig::default() };
        Ok(Self { etcd, serve, channel })
    }
}

/// The collector of spans, if there is one.
///
/// # Errors
/// It can't be exported to.
pub(super) fn collector(config: &Config) -> Result<Option<&str>, Problems> {
    let Some(endpoint) = config.trace.endpoint.as_deref().filter(|e| !e.is_empty()) else { return Ok(None) };
    let wrong = |what: &str, mend: &str| Problem::new("trace.endpoint", what, mend).into();
    if !cfg!(feature = "otel") {
        return Err(wrong("is set, and this build has no exporter", "build it with the feature `otel`"));
    }
    let authority = endpoint.strip_prefix("http://").unwrap_or_default();
    if authority.is_empty() || authority.contains(['@', '?']) {
        let mend =
            "such as http://127.0.0.1:4317; a collector elsewhere is reached by one beside this process";
        return Err(wrong("is not an http address", mend));
    }
    Ok(Some(endpoint))
}

/// How Redis is reached.
///
/// # Errors
/// It is not said.
pub fn redis(config: &Config) -> Result<RedisConfig, Problems> {
    let urls = several(config.redis.url.as_ref());
    let mut redis = match urls.as_slice() {
        [] => return Err(needed("redis.url", "name Redis, such as redis://127.0.0.1:6379").into()),
        [one] => RedisConfig::new(one),
        _ => RedisConfig::cluster(urls),
    };
    redis.prefix.clone_from(&config.redis.prefix);
    redis.call_timeout = config.redis.timeout;
    redis.connect_timeout = config.redis.connect_timeout;
    Ok(redis)
}

/// How Kafka is reached, and what topics are made of.
///
/// # Errors
/// It is not said.
pub fn kafka(config: &Config) -> Result<KafkaConfig, Problems> {
    let settings = &config.kafka;
    if settings.brokers.is_empty() {
        return Err(needed("kafka.brokers", "name a broker, such as [\"127.0.0.1:9092\"]").into());
    }
    let mut kafka = KafkaConfig::new(&settings.brokers.join(","));
    kafka.prefix.clone_from(&settings.prefix);
    let partitions = i32::try_from(settings.partitions).unwrap_or(i32::MAX);
    (kafka.upstream_partitions, kafka.fanout_partitions) = (partitions, partitions);
    kafka.replication = i32::try_from(settings.replication).ok();
    kafka.retention = settings.retention;
    kafka.submit_timeout = settings.accept_timeout;
    kafka.batch_records = settings.batch;
    kafka.compression = match settings.compression {
        choices::Compression::None => Compression::None,
        choices::Compression::Lz4 => Compression::Lz4,
        choices::Compression::Zstd => Compression::Zstd,
    };
    Ok(kafka)
}

/// Whether somebody outside hears of stored messages.
#[must_use]
pub fn has_hooks(config: &Config) -> bool {
    config.hooks.push_url.is_some() || config.hooks.moderation_url.is_some()
}

/// Where notifications go; `None` for nowhere.
///
/// # Errors
/// It can't be posted to, or not signed.
pub fn push(config: &Config) -> Result<Option<WebhookConfig>, Problems> {
    let hooks = &config.hooks;
    webhook(config, "push", hooks.push_url.as_ref(), hooks.push_secret.as_ref())
}

/// Who judges messages; `None` for nobody.
///
/// # Errors
/// As [`push`].
pub fn moderation(config: &Config) -> Result<Option<WebhookConfig>, Problems> {
    let hooks = &config.hooks;
    webhook(config, "moderation", hooks.moderation_url.as_ref(), hooks.moderation_secret.as_ref())
}

fn webhook(
    config: &Config,
    of: &str,
    url: Option<&Secret>,
    secret: Option<&Secret>,
) -> Result<Option<WebhookConfig>, Problems> {
    let wrong = |what: &str| {
        let mend = "make one with: echo whsec_$(openssl rand -base64 32), and tell the receiver";
        Problem::new(format!("hooks.{of}_secret"), what, mend)
    };
    let Some(url) = url else { return Ok(None) };
    let secret = secret.ok_or_else(|| wrong("is not set, and nobody could tell our requests from others"))?;
    let secrets = SigningSecrets::parse(secret.reveal()).map_err(|e| wrong(&e.to_string()))?;
    let mut webhook = WebhookConfig::new(url.reveal(), secrets);
    webhook.timeout = config.hooks.timeout;
    webhook.tries = config.hooks.tries;
    let address = |e: WebhookError| {
        Problem::new(format!("hooks.{of}_url"), e, "such as https://push.example.com/gochat")
    };
    webhook.check().map_err(address)?;
    Ok(Some(webhook))
}

/// How the database is reached.
///
/// # Errors
/// It is not said.
#[cfg(feature = "mysql")]
pub fn mysql(config: &Config) -> Result<crate::mysql::MySqlOptions, Problems> {
    let settings = &config.mysql;
    let Some(primary) = &settings.primary else {
        return Err(
            needed("mysql.primary", "name the database: mysql://user:password@host:port/database").into()
        );
    };
    let mut options = crate::mysql::MySqlOptions::new(primary.reveal());
    options.replicas = several(settings.replicas.as_ref());
    options.connections = settings.connections;
    options.waiting = settings.waiting;
    options.patience = settings.patience;
    options.time = settings.time;
    options.retries = settings.retries;
    Ok(options)
}

/// What im-task has archived; `None` for nothing.
#[must_use]
pub fn archive_plan(config: &Config) -> Option<ArchivePlan> {
    let settings = &config.archive;
    Some(ArchivePlan {
        after: settings.after?,
        every: settings.every,
        pause: settings.pause,
        least: settings.least,
        most: settings.most,
        bytes: settings.portion.0,
    })
}

/// Where im-repo keeps and finds archives; `None` for nowhere.
///
/// # Errors
/// The folder can't be made or opened.
#[cfg(feature = "archive")]
pub fn archive(config: &Config, log: &slog::Logger) -> Result<Option<crate::archive::Archive>, Problems> {
    use crate::archive::{Archive, ArchiveOptions};

    let Some(folder) = &config.archive.to else { return Ok(None) };
    let options = ArchiveOptions { cache: config.archive.cache.0, ..ArchiveOptions::default() };
    let wrong = |e| Problem::new("archive.to", e, "name a folder that this user may write to");
    Ok(Some(Archive::in_folder(folder, options, log.clone()).map_err(wrong)?))
}

/// The name of an instance: the one that was set, or one that no other has.
///
/// # Errors
/// The system gives no random bytes.
pub(super) fn instance(service: &str, config: &Config) -> Result<GatewayId, getrandom::Error> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes)?;
    let made = format!("{service}-{:016x}", u64::from_le_bytes(bytes));
    let name = config.service.instance.as_deref().unwrap_or(&made);
    Ok(GatewayId::new(name).expect("checked with the other settings, or made of what a name may have"))
}
