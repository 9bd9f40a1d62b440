//! Where caller and others stand in a group at one version of its members.

use std::sync::Arc;

use super::Groups;
use crate::Error;
use crate::model::{AccessKind, Caller, ConversationId, MembersVersion, Membership, UserId};
use crate::ports::{ErrorKind, Freshness, StoreError};
use crate::rules::groups::{Action, may};

/// What a change of a group is decided by.
#[derive(Debug)]
pub(super) struct Standing {
    /// The caller's own place.
    pub(super) me: Membership,
    /// The place of the user that it is about; `None` for no member.
    pub(super) other: Option<Membership>,
    /// The change is made on condition that this is still so.
    pub(super) version: MembersVersion,
    /// All members, if they are few enough.
    pub(super) members: Option<Arc<[UserId]>>,
}

impl Standing {
    /// Whether anybody but this user is in the group.
    pub(super) fn others_than(&self, user: UserId) -> bool {
        self.members.as_ref().is_none_or(|members| members.iter().any(|m| *m != user))
    }
}

impl Groups {
    /// Reads it from the store. A stranger, and who asks for something that is no group, learns nothing.
    pub(super) async fn standing(
        &self,
        caller: &Caller,
        id: ConversationId,
        other: Option<UserId>,
        members_max: u32,
    ) -> Result<Standing, Error> {
        let mut asked = vec![(id, caller.user)];
        asked.extend(other.map(|user| (id, user)));
        let answers = self.cx.ports.directory.access(&asked, members_max, Freshness::Fresh).await?;
        let mut answers = answers.into_iter();
        let mine = answers.next().flatten().ok_or(Error::GroupNotFound)?;
        let (AccessKind::Group, Some(me)) = (mine.kind, mine.member) else {
            return Err(Error::GroupNotFound);
        };
        let theirs = answers.next().flatten();
        Ok(Standing {
            me,
            other: theirs.as_ref().and_then(|a| a.member),
            // Should the two have been read at different moments, only the older is sure for both.
            version: theirs.map_or(mine.version, |a| a.version.min(mine.version)),
            members: mine.members,
        })
    }

    /// Refuses what the table of rights does.
    pub(super) fn require(&self, standing: &Standing, action: Action) -> Result<(), Error> {
        if may(standing.me.role, action, self.cx.settings.add_members) {
            Ok(())
        } else {
            Err(Error::Forbidden)
        }
    }
}

/// `None` when the members changed meanwhile (so that somebody may be gone): read and decide again.
pub(super) fn settled<T>(written: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match written {
        Ok(it) => Ok(Some(it)),
        Err(e) if matches!(e.kind(), ErrorKind::Precondition | ErrorKind::NotFound) => Ok(None),
        Err(e) => Err(e),
    }
}
