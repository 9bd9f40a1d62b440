//! Who may send where.

use crate::error::Code;
use crate::model::{Access, AccessKind, Timestamp};

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
}
