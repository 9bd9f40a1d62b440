//! Friendships.

use std::sync::Arc;

use async_trait::async_trait;
use slog::Logger;

use super::context::{Context, noted, to_user};
use crate::error::Fault;
use crate::model::{Caller, ConversationId, ConversationView, Delivery, Event, Subject, User, UserId};
use crate::ports::{Befriend, Ports};
use crate::service::{self, NewFriend};
use crate::{Error, Settings};

/// The service [`Friends`](service::Friends) over the ports.
#[derive(Debug)]
pub struct Friends {
    cx: Context,
}

impl Friends {
    /// Makes the service.
    #[must_use]
    pub fn new(ports: Ports, settings: Arc<Settings>, log: Logger) -> Self {
        Self { cx: Context { ports, settings, log } }
    }

    /// Neither may have too many, unless they are friends already.
    async fn room(&self, me: UserId, other: UserId) -> Result<(), Error> {
        let max = usize::try_from(self.cx.settings.friends_max).unwrap_or(usize::MAX);
        let friends = self.cx.ports.friends.friends(&[me, other]).await?;
        let already = friends.first().is_some_and(|mine| mine.binary_search(&other).is_ok());
        if !already && friends.iter().any(|list| list.len() >= max) {
            return Err(Error::Conflict("one of the two has as many friends as one can have"));
        }
        Ok(())
    }

    async fn friends_of(&self, caller: &Caller) -> Result<Vec<UserId>, Error> {
        if caller.guest {
            return Ok(Vec::new());
        }
        Ok(self.cx.ports.friends.friends(&[caller.user]).await?.pop().unwrap_or_default())
    }
}

impl Context {
    /// Each hears whether the other is here, and of their conversation if it is new.
    pub(super) async fn friends_news(
        &self,
        [me, other]: [&Arc<User>; 2],
        conversation: ConversationId,
        new: bool,
    ) -> Result<Vec<Delivery>, Error> {
        let Ports { conversations, sessions, .. } = &self.ports;
        let mut news = Vec::new();
        if new {
            for (user, peer) in [(me, other), (other, me)] {
                if let Some(entry) = conversations.entries(user.id, &[conversation]).await?.pop().flatten() {
                    let view =
                        ConversationView { entry, peer: Some(Arc::clone(peer)), online: None, new: true };
                    news.push(to_user(user.id, Event::ConversationChanged(Box::new(view))));
                }
            }
        }
        let online = sessions.online(&[me.id, other.id]).await?;
        let here = |i: usize| online.get(i).copied().unwrap_or(false);
        news.push(to_user(me.id, Event::FriendOnline { user: other.id, online: here(1) }));
        news.push(to_user(other.id, Event::FriendOnline { user: me.id, online: here(0) }));
        Ok(news)
    }
}

#[async_trait]
impl service::Friends for Friends {
    async fn befriend(&self, caller: &Caller, other: UserId) -> service::Result<NewFriend> {
        if caller.guest {
            return Err(Error::GuestForbidden);
        }
        if other == caller.user {
            return Err(Error::field("friendId", Fault::Oneself));
        }
        let people = self.cx.people([caller.user, other]).await?;
        let me = people.get(&caller.user).ok_or_else(|| Error::UserNotFound(vec![caller.user]))?;
        let friend = people.get(&other).ok_or_else(|| Error::UserNotFound(vec![other]))?;
        if friend.guest {
            return Err(Error::GuestForbidden);
        }
        self.room(caller.user, other).await?;
        let new = Befriend {
            users: [caller.user, other],
            conversation: self.cx.new_conversation(),
            at: self.cx.now(),
        };
        let subject = || Subject::Friends { users: new.users, conversation: new.conversation };
        let note = self.cx.note(subject);
        let made = noted!(self.cx, friends, note).befriend(&new).await?;
        if made.new_friends {
            match self.cx.friends_news([me, friend], made.conversation, made.new_conversation).await {
                Ok(news) => self.cx.tell_noted(note, news).await,
                Err(e) => {
                    slog::warn!(self.cx.log, "new friends not told of each other"; "error" => %e);
                    self.cx.missed(note);
                }
            }
        }
        Ok(NewFriend { conversation: made.conversation, new: made.new_friends })
    }

    async fn unfriend(&self, caller: &Caller, other: UserId) -> service::Result<()> {
        if caller.guest || other == caller.user {
            return Ok(());
        }
        self.cx.ports.friends.unfriend(caller.user, other).await?;
        Ok(())
    }

    async fn list(&self, caller: &Caller) -> service::Result<Vec<(Arc<User>, bool)>> {
        let ids = self.friends_of(caller).await?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let users = self.cx.ports.users.by_ids(&ids).await?;
        let online = self.cx.ports.sessions.online(&ids).await?;
        Ok(users.into_iter().zip(online).filter_map(|(user, online)| Some((user?, online))).collect())
    }

    async fn online(&self, caller: &Caller) -> service::Result<Vec<(UserId, bool)>> {
        let ids = self.friends_of(caller).await?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let online = self.cx.ports.sessions.online(&ids).await?;
        Ok(ids.into_iter().zip(online).collect())
    }
}
