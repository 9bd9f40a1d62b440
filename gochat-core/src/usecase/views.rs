//! Conversations and messages with the faces that clients show: people are looked up once for all of them.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::context::Context;
use crate::Error;
use crate::model::{
    Conversation, ConversationEntry, ConversationId, ConversationKind, ConversationView, LastMessage, Member,
    Message, MessageView, PageLimit, User, UserId,
};
use crate::ports::PageFrom;

pub(crate) type People = HashMap<UserId, Arc<User>>;

impl Context {
    /// Those of these users that exist.
    pub(crate) async fn people(&self, ids: impl IntoIterator<Item = UserId>) -> Result<People, Error> {
        let ids: Vec<UserId> = ids.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        if ids.is_empty() {
            return Ok(People::new());
        }
        let found = self.ports.users.by_ids(&ids).await?;
        Ok(found.into_iter().flatten().map(|user| (user.id, user)).collect())
    }

    /// How somebody sees one conversation; `None` for a stranger.
    pub(crate) async fn entry(
        &self,
        viewer: UserId,
        id: ConversationId,
    ) -> Result<Option<ConversationEntry>, Error> {
        Ok(self.ports.conversations.entries(viewer, &[id]).await?.pop().flatten())
    }

    /// Adds to what one viewer sees whom they talk to, and how many are in the world channel.
    pub(crate) async fn conversation_views(
        &self,
        entries: Vec<ConversationEntry>,
    ) -> Result<Vec<ConversationView>, Error> {
        let people = self.people(entries.iter().filter_map(peer)).await?;
        let online = if entries.iter().any(|e| e.conversation.id.is_world()) {
            self.online_count().await
        } else {
            None
        };
        let view = |entry: ConversationEntry| ConversationView {
            peer: peer(&entry).and_then(|id| people.get(&id).cloned()),
            online: online.filter(|_| entry.conversation.id.is_world()),
            new: false,
            entry,
        };
        Ok(entries.into_iter().map(view).collect())
    }

    /// The same for one conversation.
    pub(crate) async fn conversation_view(
        &self,
        entry: ConversationEntry,
    ) -> Result<ConversationView, Error> {
        let mut views = self.conversation_views(vec![entry]).await?;
        Ok(views.pop().expect("one view for one entry"))
    }

    /// Unknown while the directory of sessions is away: a list of conversations does not fail for a number beside it.
    async fn online_count(&self) -> Option<u64> {
        match self.ports.sessions.online_count().await {
            Ok(count) => Some(count),
            Err(e) => {
                slog::warn!(self.log, "unknown how many are online"; "error" => %e);
                None
            }
        }
    }

    pub(crate) async fn message_views(&self, messages: Vec<Message>) -> Result<Vec<MessageView>, Error> {
        let people = self.people(messages.iter().map(|m| m.sender)).await?;
        let view = |m: Message| MessageView { sender: people.get(&m.sender).cloned(), message: Arc::new(m) };
        Ok(messages.into_iter().map(view).collect())
    }

    pub(crate) async fn message_view(&self, message: Message) -> Result<MessageView, Error> {
        let mut views = self.message_views(vec![message]).await?;
        Ok(views.pop().expect("one view for one message"))
    }

    /// The newest message of a conversation, as its list entry shows it.
    pub(crate) async fn last_message(&self, of: &Conversation) -> Result<Option<LastMessage>, Error> {
        if of.last_seq.get() == 0 {
            return Ok(None);
        }
        let one = PageLimit::new(1, 1).expect("1 is a size");
        let page = self.ports.messages.page(of.id, PageFrom::Before(of.last_seq.next()), one).await?;
        Ok(page.into_iter().next_back().map(|m| LastMessage {
            id: m.id,
            sender: m.sender,
            kind: m.body.kind,
            content: m.body.content,
            sent_at: m.sent_at,
        }))
    }
}

/// How one member of a group sees it, put together without asking for each. Nobody has muted or pinned what is new, and
/// there is no call yet that would.
pub(crate) fn group_view(
    conversation: &Conversation,
    me: Member,
    last_message: Option<&LastMessage>,
    new: bool,
) -> ConversationView {
    let entry = ConversationEntry {
        conversation: conversation.clone(),
        me,
        last_message: last_message.cloned(),
        muted: false,
        pinned: false,
    };
    ConversationView { entry, peer: None, online: None, new }
}

/// The other one, in a single chat.
fn peer(entry: &ConversationEntry) -> Option<UserId> {
    match entry.conversation.kind {
        ConversationKind::Single(two) => two.into_iter().find(|user| *user != entry.me.user),
        _ => None,
    }
}
