//! Conversations, and each member's place in them.

use std::sync::Arc;

use async_trait::async_trait;
use gochat_core::model::{
    Conversation, ConversationEntry, ConversationId, Note, PageLimit, ReadState, Seq, Timestamp, UserId,
};
use gochat_core::ports::{Changes, ConversationStore, OpenSingle, Opened, Result, SyncCursor};
use gochat_proto::pb::repo::v1 as pb;
use gochat_proto::pb::repo::v1::conversation_service_client::ConversationServiceClient;
use gochat_proto::pb::repo::v1::conversation_service_server::ConversationService;
use tonic::{Request, Response, Status};

use super::convert::{all, limit, pbs};
use super::outbox::noted;
use super::{RepoClient, Served, call, read, write};
use crate::wire::{self, Malformed, Wire};

type Answer<T> = std::result::Result<Response<T>, Status>;

fn changes(pb: pb::ListChangesResponse) -> std::result::Result<Changes, Malformed> {
    Ok(Changes {
        conversations: all(pb.conversations, Wire::from_pb)?,
        memberships: all(pb.memberships, Wire::from_pb)?,
        friends: all(pb.friends, Wire::from_pb)?,
        cursor: SyncCursor(pb.cursor),
        has_more: pb.has_more,
    })
}

#[async_trait]
impl ConversationService for Served<dyn ConversationStore> {
    async fn open_single(&self, request: Request<pb::OpenSingleRequest>) -> Answer<pb::OpenSingleResponse> {
        let pb = request.into_inner();
        let open = OpenSingle {
            users: [wire::id(pb.user_a_id, "user_a_id")?, wire::id(pb.user_b_id, "user_b_id")?],
            by: wire::id(pb.by_id, "by_id")?,
            id: wire::id(pb.conversation_id, "conversation_id")?,
            at: Timestamp::from_millis(pb.at_ms),
        };
        let port = noted(&self.port, pb.note, |port, note| port.noted(note))?;
        let opened = port.open_single(&open).await.map_err(|e| self.failed(e))?;
        let answer = pb::OpenSingleResponse { conversation_id: opened.id.get(), is_new: opened.new };
        Ok(Response::new(answer))
    }

    async fn get_conversations(
        &self,
        request: Request<pb::GetConversationsRequest>,
    ) -> Answer<pb::GetConversationsResponse> {
        let ids = wire::ids(&request.into_inner().ids, "ids")?;
        let found = self.port.by_ids(&ids).await.map_err(|e| self.failed(e))?;
        let slot =
            |c: &Option<Conversation>| pb::ConversationSlot { conversation: c.as_ref().map(Wire::to_pb) };
        let conversations = found.iter().map(slot).collect();
        Ok(Response::new(pb::GetConversationsResponse { conversations }))
    }

    async fn list_conversations(
        &self,
        request: Request<pb::ListConversationsRequest>,
    ) -> Answer<pb::ListConversationsResponse> {
        let pb = request.into_inner();
        let (user, limit) = (wire::id(pb.user_id, "user_id")?, limit(pb.limit)?);
        let entries = self.port.list(user, limit).await.map_err(|e| self.failed(e))?;
        Ok(Response::new(pb::ListConversationsResponse { entries: pbs(&entries) }))
    }

    async fn get_entries(&self, request: Request<pb::GetEntriesRequest>) -> Answer<pb::GetEntriesResponse> {
        let pb = request.into_inner();
        let user = wire::id(pb.user_id, "user_id")?;
        let ids = wire::ids(&pb.conversation_ids, "conversation_ids")?;
        let found = self.port.entries(user, &ids).await.map_err(|e| self.failed(e))?;
        let slot = |e: &Option<ConversationEntry>| pb::EntrySlot { entry: e.as_ref().map(Wire::to_pb) };
        Ok(Response::new(pb::GetEntriesResponse { entries: found.iter().map(slot).collect() }))
    }

    async fn mark_read(&self, request: Request<pb::MarkReadRequest>) -> Answer<pb::MarkReadResponse> {
        let pb = request.into_inner();
        let user = wire::id(pb.user_id, "user_id")?;
        let conversation = wire::id(pb.conversation_id, "conversation_id")?;
        let seq = pb.seq.map(|n| wire::seq(n, "seq")).transpose()?;
        let port = noted(&self.port, pb.note, |port, note| port.noted(note))?;
        let state = port.mark_read(user, conversation, seq).await.map_err(|e| self.failed(e))?;
        Ok(Response::new(pb::MarkReadResponse { state: Some(state.to_pb()) }))
    }

