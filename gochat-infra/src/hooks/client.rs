//! Posts signed JSON, bounded and repeated.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use gochat_core::ports::{Clock, StoreError};
use http::header::{CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use http::uri::Scheme;
use http::{HeaderMap, Method, Request, Uri};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::{sleep, timeout};

use super::error::Failed;
use super::{SigningSecrets, WebhookError};
use crate::runtime::Backoff;
use crate::runtime::metrics::{Counter, Metrics};

/// The longest pause that the other side may ask for.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);
/// Largest answer that is read, in bytes.
const ANSWER_BYTES: usize = 64 << 10;
/// Longest wait for the rest of an answer that nobody reads: it only saves a connection.
const DRAIN: Duration = Duration::from_secs(1);
/// Idle connections that are kept.
const IDLE: usize = 32;

/// Where to post, and every bound of it.
#[derive(Clone)]
pub struct WebhookConfig {
    /// An `http` or `https` address, without a user in it. May have secrets in its path, so it is never shown.
    pub url: String,
    /// What requests are signed with.
    pub secrets: SigningSecrets,
    /// Longest time for one try, from connecting to the end of the answer.
    pub timeout: Duration,
    /// Tries of one request, the first included; at least one is made.
    pub tries: u32,
    /// Pauses between tries, each lengthened by chance up to half.
    pub backoff: Backoff,
}

impl fmt::Debug for WebhookConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookConfig")
            .field("timeout", &self.timeout)
            .field("tries", &self.tries)
            .finish_non_exhaustive()
    }
}

impl WebhookConfig {
    /// The defaults, for this address.
    #[must_use]
    pub fn new(url: &str, secrets: SigningSecrets) -> Self {
        Self {
            url: url.to_owned(),
            secrets,
            timeout: Duration::from_secs(5),
            tries: 4,
            backoff: Backoff { first: Duration::from_millis(500), max: Duration::from_secs(10) },
        }
    }

    /// Checks the address.
    ///
    /// # Errors
    /// It can't be posted to.
    pub fn check(&self) -> Result<(), WebhookError> {
        self.uri().map(drop)
    }

    fn uri(&self) -> Result<Uri, WebhookError> {
        let uri: Uri = self.url.parse().map_err(|_| WebhookError::Address("is none"))?;
        if ![Some(&Scheme::HTTP), Some(&Scheme::HTTPS)].contains(&uri.scheme()) {
            return Err(WebhookError::Address("does not begin with http:// or https://"));
        }
        if uri.authority().is_none_or(|a| a.host().is_empty() || a.as_str().contains('@')) {
            return Err(WebhookError::Address("must have a host, and no user"));
        }
        Ok(uri)
    }

    /// The longest that one request can take, with all its tries and pauses.
    #[must_use]
    pub fn longest(&self) -> Duration {
        let pause = (self.backoff.max * 3 / 2).max(RETRY_AFTER_MAX);
        (self.timeout + pause).saturating_mul(self.tries.max(1))
    }
}

