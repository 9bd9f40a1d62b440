//! Conversations and messages.

use async_trait::async_trait;
use gochat_core::model::{
    Caller, ConversationId, ConversationView, MessageId, MessageView, ReadState, Seq, UserId,
};
use gochat_core::ports::SyncCursor;
use gochat_core::service::{Conversations, HistoryPage, HistoryQuery, Messages, Result, SyncPage};
use gochat_proto::pb::logic::v1::conversations_service_client::ConversationsServiceClient;
use gochat_proto::pb::logic::v1::messages_service_client::MessagesServiceClient;
use gochat_proto::pb::logic::v1::*;

use super::{LogicClient, ask, by};
use crate::grpc::logic::convert::{list, to_history};
use crate::wire::{Wire as _, nested};

#[async_trait]
impl Conversations for LogicClient {
    async fn list(&self, caller: &Caller) -> Result<Vec<ConversationView>> {
        let request = ListConversationsRequest { caller: by(caller) };
        ask!(self, "conversations.list", Read, ConversationsServiceClient.list_conversations, request, |a| {
            list(a.conversations)
        })
    }

    async fn open_single(&self, caller: &Caller, other: UserId) -> Result<(ConversationView, bool)> {
        let request = OpenSingleRequest { caller: by(caller), user_id: other.get() };
        // The second time it is not new.
        ask!(self, "conversations.open_single", Write, ConversationsServiceClient.open_single, request, |a| {
            Ok((nested(a.conversation, "conversation")?, a.is_new))
        })
    }

    async fn get(&self, caller: &Caller, id: ConversationId) -> Result<ConversationView> {
        let request = GetConversationRequest { caller: by(caller), conversation_id: id.get() };
        ask!(self, "conversations.get", Read, ConversationsServiceClient.get_conversation, request, |a| {
            nested(a.conversation, "conversation")
        })
    }

    async fn mark_read(&self, caller: &Caller, id: ConversationId, seq: Option<Seq>) -> Result<ReadState> {
        let request = MarkConversationReadRequest {
            caller: by(caller),
            conversation_id: id.get(),
            seq: seq.map(Seq::get),
        };
        // The second time it does not move.
        ask!(
            self,
            "conversations.mark_read",
            Write,
            ConversationsServiceClient.mark_conversation_read,
            request,
            |a| nested(a.state, "state")
        )
    }

    async fn hide(&self, caller: &Caller, id: ConversationId) -> Result<()> {
        let request = HideConversationRequest { caller: by(caller), conversation_id: id.get() };
        // The second time it would hide what came since the first.
        ask!(
            self,
            "conversations.hide",
            Write,
            ConversationsServiceClient.hide_conversation,
            request,
            |_| Ok(())
        )
    }

    async fn sync(&self, caller: &Caller, cursor: SyncCursor, limit: Option<u32>) -> Result<SyncPage> {
        let request = SyncRequest { caller: by(caller), cursor: cursor.0, limit };
        ask!(self, "conversations.sync", Read, ConversationsServiceClient.sync, request, SyncPage::from_pb)
    }
}

#[async_trait]
impl Messages for LogicClient {
    async fn history(&self, caller: &Caller, id: ConversationId, query: HistoryQuery) -> Result<HistoryPage> {
        let query = Some(to_history(query));
        let request = GetHistoryRequest { caller: by(caller), conversation_id: id.get(), query };
        ask!(self, "messages.history", Read, MessagesServiceClient.get_history, request, HistoryPage::from_pb)
    }

    async fn get(&self, caller: &Caller, id: MessageId) -> Result<MessageView> {
        let request = GetMessageRequest { caller: by(caller), message_id: id.get() };
        ask!(self, "messages.get", Read, MessagesServiceClient.get_message, request, |a| nested(
            a.message, "message"
        ))
    }

    async fn recall(&self, caller: &Caller, id: MessageId) -> Result<MessageView> {
        let request = RecallMessageRequest { caller: by(caller), message_id: id.get() };
        // What is recalled is not recalled again.
        ask!(self, "messages.recall", Read, MessagesServiceClient.recall_message, request, |a| nested(
            a.message, "message"
        ))
    }

    async fn mark_read(&self, caller: &Caller, id: MessageId) -> Result<ReadState> {
        let request = MarkMessageReadRequest { caller: by(caller), message_id: id.get() };
        ask!(self, "messages.mark_read", Write, MessagesServiceClient.mark_message_read, request, |a| {
            nested(a.state, "state")
        })
    }
}
