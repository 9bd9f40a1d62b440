//! Changes of who is in a group and with which rights.

use super::Groups;
use super::news::{self, Notice};
use super::standing::{Standing, settled};
use crate::Error;
use crate::error::Fault;
use crate::model::{Caller, ConversationId, Member, MembershipAction, Role, Timestamp, UserId};
use crate::ports::{AddMembersWrite, ErrorKind, MemberPatch};
use crate::rules::groups::{Action, Leaving, leaving};

/// So often a change is decided anew when the members change while it is.
const TRIES: usize = 5;

const CHANGING: Error = Error::Conflict("the members of the group keep changing, try again");

impl Groups {
    fn direct(&self) -> u32 {
        // At least one, so that the last member is known to be it.
        self.cx.settings.direct_fanout_max.max(1)
    }

    pub(super) async fn add_members(
        &self,
        caller: &Caller,
        id: ConversationId,
        users: &[UserId],
    ) -> Result<(), Error> {
        let max = self.cx.settings.group_members_max;
        for tries in 0..TRIES {
            let standing = self.standing(caller, id, None, self.direct()).await?;
            self.require(&standing, Action::Add)?;
            if users.is_empty() {
                return Ok(());
            }
            if tries == 0 {
                self.check_people(users).await?;
            }
            let write =
                AddMembersWrite { users: users.to_vec(), max, expect: standing.version, at: self.cx.now() };
            match settled(self.cx.ports.groups.add(id, &write).await) {
                Ok(None) => {}
                Ok(Some(added)) => {
                    self.tell_added(caller, id, &standing, &added).await;
                    return Ok(());
                }
                Err(e) if e.kind() == ErrorKind::TooLarge => {
                    let max = usize::try_from(max).unwrap_or(usize::MAX);
                    return Err(Error::field("members", Fault::TooLong { max }));
                }
                Err(e) => return Err(e.into()),
            }
        }
        Err(CHANGING)
    }

    /// The owner ends the group.
    pub(super) async fn end(&self, caller: &Caller, id: ConversationId) -> Result<(), Error> {
        for _ in 0..TRIES {
            // All members by name: afterwards nobody can say who they were.
            let standing = self.standing(caller, id, None, self.cx.settings.group_members_max.max(1)).await?;
            self.require(&standing, Action::Dissolve)?;
            if self.dissolved(caller, id, &standing).await? {
                return Ok(());
            }
        }
        Err(CHANGING)
    }

    async fn dissolved(
        &self,
        caller: &Caller,
        id: ConversationId,
        standing: &Standing,
    ) -> Result<bool, Error> {
        let ended = self.cx.ports.groups.dissolve(id, standing.version, self.cx.now()).await;
        if settled(ended)?.is_none() {
            return Ok(false);
        }
        let notice = Notice { group: id, by: caller.user };
        let event = notice.of(caller.user, None, MembershipAction::Dissolved);
        let chunk = usize::try_from(self.direct()).unwrap_or(usize::MAX);
        self.cx.tell(news::to_each_of(standing.members.as_deref(), chunk, &event)).await;
        Ok(true)
    }

    pub(super) async fn leave(&self, caller: &Caller, id: ConversationId) -> Result<(), Error> {
        for _ in 0..TRIES {
            let standing = self.standing(caller, id, None, self.direct()).await?;
            let done = match leaving(standing.me.role, standing.others_than(caller.user)) {
                Leaving::TransferFirst => {
                    return Err(Error::Conflict("make another member the owner before leaving"));
                }
                Leaving::Ends => self.dissolved(caller, id, &standing).await?,
                Leaving::Goes => {
                    self.removed(caller, id, caller.user, &standing, MembershipAction::Left).await?
                }
            };
            if done {
                return Ok(());
            }
        }
        Err(CHANGING)
    }

    pub(super) async fn expel(&self, caller: &Caller, id: ConversationId, user: UserId) -> Result<(), Error> {
        for _ in 0..TRIES {
            let standing = self.standing(caller, id, Some(user), self.direct()).await?;
            let role = standing.other.map_or(Role::Member, |other| other.role);
            self.require(&standing, Action::Remove(role))?;
            if standing.other.is_none() {
                return Err(Error::NotAMember);
            }
            if self.removed(caller, id, user, &standing, MembershipAction::Removed).await? {
                return Ok(());
            }
        }
        Err(CHANGING)
    }

