//! Groups and the rights in them.
//!
//! Every change reads the members' version and the ranks that it is about, asks the table of rights, and writes on
//! condition that the version is still the same. When it is not, it reads and decides again, a bounded number of times.

mod changes;
pub(super) mod news;
mod pages;
mod rights;
mod standing;

use std::sync::Arc;

use async_trait::async_trait;
use slog::Logger;

use super::context::{Context, found, noted};
use crate::error::Fault;
use crate::model::{Caller, ConversationId, Member, Role, Subject, UserId};
use crate::ports::{GroupPatch, NewGroup, Ports};
use crate::rules::fields::{self, Faults};
use crate::rules::groups::Action;
use crate::service::{
    self, GroupChange, GroupCreation, GroupDetail, MemberChange, MemberPage, MemberQuery, MemberView,
};
use crate::{Error, Settings};

/// The service [`Groups`](service::Groups) over the ports.
#[derive(Debug)]
pub struct Groups {
    cx: Context,
}

impl Groups {
    /// Makes the service.
    #[must_use]
    pub fn new(ports: Ports, settings: Arc<Settings>, log: Logger) -> Self {
        Self { cx: Context { ports, settings, log } }
    }

    /// Who is to be in a group beside the caller: without repeats, ascending, not too many.
    fn others(&self, caller: &Caller, asked: &[UserId]) -> Result<Vec<UserId>, Fault> {
        let mut users: Vec<UserId> = asked.iter().copied().filter(|user| *user != caller.user).collect();
        users.sort_unstable();
        users.dedup();
        let max = usize::try_from(self.cx.settings.group_members_max).unwrap_or(usize::MAX);
        if users.len() >= max.max(1) {
            return Err(Fault::TooLong { max });
        }
        Ok(users)
    }

    /// Refuses those who can't be in a group.
    async fn check_people(&self, users: &[UserId]) -> Result<(), Error> {
        let people = self.cx.people(users.iter().copied()).await?;
        let missing: Vec<UserId> = users.iter().copied().filter(|id| !people.contains_key(id)).collect();
        if !missing.is_empty() {
            return Err(Error::UserNotFound(missing));
        }
        if people.values().any(|user| user.guest) {
            return Err(Error::GuestForbidden);
        }
        Ok(())
    }
}

#[async_trait]
impl service::Groups for Groups {
    async fn create(&self, caller: &Caller, new: GroupCreation) -> service::Result<GroupDetail> {
        if caller.guest {
            return Err(Error::GuestForbidden);
        }
        let Settings { group_name_max, group_description_max, avatar_max, .. } = *self.cx.settings;
        let mut faults = Faults::default();
        let name = faults.take("groupName", fields::title(&new.name, group_name_max));
        let avatar = faults.take("avatar", fields::avatar(&new.avatar, avatar_max));
        let description =
            faults.take("description", fields::description(&new.description, group_description_max));
        let members = faults.take("members", self.others(caller, &new.members));
        let (Some(name), Some(avatar), Some(description), Some(members)) =
            (name, avatar, description, members)
        else {
            return Err(faults.into_error());
        };
        self.check_people(&members).await?;
        let new = NewGroup {
            id: self.cx.new_conversation(),
            name,
            avatar,
            description,
            owner: caller.user,
            members,
            at: self.cx.now(),
        };
        let everybody = || new.members.iter().copied().chain([new.owner]).collect();
        let note = self.cx.note(|| Subject::Opened { conversation: new.id, users: everybody() });
        let conversation = noted!(self.cx, groups, note).create(&new).await?;
        // Nobody can have written, read or left in it yet: what the store would say is known.
        let place = |user: &UserId| Member {
            user: *user,
            role: if *user == new.owner { Role::Owner } else { Role::Member },
            muted_until: None,
            joined_seq: conversation.last_seq,
            read_seq: conversation.last_seq,
        };
        let members: Vec<Member> = new.members.iter().chain([&new.owner]).map(place).collect();
        self.cx.tell_noted(note, news::conversation(&conversation, members, None, true)).await;
        let mut detail = self.detail(caller, new.id).await?;
        detail.conversation.new = true;
        Ok(detail)
    }

