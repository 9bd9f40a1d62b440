//! The message log.

use std::sync::Arc;

use async_trait::async_trait;
use gochat_core::model::{
    ConversationId, MembersVersion, Message, MessageId, MessageKey, NewMessage, Note, PageLimit, Seq,
    Timestamp, UserId,
};
use gochat_core::ports::{Appended, MessageStore, PageFrom, RecallOutcome, Result};
use gochat_proto::pb::repo::v1 as pb;
use gochat_proto::pb::repo::v1::message_service_client::MessageServiceClient;
use gochat_proto::pb::repo::v1::message_service_server::MessageService;
use tonic::{Request, Response, Status};

use super::convert::{all, limit, pbs};
use super::outbox::noted;
use super::{RepoClient, Served, call, read, write};
use crate::wire::{self, Malformed, Wire};

type Answer<T> = std::result::Result<Response<T>, Status>;

fn new_pb(new: &NewMessage) -> pb::NewMessage {
    pb::NewMessage { message: Some(new.message.to_pb()), members_version: new.members_version.get() }
}

fn new(pb: pb::NewMessage) -> std::result::Result<NewMessage, Malformed> {
    Ok(NewMessage {
        message: Arc::new(wire::nested(pb.message, "message")?),
        members_version: MembersVersion::new(pb.members_version),
    })
}

fn appended_pb(appended: &Appended) -> pb::Appended {
    use pb::appended::Outcome;
    let outcome = match appended {
        Appended::Stored => Outcome::Stored(pb::Stored {}),
        Appended::Repeated(message) => Outcome::Repeated(pb::Repeated { message: Some(message.to_pb()) }),
        Appended::OutOfSequence { head } => {
            Outcome::OutOfSequence(pb::OutOfSequence { head_seq: head.get() })
        }
        Appended::MembersChanged => Outcome::MembersChanged(pb::MembersChanged {}),
    };
    pb::Appended { outcome: Some(outcome) }
}

fn appended(pb: pb::Appended) -> std::result::Result<Appended, Malformed> {
    use pb::appended::Outcome;
    Ok(match wire::part(pb.outcome, "appended.outcome")? {
        Outcome::Stored(pb::Stored {}) => Appended::Stored,
        Outcome::Repeated(pb) => {
            Appended::Repeated(Box::new(wire::nested(pb.message, "appended.repeated.message")?))
        }
        Outcome::OutOfSequence(pb) => {
            Appended::OutOfSequence { head: wire::seq(pb.head_seq, "appended.out_of_sequence.head_seq")? }
        }
        Outcome::MembersChanged(pb::MembersChanged {}) => Appended::MembersChanged,
    })
}

fn slots(found: &[Option<Message>]) -> Vec<pb::MessageSlot> {
    found.iter().map(|message| pb::MessageSlot { message: message.as_ref().map(Wire::to_pb) }).collect()
}

#[async_trait]
impl MessageService for Served<dyn MessageStore> {
    async fn append_messages(
        &self,
        request: Request<pb::AppendMessagesRequest>,
    ) -> Answer<pb::AppendMessagesResponse> {
        let batch = all(request.into_inner().messages, new)?;
        let outcomes = self.port.append(&batch).await.map_err(|e| self.failed(e))?;
        let appended = outcomes.iter().map(appended_pb).collect();
        Ok(Response::new(pb::AppendMessagesResponse { appended }))
    }

    async fn get_messages_by_keys(
        &self,
        request: Request<pb::GetMessagesByKeysRequest>,
    ) -> Answer<pb::GetMessagesByKeysResponse> {
        let keys = all(request.into_inner().keys, MessageKey::from_pb)?;
        let found = self.port.by_keys(&keys).await.map_err(|e| self.failed(e))?;
        Ok(Response::new(pb::GetMessagesByKeysResponse { messages: slots(&found) }))
    }

    async fn get_messages(
        &self,
        request: Request<pb::GetMessagesRequest>,
    ) -> Answer<pb::GetMessagesResponse> {
        let ids = wire::ids(&request.into_inner().ids, "ids")?;
        let found = self.port.by_ids(&ids).await.map_err(|e| self.failed(e))?;
        Ok(Response::new(pb::GetMessagesResponse { messages: slots(&found) }))
    }

    async fn list_messages(
        &self,
        request: Request<pb::ListMessagesRequest>,
    ) -> Answer<pb::ListMessagesResponse> {
        use pb::list_messages_request::From;
        let pb = request.into_inner();
        let conversation = wire::id(pb.conversation_id, "conversation_id")?;
        let from = match wire::part(pb.from, "from")? {
            From::AfterSeq(n) => PageFrom::After(wire::seq(n, "after_seq")?),
            From::BeforeSeq(n) => PageFrom::Before(wire::seq(n, "before_seq")?),
        };
        let limit = limit(pb.limit)?;
        let messages = self.port.page(conversation, from, limit).await.map_err(|e| self.failed(e))?;
        Ok(Response::new(pb::ListMessagesResponse { messages: pbs(&messages) }))
    }

