//! What a gateway reports of its sessions.

use async_trait::async_trait;
use gochat_core::model::{Caller, ConversationId, GatewayId, SessionId, Timestamp, UserId};
use gochat_core::service::{Presences, Result};
use gochat_proto::pb::logic::v1::presences_service_client::PresencesServiceClient;
use gochat_proto::pb::logic::v1::{CloseSessionRequest, NotifyTypingRequest, OpenSessionRequest};

use super::{LogicClient, ask, by};

// im-logic remembers, in its memory, who is on the way out, and who was told lately that somebody writes. So the sessions of a
// user are reported to one instance, and the writing in a conversation to one. When the instances change, some users and
// conversations move. The former one still tells, in its time, who did not come back, and nothing of who did. The new one
// tells of somebody who is back within the grace time that they are here, though others believe so already; and one more
// notice of writing passes. Only if somebody comes back, at the new one, in the very moment in which the former one tells
// that they are gone, may others believe that until the next change.

#[async_trait]
impl Presences for LogicClient {
    async fn opened(&self, caller: &Caller, session: SessionId, gateway: &GatewayId) -> Result<()> {
        let request = OpenSessionRequest {
            caller: by(caller),
            session_id: session.get(),
            gateway: gateway.as_str().to_owned(),
        };
        let near = self.near(caller.user.get());
        // The second time it is not the user's first, and nobody would be told.
        ask!(near, "presences.opened", Write, PresencesServiceClient.open_session, request, |_| Ok(()))
    }

    async fn closed(&self, caller: &Caller, session: SessionId) -> Result<()> {
        let request = CloseSessionRequest { caller: by(caller), session_id: session.get() };
        let near = self.near(caller.user.get());
        ask!(near, "presences.closed", Write, PresencesServiceClient.close_session, request, |_| Ok(()))
    }

    async fn typing(&self, caller: &Caller, conversation: ConversationId, typing: bool) -> Result<()> {
        let request = NotifyTypingRequest { caller: by(caller), conversation_id: conversation.get(), typing };
        // In a large conversation all share one turn.
        let near = self.near(conversation.get());
        ask!(near, "presences.typing", Write, PresencesServiceClient.notify_typing, request, |_| Ok(()))
    }

    /// Nothing: im-logic notices by itself.
    async fn lost(&self, _: &[UserId]) {}

    /// Nothing: im-logic tells them.
    async fn tell_departures(&self) {}

    /// Never: im-logic knows.
    fn next_due(&self) -> Option<Timestamp> {
        None
    }
}
