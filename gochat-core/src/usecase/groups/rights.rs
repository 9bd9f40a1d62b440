//! Changes of rank and mute, and handing a group over.

use super::Groups;
use super::changes::{CHANGING, TRIES};
use super::news::{self, Notice};
use super::standing::{Standing, settled};
use crate::Error;
use crate::error::Fault;
use crate::model::{Caller, ConversationId, Member, MembershipAction, Role, Subject, Timestamp, UserId};
use crate::ports::MemberPatch;
use crate::rules::groups::Action;
use crate::usecase::context::noted;

impl Groups {
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
            if let Some(member) = self.patched(caller, id, user, &standing, &patch).await? {
                return Ok(member);
            }
        }
        Err(CHANGING)
    }

    /// Writes a change of rank or mute and tells it; `None` when the members changed meanwhile.
    async fn patched(
        &self,
        caller: &Caller,
        id: ConversationId,
        user: UserId,
        standing: &Standing,
        patch: &MemberPatch,
    ) -> Result<Option<Member>, Error> {
        let action =
            if patch.role.is_some() { MembershipAction::RoleChanged } else { MembershipAction::Muted };
        let subject = || Subject::Members { group: id, users: [user].into(), action, by: caller.user };
        let note = self.cx.note(subject);
        let changed = noted!(self.cx, groups, note).change_member(id, user, patch, standing.version).await;
        let Some(member) = settled(changed)? else { return Ok(None) };
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
        let to_all = |event| news::to_members(id, standing.members.as_ref(), event);
        self.cx.tell_noted(note, events.into_iter().map(to_all).collect()).await;
        Ok(Some(member))
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
            let Some(other) = standing.other else { return Err(Error::NotAMember) };
            if to == caller.user {
                return self.member(id, to).await;
            }
            if other.muted_until.is_some() {
                // Nobody ranks above an owner, so afterwards nobody could.
                let patch = MemberPatch { role: None, muted_until: Some(None) };
                self.patched(caller, id, to, &standing, &patch).await?;
                continue;
            }
            let note = self.cx.note(|| Subject::Members {
                group: id,
                users: [caller.user, to].into(),
                action: MembershipAction::RoleChanged,
                by: caller.user,
            });
            let groups = noted!(self.cx, groups, note);
            let done = groups.transfer(id, caller.user, to, standing.version).await;
            if settled(done)?.is_some() {
                let notice = Notice { group: id, by: caller.user };
                let ranks = [(caller.user, Role::Admin), (to, Role::Owner)];
                let event = |(user, role)| notice.of(user, Some(role), MembershipAction::RoleChanged);
                let to_all = |event| news::to_members(id, standing.members.as_ref(), event);
                self.cx.tell_noted(note, ranks.into_iter().map(event).map(to_all).collect()).await;
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