    async fn get(&self, caller: &Caller, id: ConversationId) -> service::Result<GroupDetail> {
        self.detail(caller, id).await
    }

    async fn members(
        &self,
        caller: &Caller,
        id: ConversationId,
        query: MemberQuery,
    ) -> service::Result<MemberPage> {
        let (field, asked) = match query {
            MemberQuery::Page { page: 0, .. } => return Err(Error::field("page", Fault::Malformed)),
            MemberQuery::Page { size, .. } => ("size", size),
            MemberQuery::After { limit, .. } => ("limit", limit),
        };
        let size = self.cx.limit(asked, self.cx.settings.page_default);
        let size = size.map_err(|fault| Error::field(field, fault))?.get();
        let (group, _) = self.group(caller, id).await?;
        let start = match query {
            MemberQuery::After { user, .. } => Some(user),
            MemberQuery::Page { page, .. } => {
                let skipped = u64::from(page - 1) * u64::from(size);
                self.page_start(id, skipped, group.member_count).await?
            }
        };
        match start {
            Some(after) => self.member_page(id, after, size, group.member_count).await,
            None => Ok(MemberPage { size, total: group.member_count, ..MemberPage::default() }),
        }
    }

    async fn update(
        &self,
        caller: &Caller,
        id: ConversationId,
        change: GroupChange,
    ) -> service::Result<GroupDetail> {
        let Settings { group_name_max, group_description_max, avatar_max, .. } = *self.cx.settings;
        let mut faults = Faults::default();
        let name =
            faults.take_option("groupName", change.name.as_deref().map(|n| fields::title(n, group_name_max)));
        let avatar =
            faults.take_option("avatar", change.avatar.as_deref().map(|a| fields::avatar(a, avatar_max)));
        let text = change.description.as_deref();
        let description =
            faults.take_option("description", text.map(|d| fields::description(d, group_description_max)));
        let (Some(name), Some(avatar), Some(description)) = (name, avatar, description) else {
            return Err(faults.into_error());
        };
        let standing = self.standing(caller, id, None, self.cx.settings.direct_fanout_max).await?;
        self.require(&standing, Action::Edit)?;
        if name.is_some() || avatar.is_some() || description.is_some() {
            let patch = GroupPatch { name, avatar, description };
            let note = self.cx.note(|| Subject::Changed { group: id });
            let changed = noted!(self.cx, groups, note).update(id, &patch).await;
            let changed = found(changed)?.ok_or(Error::GroupNotFound)?;
            self.tell_changed(&changed, standing.members.as_deref(), note).await;
        }
        self.detail(caller, id).await
    }

    async fn dissolve(&self, caller: &Caller, id: ConversationId) -> service::Result<()> {
        self.end(caller, id).await
    }

    async fn add(
        &self,
        caller: &Caller,
        id: ConversationId,
        users: &[UserId],
    ) -> service::Result<GroupDetail> {
        let users = self.others(caller, users).map_err(|fault| Error::field("members", fault))?;
        self.add_members(caller, id, &users).await?;
        self.detail(caller, id).await
    }

    async fn remove(&self, caller: &Caller, id: ConversationId, user: UserId) -> service::Result<()> {
        if user == caller.user { self.leave(caller, id).await } else { self.expel(caller, id, user).await }
    }

    async fn change_member(
        &self,
        caller: &Caller,
        id: ConversationId,
        user: UserId,
        change: MemberChange,
    ) -> service::Result<MemberView> {
        let member = match change {
            MemberChange::Rights { role, muted_until } => {
                self.change_rights(caller, id, user, role, muted_until).await?
            }
            MemberChange::Owner => self.hand_over(caller, id, user).await?,
        };
        let mut views = self.member_views(vec![member]).await?;
        Ok(views.pop().expect("one view for one member"))
    }
}
