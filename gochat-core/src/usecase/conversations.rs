//! Conversations as the caller sees them.

use std::sync::Arc;

use async_trait::async_trait;
use slog::Logger;

use super::context::{Context, found, noted, to_user};
use crate::error::Fault;
use crate::model::{
    Caller, ConversationId, ConversationView, Event, PageLimit, ReadState, Seq, Subject, User, UserId,
};
use crate::ports::{OpenSingle, Ports, SyncCursor};
use crate::service::{self, SyncPage};
use crate::settings::WritePolicy;
use crate::{Error, Settings};

/// The service [`Conversations`](service::Conversations) over the ports.
#[derive(Debug)]
pub struct Conversations {
    cx: Context,
}

impl Conversations {
    /// Makes the service.
    #[must_use]
    pub fn new(ports: Ports, settings: Arc<Settings>, log: Logger) -> Self {
        Self { cx: Context { ports, settings, log } }
    }

    /// A conversation that the viewer has just got, with this peer.
    async fn new_view(
        &self,
        viewer: UserId,
        peer: &Arc<User>,
        id: ConversationId,
        new: bool,
    ) -> Result<ConversationView, Error> {
        let entry = self.cx.entry(viewer, id).await?.ok_or(Error::ConversationNotFound)?;
        Ok(ConversationView { entry, peer: Some(Arc::clone(peer)), online: None, new })
    }

    async fn may_open(&self, caller: &Caller, other: UserId) -> Result<bool, Error> {
        Ok(match self.cx.settings.write_policy {
            WritePolicy::Anyone => true,
            WritePolicy::Friends => {
                let friends = self.cx.ports.friends.friends(&[caller.user]).await?;
                friends.first().is_some_and(|mine| mine.contains(&other))
            }
        })
    }
}

#[async_trait]
impl service::Conversations for Conversations {
    async fn list(&self, caller: &Caller) -> service::Result<Vec<ConversationView>> {
        let max = self.cx.settings.conversations_max.max(1);
        let limit = PageLimit::new(max, max).expect("at least 1");
        let entries = self.cx.ports.conversations.list(caller.user, limit).await?;
        self.cx.conversation_views(entries).await
    }

    async fn open_single(&self, caller: &Caller, other: UserId) -> service::Result<(ConversationView, bool)> {
        if caller.guest {
            return Err(Error::GuestForbidden);
        }
        if other == caller.user {
            return Err(Error::field("targetUserId", Fault::Oneself));
        }
        let people = self.cx.people([caller.user, other]).await?;
        let me = people.get(&caller.user).ok_or_else(|| Error::UserNotFound(vec![caller.user]))?;
        let peer = people.get(&other).ok_or_else(|| Error::UserNotFound(vec![other]))?;
        if !self.may_open(caller, other).await? {
            return Err(Error::Forbidden);
        }
        let open = OpenSingle {
            users: [caller.user, other],
            by: caller.user,
            id: self.cx.new_conversation(),
            at: self.cx.now(),
        };
        let users = || Arc::new(open.users) as Arc<[UserId]>;
        let note = self.cx.note(|| Subject::Opened { conversation: open.id, users: users() });
        let opened = noted!(self.cx, conversations, note).open_single(&open).await?;
        let note = note.filter(|_| opened.new);
        let mine = match self.new_view(caller.user, peer, opened.id, opened.new).await {
            Ok(mine) => mine,
            Err(e) => {
                self.cx.missed(note);
                return Err(e);
            }
        };
        if opened.new {
            let mut news = vec![to_user(caller.user, Event::ConversationChanged(Box::new(mine.clone())))];
            match self.new_view(other, me, opened.id, true).await {
                Ok(theirs) => {
                    news.push(to_user(other, Event::ConversationChanged(Box::new(theirs))));
                    self.cx.tell_noted(note, news).await;
                }
                Err(e) => {
                    slog::warn!(self.cx.log, "partner not told of a conversation"; "error" => %e);
                    self.cx.tell(news).await;
                    self.cx.missed(note);
                }
            }
        }
        Ok((mine, opened.new))
    }

    async fn get(&self, caller: &Caller, id: ConversationId) -> service::Result<ConversationView> {
        let entry = self.cx.entry(caller.user, id).await?.ok_or(Error::ConversationNotFound)?;
        self.cx.conversation_view(entry).await
    }

    async fn mark_read(
        &self,
        caller: &Caller,
        id: ConversationId,
        seq: Option<Seq>,
    ) -> service::Result<ReadState> {
        self.cx.mark_read(caller, id, seq).await?.ok_or(Error::ConversationNotFound)
    }

    async fn hide(&self, caller: &Caller, id: ConversationId) -> service::Result<()> {
        found(self.cx.ports.conversations.hide(caller.user, id).await)?.ok_or(Error::ConversationNotFound)
    }

    async fn sync(
        &self,
        caller: &Caller,
        cursor: SyncCursor,
        limit: Option<u32>,
    ) -> service::Result<SyncPage> {
        let limit = self.cx.limit(limit, self.cx.settings.page_default);
        let limit = limit.map_err(|fault| Error::field("limit", fault))?;
        let changes = self.cx.ports.conversations.changes(caller.user, cursor, limit).await?;
        Ok(SyncPage {
            conversations: self.cx.conversation_views(changes.conversations).await?,
            memberships: changes.memberships,
            friends: changes.friends,
            cursor: changes.cursor,
            has_more: changes.has_more,
        })
    }
}
