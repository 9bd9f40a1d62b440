//! Which pages from elsewhere may call.

use std::str::FromStr;

/// Allowed origins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origins(Vec<Rule>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    /// Every origin.
    Any,
    /// This machine's own, whatever scheme and port.
    Localhost,
    /// Exactly this one, in lower case.
    Exact(String),
}

/// Something that is no origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not an origin: write `https://chat.example.org`, with a port where it is not the usual one, `localhost`, or `*`"
)]
pub struct BadOrigin(String);

impl FromStr for Rule {
    type Err = BadOrigin;

    fn from_str(text: &str) -> Result<Self, BadOrigin> {
        match text {
            "*" => return Ok(Self::Any),
            "localhost" => return Ok(Self::Localhost),
            _ => {}
        }
        let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        match host {
            Some(host) if !host.is_empty() && !host.contains(['/', '*', '@', ' ', '?', '#']) => {
                Ok(Self::Exact(text.to_ascii_lowercase()))
            }
            _ => Err(BadOrigin(text.to_owned())),
        }
    }
}

impl Default for Origins {
    fn default() -> Self {
        Self(vec![Rule::Localhost])
    }
}

impl Origins {
    /// Reads a list: whole origins, `localhost` for this machine on any port, `*` for all.
    ///
    /// # Errors
    /// An entry is none of these.
    pub fn parse<'a>(list: impl IntoIterator<Item = &'a str>) -> Result<Self, BadOrigin> {
        list.into_iter().map(|entry| entry.trim().parse()).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a page from `origin` may call.
    #[must_use]
    pub fn allow(&self, origin: &str) -> bool {
        self.0.iter().any(|rule| match rule {
            Rule::Any => true,
            Rule::Localhost => is_localhost(origin),
            Rule::Exact(exact) => exact.eq_ignore_ascii_case(origin),
        })
    }
}

fn is_localhost(origin: &str) -> bool {
    let Some((_, host)) = origin.split_once("://") else { return false };
    ["localhost", "127.0.0.1", "[::1]"].into_iter().any(|name| match host.strip_prefix(name) {
        Some("") => true,
        Some(rest) => rest.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok()),
        None => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn localhost_on_any_port_and_nothing_that_looks_like_it() {
        let origins = Origins::default();
        for yes in [
            "http://localhost:5173",
            "https://localhost",
            "http://127.0.0.1:3000",
            "http://[::1]:1",
            "http://localhost:65535",
        ] {
            assert!(origins.allow(yes), "{yes}");
        }
        for no in [
            "null",
            "",
            "localhost:3000",
            "http://localhost.evil.org",
            "http://localhost:x",
            "http://localhost:70000",
            "http://evil.org/localhost",
            "http://127.0.0.10",
        ] {
            assert!(!origins.allow(no), "{no}");
        }
    }

    #[test]
    fn lists() {
        let origins = Origins::parse(["https://Chat.Example.org", " http://a.b:8080 "]).expect("origins");
        assert!(origins.allow("https://chat.example.org") && origins.allow("http://a.b:8080"));
        assert!(!origins.allow("http://chat.example.org") && !origins.allow("http://localhost"));
        assert!(Origins::parse(["*"]).expect("all").allow("null"));
        for bad in ["", "chat.example.org", "https://", "https://*.example.org", "https://a.b/"] {
            assert!(Origins::parse([bad]).is_err(), "{bad}");
        }
    }
}
