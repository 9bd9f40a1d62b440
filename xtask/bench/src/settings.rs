//! What the measured server is told, in one place: where its data is, where to listen, no rate limits, and a
//! password hash that doesn't take longer than the benchmark. Nothing else differs from the defaults.

use std::net::SocketAddr;
use std::path::Path;

pub(crate) fn environment(listen: SocketAddr, data: &Path) -> Vec<(&'static str, String)> {
    vec![
        ("GOCHAT_SERVER__LISTEN", listen.to_string()),
        ("GOCHAT_STORAGE__PATH", data.display().to_string()),
        ("GOCHAT_AUTH__BCRYPT_COST", "4".into()),
    ]
}
