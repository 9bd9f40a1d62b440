//! What an operator may set of the HTTP side.

use std::sync::Arc;
use std::time::Duration;

use super::{Net, Origins, SharedLimits};
use crate::runtime::trace::Tracer;

/// Bounds and choices of the HTTP side.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HttpConfig {
    /// Largest body of a request, in bytes; 1 MiB.
    pub body_max: usize,
    /// Pages from these origins may call; `localhost` on any port.
    pub origins: Origins,
    /// Every call is answered within this time; 4.8 s, so that the answer arrives within 5.
    pub answer_within: Duration,
    /// How long a call waits for its message to be stored before it answers that it is accepted; 4 s.
    pub receipt_wait: Duration,
    /// Proxies whose `X-Forwarded-For` is believed; none.
    pub trusted_proxies: Vec<Net>,
    /// Limits of accounts.
    pub limits: RateLimits,
    /// Where the limits of accounts are counted for all gateways together; none: each counts alone.
    pub shared_limits: Option<Arc<dyn SharedLimits>>,
    /// What makes spans of requests; records nothing.
    pub tracer: Tracer,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            body_max: 1024 * 1024,
            origins: Origins::default(),
            answer_within: Duration::from_millis(4_800),
            receipt_wait: Duration::from_secs(4),
            trusted_proxies: Vec::new(),
            limits: RateLimits::default(),
            shared_limits: None,
            tracer: Tracer::default(),
        }
    }
}

/// How often accounts may be tried and made; 0 lifts a limit. Loopback addresses are exempt from those by address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimits {
    /// Failed logins of one name within the login window; 10.
    pub login_failures_name: u32,
    /// Failed logins from one address within the login window; 50.
    pub login_failures_address: u32,
    /// The login window; 5 minutes.
    pub login_window: Duration,
    /// Registrations from one address a minute; 30.
    pub registrations: u32,
    /// Guests from one address a minute; 60.
    pub guests: u32,
    /// Most names and addresses remembered for each limit; the longest unused are forgotten. 10,000.
    pub remembered: usize,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            login_failures_name: 10,
            login_failures_address: 50,
            login_window: Duration::from_secs(300),
            registrations: 30,
            guests: 60,
            remembered: 10_000,
        }
    }
}