    async fn hide_conversation(
        &self,
        request: Request<pb::HideConversationRequest>,
    ) -> Answer<pb::HideConversationResponse> {
        let pb = request.into_inner();
        let user = wire::id(pb.user_id, "user_id")?;
        let conversation = wire::id(pb.conversation_id, "conversation_id")?;
        self.port.hide(user, conversation).await.map_err(|e| self.failed(e))?;
        Ok(Response::new(pb::HideConversationResponse {}))
    }

    async fn list_changes(
        &self,
        request: Request<pb::ListChangesRequest>,
    ) -> Answer<pb::ListChangesResponse> {
        let pb = request.into_inner();
        let (user, limit) = (wire::id(pb.user_id, "user_id")?, limit(pb.limit)?);
        let changes =
            self.port.changes(user, SyncCursor(pb.cursor), limit).await.map_err(|e| self.failed(e))?;
        Ok(Response::new(pb::ListChangesResponse {
            conversations: pbs(&changes.conversations),
            memberships: pbs(&changes.memberships),
            friends: pbs(&changes.friends),
            cursor: changes.cursor.0,
            has_more: changes.has_more,
        }))
    }
}

#[async_trait]
impl ConversationStore for RepoClient {
    async fn open_single(&self, open: &OpenSingle) -> Result<Opened> {
        let operation = write("conversations.open_single");
        let request = || pb::OpenSingleRequest {
            user_a_id: open.users[0].get(),
            user_b_id: open.users[1].get(),
            by_id: open.by.get(),
            conversation_id: open.id.get(),
            at_ms: open.at.as_millis(),
            note: self.note(),
        };
        let answer = call!(self, operation, ConversationServiceClient.open_single, request())?;
        let id = wire::id(answer.conversation_id, "conversation_id");
        operation.read(id.map(|id| Opened { id, new: answer.is_new }))
    }

    async fn by_ids(&self, ids: &[ConversationId]) -> Result<Vec<Option<Conversation>>> {
        let operation = read("conversations.by_ids");
        let request = || pb::GetConversationsRequest { ids: wire::numbers(ids) };
        let answer = call!(self, operation, ConversationServiceClient.get_conversations, request())?;
        operation.by_position(answer.conversations, ids.len(), |slot| wire::optional(slot.conversation))
    }

    async fn list(&self, user: UserId, limit: PageLimit) -> Result<Vec<ConversationEntry>> {
        let operation = read("conversations.list");
        let request = || pb::ListConversationsRequest { user_id: user.get(), limit: limit.get() };
        let answer = call!(self, operation, ConversationServiceClient.list_conversations, request())?;
        operation.read(all(answer.entries, Wire::from_pb))
    }

    async fn entries(&self, user: UserId, ids: &[ConversationId]) -> Result<Vec<Option<ConversationEntry>>> {
        let operation = read("conversations.entries");
        let request = || pb::GetEntriesRequest { user_id: user.get(), conversation_ids: wire::numbers(ids) };
        let answer = call!(self, operation, ConversationServiceClient.get_entries, request())?;
        operation.by_position(answer.entries, ids.len(), |slot| wire::optional(slot.entry))
    }

    async fn mark_read(
        &self,
        user: UserId,
        conversation: ConversationId,
        seq: Option<Seq>,
    ) -> Result<ReadState> {
        let operation = write("conversations.mark_read");
        let request = || pb::MarkReadRequest {
            user_id: user.get(),
            conversation_id: conversation.get(),
            seq: seq.map(Seq::get),
            note: self.note(),
        };
        let answer = call!(self, operation, ConversationServiceClient.mark_read, request())?;
        operation.read(wire::nested(answer.state, "state"))
    }

    async fn hide(&self, user: UserId, conversation: ConversationId) -> Result<()> {
        let operation = write("conversations.hide");
        let request =
            || pb::HideConversationRequest { user_id: user.get(), conversation_id: conversation.get() };
        let _: pb::HideConversationResponse =
            call!(self, operation, ConversationServiceClient.hide_conversation, request())?;
        Ok(())
    }

    async fn changes(&self, user: UserId, cursor: SyncCursor, limit: PageLimit) -> Result<Changes> {
        let operation = read("conversations.changes");
        let request = || pb::ListChangesRequest { user_id: user.get(), cursor: cursor.0, limit: limit.get() };
        let answer = call!(self, operation, ConversationServiceClient.list_changes, request())?;
        operation.read(changes(answer))
    }

    fn noted(&self, note: &Note) -> Option<Arc<dyn ConversationStore>> {
        Some(self.with_note(note))
    }
}
