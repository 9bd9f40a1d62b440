//! The client side: calls balanced over the instances of a service, as discovery lists them.

mod balance;
#[cfg(test)]
mod tests;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use slog::Logger;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tonic::body::Body;
use tonic::{ConnectError, Status};
use tower::{Service, ServiceExt};

use self::balance::Balancer;
use super::error::{Effect, is_away, is_late, never_sent};
use super::{counted, deadline, traced};
use crate::runtime::metrics::CallCounters;
use crate::runtime::trace::{self, SpanKind, Tracer, headers};

/// Bounds of a channel.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ChannelConfig {
    /// How long connecting may take; 2 s.
    pub connect_timeout: Duration,
    /// How long a call may take that says nothing else; 5 s. A call made while another is handled gets no more than what is
    /// left of that one's time.
    pub deadline: Duration,
    /// How long an instance that can't be reached is left out while others can be; 1 s.
    pub rest: Duration,
    /// How often a connection is asked for a sign of life; 20 s.
    pub keepalive_every: Duration,
    /// How long it has to give one; 10 s.
    pub keepalive_timeout: Duration,
    /// Most bytes of one message, either way; 32 MiB.
    pub message_max: usize,
    /// What makes spans of calls; records nothing.
    pub tracer: Tracer,
    /// Where calls are counted; nowhere that is shown. A call that is made again counts again.
    pub calls: CallCounters,
}

impl Default for ChannelConfig {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(2),
            deadline: Duration::from_secs(5),
            rest: Duration::from_secs(1),
            keepalive_every: Duration::from_secs(20),
            keepalive_timeout: Duration::from_secs(10),
            message_max: 32 * 1024 * 1024,
            tracer: Tracer::default(),
            calls: CallCounters::default(),
        }
    }
}

/// Calls to one service, each to the instance that has the fewest under way, or that is [near](Self::near) to something. It
/// connects when it is first needed, and again after a connection broke. Clones are handles on the same.
#[derive(Clone)]
pub struct Channel {
    inner: Arc<Inner>,
    near: Option<u64>,
}

struct Inner {
    balancer: Balancer,
    config: ChannelConfig,
    addresses: watch::Receiver<Vec<String>>,
}

impl Channel {
    /// To instances that stay the same, each a `host:port`.
    #[must_use]
    pub fn fixed(addresses: Vec<String>, config: ChannelConfig, log: &Logger) -> Self {
        // Without a sender the list never changes.
        Self::watched(watch::channel(addresses).1, config, log)
    }

    /// To the instances that `addresses` holds at the time of each call, each a `host:port`. One that is no address is
    /// logged and left out. Calls under way to an instance that goes from the list may end.
    #[must_use]
    pub fn watched(addresses: watch::Receiver<Vec<String>>, config: ChannelConfig, log: &Logger) -> Self {
        let balancer = Balancer::new(addresses.clone(), config.clone(), log.clone());
        Self { inner: Arc::new(Inner { balancer, config, addresses }), near: None }
    }

    /// The same channel, whose calls go to one instance for each `key`, since that one remembers something of it: from
    /// every process to the same one, while all have the same list. While it can't be reached they go to the next nearest.
    ///
    /// When an instance comes, it takes over its share of the keys, from each of the others as many; when one goes, its keys
    /// are shared out among those left. No other key moves. What the former instance remembers of a key that has moved is
    /// not known to the new one: it must do no more than repeat or leave out what is for the moment only. Processes hear of
    /// a change a moment apart, and in between may call different instances.
    #[must_use]
    pub fn near(&self, key: u64) -> Self {
        Self { inner: Arc::clone(&self.inner), near: Some(key) }
    }

    /// Waits until there is an instance to call, as a service does that starts.
    pub async fn listed(&self) {
        let mut addresses = self.inner.addresses.clone();
        // It fails when nobody will list any more: the first call says so.
        let _ = addresses.wait_for(|list| !list.is_empty()).await;
    }

