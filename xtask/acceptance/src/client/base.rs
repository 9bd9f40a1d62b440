//! Where the server is.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, bail, ensure};

/// A base URL taken apart, `http://host:port/prefix`; or several, of gateways that are taken in turn, so that what a case
/// does at one of them it looks for at another.
#[derive(Clone, Debug)]
pub struct Base {
    /// `host:port` of the first, for `Host` headers and dialling.
    pub authority: String,
    /// Path before `/api` and `/ws`; empty, or with a leading and without a trailing slash.
    pub prefix: String,
    all: Arc<[String]>,
    turn: Arc<AtomicUsize>,
}

impl Base {
    /// Parses `http://…`, or several of them with commas between; only the first one's path counts.
    pub fn parse(urls: &str) -> Result<Self> {
        let mut each = urls.split(',').map(Self::parse_one);
        let (authority, prefix) = each.next().context("no URL")??;
        let mut all = vec![authority.clone()];
        for one in each {
            all.push(one?.0);
        }
        Ok(Self { authority, prefix, all: all.into(), turn: Arc::default() })
    }

    /// The first of them alone, for what each gateway does by itself.
    #[must_use]
    pub fn one(&self) -> Self {
        Self { all: Arc::new([self.authority.clone()]), turn: Arc::default(), ..self.clone() }
    }

    /// The server whose turn it is.
    pub fn next(&self) -> &str {
        &self.all[self.turn.fetch_add(1, Ordering::Relaxed) % self.all.len()]
    }

    fn parse_one(url: &str) -> Result<(String, String)> {
        let Some(rest) = url.strip_prefix("http://") else {
            bail!("{url}: the base URL must start with http:// (TLS is tested by the server's own tests)")
        };
        let rest = rest.trim_end_matches('/');
        let (authority, path) = rest.split_once('/').map_or((rest, ""), |(a, p)| (a, p));
        ensure!(!authority.is_empty(), "{url}: no host");
        let authority =
            if authority.contains(':') { authority.to_owned() } else { format!("{authority}:80") };
        let prefix = if path.is_empty() { String::new() } else { format!("/{path}") };
        Ok((authority, prefix))
    }

    /// A full URL of a path below the prefix.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{}{path}", self.next(), self.prefix)
    }

    /// The first address that the host name of the server whose turn it is gives.
    pub async fn address(&self) -> Result<SocketAddr> {
        let authority = self.next();
        let mut found = tokio::net::lookup_host(authority).await.with_context(|| authority.to_owned())?;
        found.next().with_context(|| format!("{authority}: no address"))
    }
}
