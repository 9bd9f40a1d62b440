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
    t.closed(u, Some(true), at(ms));
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
    t.closed(user(2), Some(false), at(0));
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
fn a_session_that_opens_while_the_last_one_closes_is_told_rather_than_lost() {
    // Nobody knows which of the two the directory saw first.
    let mut t = Tracker::new(GRACE);
    t.closing(user(2));
    assert!(t.came(user(2), true));
    t.closed(user(2), Some(true), at(0));
    // Whether they are here is looked up when the time comes.
    assert_eq!(t.take_due(at(5_000), 10), [user(2)]);
}

#[test]
fn two_sessions_that_close_at_once_are_one_departure_whatever_the_order_of_answers() {
    for last_answers_first in [true, false] {
        let mut t = Tracker::new(GRACE);
        t.closing(user(2));
        t.closing(user(2));
        t.closed(user(2), Some(last_answers_first), at(0));
        t.closed(user(2), Some(!last_answers_first), at(0));
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
fn who_came_back_before_it_was_told_and_left_again_is_not_told_to_be_here() {
    for gone in [true, false] {
        let mut t = Tracker::new(GRACE);
        t.closing(user(2));
        t.closed(user(2), None, at(0));
        assert_eq!(t.take_due(at(5_000), 10), [user(2)]);
        assert!(!t.came(user(2), true));
        t.not_told(&[user(2)], at(6_000));
        left(&mut t, user(2), 6_000);
        assert_eq!(t.take_due(at(11_000), 10), [user(2)]);
        if gone {
            assert_eq!(t.told(&[user(2)]), [], "they left after they had come");
        } else {
            assert_eq!(t.found_here(&[user(2)]), [user(2)], "nobody has told of it");
        }
        assert_eq!((t.leaving(), t.next_due()), (0, None));
    }
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
fn what_others_believe_is_known_while_sessions_close() {
    let mut t = Tracker::new(GRACE);
    t.closing(user(2));
    t.closing(user(2));
    t.closed(user(2), Some(true), at(0));
    assert_eq!(t.take_due(at(5_000), 10), [user(2)]);
    assert_eq!(t.told(&[user(2)]), []);
    t.closed(user(2), Some(true), at(5_000));
    assert!(t.came(user(2), true), "an absence is due, but others believe them gone already");
    assert_eq!(t.leaving(), 0);
}

#[test]
fn a_close_whose_answer_is_lost_makes_nobody_silent() {
    let mut t = Tracker::new(GRACE);
    // One session is up and not yet told of, while another one closes and nobody knows whether it was the last.
    t.closing(user(2));
    t.closed(user(2), None, at(0));
    assert!(t.came(user(2), true));
    assert_eq!((t.leaving(), t.next_due()), (0, None));
}

/// One device: each arrow is a moment at which others may get in between.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Device {
    Down,
    /// In the directory, which knew of no session before if `true`; the tracker has not heard.
    Registered(bool),
    Up,
    /// The tracker has heard of the close, the directory has not.
    Closing,
    /// Out of the directory, which says whether it was the last; the tracker has not heard.
    Unregistered(Option<bool>),
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// The next moment of a device. With `true`, the answer of the directory is lost where that can be.
    Device(usize, bool),
    Wait(u16),
    Take,
    Look,
    EndTelling(bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0usize..3, prop::bool::weighted(0.1)).prop_map(|(device, lost)| Step::Device(device, lost)),
        2 => (0u16..8_000).prop_map(Step::Wait),
        2 => Just(Step::Take),
        2 => Just(Step::Look),
        2 => prop::bool::weighted(0.7).prop_map(Step::EndTelling),
    ];
    prop::collection::vec(step, 0..80)
}

/// A user with three devices, a directory, a timer, and a friend who hears.
#[derive(Default)]
struct World {
    devices: [Option<Device>; 3],
    now: i64,
    /// Taken; and what the directory said, once it was asked.
    telling: Option<Option<bool>>,
    heard: bool,
}

impl World {
    fn sessions(&self) -> usize {
        let here = |d: &&Device| matches!(d, Device::Registered(_) | Device::Up | Device::Closing);
        self.devices.iter().flatten().filter(here).count()
    }

    fn step(&mut self, t: &mut Tracker, step: Step) {
        let u = user(2);
        match step {
            Step::Device(i, lost) => {
                let next = match self.devices[i].unwrap_or(Device::Down) {
                    Device::Down => Device::Registered(self.sessions() == 0),
                    Device::Registered(first) => {
                        self.heard |= t.came(u, first);
                        Device::Up
                    }
                    Device::Up => {
                        t.closing(u);
                        Device::Closing
                    }
                    Device::Closing => Device::Unregistered((!lost).then_some(self.sessions() == 1)),
                    Device::Unregistered(last) => {
                        t.closed(u, last, at(self.now));
                        Device::Down
                    }
                };
                self.devices[i] = Some(next);
            }
            Step::Wait(ms) => self.now += i64::from(ms),
            Step::Take if self.telling.is_none() && !t.take_due(at(self.now), 10).is_empty() => {
                self.telling = Some(None);
            }
            Step::Look if self.telling == Some(None) => self.telling = Some(Some(self.sessions() == 0)),
            Step::EndTelling(false) if self.telling.take().is_some() => {
                t.not_told(&[u], at(self.now + 1_000));
            }
            Step::EndTelling(true) => {
                if let Some(Some(gone)) = self.telling {
                    self.telling = None;
                    self.heard &= !gone;
                    let back = if gone { t.told(&[u]) } else { t.found_here(&[u]) };
                    self.heard |= !back.is_empty();
                }
            }
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]
    #[test]
    fn what_others_heard_last_is_so(steps in steps()) {
        let (mut t, mut w) = (Tracker::new(GRACE), World::default());
        for step in steps {
            w.step(&mut t, step);
        }
        // Let everything come to rest.
        for i in 0..3 {
            while !matches!(w.devices[i], None | Some(Device::Down | Device::Up)) {
                w.step(&mut t, Step::Device(i, false));
            }
        }
        for _ in 0..5 {
            for step in [Step::Look, Step::EndTelling(true), Step::Wait(6_000), Step::Take] {
                w.step(&mut t, step);
            }
        }
        prop_assert_eq!(w.heard, w.sessions() > 0);
        prop_assert_eq!((t.leaving(), t.next_due()), (0, None));
    }
}

#[test]
fn who_was_lost_is_looked_up_at_once_unless_on_the_way_out() {
    let mut t = Tracker::new(GRACE);
    left(&mut t, user(2), 0);
    t.lost(user(2), at(1_000));
    t.lost(user(3), at(1_000));
    t.lost(user(3), at(1_001));
    assert_eq!(t.take_due(at(1_001), 10), [user(3)]);
    // Lost again while it is told: after that.
    t.lost(user(3), at(1_002));
    assert_eq!(t.take_due(at(1_002), 10), []);
    assert_eq!(t.told(&[user(3)]), []);
    assert_eq!(t.take_due(at(1_003), 10), [user(3)]);
    assert_eq!(t.told(&[user(3)]), []);
    assert_eq!(t.take_due(at(5_000), 10), [user(2)]);
    // Nobody knows what others believe of one that was only lost: their coming is told.
    assert!(t.came(user(3), true));
}
