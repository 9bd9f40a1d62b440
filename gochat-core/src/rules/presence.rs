//! Who is on the way out. A user whose last session closes is not gone yet: a page is reloaded, a phone changes networks.
//! Others are told only after a grace time, and hear nothing of whoever is back by then.
//!
//! The directory of sessions knows who is online; this machine only knows who is leaving. It takes times and answers, and
//! asks nobody. Sessions of one user may open and close at the same moment on different threads, and hear of each other's
//! changes in the directory late; so it is told when a close begins (before the directory is asked) and when it ended, and
//! while departures are being told nothing else is told of those users: what others hear last is true.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use crate::model::{Timestamp, UserId};

/// The users that are leaving.
///
/// ```
/// use std::time::Duration;
/// use gochat_core::model::{Timestamp, UserId};
/// use gochat_core::rules::presence::Tracker;
///
/// let user = UserId::new(2).expect("above 0");
/// let mut tracker = Tracker::new(Duration::from_secs(5));
/// assert!(tracker.came(user, true), "the first session is told");
///
/// let left = Timestamp::from_millis(0);
/// tracker.closing(user);
/// tracker.closed(user, Some(true), left);
/// assert_eq!(tracker.next_due(), Some(Timestamp::from_millis(5_000)));
/// assert!(!tracker.came(user, true), "back within the grace: nobody hears of it");
/// assert_eq!(tracker.next_due(), None);
/// ```
#[derive(Debug)]
pub struct Tracker {
    grace: Duration,
    leaving: HashMap<UserId, Leaving>,
    /// The same by time, without those that are being told.
    queue: BTreeSet<(Timestamp, UserId)>,
}

#[derive(Debug, Default)]
struct Leaving {
    /// Closes under way, of which it is not known whether they are the last.
    closing: u32,
    /// When the absence is told.
    due: Option<Timestamp>,
    /// The absence is being told right now.
    telling: bool,
    /// Came back, and others are still to be told.
    back: bool,
    /// The same, from before what is being told now began: who is found gone by now has left again since.
    back_before: bool,
    belief: Belief,
}

/// What others have heard last, as far as it is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Belief {
    #[default]
    Unknown,
    Here,
    Gone,
}

impl Leaving {
    fn is_over(&self) -> bool {
        self.closing == 0 && self.due.is_none() && !self.telling
    }
}

impl Tracker {
    /// Makes one in which nobody is leaving.
    #[must_use]
    pub fn new(grace: Duration) -> Self {
        Self { grace, leaving: HashMap::new(), queue: BTreeSet::new() }
    }

    /// A session is up; `first` says whether the directory knew none before. Answers whether others are to be told now.
    pub fn came(&mut self, user: UserId, first: bool) -> bool {
        let Some(l) = self.leaving.get_mut(&user) else { return first };
        if let Some(due) = l.due.take() {
            self.queue.remove(&(due, user));
        }
        if l.telling {
            l.back |= first;
            return false;
        }
        // Where it is not known what others believe, they hear of it once more: that does no harm, silence would.
        let tell = l.back || (first && l.belief != Belief::Here);
        if tell {
            l.back = false;
            l.belief = Belief::Here;
        }
        if l.is_over() {
            self.leaving.remove(&user);
        }
        tell
    }

    /// A session is about to be taken out of the directory. [`closed`](Self::closed) must follow.
    pub fn closing(&mut self, user: UserId) {
        self.leaving.entry(user).or_default().closing += 1;
    }

    /// It is out. `last` says whether it was the last one; `None` where nobody knows, and it is looked up when the time
    /// comes.
    pub fn closed(&mut self, user: UserId, last: Option<bool>, now: Timestamp) {
        let l = self.leaving.entry(user).or_default();
        l.closing = l.closing.saturating_sub(1);
        if last == Some(false) {
            if l.is_over() {
                self.leaving.remove(&user);
            }
            return;
        }
        // The session that came first has been told of before the last one can go, unless that has to wait.
        if last == Some(true) && l.belief == Belief::Unknown && !l.back && !l.back_before {
            l.belief = Belief::Here;
        }
        let due = now.after(self.grace);
        if let Some(old) = l.due.replace(due) {
            self.queue.remove(&(old, user));
        }
        self.queue.insert((due, user));
    }

    /// A session was lost with its gateway, the grace time ago or longer. Whether it was the last one is looked up now, unless
    /// the user is known to be on the way out: then when that time comes.
    pub fn lost(&mut self, user: UserId, now: Timestamp) {
        let l = self.leaving.entry(user).or_default();
        if l.due.is_none() {
            l.due = Some(now);
            self.queue.insert((now, user));
        }
    }

    /// When the next absence is to be told.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.queue.first().map(|(due, _)| *due)
    }

    /// Takes at most `max` users whose absence is to be told now. Whether they are gone is to be looked up after this, and
    /// [`told`](Self::told), [`found_here`](Self::found_here) or [`not_told`](Self::not_told) must follow.
    pub fn take_due(&mut self, now: Timestamp, max: usize) -> Vec<UserId> {
        let mut taken = Vec::new();
        let mut later = Vec::new();
        while taken.len() < max {
            match self.queue.first() {
                Some((due, _)) if *due <= now => {}
                _ => break,
            }
            let Some((due, user)) = self.queue.pop_first() else { break };
            let l = self.leaving.entry(user).or_default();
            if l.telling {
                // Came back and left again while it was being told: after that.
                later.push((due, user));
                continue;
            }
            l.due = None;
            l.telling = true;
            l.back_before = std::mem::take(&mut l.back);
            taken.push(user);
        }
        self.queue.extend(later);
        taken
    }

    /// The absence of these users was told. Answers who came back meanwhile: that is to be told now.
    pub fn told(&mut self, users: &[UserId]) -> Vec<UserId> {
        self.ended(users, |l| {
            l.back_before = false;
            l.belief = Belief::Gone;
        })
    }

    /// These users turned out to be here. Answers of whom that is still to be told.
    pub fn found_here(&mut self, users: &[UserId]) -> Vec<UserId> {
        self.ended(users, |l| l.back |= std::mem::take(&mut l.back_before))
    }

    fn ended(&mut self, users: &[UserId], how: impl Fn(&mut Leaving)) -> Vec<UserId> {
        let is_back = |user: &UserId| {
            let Some(l) = self.leaving.get_mut(user) else { return false };
            how(l);
            l.telling = false;
            let back = std::mem::take(&mut l.back);
            if back {
                l.belief = Belief::Here;
            }
            if l.is_over() {
                self.leaving.remove(user);
            }
            back
        };
        users.iter().copied().filter(is_back).collect()
    }

    /// It could not be told; at `due` it is tried again. Who came back meanwhile was never away for others.
    pub fn not_told(&mut self, users: &[UserId], due: Timestamp) {
        for &user in users {
            let Some(l) = self.leaving.get_mut(&user) else { continue };
            l.telling = false;
            l.back |= std::mem::take(&mut l.back_before);
            // Else an earlier absence was told, and that they are back is still to be.
            if l.back && l.belief == Belief::Here {
                l.back = false;
                if l.is_over() {
                    self.leaving.remove(&user);
                }
            } else if l.due.is_none() {
                l.due = Some(due);
                self.queue.insert((due, user));
            }
        }
    }

    /// How many users are leaving.
    #[must_use]
    pub fn leaving(&self) -> usize {
        self.leaving.len()
    }
}

#[cfg(test)]
#[path = "presence_tests.rs"]
mod tests;
