//! From the configuration to what each room takes.

#[cfg(feature = "web")]
use std::str::FromStr;

use super::config::Config;
#[cfg(any(feature = "auth", feature = "web"))]
use super::{Problem, Problems};
#[cfg(feature = "auth")]
use crate::auth::{HasherConfig, SigningKeys};
#[cfg(feature = "embedded")]
use crate::embedded::FeedConfig;
use crate::hub::Limits;
#[cfg(feature = "sqlite")]
use crate::sqlite::SqliteOptions;
#[cfg(feature = "web")]
use crate::web::http::{Net, Origins};
#[cfg(feature = "web")]
use crate::web::mount::Mount;
#[cfg(feature = "tls")]
use crate::web::server::ServerConfig;

/// How the client contract is served.
///
/// # Errors
/// A list that can't be read.
#[cfg(feature = "web")]
pub fn mount(config: &Config) -> Result<Mount, Problems> {
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
    Ok(mount)
}

/// How the port is served.
///
/// # Errors
/// A certificate or key that can't be read.
#[cfg(feature = "tls")]
pub fn server(config: &Config) -> Result<ServerConfig, Problems> {
    let mut server = ServerConfig::default();
    server.connections_max = config.server.max_connections;
    server.head_timeout = config.server.head_timeout;
    server.head_max = config.server.head.as_usize();
    if let (Some(cert), Some(key)) = (&config.server.tls_cert, &config.server.tls_key) {
        let tls = crate::web::tls::load(cert, key);
        server.tls = Some(tls.map_err(|e| Problem::new("server.tls_cert", e, "or leave both keys out"))?);
    }
    Ok(server)
}

/// What tokens are signed with, where the settings say it.
///
/// # Errors
/// A secret that is none.
#[cfg(feature = "auth")]
pub fn signing_keys(config: &Config) -> Result<Option<SigningKeys>, Problems> {
    let Some(secret) = &config.auth.jwt_secret else { return Ok(None) };
    let keys = SigningKeys::parse(secret.reveal());
    Ok(Some(keys.map_err(|e| {
        Problem::new("auth.jwt_secret", e, "or leave it out: one is made in the data folder")
    })?))
}

/// Sizes of the embedded store.
#[cfg(feature = "sqlite")]
#[must_use]
pub fn sqlite(config: &Config) -> SqliteOptions {
    let data = &config.data;
    SqliteOptions {
        readers: data.readers,
        write_queue: data.write_queue,
        read_queue: data.read_queue,
        writer_cache: data.writer_cache.0,
        reader_cache: data.reader_cache.0,
        members_cache: data.members_cache.0,
        users_cache: data.users_cache,
        logins_cache: data.logins_cache,
        size_max: data.size_max.map(|size| size.0),
        ..SqliteOptions::default()
    }
}

/// How passwords are hashed.
#[cfg(feature = "auth")]
#[must_use]
pub fn hasher(config: &Config) -> HasherConfig {
    let auth = &config.auth;
    let mut hasher =
        HasherConfig { cost: auth.bcrypt_cost, queue: auth.bcrypt_queue, ..HasherConfig::default() };
    if auth.bcrypt_threads > 0 {
        hasher.threads = auth.bcrypt_threads;
    }
    hasher
}

/// Bounds of each session's queue.
#[must_use]
pub fn queue(config: &Config) -> Limits {
    Limits { queue_bytes: config.limits.session_queue.as_usize(), ..Limits::default() }
}

/// Bounds of the queue of sends.
#[cfg(feature = "embedded")]
#[must_use]
pub fn feed(config: &Config) -> FeedConfig {
    let limits = &config.limits;
    FeedConfig { queue: limits.send_queue, batch: limits.batch, retry_for: limits.send_retry }
}
