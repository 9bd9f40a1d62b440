//! From the configuration to what each room takes.

use std::str::FromStr;

use gochat_infra::auth::{HasherConfig, SigningKeys};
use gochat_infra::embedded::{FeedConfig, Mount};
use gochat_infra::hub::Limits;
use gochat_infra::process::config::Config;
use gochat_infra::process::{Problem, Problems};
use gochat_infra::sqlite::SqliteOptions;
use gochat_infra::web::http::{Net, Origins};
use gochat_infra::web::server::ServerConfig;
use gochat_infra::web::tls;

pub(crate) fn mount(config: &Config) -> Result<Mount, Problems> {
    let (server, limits) = (&config.server, &config.limits);
    let mut mount = Mount::default();
    mount.http.body_max = limits.body.as_usize();
    mount.http.origins = Origins::parse(server.allowed_origins.iter().map(String::as_str))
        .map_err(|e| Problem::new("server.allowed_origins", e, "mend the list"))?;
    mount.http.trusted_proxies = server
        .trusted_proxies
        .iter()
        .map(|net| Net::from_str(net))
        .collect::<Result<_, _>>()
        .map_err(|e| Problem::new("server.trusted_proxies", e, "mend the list"))?;
    let rates = &mut mount.http.limits;
    rates.login_failures_name = limits.login_failures_per_name;
    rates.login_failures_address = limits.login_failures_per_address;
    rates.login_window = limits.login_window;
    rates.registrations = limits.registrations_per_minute;
    rates.guests = limits.guests_per_minute;
    mount.ws.message_max = limits.frame.as_usize();
    mount.ws.ping_after = config.heartbeat.ping;
    mount.ws.dead_after = config.heartbeat.dead;
    mount.ws.submit_timeout = limits.send_timeout;
    mount.ws.bad_frames_max = limits.bad_frames;
    mount.ws.restart_spread = server.restart_spread;
    mount.sends_per_second = limits.sends_per_second;
    mount.send_burst = limits.send_burst;
    // The program decides itself who may read them.
    mount.metrics = false;
    Ok(mount)
}

pub(crate) fn server(config: &Config) -> Result<ServerConfig, Problems> {
    let mut server = ServerConfig::default();
    server.connections_max = config.server.max_connections;
    server.head_timeout = config.server.head_timeout;
    server.head_max = config.server.head.as_usize();
    if let (Some(cert), Some(key)) = (&config.server.tls_cert, &config.server.tls_key) {
        let tls = tls::load(cert, key);
        server.tls = Some(tls.map_err(|e| Problem::new("server.tls_cert", e, "or leave both keys out"))?);
    }
    Ok(server)
}

pub(crate) fn signing_keys(config: &Config) -> Result<Option<SigningKeys>, Problems> {
    let Some(secret) = &config.auth.jwt_secret else { return Ok(None) };
    let keys = SigningKeys::parse(secret.reveal());
    Ok(Some(keys.map_err(|e| {
        Problem::new("auth.jwt_secret", e, "or leave it out: one is made in the data folder")
    })?))
}

pub(crate) fn sqlite(config: &Config) -> SqliteOptions {
    let data = &config.data;
    let mut options = SqliteOptions::default();
    options.readers = data.readers;
    options.write_queue = data.write_queue;
    options.read_queue = data.read_queue;
    options.writer_cache = data.writer_cache.0;
    options.reader_cache = data.reader_cache.0;
    options.members_cache = data.members_cache.0;
    options.users_cache = data.users_cache;
    options.logins_cache = data.logins_cache;
    options.size_max = data.size_max.map(|size| size.0);
    options
}

pub(crate) fn hasher(config: &Config) -> HasherConfig {
    let auth = &config.auth;
    let mut hasher =
        HasherConfig { cost: auth.bcrypt_cost, queue: auth.bcrypt_queue, ..HasherConfig::default() };
    if auth.bcrypt_threads > 0 {
        hasher.threads = auth.bcrypt_threads;
    }
    hasher
}

pub(crate) fn queue(config: &Config) -> Limits {
    Limits { queue_bytes: config.limits.session_queue.as_usize(), ..Limits::default() }
}

pub(crate) fn feed(config: &Config) -> FeedConfig {
    let limits = &config.limits;
    FeedConfig { queue: limits.send_queue, batch: limits.batch, retry_for: limits.send_retry }
}
