//! Conversations and messages.

use gochat_core::ports::SyncCursor;
use gochat_proto::pb::logic::v1::conversations_service_server::ConversationsService;
use gochat_proto::pb::logic::v1::messages_service_server::MessagesService;
use gochat_proto::pb::logic::v1::*;
use tonic::{Request, async_trait};

use super::{Answer, Server, caller, given};
use crate::grpc::logic::convert::{history, to_list};
use crate::wire::{Wire as _, id, seq};

#[async_trait]
impl ConversationsService for Server {
    async fn list_conversations(
        &self,
        request: Request<ListConversationsRequest>,
    ) -> Answer<ListConversationsResponse> {
        let ListConversationsRequest { caller: by } = request.into_inner();
        let views = self.services.conversations.list(&caller(by)?).await;
        self.answer("conversations.list", views, |views| ListConversationsResponse {
            conversations: to_list(&views),
        })
    }

    async fn open_single(&self, request: Request<OpenSingleRequest>) -> Answer<OpenSingleResponse> {
        let OpenSingleRequest { caller: by, user_id } = request.into_inner();
        let other = given(id(user_id, "user_id"))?;
        let opened = self.services.conversations.open_single(&caller(by)?, other).await;
        self.answer("conversations.open_single", opened, |(view, is_new)| OpenSingleResponse {
            conversation: Some(view.to_pb()),
            is_new,
        })
    }

    async fn get_conversation(
        &self,
        request: Request<GetConversationRequest>,
    ) -> Answer<GetConversationResponse> {
        let GetConversationRequest { caller: by, conversation_id } = request.into_inner();
        let id = given(id(conversation_id, "conversation_id"))?;
        let view = self.services.conversations.get(&caller(by)?, id).await;
        self.answer("conversations.get", view, |view| GetConversationResponse {
            conversation: Some(view.to_pb()),
        })
    }

    async fn mark_conversation_read(
        &self,
        request: Request<MarkConversationReadRequest>,
    ) -> Answer<MarkConversationReadResponse> {
        let MarkConversationReadRequest { caller: by, conversation_id, seq: up_to } = request.into_inner();
        let id = given(id(conversation_id, "conversation_id"))?;
        let up_to = given(up_to.map(|n| seq(n, "seq")).transpose())?;
        let state = self.services.conversations.mark_read(&caller(by)?, id, up_to).await;
        self.answer("conversations.mark_read", state, |state| MarkConversationReadResponse {
            state: Some(state.to_pb()),
        })
    }

    async fn hide_conversation(
        &self,
        request: Request<HideConversationRequest>,
    ) -> Answer<HideConversationResponse> {
        let HideConversationRequest { caller: by, conversation_id } = request.into_inner();
        let id = given(id(conversation_id, "conversation_id"))?;
        let done = self.services.conversations.hide(&caller(by)?, id).await;
        self.answer("conversations.hide", done, |()| HideConversationResponse {})
    }

    async fn sync(&self, request: Request<SyncRequest>) -> Answer<SyncResponse> {
        let SyncRequest { caller: by, cursor, limit } = request.into_inner();
        let page = self.services.conversations.sync(&caller(by)?, SyncCursor(cursor), limit).await;
        self.answer("conversations.sync", page, |page| page.to_pb())
    }
}

#[async_trait]
impl MessagesService for Server {
    async fn get_history(&self, request: Request<GetHistoryRequest>) -> Answer<GetHistoryResponse> {
        let GetHistoryRequest { caller: by, conversation_id, query } = request.into_inner();
        let (id, query) = (given(id(conversation_id, "conversation_id"))?, given(history(query))?);
        let page = self.services.messages.history(&caller(by)?, id, query).await;
        self.answer("messages.history", page, |page| page.to_pb())
    }

    async fn get_message(&self, request: Request<GetMessageRequest>) -> Answer<GetMessageResponse> {
        let GetMessageRequest { caller: by, message_id } = request.into_inner();
        let view = self.services.messages.get(&caller(by)?, given(id(message_id, "message_id"))?).await;
        self.answer("messages.get", view, |view| GetMessageResponse { message: Some(view.to_pb()) })
    }

    async fn recall_message(&self, request: Request<RecallMessageRequest>) -> Answer<RecallMessageResponse> {
        let RecallMessageRequest { caller: by, message_id } = request.into_inner();
        let view = self.services.messages.recall(&caller(by)?, given(id(message_id, "message_id"))?).await;
        self.answer("messages.recall", view, |view| RecallMessageResponse { message: Some(view.to_pb()) })
    }

    async fn mark_message_read(
        &self,
        request: Request<MarkMessageReadRequest>,
    ) -> Answer<MarkMessageReadResponse> {
        let MarkMessageReadRequest { caller: by, message_id } = request.into_inner();
        let id = given(id(message_id, "message_id"))?;
        let state = self.services.messages.mark_read(&caller(by)?, id).await;
        self.answer("messages.mark_read", state, |state| MarkMessageReadResponse {
            state: Some(state.to_pb()),
        })
    }
}
