//! What gateways report of their sessions.

use gochat_core::model::GatewayId;
use gochat_proto::pb::logic::v1::presences_service_server::PresencesService;
use gochat_proto::pb::logic::v1::*;
use tonic::{Request, async_trait};

use super::{Answer, Server, caller, given};
use crate::wire::{Malformed, id};

#[async_trait]
impl PresencesService for Server {
    async fn open_session(&self, request: Request<OpenSessionRequest>) -> Answer<OpenSessionResponse> {
        let OpenSessionRequest { caller: by, session_id, gateway } = request.into_inner();
        let session = given(id(session_id, "session_id"))?;
        let gateway = given(GatewayId::new(&gateway).ok_or(Malformed::new("gateway")))?;
        let done = self.services.presences.opened(&caller(by)?, session, &gateway).await;
        self.answer("presences.opened", done, |()| OpenSessionResponse {})
    }

    async fn close_session(&self, request: Request<CloseSessionRequest>) -> Answer<CloseSessionResponse> {
        let CloseSessionRequest { caller: by, session_id } = request.into_inner();
        let session = given(id(session_id, "session_id"))?;
        let done = self.services.presences.closed(&caller(by)?, session).await;
        self.answer("presences.closed", done, |()| CloseSessionResponse {})
    }

    async fn notify_typing(&self, request: Request<NotifyTypingRequest>) -> Answer<NotifyTypingResponse> {
        let NotifyTypingRequest { caller: by, conversation_id, typing } = request.into_inner();
        let id = given(id(conversation_id, "conversation_id"))?;
        let done = self.services.presences.typing(&caller(by)?, id, typing).await;
        self.answer("presences.typing", done, |()| NotifyTypingResponse {})
    }
}
