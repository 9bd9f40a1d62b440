//! History, recalling and reading. Whether the caller may read is asked for every call, past all caches: who has left is
//! as a stranger at once.

use std::sync::Arc;

use async_trait::async_trait;
use slog::Logger;

use super::context::{Context, found, noted};
use crate::error::Fault;
use crate::model::{
    Audience, Caller, ConversationEntry, ConversationId, ConversationKind, Delivery, Event, Message,
    MessageId, MessageView, Note, PageLimit, ReadState, Seq, Subject,
};
use crate::ports::{Freshness, PageFrom, Ports};
use crate::rules::paging::Readable;
use crate::rules::recall::{self, Verdict, Wish};
use crate::service::{self, HistoryPage, HistoryQuery};
use crate::{Error, Settings};

/// The service [`Messages`](service::Messages) over the ports.
#[derive(Debug)]
pub struct Messages {
    cx: Context,
}

impl Messages {
    /// Makes the service.
    #[must_use]
    pub fn new(ports: Ports, settings: Arc<Settings>, log: Logger) -> Self {
        Self { cx: Context { ports, settings, log } }
    }

    /// What of a conversation its member may read.
    fn readable(&self, entry: &ConversationEntry) -> Readable {
        let floor = if self.cx.settings.history_before_join { Seq::ZERO } else { entry.me.joined_seq };
        Readable { floor, head: entry.conversation.last_seq }
    }

    /// A message that the caller may read, and how they see its conversation.
    async fn find(&self, caller: &Caller, id: MessageId) -> Result<(Message, ConversationEntry), Error> {
        let found = self.cx.ports.messages.by_ids(&[id]).await?.pop().flatten();
        let message = found.ok_or(Error::MessageNotFound)?;
        let entry = self.cx.entry(caller.user, message.conversation).await?.ok_or(Error::MessageNotFound)?;
        if message.seq <= self.readable(&entry).floor {
            return Err(Error::MessageNotFound);
        }
        Ok((message, entry))
    }

    /// Who has a conversation on the screen.
    async fn audience(&self, caller: &Caller, entry: &ConversationEntry) -> Result<Audience, Error> {
        let id = entry.conversation.id;
        Ok(match &entry.conversation.kind {
            ConversationKind::World => Audience::Everyone,
            ConversationKind::Single(two) => Audience::Users((*two).into()),
            ConversationKind::Group(_) => {
                let max = self.cx.settings.direct_fanout_max;
                let asked = [(id, caller.user)];
                let access = self.cx.ports.directory.access(&asked, max, Freshness::Cached).await?.pop();
                let members = access.flatten().and_then(|a| a.members);
                members.map_or(Audience::Members(id), Audience::Users)
            }
        })
    }

    async fn tell_recalled(
        &self,
        caller: &Caller,
        message: &Message,
        entry: &ConversationEntry,
        note: Option<Note>,
    ) {
        let Some(tombstone) = message.recalled else { return };
        let event = Event::Recalled {
            conversation: message.conversation,
            id: message.id,
            seq: message.seq,
            at: tombstone.at,
            by: tombstone.by,
        };
        match self.audience(caller, entry).await {
            Ok(audience) => self.cx.tell_noted(note, vec![Delivery { event, audience, except: None }]).await,
            Err(e) => {
                slog::warn!(self.cx.log, "readers not told of a recall"; "error" => %e);
                self.cx.missed(note);
            }
        }
    }
}

#[async_trait]
impl service::Messages for Messages {
    async fn history(
        &self,
        caller: &Caller,
        id: ConversationId,
        query: HistoryQuery,
    ) -> service::Result<HistoryPage> {
        let (field, asked) = match query {
            HistoryQuery::Page { page: 0, .. } => return Err(Error::field("page", Fault::Malformed)),
            HistoryQuery::Page { size, .. } => ("size", size),
            HistoryQuery::After { limit, .. } | HistoryQuery::Before { limit, .. } => ("limit", limit),
        };
        let size = self.cx.limit(asked, self.cx.settings.page_default);
        let size = size.map_err(|fault| Error::field(field, fault))?.get();
        let entry = self.cx.entry(caller.user, id).await?.ok_or(Error::ConversationNotFound)?;
        let readable = self.readable(&entry);
        let window = match query {
            HistoryQuery::Page { page, .. } => readable.page(page, size),
            HistoryQuery::After { seq, .. } => readable.after(seq, size),
            HistoryQuery::Before { seq, .. } => readable.before(seq, size),
        };
        let messages = match PageLimit::new(window.count, size) {
            // Dense sequences: those right above one end are those right below the other.
            Ok(limit) => self.cx.ports.messages.page(id, PageFrom::After(window.above), limit).await?,
            Err(_) => Vec::new(),
        };
        Ok(HistoryPage {
            messages: self.cx.message_views(messages).await?,
            size,
            total: readable.total(),
            has_more: window.has_more,
            next_seq: window.next,
        })
    }

    async fn get(&self, caller: &Caller, id: MessageId) -> service::Result<MessageView> {
        let (message, _) = self.find(caller, id).await?;
        self.cx.message_view(message).await
    }

    async fn recall(&self, caller: &Caller, id: MessageId) -> service::Result<MessageView> {
        let (message, entry) = self.find(caller, id).await?;
        let now = self.cx.now();
        let wish = Wish {
            own: message.sender == caller.user,
            role: matches!(entry.conversation.kind, ConversationKind::Group(_)).then_some(entry.me.role),
            sent_at: message.sent_at,
            recalled: message.recalled.is_some(),
        };
        match recall::decide(wish, now, self.cx.settings.recall_window) {
            Verdict::Granted => {}
            Verdict::Forbidden => return Err(Error::Forbidden),
            Verdict::TooLate => return Err(Error::RecallExpired),
        }
        let note = self.cx.note(|| Subject::Recalled { message: id });
        let recalled = noted!(self.cx, messages, note).recall(id, caller.user, now).await;
        let outcome = found(recalled)?.ok_or(Error::MessageNotFound)?;
        // A repeat is told again: the first time may have been cut off between storing and telling, and no sequence
        // number shows a reader what it missed.
        let note = note.filter(|_| outcome.first);
        self.tell_recalled(caller, &outcome.message, &entry, note).await;
        self.cx.message_view(outcome.message).await
    }

    async fn mark_read(&self, caller: &Caller, id: MessageId) -> service::Result<ReadState> {
        let (message, _) = self.find(caller, id).await?;
        let marked = self.cx.mark_read(caller, message.conversation, Some(message.seq)).await?;
        marked.ok_or(Error::MessageNotFound)
    }
}
