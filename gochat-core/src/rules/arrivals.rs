//! Who tells of those who came. When thousands connect at once, looking up the friends of each on their own would cost more
//! than all the rest of connecting; so one of them tells for all who came meanwhile, at the price of one.

use crate::model::UserId;

/// Users who came and of whom others are still to be told, and whether somebody is telling.
///
/// ```
/// use gochat_core::model::UserId;
/// use gochat_core::rules::arrivals::Arrivals;
///
/// let [a, b] = [2, 3].map(|n| UserId::new(n).expect("above 0"));
/// let mut arrivals = Arrivals::default();
/// assert!(arrivals.join(a), "nobody tells yet: it is for this one to do");
/// assert_eq!(arrivals.next(100), [a]);
/// assert!(!arrivals.join(b), "the first one will tell of this one too");
/// assert_eq!(arrivals.next(100), [b]);
/// assert!(arrivals.next(100).is_empty(), "the turn is over");
/// ```
#[derive(Debug, Default)]
pub struct Arrivals {
    waiting: Vec<UserId>,
    told_by_somebody: bool,
}

impl Arrivals {
    /// Adds a user; `true` means that the caller has the turn and must tell: [`next`](Self::next) until it is empty, or
    /// [`give_back`](Self::give_back).
    #[must_use]
    pub fn join(&mut self, user: UserId) -> bool {
        self.waiting.push(user);
        self.begin()
    }

    /// Takes the turn if somebody waits and nobody has it.
    #[must_use]
    pub fn begin(&mut self) -> bool {
        let begins = self.left_waiting();
        self.told_by_somebody |= begins;
        begins
    }

    /// At most `max` of those who wait, in the order in which they came. None: the turn is over.
    pub fn next(&mut self, max: usize) -> Vec<UserId> {
        let rest = self.waiting.split_off(self.waiting.len().min(max));
        let taken = std::mem::replace(&mut self.waiting, rest);
        self.told_by_somebody = !taken.is_empty();
        taken
    }

    /// Ends the turn, with these still to be told.
    pub fn give_back(&mut self, mut users: Vec<UserId>) {
        users.append(&mut self.waiting);
        self.waiting = users;
        self.told_by_somebody = false;
    }

    /// Whether somebody waits and nobody is telling.
    #[must_use]
    pub fn left_waiting(&self) -> bool {
        !self.told_by_somebody && !self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn user(n: u64) -> UserId {
        UserId::new(n).expect("above 0")
    }

    #[test]
    fn a_turn_that_is_given_up_passes_to_the_next_who_comes() {
        let mut a = Arrivals::default();
        assert!(a.join(user(1)));
        let taken = a.next(10);
        assert!(!a.join(user(2)) && !a.left_waiting());
        a.give_back(taken);
        assert!(a.left_waiting());
        assert!(a.join(user(3)));
        assert_eq!(a.next(2), [user(1), user(2)]);
        assert_eq!(a.next(2), [user(3)]);
        assert!(a.next(2).is_empty() && !a.left_waiting() && !a.begin());
    }

    proptest! {
        #[test]
        fn everybody_is_told_of_once_and_in_order(steps in prop::collection::vec(0u8..4, 0..200)) {
            let (mut a, mut told, mut came, mut turns) = (Arrivals::default(), Vec::new(), 0, 0);
            for step in steps {
                match step {
                    0 | 1 => {
                        came += 1;
                        turns += u32::from(a.join(user(came)));
                    }
                    2 if turns > 0 => {
                        let taken = a.next(3);
                        turns -= u32::from(taken.is_empty());
                        told.extend(taken);
                    }
                    3 if turns > 0 => {
                        let taken = a.next(2);
                        turns -= 1;
                        if taken.is_empty() { continue; }
                        a.give_back(taken);
                    }
                    _ => {}
                }
                prop_assert!(turns <= 1, "one tells at a time");
                prop_assert!(turns == 1 || a.left_waiting() || told.len() as u64 == came);
            }
            turns += u32::from(a.begin());
            while turns > 0 {
                let taken = a.next(3);
                turns -= u32::from(taken.is_empty());
                told.extend(taken);
            }
            prop_assert_eq!(told, (1..=came).map(user).collect::<Vec<_>>());
        }
    }
}