/// One address that is posted to.
pub struct Webhook {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    uri: Uri,
    config: WebhookConfig,
    clock: Arc<dyn Clock>,
    /// Tries that were answered, that are made again, and that were the last.
    tries: [Counter; 3],
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("host", &self.uri.host())
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Webhook {
    /// Makes a client. Nothing is asked yet.
    ///
    /// # Errors
    /// The address can't be posted to, or the system's certificates can't be read where it is `https`.
    pub fn new(config: WebhookConfig, clock: Arc<dyn Clock>) -> Result<Self, WebhookError> {
        let uri = config.uri()?;
        let secure = uri.scheme() == Some(&Scheme::HTTPS);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .pool_max_idle_per_host(IDLE)
            .build(connector(secure, config.timeout)?);
        Ok(Self { client, uri, config, clock, tries: Default::default() })
    }

    /// The same, whose tries are counted under this name.
    #[must_use]
    pub fn counted(mut self, name: &'static str, metrics: &Metrics) -> Self {
        self.tries = metrics.hook(name);
        self
    }

    /// Posts `body` until it is taken, refused, or all tries are made. `id` is the same for the same body, whenever it is
    /// posted. What is in the answer does not matter.
    pub(super) async fn tell(
        &self,
        operation: &'static str,
        id: &str,
        body: Bytes,
    ) -> Result<(), StoreError> {
        self.post(operation, id, body, async |answer| {
            let _anything = timeout(DRAIN, Limited::new(answer, ANSWER_BYTES).collect()).await;
            Ok(())
        })
        .await
    }

    /// As [`tell`](Self::tell), and gives the answer's body.
    pub(super) async fn ask(
        &self,
        operation: &'static str,
        id: &str,
        body: Bytes,
    ) -> Result<Bytes, StoreError> {
        self.post(operation, id, body, async |answer| {
            match Limited::new(answer, ANSWER_BYTES).collect().await {
                Ok(answer) => Ok(answer.to_bytes()),
                Err(e) if e.is::<LengthLimitError>() => Err(Failed::TooLarge),
                Err(e) => Err(Failed::Broken(e)),
            }
        })
        .await
    }

    async fn post<T>(
        &self,
        operation: &'static str,
        id: &str,
        body: Bytes,
        read: impl AsyncFn(Incoming) -> Result<T, Failed>,
    ) -> Result<T, StoreError> {
        let mut failures = 0;
        let [ok, again, last] = &self.tries;
        loop {
            let once = async {
                let answer = self.once(id, &body).await?;
                read(answer).await
            };
            let failed = match timeout(self.config.timeout, once).await.unwrap_or(Err(Failed::Timeout)) {
                Ok(answer) => {
                    ok.inc();
                    return Ok(answer);
                }
                Err(failed) => failed,
            };
            failures += 1;
            if !failed.again() || failures >= self.config.tries {
                last.inc();
                return Err(failed.into_store(operation));
            }
            again.inc();
            sleep(self.pause(failures).max(failed.wait())).await;
        }
    }

    async fn once(&self, id: &str, body: &Bytes) -> Result<Incoming, Failed> {
        let seconds = self.clock.now().as_millis().div_euclid(1_000);
        let request = Request::builder()
            .method(Method::POST)
            .uri(self.uri.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, concat!("gochat/", env!("CARGO_PKG_VERSION")))
            .header("webhook-id", id)
            .header("webhook-timestamp", seconds)
            .header("webhook-signature", self.config.secrets.sign(id, seconds, body))
            .body(Full::new(body.clone()))
            .map_err(Failed::Request)?;
        let response = self.client.request(request).await.map_err(Failed::Connection)?;
        let status = response.status();
        if !status.is_success() {
            return Err(Failed::Status { status, wait: retry_after(response.headers()) });
        }
        Ok(response.into_body())
    }

    /// Doubled by each failure, and lengthened by chance up to half, so that those that failed together don't come back
    /// together.
    fn pause(&self, failures: u32) -> Duration {
        let pause = self.config.backoff.after(failures);
        pause + pause.mul_f64(f64::from(getrandom::u32().unwrap_or(0)) / f64::from(u32::MAX) / 2.0)
    }
}

fn connector(secure: bool, timeout: Duration) -> Result<HttpsConnector<HttpConnector>, WebhookError> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(timeout));
    let ring = rustls::crypto::ring::default_provider();
    let builder = if secure {
        let builder = HttpsConnectorBuilder::new().with_provider_and_native_roots(ring);
        builder.map_err(WebhookError::Certificates)?.https_only()
    } else {
        // No TLS is spoken, so no certificates are needed, and there may be none.
        let tls = rustls::ClientConfig::builder_with_provider(Arc::new(ring))
            .with_safe_default_protocol_versions()
            .expect("ring has ciphers for the default versions")
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http()
    };
    Ok(builder.enable_http1().wrap_connector(tcp))
}

/// How long to wait: seconds, or a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::now()).unwrap_or_default(),
    };
    Some(wait.min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::SystemClock;

    #[test]
    fn retry_after_is_seconds_or_a_date_and_bounded() {
        let read =
            |text: &str| retry_after(&HeaderMap::from_iter([(RETRY_AFTER, text.parse().expect("a value"))]));
        assert_eq!(read("3"), Some(Duration::from_secs(3)));
        assert_eq!(read(" 0 "), Some(Duration::ZERO));
        assert_eq!(read("86400"), Some(RETRY_AFTER_MAX));
        assert_eq!(read("99999999999999999999999"), None);
        assert_eq!(read("-1"), None);
        assert_eq!(read("soon"), None);
        assert_eq!(read("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        assert_eq!(
            read(&httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(3_600))),
            Some(RETRY_AFTER_MAX)
        );
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }

    #[test]
    fn addresses_are_checked_and_never_shown() {
        let secrets = SigningSecrets::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret");
        let new = |url: &str| Webhook::new(WebhookConfig::new(url, secrets.clone()), Arc::new(SystemClock));
        for bad in ["", "hooks", "/path", "ftp://host/", "http://", "http://user:token@host/", "http:///path"]
        {
            let e = new(bad).expect_err(bad).to_string();
            assert!(!e.contains("token"), "{e}");
        }
        let good = new("http://127.0.0.1:1/a/token?b=token").expect("an address");
        assert!(!format!("{good:?}").contains("token"));
    }
}
