//! Who may do what in a group.

use crate::model::Role;
use crate::settings::AddMembers;

/// Something that a member wants to do in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Add members.
    Add,
    /// Change name, picture or description.
    Edit,
    /// Remove a member of this rank.
    Remove(Role),
    /// Mute or unmute a member of this rank.
    Mute(Role),
    /// Change the role of a member of this rank.
    ChangeRole(Role),
    /// Recall somebody else's message.
    RecallOthers,
    /// Make another the owner.
    Transfer,
    /// End the group.
    Dissolve,
}

/// Whether a member of rank `who` may do it.
///
/// ```
/// use gochat_core::model::Role;
/// use gochat_core::rules::groups::{Action, may};
/// use gochat_core::settings::AddMembers;
///
/// assert!(may(Role::Admin, Action::Remove(Role::Member), AddMembers::Member));
/// assert!(!may(Role::Admin, Action::Remove(Role::Admin), AddMembers::Member));
/// ```
#[must_use]
pub fn may(who: Role, action: Action, adding: AddMembers) -> bool {
    match action {
        Action::Add => adding == AddMembers::Member || who >= Role::Admin,
        Action::Edit | Action::RecallOthers => who >= Role::Admin,
        Action::Remove(other) | Action::Mute(other) => who >= Role::Admin && who > other,
        Action::ChangeRole(other) => who == Role::Owner && other < Role::Owner,
        Action::Transfer | Action::Dissolve => who == Role::Owner,
    }
}

/// What leaving comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    /// The member goes.
    Goes,
    /// It is the last one: the group ends.
    Ends,
    /// The owner makes another the owner first.
    TransferFirst,
}

/// What it comes to when a member of this rank leaves a group in which there are `others` beside them.
#[must_use]
pub fn leaving(who: Role, others: bool) -> Leaving {
    match (who, others) {
        (_, false) => Leaving::Ends,
        (Role::Owner, true) => Leaving::TransferFirst,
        _ => Leaving::Goes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Role::{Admin, Member, Owner};

    #[test]
    fn the_table_of_rights() {
        // (action, owner, admin, member), as the contract's table has it.
        let table = [
            (Action::Add, true, true, true),
            (Action::Edit, true, true, false),
            (Action::Remove(Member), true, true, false),
            (Action::Remove(Admin), true, false, false),
            (Action::Remove(Owner), false, false, false),
            (Action::Mute(Member), true, true, false),
            (Action::Mute(Admin), true, false, false),
            (Action::Mute(Owner), false, false, false),
            (Action::ChangeRole(Member), true, false, false),
            (Action::ChangeRole(Admin), true, false, false),
            (Action::ChangeRole(Owner), false, false, false),
            (Action::RecallOthers, true, true, false),
            (Action::Transfer, true, false, false),
            (Action::Dissolve, true, false, false),
        ];
        for (action, owner, admin, member) in table {
            for (role, want) in [(Owner, owner), (Admin, admin), (Member, member)] {
                assert_eq!(may(role, action, AddMembers::Member), want, "{role:?} {action:?}");
            }
        }
        for (role, want) in [(Owner, true), (Admin, true), (Member, false)] {
            assert_eq!(may(role, Action::Add, AddMembers::Admin), want, "{role:?}");
        }
    }

    #[test]
    fn leaving_a_group() {
        for (who, others, want) in [
            (Member, true, Leaving::Goes),
            (Admin, true, Leaving::Goes),
            (Owner, true, Leaving::TransferFirst),
            (Owner, false, Leaving::Ends),
            (Member, false, Leaving::Ends),
        ] {
            assert_eq!(leaving(who, others), want, "{who:?} {others}");
        }
    }
}