    async fn removed(
        &self,
        caller: &Caller,
        id: ConversationId,
        user: UserId,
        standing: &Standing,
        action: MembershipAction,
    ) -> Result<bool, Error> {
        let gone = self.cx.ports.groups.remove(id, user, standing.version, self.cx.now()).await;
        if settled(gone)?.is_none() {
            return Ok(false);
        }
        let event = Notice { group: id, by: caller.user }.of(user, None, action);
        self.cx.tell(news::to_members_and(id, standing.members.as_ref(), user, &event)).await;
        Ok(true)
    }

    pub(super) async fn change_rights(
        &self,
        caller: &Caller,
        id: ConversationId,
        user: UserId,
        role: Option<Role>,
        muted_until: Option<Option<Timestamp>>,
    ) -> Result<Member, Error> {
        if role == Some(Role::Owner) {
            // There is one owner, made by handing over.
            return Err(Error::field("role", Fault::Unknown));
        }
        for _ in 0..TRIES {
            let standing = self.standing(caller, id, Some(user), self.direct()).await?;
            let rank = standing.other.map_or(Role::Member, |other| other.role);
            if role.is_some() {
                self.require(&standing, Action::ChangeRole(rank))?;
            }
            if muted_until.is_some() {
                self.require(&standing, Action::Mute(rank))?;
            }
            let Some(before) = standing.other else { return Err(Error::NotAMember) };
            let patch = MemberPatch {
                role: role.filter(|role| *role != before.role),
                muted_until: muted_until.filter(|until| *until != before.muted_until),
            };
            if patch.role.is_none() && patch.muted_until.is_none() {
                return self.member(id, user).await;
            }
            let changed = self.cx.ports.groups.change_member(id, user, &patch, standing.version).await;
            if let Some(member) = settled(changed)? {
                let notice = Notice { group: id, by: caller.user };
                let mut events = Vec::new();
                if patch.role.is_some() {
                    events.push(notice.of(user, Some(member.role), MembershipAction::RoleChanged));
                }
                if let Some(until) = patch.muted_until {
                    let muted = until.is_some_and(|until| until > self.cx.now());
                    let action = if muted { MembershipAction::Muted } else { MembershipAction::Unmuted };
                    events.push(notice.of(user, Some(member.role), action));
                }
                let to = |event| news::to_members(id, standing.members.as_ref(), event);
                self.cx.tell(events.into_iter().map(to).collect()).await;
                return Ok(member);
            }
        }
        Err(CHANGING)
    }

    /// Makes another member the owner; the owner becomes an admin.
    pub(super) async fn hand_over(
        &self,
        caller: &Caller,
        id: ConversationId,
        to: UserId,
    ) -> Result<Member, Error> {
        for _ in 0..TRIES {
            let standing = self.standing(caller, id, Some(to), self.direct()).await?;
            self.require(&standing, Action::Transfer)?;
            if standing.other.is_none() {
                return Err(Error::NotAMember);
            }
            if to == caller.user {
                return self.member(id, to).await;
            }
            let done = self.cx.ports.groups.transfer(id, caller.user, to, standing.version).await;
            if settled(done)?.is_some() {
                let notice = Notice { group: id, by: caller.user };
                let ranks = [(caller.user, Role::Admin), (to, Role::Owner)];
                let event = |(user, role)| notice.of(user, Some(role), MembershipAction::RoleChanged);
                let to_all = |event| news::to_members(id, standing.members.as_ref(), event);
                self.cx.tell(ranks.into_iter().map(event).map(to_all).collect()).await;
                return self.member(id, to).await;
            }
        }
        Err(CHANGING)
    }

    /// A member as it stands now.
    async fn member(&self, id: ConversationId, user: UserId) -> Result<Member, Error> {
        let found = self.cx.ports.directory.members(id, &[user]).await?.pop().flatten();
        found.ok_or(Error::NotAMember)
    }
}
