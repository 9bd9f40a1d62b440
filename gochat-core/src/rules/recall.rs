//! Who may recall a message, and until when.

use std::time::Duration;

use super::groups::{Action, may};
use crate::model::{Role, Timestamp};
use crate::settings::AddMembers;

/// What is known of a message that somebody wants to recall.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    /// Whether they wrote it themselves.
    pub own: bool,
    /// Their rank, where it is a group.
    pub role: Option<Role>,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// Whether it is recalled already: then the time no longer matters.
    pub recalled: bool,
}

/// The outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// They may.
    Granted,
    /// It is not theirs to recall.
    Forbidden,
    /// It was theirs to recall, and the time has passed.
    TooLate,
}

/// Decides a wish at `now`: a group's owner and admins may any time, an author for `window` after sending.
#[must_use]
pub fn decide(wish: Wish, now: Timestamp, window: Duration) -> Verdict {
    if wish.role.is_some_and(|role| may(role, Action::RecallOthers, AddMembers::Member)) {
        return Verdict::Granted;
    }
    if !wish.own {
        return Verdict::Forbidden;
    }
    if wish.recalled || now.since(wish.sent_at) <= window { Verdict::Granted } else { Verdict::TooLate }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table() {
        let window = Duration::from_secs(120);
        let sent_at = Timestamp::from_millis(1_000_000);
        let in_time = sent_at.after(window);
        let late = sent_at.after(window + Duration::from_millis(1));
        for (own, role, recalled, now, want) in [
            (true, None, false, in_time, Verdict::Granted),
            (true, None, false, late, Verdict::TooLate),
            (true, None, true, late, Verdict::Granted),
            (false, None, false, in_time, Verdict::Forbidden),
            (false, None, true, in_time, Verdict::Forbidden),
            (true, Some(Role::Member), false, late, Verdict::TooLate),
            (false, Some(Role::Member), false, in_time, Verdict::Forbidden),
            (false, Some(Role::Admin), false, late, Verdict::Granted),
            (false, Some(Role::Owner), false, late, Verdict::Granted),
            (true, Some(Role::Admin), false, late, Verdict::Granted),
            // A clock that was set back takes nobody's time away.
            (true, None, false, Timestamp::from_millis(0), Verdict::Granted),
        ] {
            let wish = Wish { own, role, sent_at, recalled };
            assert_eq!(decide(wish, now, window), want, "{wish:?} {now:?}");
        }
    }
}
