//! What members hear of changes.

use std::sync::Arc;

use super::Groups;
use super::standing::Standing;
use crate::Error;
use crate::model::{
    Audience, Caller, Conversation, ConversationId, Delivery, Event, LastMessage, Member, MembershipAction,
    Note, Role, UserId,
};
use crate::usecase::context::{Context, to_user};
use crate::usecase::views::group_view;

/// So many arrivals are told one by one; of more at once the rest is seen on the group's page. Each notice goes to every
/// member, and a thousand of them would overrun the queue of each.
pub(in crate::usecase) const ARRIVALS_TOLD: usize = 100;

/// The frame of a membership event.
#[derive(Debug, Clone, Copy)]
pub(in crate::usecase) struct Notice {
    pub(in crate::usecase) group: ConversationId,
    pub(in crate::usecase) by: UserId,
}

impl Notice {
    pub(in crate::usecase) fn of(self, user: UserId, role: Option<Role>, action: MembershipAction) -> Event {
        Event::Membership { group: self.group, user, role, action, by: self.by }
    }
}

fn to(audience: Audience, event: Event) -> Delivery {
    Delivery { event, audience, except: None }
}

/// To all members: by name when they are few enough to be named.
pub(in crate::usecase) fn to_members(
    id: ConversationId,
    members: Option<&Arc<[UserId]>>,
    event: Event,
) -> Delivery {
    to(members.map_or(Audience::Members(id), |m| Audience::Users(Arc::clone(m))), event)
}

/// To all members, and to one who is no longer among those that a later look-up finds.
pub(in crate::usecase) fn to_members_and(
    id: ConversationId,
    members: Option<&Arc<[UserId]>>,
    gone: UserId,
    event: &Event,
) -> Vec<Delivery> {
    let mut batch = vec![to_members(id, members, event.clone())];
    if members.is_none_or(|members| !members.contains(&gone)) {
        batch.push(to_user(gone, event.clone()));
    }
    batch
}

/// To many named users, in pieces that can be delivered to directly.
pub(in crate::usecase) fn to_each_of(
    members: Option<&[UserId]>,
    chunk: usize,
    event: &Event,
) -> Vec<Delivery> {
    let pieces = members.unwrap_or_default().chunks(chunk.max(1));
    pieces.map(|piece| to(Audience::Users(piece.into()), event.clone())).collect()
}

/// A group as each of these members sees it.
pub(in crate::usecase) fn conversation(
    conversation: &Conversation,
    members: Vec<Member>,
    last: Option<&LastMessage>,
    new: bool,
) -> Vec<Delivery> {
    members
        .into_iter()
        .map(|me| {
            let user = me.user;
            let view = group_view(conversation, me, last, new);
            to_user(user, Event::ConversationChanged(Box::new(view)))
        })
        .collect()
}

impl Groups {
    /// The new ones get the group, everybody hears who has come.
    pub(super) async fn tell_added(
        &self,
        caller: &Caller,
        id: ConversationId,
        standing: &Standing,
        added: &[UserId],
        note: Option<Note>,
    ) {
        if added.is_empty() {
            return;
        }
        let (mut batch, note) = match self.cx.group_for(id, added).await {
            Ok(batch) => (batch, note),
            Err(e) => {
                slog::warn!(self.cx.log, "new members not told of their group"; "error" => %e);
                self.cx.missed(note);
                (Vec::new(), None)
            }
        };
        let all: Option<Arc<[UserId]>> =
            standing.members.as_ref().map(|old| old.iter().chain(added).copied().collect());
        let notice = Notice { group: id, by: caller.user };
        for user in added.iter().take(ARRIVALS_TOLD) {
            let event = notice.of(*user, Some(Role::Member), MembershipAction::Joined);
            batch.push(to_members(id, all.as_ref(), event));
        }
        self.cx.tell_noted(note, batch).await;
    }

    /// Another name or picture: members of a group that can be delivered to directly see it at once, others by the next
    /// list.
    pub(super) async fn tell_changed(
        &self,
        group: &Conversation,
        members: Option<&[UserId]>,
        note: Option<Note>,
    ) {
        match self.cx.group_seen_by(group, members.unwrap_or_default(), false).await {
            Ok(batch) => self.cx.tell_noted(note, batch).await,
            Err(e) => {
                slog::warn!(self.cx.log, "members not told of a change"; "error" => %e);
                self.cx.missed(note);
            }
        }
    }
}

impl Context {
    /// A group that is new to these users, as each sees it; nothing to those who are not in it.
    pub(in crate::usecase) async fn group_for(
        &self,
        id: ConversationId,
        users: &[UserId],
    ) -> Result<Vec<Delivery>, Error> {
        let found = self.ports.conversations.by_ids(&[id]).await?.pop().flatten();
        let Some(group) = found else { return Ok(Vec::new()) };
        self.group_seen_by(&group, users, true).await
    }

    /// A group as each of these users sees it.
    pub(in crate::usecase) async fn group_seen_by(
        &self,
        group: &Conversation,
        users: &[UserId],
        new: bool,
    ) -> Result<Vec<Delivery>, Error> {
        if users.is_empty() {
            return Ok(Vec::new());
        }
        let members = self.ports.directory.members(group.id, users).await?;
        let last = self.last_message(group).await?;
        Ok(conversation(group, members.into_iter().flatten().collect(), last.as_ref(), new))
    }
}
