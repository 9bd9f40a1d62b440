//! The message log.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Memory, State, count, index};
use crate::model::{
    ConversationId, Message, MessageId, MessageKey, NewMessage, Note, PageLimit, Recalled, Seq, Timestamp,
    UserId,
};
use crate::ports::{Appended, MessageStore, PageFrom, RecallOutcome, Result, StoreError};

#[async_trait]
impl MessageStore for Memory {
    async fn append(&self, batch: &[NewMessage]) -> Result<Vec<Appended>> {
        let mut state = self.lock();
        // One after the other under one lock is the transaction. A refused sequence refuses all that follow it by itself:
        // the head stays where it is.
        let mut refused = Vec::new();
        Ok(batch.iter().map(|new| state.append(new, &mut refused)).collect())
    }

    async fn by_keys(&self, keys: &[MessageKey]) -> Result<Vec<Option<Message>>> {
        let state = self.lock();
        Ok(keys.iter().map(|key| state.by_key(key).cloned()).collect())
    }

    async fn by_ids(&self, ids: &[MessageId]) -> Result<Vec<Option<Message>>> {
        let state = self.lock();
        Ok(ids.iter().map(|id| state.message(*id).cloned()).collect())
    }

    async fn page(
        &self,
        conversation: ConversationId,
        from: PageFrom,
        limit: PageLimit,
    ) -> Result<Vec<Message>> {
        let state = self.lock();
        let Some(room) = state.rooms.get(&conversation) else {
            return Ok(Vec::new());
        };
        let all = room.messages.len();
        let place = |seq: Seq| usize::try_from(seq.get()).unwrap_or(usize::MAX);
        let (start, end) = match from {
            PageFrom::After(seq) => {
                let start = place(seq).min(all);
                (start, start.saturating_add(count(limit)).min(all))
            }
            PageFrom::Before(seq) => {
                let end = index(seq).unwrap_or(0).min(all);
                (end.saturating_sub(count(limit)), end)
            }
        };
        Ok(room.messages[start..end].to_vec())
    }

    async fn heads(&self, conversations: &[ConversationId]) -> Result<Vec<Option<Seq>>> {
        let state = self.lock();
        Ok(conversations
            .iter()
            .map(|id| state.rooms.get(id).map(|room| room.conversation.last_seq))
            .collect())
    }

    async fn recall(&self, id: MessageId, by: UserId, at: Timestamp) -> Result<RecallOutcome> {
        let mut state = self.lock();
        let stamp = state.tick();
        let (conversation, seq) =
            state.messages.get(&id).copied().ok_or(StoreError::not_found("messages.recall"))?;
        let room = state.rooms.get_mut(&conversation).ok_or(StoreError::not_found("messages.recall"))?;
        let message = index(seq)
            .and_then(|i| room.messages.get_mut(i))
            .ok_or(StoreError::not_found("messages.recall"))?;
        let first = message.recalled.is_none();
        if first {
            message.recalled = Some(Recalled { at, by });
            message.body.content = "".into();
            message.body.attachment = None;
            message.body.mentions.clear();
            room.stamp = stamp;
        }
        let message = message.clone();
        if first {
            state.leave(self.note.as_ref());
        }
        Ok(RecallOutcome { message, first })
    }

    fn noted(&self, note: &Note) -> Option<Arc<dyn MessageStore>> {
        Some(self.with(note))
    }
}

impl State {
    fn by_key(&self, key: &MessageKey) -> Option<&Message> {
        self.keys.get(key).and_then(|id| self.message(*id))
    }

    /// Takes one message; `refused` are the conversations of which one was refused before in this batch.
    fn append(&mut self, new: &NewMessage, refused: &mut Vec<ConversationId>) -> Appended {
        let message = &new.message;
        let conversation = message.conversation;
        if let Some(stored) = self.by_key(&message.key()) {
            return Appended::Repeated(Box::new(stored.clone()));
        }
        let stamp = self.tick();
        let Some(room) = self.rooms.get_mut(&conversation) else {
            return Appended::MembersChanged;
        };
        if room.conversation.members_version != new.members_version {
            return Appended::MembersChanged;
        }
        let head = room.conversation.last_seq;
        if message.seq != head.next() || refused.contains(&conversation) {
            refused.push(conversation);
            return Appended::OutOfSequence { head };
        }
        room.conversation.last_seq = message.seq;
        room.stamp = stamp;
        if let Some(place) = room.places.get_mut(&message.sender) {
            place.member.read_seq = place.member.read_seq.max(message.seq);
        }
        room.messages.push(Message::clone(message));
        self.messages.insert(message.id, (conversation, message.seq));
        self.keys.insert(message.key(), message.id);
        Appended::Stored
    }
}
