use proptest::prelude::*;

use super::*;

const GRACE: Duration = Duration::from_secs(5);

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn user(n: u64) -> UserId {
    UserId::new(n).expect("above 0")
}

fn left(t: &mut Tracker, u: UserId, ms: i64) {
    t.closing(u);
    t.closed(u, true, at(ms));
}

#[test]
fn an_absence_is_told_after_the_grace_and_once() {
    let mut t = Tracker::new(GRACE);
    left(&mut t, user(2), 0);
    assert_eq!(t.take_due(at(4_999), 10), []);
    assert_eq!(t.take_due(at(5_000), 10), [user(2)]);
    assert_eq!(t.take_due(at(9_000), 10), []);
    assert_eq!(t.told(&[user(2)]), []);
    assert_eq!((t.leaving(), t.next_due()), (0, None));
    assert!(t.came(user(2), true));
}

#[test]
fn a_session_that_is_not_the_last_starts_nothing() {
    let mut t = Tracker::new(GRACE);
    t.closing(user(2));
    t.closed(user(2), false, at(0));
    assert_eq!((t.leaving(), t.next_due()), (0, None));
}

#[test]
fn leaving_again_begins_the_grace_again() {
    let mut t = Tracker::new(GRACE);
    left(&mut t, user(2), 0);
    assert!(!t.came(user(2), true));
    left(&mut t, user(2), 4_000);
    assert_eq!(t.take_due(at(8_999), 10), []);
    assert_eq!(t.take_due(at(9_000), 10), [user(2)]);
}

#[test]
fn a_session_that_opens_while_the_last_one_closes_says_nothing() {
    // The directory: close takes the last one out, open finds none; this machine hears of them the other way round.
    let mut t = Tracker::new(GRACE);
    t.closing(user(2));
    assert!(!t.came(user(2), true));
    t.closed(user(2), true, at(0));
    // Whether they are here is looked up when the time comes.
    assert_eq!(t.take_due(at(5_000), 10), [user(2)]);
}

#[test]
fn two_sessions_that_close_at_once_are_one_departure_whatever_the_order_of_answers() {
    for last_answers_first in [true, false] {
        let mut t = Tracker::new(GRACE);
        t.closing(user(2));
        t.closing(user(2));
        t.closed(user(2), last_answers_first, at(0));
        t.closed(user(2), !last_answers_first, at(0));
        assert_eq!(t.take_due(at(5_000), 10), [user(2)]);
    }
}

#[test]
fn who_comes_back_while_the_absence_is_told_is_told_of_afterwards() {
    let mut t = Tracker::new(GRACE);
    left(&mut t, user(2), 0);
    assert_eq!(t.take_due(at(5_000), 10), [user(2)]);
    assert!(!t.came(user(2), true), "not while the other news is on its way");
    assert_eq!(t.told(&[user(2)]), [user(2)]);
    assert_eq!(t.leaving(), 0);
}

#[test]
fn who_comes_back_and_leaves_while_the_absence_is_told_is_told_of_both() {
    let mut t = Tracker::new(GRACE);
    left(&mut t, user(2), 0);
    assert_eq!(t.take_due(at(5_000), 10), [user(2)]);
    assert!(!t.came(user(2), true));
    left(&mut t, user(2), 5_001);
    assert_eq!(t.take_due(at(20_000), 10), [], "the first telling has not ended");
    assert_eq!(t.told(&[user(2)]), [user(2)]);
    assert_eq!(t.take_due(at(20_000), 10), [user(2)]);
}

#[test]
fn what_could_not_be_told_is_tried_again_unless_the_user_is_back() {
    let mut t = Tracker::new(GRACE);
    left(&mut t, user(2), 0);
    left(&mut t, user(3), 0);
    assert_eq!(t.take_due(at(5_000), 10), [user(2), user(3)]);
    assert!(!t.came(user(3), true));
    t.not_told(&[user(2), user(3)], at(6_000));
    assert_eq!(t.take_due(at(5_999), 10), []);
    assert_eq!(t.take_due(at(6_000), 10), [user(2)]);
    assert_eq!(t.leaving(), 1);
}

