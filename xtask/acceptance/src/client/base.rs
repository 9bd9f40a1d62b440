//! Where the server is.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail, ensure};

/// A base URL taken apart: `http://host:port/prefix`.
#[derive(Clone, Debug)]
pub struct Base {
    /// `host:port`, for `Host` headers and dialling.
    pub authority: String,
    /// Path before `/api` and `/ws`; empty, or with a leading and without a trailing slash.
    pub prefix: String,
}

impl Base {
    /// Parses `http://…`.
    pub fn parse(url: &str) -> Result<Self> {
        let Some(rest) = url.strip_prefix("http://") else {
            bail!("{url}: the base URL must start with http:// (TLS is tested by the server's own tests)")
        };
        let rest = rest.trim_end_matches('/');
        let (authority, path) = rest.split_once('/').map_or((rest, ""), |(a, p)| (a, p));
        ensure!(!authority.is_empty(), "{url}: no host");
        let authority =
            if authority.contains(':') { authority.to_owned() } else { format!("{authority}:80") };
        let prefix = if path.is_empty() { String::new() } else { format!("/{path}") };
        Ok(Self { authority, prefix })
    }

    /// A full URL of a path below the prefix.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{}{path}", self.authority, self.prefix)
    }

    /// The first address that the host name gives.
    pub async fn address(&self) -> Result<SocketAddr> {
        let mut found =
            tokio::net::lookup_host(&self.authority).await.with_context(|| self.authority.clone())?;
        found.next().with_context(|| format!("{}: no address", self.authority))
    }
}
