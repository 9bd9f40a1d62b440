//! What there is to tell of a subject, as the stores have it now.

use std::sync::Arc;

use super::Relay;
use crate::Error;
use crate::model::{
    Audience, ConversationId, ConversationKind, ConversationView, Delivery, Event, Member, MembershipAction,
    MessageId, Subject, UserId,
};
use crate::ports::Freshness;
use crate::send::audience;
use crate::usecase::context::to_user;
use crate::usecase::groups::news::{self, ARRIVALS_TOLD, Notice};

impl Relay {
    /// Nothing for what is no longer there.
    pub(super) async fn news(&self, subject: &Subject) -> Result<Vec<Delivery>, Error> {
        match subject {
            Subject::Friends { users, conversation } => self.friends(*users, *conversation).await,
            Subject::Opened { conversation, users } => self.opened(*conversation, users).await,
            Subject::Changed { group } => self.changed(*group).await,
            Subject::Members { group, users, action, by } => {
                let notice = Notice { group: *group, by: *by };
                self.members(notice, users, *action).await
            }
            Subject::Read { user, conversation } => self.read(*user, *conversation).await,
            Subject::Recalled { message } => self.recalled(*message).await,
        }
    }

    async fn friends(
        &self,
        [a, b]: [UserId; 2],
        conversation: ConversationId,
    ) -> Result<Vec<Delivery>, Error> {
        let friends = self.cx.ports.friends.friends(&[a]).await?.pop().unwrap_or_default();
        if !friends.contains(&b) {
            return Ok(Vec::new());
        }
        let people = self.cx.people([a, b]).await?;
        match (people.get(&a), people.get(&b)) {
            (Some(a), Some(b)) => self.cx.friends_news([a, b], conversation, true).await,
            _ => Ok(Vec::new()),
        }
    }

    async fn opened(&self, id: ConversationId, users: &[UserId]) -> Result<Vec<Delivery>, Error> {
        let found = self.cx.ports.conversations.by_ids(&[id]).await?.pop().flatten();
        let Some(conversation) = found else { return Ok(Vec::new()) };
        let ConversationKind::Single(two) = conversation.kind else {
            return self.cx.group_seen_by(&conversation, users, true).await;
        };
        let people = self.cx.people(two).await?;
        let mut batch = Vec::new();
        for (user, peer) in [(two[0], two[1]), (two[1], two[0])] {
            if let Some(entry) = self.cx.entry(user, id).await? {
                let peer = people.get(&peer).cloned();
                let view = ConversationView { entry, peer, online: None, new: true };
                batch.push(to_user(user, Event::ConversationChanged(Box::new(view))));
            }
        }
        Ok(batch)
    }

    async fn changed(&self, id: ConversationId) -> Result<Vec<Delivery>, Error> {
        let found = self.cx.ports.conversations.by_ids(&[id]).await?.pop().flatten();
        let (Some(group), Some(Audience::Users(users))) = (found, self.all_of(id, UserId::SYSTEM).await?)
        else {
            return Ok(Vec::new());
        };
        self.cx.group_seen_by(&group, &users, false).await
    }

    /// Where each of these users stands in a group now, to all who are in it and to those who are out.
    async fn members(
        &self,
        notice: Notice,
        users: &[UserId],
        action: MembershipAction,
    ) -> Result<Vec<Delivery>, Error> {
        use MembershipAction::{Dissolved, Joined, Left, Muted, Removed, RoleChanged, Unmuted};
        let Some(all) = self.all_of(notice.group, notice.by).await? else {
            return Ok(self.after_the_end(notice, users, action));
        };
        let members = match &all {
            Audience::Users(users) => Some(Arc::clone(users)),
            _ => None,
        };
        let places = self.cx.ports.directory.members(notice.group, users).await?;
        let (mut here, mut batch) = (Vec::new(), Vec::new());
        for (user, place) in users.iter().zip(places) {
            match place {
                Some(member) => here.push(member),
                // Of one who came and is gone again, the note of the going tells.
                None if matches!(action, Left | Removed | Dissolved) => {
                    let event = notice.of(*user, None, action);
                    batch.extend(news::to_members_and(notice.group, members.as_ref(), *user, &event));
                }
                None => {}
            }
        }
        let mut to_all = |event| batch.push(news::to_members(notice.group, members.as_ref(), event));
        if matches!(action, RoleChanged | Muted | Unmuted) {
            for Member { user, role, muted_until, .. } in here {
                to_all(notice.of(user, Some(role), RoleChanged));
                let muted = muted_until.is_some_and(|until| until > self.cx.now());
                to_all(notice.of(user, Some(role), if muted { Muted } else { Unmuted }));
            }
            return Ok(batch);
        }
        // Who is in it now has come, or come back since.
        for member in here.iter().take(ARRIVALS_TOLD) {
            to_all(notice.of(member.user, Some(member.role), Joined));
        }
        let new: Vec<UserId> = here.iter().map(|member| member.user).collect();
        let mut first = self.cx.group_for(notice.group, &new).await?;
        first.append(&mut batch);
        Ok(first)
    }

    /// The group is gone. Its end is told by its own note to all who were in it then; who went before hears only here.
    fn after_the_end(&self, notice: Notice, users: &[UserId], action: MembershipAction) -> Vec<Delivery> {
        match action {
            MembershipAction::Dissolved => {
                let event = notice.of(notice.by, None, action);
                let chunk = usize::try_from(self.cx.settings.direct_fanout_max).unwrap_or(usize::MAX);
                news::to_each_of(Some(users), chunk, &event)
            }
            MembershipAction::Left | MembershipAction::Removed => {
                users.iter().map(|user| to_user(*user, notice.of(*user, None, action))).collect()
            }
            _ => Vec::new(),
        }
    }

    async fn read(&self, user: UserId, conversation: ConversationId) -> Result<Vec<Delivery>, Error> {
        let Some(entry) = self.cx.entry(user, conversation).await? else { return Ok(Vec::new()) };
        let event = Event::Read { conversation, seq: entry.me.read_seq, unread: entry.unread() };
        Ok(vec![to_user(user, event)])
    }

    async fn recalled(&self, id: MessageId) -> Result<Vec<Delivery>, Error> {
        let found = self.cx.ports.messages.by_ids(&[id]).await?.pop().flatten();
        let Some(message) = found else { return Ok(Vec::new()) };
        let Some(tombstone) = message.recalled else { return Ok(Vec::new()) };
        let event = Event::Recalled {
            conversation: message.conversation,
            id,
            seq: message.seq,
            at: tombstone.at,
            by: tombstone.by,
        };
        let readers = self.all_of(message.conversation, message.sender).await?;
        let delivery = |audience| Delivery { event, audience, except: None };
        Ok(readers.map(delivery).into_iter().collect())
    }

    /// Everybody in a conversation; `None` where it is gone.
    async fn all_of(&self, id: ConversationId, user: UserId) -> Result<Option<Audience>, Error> {
        let max = self.cx.settings.direct_fanout_max.max(1);
        let access = self.cx.ports.directory.access(&[(id, user)], max, Freshness::Fresh).await?;
        Ok(audience(id, access.first().and_then(Option::as_ref)))
    }
}
