//! What the measured server is told, in one place: where its data is, where to listen, no rate limits, and a
//! password hash that doesn't take longer than the benchmark. Nothing else differs from the defaults.

use std::net::SocketAddr;
use std::path::Path;

pub(crate) fn environment(listen: SocketAddr, data: &Path) -> Vec<(&'static str, String)> {
    vec![
        ("GOCHAT_SERVER__LISTEN", listen.to_string()),
        ("GOCHAT_DATA__FOLDER", data.display().to_string()),
        ("GOCHAT_AUTH__BCRYPT_COST", "4".into()),
        // 0 is no limit.
        ("GOCHAT_LIMITS__SENDS_PER_SECOND", "0".into()),
        ("GOCHAT_LIMITS__REGISTRATIONS_PER_MINUTE", "0".into()),
        ("GOCHAT_LIMITS__GUESTS_PER_MINUTE", "0".into()),
    ]
}
