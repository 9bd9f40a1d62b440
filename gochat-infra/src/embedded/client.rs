//! One user of the chat, from inside the program.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use gochat_core::Error;
use gochat_core::error::Code;
use gochat_core::model::{
    Caller, ClientMsgId, ConversationId, ConversationView, LoginGrant, MessageBody, MessageId, MessageView,
    Origin, ReadState, ReplyTo, RequestId, SendCommand, Seq, User, UserId,
};
use gochat_core::ports::{ErrorKind, Retry, StoreError, Upstream};
use gochat_core::send::validate;
use gochat_core::service::{GroupCreation, HistoryPage, HistoryQuery};
use tokio::time::timeout;

use super::{GoChat, Subscription};

/// How long a send may take to be stored before the caller is told that it is not known what became of it.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// A logged-in user. A handle: clones are the same login.
#[derive(Clone)]
pub struct Client {
    chat: GoChat,
    grant: Arc<LoginGrant>,
    caller: Caller,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("user", &self.id()).finish_non_exhaustive()
    }
}

impl Client {
    pub(super) fn new(chat: GoChat, grant: LoginGrant, caller: Caller) -> Self {
        Self { chat, grant: Arc::new(grant), caller }
    }

    /// The user's id.
    #[must_use]
    pub fn id(&self) -> UserId {
        self.caller.user
    }

    /// The user's face at the time of logging in.
    #[must_use]
    pub fn user(&self) -> &Arc<User> {
        &self.grant.user
    }

    /// Who asks, for calls to [`GoChat::services`].
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The tokens, to be handed to a browser that connects to the gateway.
    #[must_use]
    pub fn grant(&self) -> &LoginGrant {
        &self.grant
    }

    /// The chat it belongs to.
    #[must_use]
    pub fn chat(&self) -> &GoChat {
        &self.chat
    }

    /// Listens: events from now on, as every other session of this user gets them.
    ///
    /// # Errors
    /// When the session can't be registered.
    pub async fn subscribe(&self) -> Result<Subscription, Error> {
        Subscription::open(self).await
    }

    /// Makes the single conversation with another user exist.
    ///
    /// # Errors
    /// `Validation` (oneself), `UserNotFound`, `GuestForbidden`.
    pub async fn open_chat(&self, other: UserId) -> Result<ConversationId, Error> {
        let (view, _) = self.chat.services().conversations.open_single(&self.caller, other).await?;
        Ok(view.entry.conversation.id)
    }

    /// Makes a group with these members.
    ///
    /// # Errors
    /// `Validation`, `UserNotFound`, `GuestForbidden`.
    pub async fn create_group(&self, name: &str, members: &[UserId]) -> Result<ConversationId, Error> {
        let new =
            GroupCreation { name: name.to_owned(), members: members.to_vec(), ..GroupCreation::default() };
        let detail = self.chat.services().groups.create(&self.caller, new).await?;
        Ok(detail.conversation.entry.conversation.id)
    }

    /// The user's conversations: the world channel first, then the newest activity.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn conversations(&self) -> Result<Vec<ConversationView>, Error> {
        self.chat.services().conversations.list(&self.caller).await
    }

    /// A part of a conversation's history.
    ///
    /// # Errors
    /// `ConversationNotFound`, `Validation`.
    pub async fn history(&self, id: ConversationId, query: HistoryQuery) -> Result<HistoryPage, Error> {
        self.chat.services().messages.history(&self.caller, id, query).await
    }

    /// Moves the read pointer, up to the newest message without `seq`.
    ///
    /// # Errors
    /// `ConversationNotFound`.
    pub async fn mark_read(&self, id: ConversationId, seq: Option<Seq>) -> Result<ReadState, Error> {
        self.chat.services().conversations.mark_read(&self.caller, id, seq).await
    }

    /// Sends a text. It is stored, durably, when this returns.
    ///
    /// # Errors
    /// As [`send_as`](Self::send_as); with an id chosen here, a failure leaves it open whether it was stored.
    pub async fn send(&self, to: ConversationId, text: &str) -> Result<MessageView, Error> {
        // Begins with the time: ids that grow keep the store's index compact.
        let ports = self.chat.ports();
        let id = format!("{:013}-{}", ports.clock.now().as_millis().max(0), ports.ids.next_id());
        let id = ClientMsgId::new(&id).expect("digits and a dash make a client id");
        self.send_as(to, id, MessageBody::text(text)).await
    }

    /// Sends a message under an id of the caller's. Sent again with the same id it is stored once, and this returns the
    /// first one: whoever is not sure whether a send succeeded repeats it.
    ///
    /// # Errors
    /// `Validation`, `ConversationNotFound`, `Muted`, `Forbidden`; `Unavailable` and `Timeout` leave it open whether it was
    /// stored.
    pub async fn send_as(
        &self,
        to: ConversationId,
        id: ClientMsgId,
        body: MessageBody,
    ) -> Result<MessageView, Error> {
        validate(&body, self.chat.settings())?;
        let ids = &self.chat.ports().ids;
        let message = MessageId::new(ids.next_id()).expect("ids are from 2 to 2^63 - 1");
        let request = RequestId::new(ids.next_id()).expect("ids are from 2 to 2^63 - 1");
        let hub = self.chat.hub();
        let mut waiter = hub.waiters().register(request);
        let origin = Origin {
            gateway: hub.gateway().clone(),
            session: None,
            reply: ReplyTo::Request(request),
            tag: None,
        };
        let command = SendCommand {
            id: message,
            conversation: to,
            sender: self.caller.user,
            guest: self.caller.guest,
            client_msg_id: id,
            body,
            origin,
        };
        let receipt = async {
            self.chat.upstream().submit(vec![command]).await?;
            waiter.receipt().await.map_err(refused)
        };
        match timeout(SEND_TIMEOUT, receipt).await {
            Ok(answer) => answer.map(|stored| stored.view),
            Err(_) => Err(StoreError::new(ErrorKind::Timeout, Retry::Ambiguous, "client.send").into()),
        }
    }
}

/// What the pipeline refused with, as an error again.
fn refused(code: Code) -> Error {
    let failed = |kind, retry| StoreError::new(kind, retry, "client.send").into();
    match code {
        Code::ConversationNotFound => Error::ConversationNotFound,
        Code::Muted => Error::Muted,
        Code::Blocked => Error::Blocked,
        Code::Forbidden => Error::Forbidden,
        Code::GuestForbidden => Error::GuestForbidden,
        Code::Unavailable => failed(ErrorKind::Unavailable, Retry::Ambiguous),
        _ => failed(ErrorKind::Internal, Retry::Ambiguous),
    }
}
