//! The services of core as gRPC servers.

mod accounts;
mod chats;
mod groups;
mod people;
mod presences;

use std::error::Error as _;

use gochat_core::Error;
use gochat_core::error::Code;
use gochat_core::model::Caller;
use gochat_core::service::Services;
use gochat_proto::pb::logic::v1::accounts_service_server::AccountsServiceServer;
use gochat_proto::pb::logic::v1::conversations_service_server::ConversationsServiceServer;
use gochat_proto::pb::logic::v1::friends_service_server::FriendsServiceServer;
use gochat_proto::pb::logic::v1::groups_service_server::GroupsServiceServer;
use gochat_proto::pb::logic::v1::messages_service_server::MessagesServiceServer;
use gochat_proto::pb::logic::v1::presences_service_server::PresencesServiceServer;
use gochat_proto::pb::logic::v1::profiles_service_server::ProfilesServiceServer;
use gochat_proto::pb::types::v1 as types;
use slog::{Logger, debug, warn};
use tonic::service::{Routes, RoutesBuilder};
use tonic::{Response, Status};

use crate::grpc::error::{malformed, status};
use crate::wire::{Malformed, nested};

type Answer<T> = Result<Response<T>, Status>;

/// All services, to be served by [`serve`](crate::grpc::serve::serve). `message_max` is the most bytes of one message,
/// either way.
///
/// Failures of ports are logged here with their causes, which callers don't get.
#[must_use]
pub fn routes(services: &Services, message_max: usize, log: &Logger) -> Routes {
    let server = Server { services: services.clone(), log: log.clone() };
    let mut routes = RoutesBuilder::default();
    macro_rules! add {
        ($($service:ident),+) => {$(
            routes.add_service(
                $service::new(server.clone())
                    .max_decoding_message_size(message_max)
                    .max_encoding_message_size(message_max),
            );
        )+};
    }
    add!(
        AccountsServiceServer,
        ProfilesServiceServer,
        FriendsServiceServer,
        ConversationsServiceServer,
        MessagesServiceServer,
        GroupsServiceServer,
        PresencesServiceServer
    );
    routes.routes()
}

#[derive(Debug, Clone)]
struct Server {
    services: Services,
    log: Logger,
}

impl Server {
    /// A refused or failed call as its caller sees it.
    fn failed(&self, operation: &'static str, error: &Error) -> Status {
        if let Error::Port(port) = error {
            // A chain without repeats: a port's error shows itself, and its source what is below.
            let cause = port.source().map(ToString::to_string);
            match error.code() {
                Code::Internal => {
                    slog::error!(self.log, "a call failed";
                        "call" => operation, "error" => %error, "cause" => cause);
                }
                _ => {
                    warn!(self.log, "a call failed"; "call" => operation, "error" => %error, "cause" => cause)
                }
            }
        } else {
            debug!(self.log, "a call was refused"; "call" => operation, "code" => error.code().as_str());
        }
        status(error)
    }

    /// What a service answered.
    fn answer<T, P>(
        &self,
        operation: &'static str,
        result: Result<T, Error>,
        to_pb: impl FnOnce(T) -> P,
    ) -> Answer<P> {
        match result {
            Ok(value) => Ok(Response::new(to_pb(value))),
            Err(error) => Err(self.failed(operation, &error)),
        }
    }
}

/// A part of a request.
fn given<T>(part: Result<T, Malformed>) -> Result<T, Status> {
    part.map_err(malformed)
}

/// Who calls.
fn caller(pb: Option<types::Caller>) -> Result<Caller, Status> {
    given(nested(pb, "caller"))
}
