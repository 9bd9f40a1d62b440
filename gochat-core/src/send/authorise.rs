//! Who may send where.

use crate::error::Code;
use crate::model::{Access, AccessKind, Timestamp, UserId};

/// Whether the user whose `access` this is may send now.
///
/// # Errors
/// The code that the sender is told. A stranger learns no more than that there is no such conversation.
pub(super) fn authorise(access: Option<&Access>, now: Timestamp) -> Result<(), Code> {
    let access = access.ok_or(Code::ConversationNotFound)?;
    if access.kind == AccessKind::World {
        return Ok(());
    }
    let member = access.member.ok_or(Code::ConversationNotFound)?;
    match member.muted_until {
        Some(until) if until > now => Err(Code::Muted),
        _ => Ok(()),
    }
}

/// Whether `sender` may write in the single conversation of this `access` where only friends write to each other. Other
/// conversations are none of its business.
///
/// # Errors
/// `Forbidden`, as for opening such a conversation.
pub(super) fn among_friends(access: &Access, sender: UserId, friends: &[UserId]) -> Result<(), Code> {
    if access.kind != AccessKind::Single {
        return Ok(());
    }
    let peer = access.members.iter().flat_map(|members| members.iter()).find(|user| **user != sender);
    if peer.is_some_and(|peer| friends.contains(peer)) { Ok(()) } else { Err(Code::Forbidden) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{MembersVersion, Membership, Role};

    #[test]
    fn table() {
        let at = Timestamp::from_millis;
        let access =
            |kind, member| Access { kind, member, version: MembersVersion::default(), members: None };
        let member = |muted: Option<i64>| Some(Membership { role: Role::Member, muted_until: muted.map(at) });
        for (access, want) in [
            (None, Err(Code::ConversationNotFound)),
            (Some(access(AccessKind::World, None)), Ok(())),
            (Some(access(AccessKind::Single, None)), Err(Code::ConversationNotFound)),
            (Some(access(AccessKind::Single, member(None))), Ok(())),
            (Some(access(AccessKind::Group, None)), Err(Code::ConversationNotFound)),
            (Some(access(AccessKind::Group, member(Some(99)))), Ok(())),
            (Some(access(AccessKind::Group, member(Some(100)))), Ok(())),
            (Some(access(AccessKind::Group, member(Some(101)))), Err(Code::Muted)),
        ] {
            assert_eq!(authorise(access.as_ref(), at(100)), want, "{access:?}");
        }
    }

    #[test]
    fn friends_write_to_each_other() {
        let [a, b, c] = [2, 3, 4].map(|n| UserId::new(n).expect("in range"));
        let access = |kind, members: Option<&[UserId]>| {
            let members = members.map(Into::into);
            Access { kind, member: None, version: MembersVersion::default(), members }
        };
        for (kind, members, friends, want) in [
            (AccessKind::Single, Some(&[a, b][..]), &[b, c][..], Ok(())),
            (AccessKind::Single, Some(&[a, b]), &[c], Err(Code::Forbidden)),
            (AccessKind::Single, Some(&[a, b]), &[], Err(Code::Forbidden)),
            (AccessKind::Single, None, &[b], Err(Code::Forbidden)),
            (AccessKind::Group, Some(&[a, b]), &[], Ok(())),
            (AccessKind::World, None, &[], Ok(())),
        ] {
            assert_eq!(among_friends(&access(kind, members), a, friends), want, "{kind:?} {friends:?}");
        }
    }
}