    async fn get_heads(&self, request: Request<pb::GetHeadsRequest>) -> Answer<pb::GetHeadsResponse> {
        let conversations = wire::ids(&request.into_inner().conversation_ids, "conversation_ids")?;
        let heads = self.port.heads(&conversations).await.map_err(|e| self.failed(e))?;
        let heads = heads.iter().map(|head| pb::HeadSlot { seq: head.map(Seq::get) }).collect();
        Ok(Response::new(pb::GetHeadsResponse { heads }))
    }

    async fn recall_message(
        &self,
        request: Request<pb::RecallMessageRequest>,
    ) -> Answer<pb::RecallMessageResponse> {
        let pb = request.into_inner();
        let (id, by) = (wire::id(pb.message_id, "message_id")?, wire::id(pb.by_id, "by_id")?);
        let at = Timestamp::from_millis(pb.at_ms);
        let port = noted(&self.port, pb.note, |port, note| port.noted(note))?;
        let recalled = port.recall(id, by, at).await.map_err(|e| self.failed(e))?;
        let message = Some(recalled.message.to_pb());
        Ok(Response::new(pb::RecallMessageResponse { message, first: recalled.first }))
    }
}

#[async_trait]
impl MessageStore for RepoClient {
    async fn append(&self, batch: &[NewMessage]) -> Result<Vec<Appended>> {
        let operation = write("messages.append");
        let request = || pb::AppendMessagesRequest { messages: batch.iter().map(new_pb).collect() };
        let answer = call!(self, operation, MessageServiceClient.append_messages, request())?;
        operation.by_position(answer.appended, batch.len(), appended)
    }

    async fn by_keys(&self, keys: &[MessageKey]) -> Result<Vec<Option<Message>>> {
        let operation = read("messages.by_keys");
        let request = || pb::GetMessagesByKeysRequest { keys: pbs(keys) };
        let answer = call!(self, operation, MessageServiceClient.get_messages_by_keys, request())?;
        operation.by_position(answer.messages, keys.len(), |slot| wire::optional(slot.message))
    }

    async fn by_ids(&self, ids: &[MessageId]) -> Result<Vec<Option<Message>>> {
        let operation = read("messages.by_ids");
        let request = || pb::GetMessagesRequest { ids: wire::numbers(ids) };
        let answer = call!(self, operation, MessageServiceClient.get_messages, request())?;
        operation.by_position(answer.messages, ids.len(), |slot| wire::optional(slot.message))
    }

    async fn page(
        &self,
        conversation: ConversationId,
        from: PageFrom,
        limit: PageLimit,
    ) -> Result<Vec<Message>> {
        use pb::list_messages_request::From;
        let operation = read("messages.page");
        let from = match from {
            PageFrom::After(seq) => From::AfterSeq(seq.get()),
            PageFrom::Before(seq) => From::BeforeSeq(seq.get()),
        };
        let request = || pb::ListMessagesRequest {
            conversation_id: conversation.get(),
            from: Some(from),
            limit: limit.get(),
        };
        let answer = call!(self, operation, MessageServiceClient.list_messages, request())?;
        operation.read(all(answer.messages, Wire::from_pb))
    }

    async fn heads(&self, conversations: &[ConversationId]) -> Result<Vec<Option<Seq>>> {
        let operation = read("messages.heads");
        let request = || pb::GetHeadsRequest { conversation_ids: wire::numbers(conversations) };
        let answer = call!(self, operation, MessageServiceClient.get_heads, request())?;
        let seq = |slot: pb::HeadSlot| slot.seq.map(|n| wire::seq(n, "heads.seq")).transpose();
        operation.by_position(answer.heads, conversations.len(), seq)
    }

    async fn recall(&self, id: MessageId, by: UserId, at: Timestamp) -> Result<RecallOutcome> {
        let operation = write("messages.recall");
        let request = || pb::RecallMessageRequest {
            message_id: id.get(),
            by_id: by.get(),
            at_ms: at.as_millis(),
            note: self.note(),
        };
        let answer = call!(self, operation, MessageServiceClient.recall_message, request())?;
        let message = wire::nested(answer.message, "message");
        operation.read(message.map(|message| RecallOutcome { message, first: answer.first }))
    }

    fn noted(&self, note: &Note) -> Option<Arc<dyn MessageStore>> {
        Some(self.with_note(note))
    }
}
