//! The services of core as gRPC clients.

mod accounts;
mod chats;
mod groups;
mod people;
mod presences;

use std::sync::Arc;

use gochat_core::Error;
use gochat_core::model::Caller;
use gochat_core::service::Services;
use gochat_proto::pb::types::v1 as types;
use tonic::{Response, Status};

use crate::grpc::channel::Channel;
use crate::grpc::error::{Effect, error, malformed_answer};
use crate::wire::{Malformed, Wire as _};

/// The services of core, behind a channel to im-logic. Clones are handles on the same.
///
/// Errors come back as the services gave them; of a call whose answer is lost, [`Retry`](gochat_core::ports::Retry) says
/// whether it may have happened. Calls that do nothing a second time are repeated once when an instance goes away.
///
/// Departures are told by im-logic itself: [`tell_departures`](gochat_core::service::Presences::tell_departures) of this client
/// does nothing, and nothing is ever due.
///
/// Nothing is cached, not even who a token belongs to: a login that has ended, at whatever gateway, must be refused in the
/// next call at every one, and no gateway is told of its end before that.
#[derive(Debug, Clone)]
pub struct LogicClient {
    channel: Channel,
}

impl LogicClient {
    /// Makes a client. Each call ends within the deadline of the channel; messages are no larger than it allows.
    #[must_use]
    pub fn new(channel: Channel) -> Self {
        Self { channel }
    }

    /// This client as the services that a gateway asks.
    #[must_use]
    pub fn services(&self) -> Services {
        let client = Arc::new(self.clone());
        Services {
            accounts: client.clone(),
            profiles: client.clone(),
            friends: client.clone(),
            conversations: client.clone(),
            messages: client.clone(),
            groups: client.clone(),
            presences: client,
        }
    }

    /// The same client, whose calls go to one instance for each `key`.
    fn near(&self, key: u64) -> Self {
        Self { channel: self.channel.near(key) }
    }

    /// Makes a call, and reads its answer.
    async fn ask<Q, P, T, F>(
        &self,
        operation: &'static str,
        effect: Effect,
        request: Q,
        once: impl Fn(Channel, Q) -> F + Send + Sync,
        read: impl FnOnce(P) -> Result<T, Malformed> + Send,
    ) -> Result<T, Error>
    where
        Q: Clone + Send + Sync,
        F: Future<Output = Result<Response<P>, Status>> + Send,
        P: Send,
    {
        let answer = self.channel.call(effect, |channel| once(channel, request.clone())).await;
        let answer = answer.map_err(|status| error(status, operation, effect))?;
        read(answer).map_err(|malformed| Error::Port(malformed_answer(malformed, operation, effect)))
    }
}

/// Makes a call: the operation's name and effect, the rpc of which generated client, what it is asked, and how its answer is
/// read.
macro_rules! ask {
    ($self:ident, $operation:literal, $effect:ident, $client:ident.$rpc:ident, $request:expr, $read:expr) => {
        $self
            .ask(
                $operation,
                crate::grpc::error::Effect::$effect,
                $request,
                |channel, request| async move {
                    let max = channel.message_max();
                    // What it sends is bounded where it is received, which answers better than a stream cut off here.
                    $client::new(channel).max_decoding_message_size(max).$rpc(request).await
                },
                $read,
            )
            .await
    };
}
use ask;

fn by(caller: &Caller) -> Option<types::Caller> {
    Some(caller.to_pb())
}
