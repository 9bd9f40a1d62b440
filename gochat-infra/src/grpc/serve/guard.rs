//! What every call goes through: a place, a deadline, and a net under panics.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt as _;
use slog::{Logger, debug, error};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use tonic::Status;
use tonic::body::Body;
use tonic::service::Routes;
use tower::Service;

use super::ServeConfig;
use crate::grpc::{deadline, traced};
use crate::runtime::trace::{SpanKind, Tracer, headers};

#[derive(Clone)]
pub(super) struct Guard {
    routes: Routes,
    places: Arc<Semaphore>,
    deadline_max: Duration,
    tracer: Tracer,
    log: Logger,
}

impl Guard {
    pub(super) fn new(routes: Routes, config: &ServeConfig, log: Logger) -> Self {
        let places = Arc::new(Semaphore::new(config.calls_max.clamp(1, Semaphore::MAX_PERMITS)));
        let (deadline_max, tracer) = (config.deadline_max, config.tracer.clone());
        Self { routes, places, deadline_max, tracer, log }
    }
}

/// Health and reflection are streams without an end, and are to be had under load.
fn is_of_services(path: &str) -> bool {
    !path.starts_with("/grpc.")
}

impl Service<http::Request<Body>> for Guard {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // The routes are always ready.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        if !is_of_services(request.uri().path()) {
            return Box::pin(self.routes.call(request));
        }
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return refused(Status::resource_exhausted("too many calls at a time"));
        };
        let allowed = deadline::read(request.headers()).unwrap_or(self.deadline_max).min(self.deadline_max);
        let end = Instant::now() + allowed;
        let path = request.uri().path().to_owned();
        let asked = headers::read(request.headers());
        let mut span = self.tracer.span(asked, SpanKind::Server, || traced::name(&path));
        let call = self.routes.call(request);
        let log = self.log.clone();
        Box::pin(async move {
            let _place = place;
            let call = deadline::within(end, AssertUnwindSafe(call).catch_unwind());
            let work = async {
                match timeout_at(end, call).await {
                    Ok(Ok(answer)) => {
                        debug!(log, "a call was answered"; "path" => path);
                        answer
                    }
                    Ok(Err(_)) => {
                        error!(log, "a call panicked"; "path" => path);
                        Ok(Status::internal("a fault of the server").into_http())
                    }
                    Err(_) => {
                        debug!(log, "a call was not done in time"; "path" => path);
                        Ok(Status::deadline_exceeded("not done in time").into_http())
                    }
                }
            };
            let answer = span.run(work).await;
            if let Ok(answer) = &answer {
                traced::note(&mut span, traced::code(answer));
            }
            answer
        })
    }
}

fn refused(status: Status) -> <Guard as Service<http::Request<Body>>>::Future {
    Box::pin(std::future::ready(Ok(status.into_http())))
}
