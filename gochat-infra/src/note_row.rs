//! Subjects of notes as plain columns: what a row of the outbox and a call between services hold.

use gochat_core::model::{ConversationId, MembershipAction, MessageId, Subject, UserId};

/// A subject, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NoteRow {
    /// Which of them. The numbers are for ever.
    pub(crate) kind: u8,
    /// The conversation or message.
    pub(crate) about: u64,
    pub(crate) users: Vec<UserId>,
    /// Who does it, where that is told.
    pub(crate) actor: Option<UserId>,
}

const FRIENDS: u8 = 1;
const OPENED: u8 = 2;
const CHANGED: u8 = 3;
const READ: u8 = 4;
const RECALLED: u8 = 5;

const ACTIONS: [(u8, MembershipAction); 7] = [
    (10, MembershipAction::Joined),
    (11, MembershipAction::Left),
    (12, MembershipAction::Removed),
    (13, MembershipAction::RoleChanged),
    (14, MembershipAction::Muted),
    (15, MembershipAction::Unmuted),
    (16, MembershipAction::Dissolved),
];

impl NoteRow {
    /// `None` for a subject that this version does not know.
    pub(crate) fn of(subject: &Subject) -> Option<Self> {
        let row = |kind, about, users: &[UserId]| Self { kind, about, users: users.to_vec(), actor: None };
        Some(match subject {
            Subject::Friends { users, conversation } => row(FRIENDS, conversation.get(), users),
            Subject::Opened { conversation, users } => row(OPENED, conversation.get(), users),
            Subject::Changed { group } => row(CHANGED, group.get(), &[]),
            Subject::Read { user, conversation } => row(READ, conversation.get(), &[*user]),
            Subject::Recalled { message } => row(RECALLED, message.get(), &[]),
            Subject::Members { group, users, action, by } => {
                let (kind, _) = ACTIONS.iter().find(|(_, known)| known == action)?;
                Self { actor: Some(*by), ..row(*kind, group.get(), users) }
            }
            _ => return None,
        })
    }

    /// `None` for what no subject is.
    pub(crate) fn subject(self) -> Option<Subject> {
        let Self { kind, about, users, actor } = self;
        let conversation = ConversationId::new(about);
        Some(match kind {
            FRIENDS => Subject::Friends { users: users.try_into().ok()?, conversation: conversation? },
            OPENED => Subject::Opened { conversation: conversation?, users: users.into() },
            CHANGED => Subject::Changed { group: conversation? },
            READ => {
                let [user] = users.try_into().ok()?;
                Subject::Read { user, conversation: conversation? }
            }
            RECALLED => Subject::Recalled { message: MessageId::new(about)? },
            _ => {
                let (_, action) = *ACTIONS.iter().find(|(known, _)| *known == kind)?;
                Subject::Members { group: conversation?, users: users.into(), action, by: actor? }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(n: u64) -> UserId {
        UserId::new(n).expect("in range")
    }

    #[test]
    fn subjects_come_back() {
        let (conversation, message) = (ConversationId::new(7), MessageId::new(8));
        let (conversation, message) = (conversation.expect("in range"), message.expect("in range"));
        let mut all = vec![
            Subject::Friends { users: [user(2), user(3)], conversation },
            Subject::Opened { conversation, users: [user(2), user(3), user(4)].into() },
            Subject::Changed { group: conversation },
            Subject::Read { user: user(2), conversation },
            Subject::Recalled { message },
        ];
        all.extend(ACTIONS.map(|(_, action)| {
            let users = [user(5)].into();
            Subject::Members { group: conversation, users, action, by: UserId::SYSTEM }
        }));
        for subject in all {
            let row = NoteRow::of(&subject).expect("known");
            assert_eq!(row.clone().subject(), Some(subject), "{row:?}");
        }
    }

    #[test]
    fn what_is_no_subject_is_refused() {
        let good = NoteRow { kind: READ, about: 7, users: vec![user(2)], actor: None };
        assert!(good.clone().subject().is_some());
        for bad in [
            NoteRow { kind: 0, ..good.clone() },
            NoteRow { kind: 99, ..good.clone() },
            NoteRow { about: 0, ..good.clone() },
            NoteRow { users: Vec::new(), ..good.clone() },
            NoteRow { kind: FRIENDS, ..good.clone() },
            NoteRow { kind: 10, ..good },
        ] {
            assert_eq!(bad.clone().subject(), None, "{bad:?}");
        }
    }
}
