//! The storage ports and password hashing over gRPC: [`RepoPorts`] serves them, [`RepoClient`] is them at the other end.
//!
//! One rpc is one call of a port, and answers as it: what the port promises holds over the network, and its errors come back
//! as they were. Knows nothing of what stands behind a port.

mod archive;
mod conversations;
mod convert;
mod directory;
mod friends;
mod groups;
mod logins;
mod messages;
mod outbox;
mod passwords;
mod users;

use std::fmt;
use std::sync::Arc;

use gochat_core::model::Note;
use gochat_core::ports::{
    ConversationStore, Directory, ErrorKind, FriendStore, GroupStore, LoginStore, MessageStore, Outbox,
    PasswordHasher, StoreError, UserStore,
};
use gochat_proto::pb::repo::v1::{
    archive_service_server::ArchiveServiceServer, conversation_service_server::ConversationServiceServer,
    directory_service_server::DirectoryServiceServer, friend_service_server::FriendServiceServer,
    group_service_server::GroupServiceServer, login_service_server::LoginServiceServer,
    message_service_server::MessageServiceServer, outbox_service_server::OutboxServiceServer,
    password_service_server::PasswordServiceServer, user_service_server::UserServiceServer,
};
use slog::{Logger, warn};
use tonic::Status;
use tonic::service::Routes;

use super::channel::Channel;
use super::error::{Effect, store_status};
use crate::archive::Archiver;

/// What im-repo serves.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each field is the port of that name")]
pub struct RepoPorts {
    pub users: Arc<dyn UserStore>,
    pub friends: Arc<dyn FriendStore>,
    pub logins: Arc<dyn LoginStore>,
    pub conversations: Arc<dyn ConversationStore>,
    pub directory: Arc<dyn Directory>,
    pub groups: Arc<dyn GroupStore>,
    pub messages: Arc<dyn MessageStore>,
    pub outbox: Arc<dyn Outbox>,
    pub hasher: Arc<dyn PasswordHasher>,
    /// Who archives, where somebody does.
    pub archiver: Option<Arc<dyn Archiver>>,
}

impl RepoPorts {
    /// One store that is all of them, and a hasher.
    #[must_use]
    pub fn all<S>(store: Arc<S>, hasher: Arc<dyn PasswordHasher>) -> Self
    where
        S: UserStore
            + FriendStore
            + LoginStore
            + ConversationStore
            + Directory
            + GroupStore
            + MessageStore
            + Outbox,
    {
        Self {
            users: store.clone(),
            friends: store.clone(),
            logins: store.clone(),
            conversations: store.clone(),
            directory: store.clone(),
            groups: store.clone(),
            messages: store.clone(),
            outbox: store,
            hasher,
            archiver: None,
        }
    }

    /// The services, for [`serve`](super::serve::serve). A message has at most `message_max` bytes. What failed here and is no
    /// caller's fault is logged, with its cause.
    #[must_use]
    pub fn routes(&self, message_max: usize, log: &Logger) -> Routes {
        let mut routes = Routes::builder();
        macro_rules! add {
            ($($server:ident: $port:ident),+) => {$(
                let service = $server::new(Served { port: Arc::clone(&self.$port), log: log.clone() });
                let service = service.max_decoding_message_size(message_max);
                routes.add_service(service.max_encoding_message_size(message_max));
            )+};
        }
        add!(
            UserServiceServer: users,
            FriendServiceServer: friends,
            LoginServiceServer: logins,
            ConversationServiceServer: conversations,
            DirectoryServiceServer: directory,
            GroupServiceServer: groups,
            MessageServiceServer: messages,
            OutboxServiceServer: outbox,
            PasswordServiceServer: hasher
        );
        if let Some(archiver) = &self.archiver {
            routes.add_service(ArchiveServiceServer::new(Served {
                port: Arc::clone(archiver),
                log: log.clone(),
            }));
        }
        routes.routes()
    }
}

/// A port behind its service.
struct Served<P: ?Sized> {
    port: Arc<P>,
    log: Logger,
}

impl<P: ?Sized> Served<P> {
    /// The status of a failure; those of the store itself are logged, since their causes go no further.
    fn failed(&self, error: StoreError) -> Status {
        let of_callers = matches!(
            error.kind(),
            ErrorKind::NotFound | ErrorKind::Conflict | ErrorKind::Precondition | ErrorKind::TooLarge
        );
        if !of_callers {
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            warn!(self.log, "a call of a port failed"; "error" => %error, "cause" => cause);
        }
        store_status(&error)
    }
}

/// The storage ports and the hasher of an im-repo elsewhere. Clones are handles on the same channel.
///
/// Each call is one rpc. Reads that found their instance away are made once more, elsewhere; a write that may have happened
/// is not, and fails as ambiguous.
#[derive(Clone)]
pub struct RepoClient {
    channel: Channel,
    /// What this handle's next write carries.
    note: Option<Note>,
}

impl RepoClient {
    /// Over this channel.
    #[must_use]
    pub const fn new(channel: Channel) -> Self {
        Self { channel, note: None }
    }
}

impl fmt::Debug for RepoClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RepoClient").field(&self.channel).finish()
    }
}

/// One call of a port, by the caller's name of it.
#[derive(Clone, Copy)]
struct Operation {
    name: &'static str,
    effect: Effect,
}

const fn read(name: &'static str) -> Operation {
    Operation { name, effect: Effect::Read }
}

const fn write(name: &'static str) -> Operation {
    Operation { name, effect: Effect::Write }
}

/// Makes a call; the request is made anew for each try.
macro_rules! call {
    ($repo:ident, $operation:ident, $client:ident.$rpc:ident, $request:expr) => {{
        let max = $repo.channel.message_max();
        let once = |channel| {
            let request = $request;
            let sendable = $repo.channel.check_size(&request);
            let client = $client::new(channel).max_decoding_message_size(max);
            let mut client = client.max_encoding_message_size(max);
            async move {
                sendable?;
                client.$rpc(request).await
            }
        };
        let answer = $repo.channel.call($operation.effect, once).await;
        answer.map_err(|status| crate::grpc::error::store_error(status, $operation.name, $operation.effect))
    }};
}
use call;
