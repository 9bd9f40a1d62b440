//! What a gateway reports of its sessions.

use async_trait::async_trait;
use gochat_core::model::{Caller, ConversationId, GatewayId, SessionId, Timestamp};
use gochat_core::service::{Presences, Result};
use gochat_proto::pb::logic::v1::presences_service_client::PresencesServiceClient;
use gochat_proto::pb::logic::v1::{CloseSessionRequest, NotifyTypingRequest, OpenSessionRequest};

use super::{LogicClient, ask, by};

#[async_trait]
impl Presences for LogicClient {
    async fn opened(&self, caller: &Caller, session: SessionId, gateway: &GatewayId) -> Result<()> {
        let request = OpenSessionRequest {
            caller: by(caller),
            session_id: session.get(),
            gateway: gateway.as_str().to_owned(),
        };
        // The second time it is not the user's first, and nobody would be told.
        ask!(self, "presences.opened", Write, PresencesServiceClient.open_session, request, |_| Ok(()))
    }

    async fn closed(&self, caller: &Caller, session: SessionId) -> Result<()> {
        let request = CloseSessionRequest { caller: by(caller), session_id: session.get() };
        ask!(self, "presences.closed", Write, PresencesServiceClient.close_session, request, |_| Ok(()))
    }

    async fn typing(&self, caller: &Caller, conversation: ConversationId, typing: bool) -> Result<()> {
        let request = NotifyTypingRequest { caller: by(caller), conversation_id: conversation.get(), typing };
        ask!(self, "presences.typing", Write, PresencesServiceClient.notify_typing, request, |_| Ok(()))
    }

    /// Nothing: im-logic tells them.
    async fn tell_departures(&self) {}

    /// Never: im-logic knows.
    fn next_due(&self) -> Option<Timestamp> {
        None
    }
}
