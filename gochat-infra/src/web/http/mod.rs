//! The HTTP half of the client contract, as an axum router.
//!
//! [`router`] wants parts and makes no decisions about them: it reads requests, asks the services, and writes envelopes.
//! Everything that holds for all routes (origins, languages, time, faults, headers) is in one place, the `guard`.

mod body;
mod config;
mod context;
mod cors;
mod guard;
mod origin;
mod peer;
mod query;
mod reply;
mod routes;
mod shared;
mod throttle;

use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use gochat_core::Settings;
use gochat_core::error::Code;
use gochat_core::model::{GatewayId, RequestId, StoredReceipt};
use gochat_core::ports::{Clock, IdGenerator, Upstream};
use gochat_core::service::Services;
use slog::Logger;

pub use config::{HttpConfig, RateLimits};
pub use origin::{BadOrigin, Origins};
pub use peer::{BadNet, Net};
pub use routes::ROUTES;
pub use shared::{Counted, Limited, SharedLimits, Whose};

use super::rate::SendRate;
use throttle::Throttles;

/// What the router is made of.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each field is the part of that name")]
pub struct HttpState {
    pub services: Services,
    pub upstream: Arc<dyn Upstream>,
    /// Where receipts of sends come in.
    pub local: Arc<dyn Local>,
    pub gateway: GatewayId,
    pub ids: Arc<dyn IdGenerator>,
    pub clock: Arc<dyn Clock>,
    pub settings: Arc<Settings>,
    pub send_rate: SendRate,
    /// Whether this process can serve.
    pub health: Arc<dyn Health>,
    pub config: HttpConfig,
    pub log: Logger,
}

/// The receipt of a send, when it comes.
pub type ReceiptFuture<'a> = Pin<Box<dyn Future<Output = Result<StoredReceipt, Code>> + Send + 'a>>;

/// The calls that wait in this process.
pub trait Local: Debug + Send + Sync + 'static {
    /// Waits for the receipt of a send. The place is taken by the call, not by the first poll, and given up by dropping the
    /// future.
    fn receipt(&self, id: RequestId) -> ReceiptFuture<'_>;
}

impl Local for crate::hub::Hub {
    fn receipt(&self, id: RequestId) -> ReceiptFuture<'_> {
        let mut waiter = self.waiters().register(id);
        Box::pin(async move { waiter.receipt().await })
    }
}

/// Says whether this process can serve.
pub trait Health: Debug + Send + Sync + 'static {
    /// `Err` names what is missing, without secrets.
    ///
    /// # Errors
    /// It can't serve now.
    fn ready(&self) -> Result<(), &'static str>;
}

/// Always ready.
#[derive(Debug, Clone, Copy, Default)]
pub struct AlwaysReady;

impl Health for AlwaysReady {
    fn ready(&self) -> Result<(), &'static str> {
        Ok(())
    }
}

/// What handlers share.
#[derive(Debug)]
struct Api {
    state: HttpState,
    throttles: Throttles,
}

impl std::ops::Deref for Api {
    type Target = HttpState;

    fn deref(&self) -> &HttpState {
        &self.state
    }
}

/// `/healthz` and `/readyz` alone, for a process that serves no clients.
pub fn probes(health: Arc<dyn Health>) -> Router {
    routes::probes(health)
}

/// All routes of the contract under `/api`, and `/healthz` and `/readyz`. What is not found, not allowed or broken is
/// answered in the contract's way, under whatever path the router is nested.
///
/// Limits by address need the client's: whoever serves the router puts `ConnectInfo<SocketAddr>` into the extensions of
/// each request, as `axum::serve` does with `into_make_service_with_connect_info`.
pub fn router(state: HttpState) -> Router {
    let throttles = Throttles::new(&state);
    let api = Arc::new(Api { state, throttles });
    routes::all()
        .fallback(routes::not_found)
        .method_not_allowed_fallback(routes::method_not_allowed)
        .layer(from_fn_with_state(Arc::clone(&api), guard::guard))
        .with_state(api)
}
