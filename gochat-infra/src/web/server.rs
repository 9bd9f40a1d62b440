//! The listener: who is let in, and how all are let go.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use slog::{Logger, debug, info, warn};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::sleep;
use tower_service::Service;

use crate::runtime::{Phase, Policy, Supervisor, TaskGroup};

/// Bounds of a listener.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServerConfig {
    /// Most connections at a time, WebSockets among them; further ones wait to be accepted. 15,000.
    pub connections_max: usize,
    /// How long a client may take to send a request's head, also between two requests; 30 s.
    pub head_timeout: Duration,
    /// Most bytes of a request's head; 16 KiB.
    pub head_max: usize,
    /// Encrypts, when given.
    #[cfg(feature = "tls")]
    pub tls: Option<Arc<rustls::ServerConfig>>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            connections_max: 15_000,
            head_timeout: Duration::from_secs(30),
            head_max: 16 * 1024,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }
}

/// How long a TLS handshake may take.
#[cfg(feature = "tls")]
const TLS_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause after the system refused to accept, which it does when it has no more descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

struct Shared {
    app: Router,
    http: http1::Builder,
    #[cfg(feature = "tls")]
    tls: Option<tokio_rustls::TlsAcceptor>,
    connections: TaskGroup,
    permits: Arc<Semaphore>,
    log: Logger,
}

/// Serves `app` on an open listener until the supervisor stops: then it accepts nobody new, lets requests under way end,
/// and closes what idles. WebSockets are the gateway's to end.
pub fn serve(
    listener: TcpListener,
    app: Router,
    config: ServerConfig,
    supervisor: &Supervisor,
    log: &Logger,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(config.head_timeout)
        .max_buf_size(config.head_max.max(8 * 1024))
        .half_close(false);
    let shared = Arc::new(Shared {
        app,
        http,
        permits: Arc::new(Semaphore::new(config.connections_max.min(Semaphore::MAX_PERMITS))),
        #[cfg(feature = "tls")]
        tls: config.tls.map(tokio_rustls::TlsAcceptor::from),
        connections: supervisor.phase(Phase::Sessions).group("connection"),
        log: log.clone(),
    });
    let accept = supervisor.phase(Phase::Accept);
    let stop = accept.token().clone();
    accept.spawn("listener", Policy::StopNode, async move {
        tokio::select! {
            () = stop.cancelled() => {}
            () = accept_all(&shared, &listener) => {}
        }
    });
}

async fn accept_all(shared: &Arc<Shared>, listener: &TcpListener) {
    loop {
        // A permit first: who can't be served waits in the kernel's bounded queue and costs us nothing.
        let Ok(permit) = Arc::clone(&shared.permits).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, peer)) => {
                let shared = Arc::clone(shared);
                let connections = shared.connections.clone();
                connections.spawn(async move {
                    welcome(&shared, stream, peer).await;
                    drop(permit);
                });
            }
            Err(e) if is_the_clients(&e) => {
                debug!(shared.log, "connection lost before it began"; "error" => %e)
            }
            Err(e) => {
                warn!(shared.log, "can't accept connections"; "error" => %e);
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn is_the_clients(e: &io::Error) -> bool {
    matches!(
        e.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

async fn welcome(shared: &Shared, stream: TcpStream, peer: SocketAddr) {
    let _small_answers_may_wait = stream.set_nodelay(true);
    #[cfg(feature = "tls")]
    if let Some(acceptor) = &shared.tls {
        match tokio::time::timeout(TLS_TIMEOUT, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => Box::pin(converse(shared, stream, peer)).await,
            Ok(Err(e)) => debug!(shared.log, "TLS handshake failed"; "peer" => %peer, "error" => %e),
            Err(_) => debug!(shared.log, "TLS handshake took too long"; "peer" => %peer),
        }
        return;
    }
    converse(shared, stream, peer).await;
}

/// Serves one connection's requests, until it ends or becomes a WebSocket.
async fn converse<I>(shared: &Shared, stream: I, peer: SocketAddr)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        // A router is a handle; cloning it is counting one up.
        shared.app.clone().call(request)
    });
    let connection = shared.http.serve_connection(TokioIo::new(stream), service).with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shared.connections.token().cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(e) = ended {
        debug!(shared.log, "connection ended"; "peer" => %peer, "error" => %e);
    }
}

/// Opens a listener with a short name of the trouble when it can't.
///
/// # Errors
/// What went wrong, and how to mend it.
pub async fn bind(address: &str, log: &Logger) -> Result<TcpListener, BindError> {
    let fail = |source| BindError { address: address.to_owned(), source };
    let listener = TcpListener::bind(address).await.map_err(fail)?;
    info!(log, "listening"; "address" => %listener.local_addr().map_err(fail)?);
    Ok(listener)
}

/// A listener that could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("can't listen on {address}: {}", hint(source))]
pub struct BindError {
    address: String,
    source: io::Error,
}

fn hint(e: &io::Error) -> String {
    match e.kind() {
        io::ErrorKind::AddrInUse => {
            "another program has this port; stop it, or choose another one with --listen".to_owned()
        }
        io::ErrorKind::PermissionDenied => {
            "this port is not allowed to this user; choose one above 1023 with --listen".to_owned()
        }
        io::ErrorKind::AddrNotAvailable => "this machine has no such address".to_owned(),
        _ => e.to_string(),
    }
}