#[test]
fn departures_come_in_bounded_batches_oldest_first() {
    let mut t = Tracker::new(GRACE);
    for n in 1..=5u64 {
        left(&mut t, user(n), 10 - i64::try_from(n).expect("small"));
    }
    assert_eq!(t.take_due(at(60_000), 2), [user(5), user(4)]);
    assert_eq!(t.take_due(at(60_000), 9), [user(3), user(2), user(1)]);
}

#[test]
fn who_is_told_to_be_gone_while_a_session_closes_is_told_to_be_back() {
    let mut t = Tracker::new(GRACE);
    // The first close answers late, so that the second session says nothing; that one is closing when the time comes.
    t.closing(user(2));
    assert!(!t.came(user(2), true));
    t.closed(user(2), true, at(0));
    t.closing(user(2));
    assert_eq!(t.take_due(at(5_000), 10), [user(2)]);
    assert_eq!(t.told(&[user(2)]), []);
    assert!(t.came(user(2), true), "others believe them gone");
    t.closed(user(2), true, at(5_000));
    assert!(!t.came(user(2), true), "others know them here");
    assert_eq!(t.leaving(), 0);
}

/// Any order of opening, closing, waiting and telling, in a world of one user with one directory: what others heard last is
/// what is so, once nothing is under way.
#[derive(Debug, Clone, Copy)]
enum Step {
    Open,
    BeginClose,
    Unregister,
    EndClose,
    Wait(u16),
    Take,
    EndTelling(bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => Just(Step::Open),
        3 => Just(Step::BeginClose),
        3 => Just(Step::Unregister),
        3 => Just(Step::EndClose),
        2 => (0u16..8_000).prop_map(Step::Wait),
        2 => Just(Step::Take),
        2 => any::<bool>().prop_map(Step::EndTelling),
    ];
    prop::collection::vec(step, 0..60)
}

#[derive(Default)]
struct World {
    sessions: u32,
    closing: u32,
    answers: Vec<bool>,
    now: i64,
    /// Taken, and what the directory said then.
    telling: Option<bool>,
    heard: bool,
}

impl World {
    fn step(&mut self, t: &mut Tracker, step: Step) {
        let u = user(2);
        match step {
            Step::Open => {
                self.sessions += 1;
                if t.came(u, self.sessions == 1) {
                    self.heard = true;
                }
            }
            // No more closes than there are sessions.
            Step::BeginClose if self.closing < self.sessions => {
                self.closing += 1;
                t.closing(u);
            }
            Step::Unregister if self.closing > 0 => {
                self.closing -= 1;
                self.sessions -= 1;
                self.answers.push(self.sessions == 0);
            }
            Step::EndClose => {
                if let Some(last) = self.answers.pop() {
                    t.closed(u, last, at(self.now));
                }
            }
            Step::Wait(ms) => self.now += i64::from(ms),
            Step::Take if self.telling.is_none() && !t.take_due(at(self.now), 10).is_empty() => {
                self.telling = Some(self.sessions == 0);
            }
            Step::EndTelling(works) => {
                if let Some(gone) = self.telling.take() {
                    if !works {
                        t.not_told(&[u], at(self.now + 1_000));
                        return;
                    }
                    if gone {
                        self.heard = false;
                    }
                    if !t.told(&[u]).is_empty() {
                        self.heard = true;
                    }
                }
            }
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn what_others_heard_last_is_so(steps in steps()) {
        let (mut t, mut w) = (Tracker::new(GRACE), World::default());
        for step in steps {
            w.step(&mut t, step);
        }
        // Let everything come to rest.
        for _ in 0..100 {
            for step in [Step::Unregister, Step::EndClose, Step::EndTelling(true), Step::Wait(6_000), Step::Take] {
                w.step(&mut t, step);
            }
        }
        w.step(&mut t, Step::EndTelling(true));
        prop_assert_eq!(w.heard, w.sessions > 0);
        prop_assert_eq!((t.leaving(), t.next_due()), (0, None));
    }
}
