//! Counts calls, at either end. Knows nothing of what they are for.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use tonic::Code;
use tonic::body::Body;
use tower::Service;

use crate::runtime::metrics::{CallCount, CallCounters};

type Answer = http::Response<Body>;
type Answering = Pin<Box<dyn Future<Output = Result<Answer, Infallible>> + Send>>;

/// Services whose calls are counted. Health and reflection are not: they are streams, and no work.
#[derive(Clone)]
pub(super) struct Counted<S> {
    service: S,
    calls: CallCounters,
}

impl<S> Counted<S> {
    pub(super) fn new(service: S, calls: CallCounters) -> Self {
        Self { service, calls }
    }
}

impl<S> Service<http::Request<Body>> for Counted<S>
where
    S: Service<http::Request<Body>, Response = Answer, Error = Infallible, Future = Answering>,
{
    type Response = Answer;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Answering {
        let path = request.uri().path();
        if path.starts_with("/grpc.") {
            return self.service.call(request);
        }
        let count = self.calls.begin(path);
        let call = self.service.call(request);
        Box::pin(async move {
            let Ok(answer) = call.await;
            ended(count, code(&answer));
            Ok(answer)
        })
    }
}

/// How a call ended, as far as the head of its answer says: failures of unary calls stand there.
pub(super) fn code(answer: &Answer) -> Code {
    answer.headers().get("grpc-status").map_or(Code::Ok, |code| Code::from_bytes(code.as_bytes()))
}

/// Counts a call that ended so. What nobody implements could have any name.
pub(super) fn ended(count: CallCount, code: Code) {
    count.ended(name(code), code != Code::Unimplemented);
}

const fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