    /// Most bytes of one message, for the generated clients.
    #[must_use]
    pub fn message_max(&self) -> usize {
        self.inner.config.message_max
    }

    /// Whether a message is small enough to be sent.
    ///
    /// # Errors
    /// It is larger than allowed. (tonic would find out half way, and break the connection off.)
    pub fn check_size(&self, message: &impl prost::Message) -> Result<(), Status> {
        let (bytes, max) = (message.encoded_len(), self.inner.config.message_max);
        if bytes > max {
            return Err(Status::out_of_range(format!("a message of {bytes} bytes, {max} are allowed")));
        }
        Ok(())
    }

    /// Makes a call with `once`, which gets a handle on this channel.
    ///
    /// It is made a second time when it was a [read](Effect::Read) and the instance was away, and when it never left: then
    /// it goes to another instance, if there is one. A write that may have happened is never made again.
    ///
    /// # Errors
    /// That of the last try.
    pub async fn call<T, F>(&self, effect: Effect, mut once: impl FnMut(Self) -> F) -> Result<T, Status>
    where
        F: Future<Output = Result<tonic::Response<T>, Status>>,
    {
        let end = self.end();
        let first = self.once(end, once(self.clone())).await;
        let again = first
            .as_ref()
            .is_err_and(|status| never_sent(status) || effect == Effect::Read && is_away(status));
        if again && Instant::now() < end { self.once(end, once(self.clone())).await } else { first }
    }

    /// Ends a call in time, with its answer's body, which [`Service::call`] does not wait for.
    async fn once<T>(
        &self,
        end: Instant,
        call: impl Future<Output = Result<tonic::Response<T>, Status>>,
    ) -> Result<T, Status> {
        match timeout_at(end, deadline::within(end, call)).await {
            Ok(answer) => answer.map(tonic::Response::into_inner),
            Err(_) => Err(late()),
        }
    }

    /// When a call that begins now must have ended.
    fn end(&self) -> Instant {
        let own = Instant::now() + self.inner.config.deadline;
        deadline::current().map_or(own, |outer| outer.min(own))
    }
}

fn late() -> Status {
    Status::deadline_exceeded("no answer in time")
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").field("addresses", &*self.inner.addresses.borrow()).finish_non_exhaustive()
    }
}

impl Service<http::Request<Body>> for Channel {
    type Response = http::Response<Body>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Status>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        let mut end = self.end();
        if let Some(allowed) = deadline::read(request.headers()) {
            end = end.min(Instant::now() + allowed);
        }
        let tracer = &self.inner.config.tracer;
        let mut span = tracer.span(trace::current(), SpanKind::Client, || traced::name(request.uri().path()));
        headers::write(span.context(), request.headers_mut());
        let count = self.inner.config.calls.begin(request.uri().path());
        let picked = self.inner.balancer.pick(self.near);
        let call = async move {
            let Some(picked) = picked else {
                return Err(Status::from_error(Box::new(ConnectError("no instance is listed".into()))));
            };
            deadline::write(end.saturating_duration_since(Instant::now()), request.headers_mut());
            match timeout_at(end, picked.channel().oneshot(request)).await {
                Ok(Ok(response)) => Ok(response),
                Ok(Err(error)) => {
                    let status = Status::from_error(error.into());
                    if is_away(&status) {
                        picked.failed();
                    }
                    // The connection watches the time, too, and may be the first to notice.
                    Err(if is_late(&status) { late() } else { status })
                }
                Err(_) => Err(late()),
            }
        };
        Box::pin(async move {
            let answer = call.await;
            match &answer {
                Ok(answer) => traced::note(&mut span, traced::code(answer)),
                Err(status) => traced::note(&mut span, status.code()),
            }
            counted::ended(count, answer.as_ref().map_or_else(Status::code, counted::code));
            answer
        })
    }
}
