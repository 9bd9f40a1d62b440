//! Changes of who is in a group.

use super::Groups;
use super::news::{self, Notice};
use super::standing::{Standing, settled};
use crate::Error;
use crate::error::Fault;
use crate::model::{Caller, ConversationId, MembershipAction, Role, Subject, UserId};
use crate::ports::{AddMembersWrite, ErrorKind};
use crate::rules::groups::{Action, Leaving, leaving};
use crate::usecase::context::noted;

/// So often a change is decided anew when the members change while it is.
pub(super) const TRIES: usize = 5;

pub(super) const CHANGING: Error = Error::Conflict("the members of the group keep changing, try again");

impl Groups {
    pub(super) fn direct(&self) -> u32 {
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
            let note = self.cx.note(|| Subject::Members {
                group: id,
                users: users.into(),
                action: MembershipAction::Joined,
                by: caller.user,
            });
            match settled(noted!(self.cx, groups, note).add(id, &write).await) {
                Ok(None) => {}
                Ok(Some(added)) => {
                    self.tell_added(caller, id, &standing, &added, note).await;
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
        let note = self.cx.note(|| Subject::Members {
            group: id,
            users: standing.members.clone().unwrap_or_default(),
            action: MembershipAction::Dissolved,
            by: caller.user,
        });
        let ended = noted!(self.cx, groups, note).dissolve(id, standing.version, self.cx.now()).await;
        if settled(ended)?.is_none() {
            return Ok(false);
        }
        let notice = Notice { group: id, by: caller.user };
        let event = notice.of(caller.user, None, MembershipAction::Dissolved);
        let chunk = usize::try_from(self.direct()).unwrap_or(usize::MAX);
        self.cx.tell_noted(note, news::to_each_of(standing.members.as_deref(), chunk, &event)).await;
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
        let subject = || Subject::Members { group: id, users: [user].into(), action, by: caller.user };
        let note = self.cx.note(subject);
        let gone = noted!(self.cx, groups, note).remove(id, user, standing.version, self.cx.now()).await;
        if settled(gone)?.is_none() {
            return Ok(false);
        }
        let event = Notice { group: id, by: caller.user }.of(user, None, action);
        self.cx.tell_noted(note, news::to_members_and(id, standing.members.as_ref(), user, &event)).await;
        Ok(true)
    }
}
