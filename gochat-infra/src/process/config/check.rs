//! What must hold between values.

use super::sections::Config;
use crate::process::Problem;

/// All that is wrong; `place` says where a key was set.
pub(super) fn check(c: &Config, place: impl Fn(&str) -> String) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut must = |holds: bool, key: &str, what: &str, mend: &str| {
        if !holds {
            problems.push(Problem::new(place(key), what, mend));
        }
    };
    for (key, zero) in [
        ("server.max_connections", c.server.max_connections == 0),
        ("data.readers", c.data.readers == 0),
        ("data.write_queue", c.data.write_queue == 0),
        ("data.read_queue", c.data.read_queue == 0),
        ("auth.bcrypt_queue", c.auth.bcrypt_queue == 0),
        ("auth.access_ttl", c.auth.access_ttl.is_zero()),
        ("auth.refresh_ttl", c.auth.refresh_ttl.is_zero()),
        ("limits.body", c.limits.body.0 == 0),
        ("limits.sessions_per_user", c.limits.sessions_per_user == 0),
        ("limits.login_window", c.limits.login_window.is_zero()),
        ("limits.bad_frames", c.limits.bad_frames == 0),
        ("limits.batch", c.limits.batch == 0),
        ("limits.send_queue", c.limits.send_queue == 0),
        ("limits.send_timeout", c.limits.send_timeout.is_zero()),
        ("heartbeat.ping", c.heartbeat.ping.is_zero()),
        ("chat.content", c.chat.content == 0),
        ("chat.group_name", c.chat.group_name == 0),
        ("chat.group_members", c.chat.group_members == 0),
        ("chat.page_default", c.chat.page_default == 0),
        ("chat.search_default", c.chat.search_default == 0),
        ("chat.send_attempts", c.chat.send_attempts == 0),
        ("log.queue", c.log.queue == 0),
        ("service.call_timeout", c.service.call_timeout.is_zero()),
        ("service.calls", c.service.calls == 0),
        ("service.call_size", c.service.call_size.0 == 0),
        ("mysql.connections", c.mysql.connections == 0),
        ("redis.timeout", c.redis.timeout.is_zero()),
        ("kafka.partitions", c.kafka.partitions == 0),
        ("kafka.replication", c.kafka.replication == 0),
        ("kafka.accept_timeout", c.kafka.accept_timeout.is_zero()),
        ("kafka.batch", c.kafka.batch == 0),
        ("hooks.push_batch", c.hooks.push_batch == 0),
        ("hooks.moderation_calls", c.hooks.moderation_calls == 0),
        ("hooks.timeout", c.hooks.timeout.is_zero()),
        ("hooks.tries", c.hooks.tries == 0),
        ("archive.every", c.archive.every.is_zero()),
        ("archive.least", c.archive.least == 0),
    ] {
        must(!zero, key, "must not be 0", "leave it out for the default");
    }
    must((4..=31).contains(&c.auth.bcrypt_cost), "auth.bcrypt_cost", "must be 4 to 31", "10 is usual");
    must(
        c.heartbeat.dead > c.heartbeat.ping,
        "heartbeat.dead",
        "must be longer than heartbeat.ping, or no client can answer in time",
        "make it two or three times as long",
    );
    must(
        c.chat.page_default <= c.chat.page && c.chat.search_default <= c.chat.page,
        "chat.page",
        "must not be smaller than chat.page_default and chat.search_default",
        "raise it, or lower those",
    );
    must(
        c.server.tls_cert.is_some() == c.server.tls_key.is_some(),
        if c.server.tls_cert.is_some() { "server.tls_cert" } else { "server.tls_key" },
        "a certificate and its key go together",
        "set both server.tls_cert and server.tls_key, or neither",
    );
    must(
        c.limits.frame.0 >= 1 << 10,
        "limits.frame",
        "must be 1 KiB or more: a message has to fit",
        "64KiB is the default",
    );
    must(
        c.limits.session_queue.0 >= 2 * c.limits.frame.0,
        "limits.session_queue",
        "must hold two frames at least, or nobody gets the largest message",
        "make it twice limits.frame or more",
    );
    must(
        c.archive.most >= c.archive.least,
        "archive.most",
        "must not be smaller than archive.least",
        "raise it, or lower that",
    );
    must(c.etcd.lease.as_secs() >= 2, "etcd.lease", "must be 2 s or more", "10s is the default");
    must(
        c.service.instance.as_deref().is_none_or(|name| gochat_core::model::GatewayId::new(name).is_some()),
        "service.instance",
        "must be 1 to 64 letters, digits, `-` or `_`",
        "leave it out: one is made at each start",
    );
    must(
        c.auth.jwt_secret.as_ref().is_none_or(|s| s.reveal().len() >= 32),
        "auth.jwt_secret",
        "must have 32 bytes or more",
        "make one with: openssl rand -base64 48",
    );
    problems
}
