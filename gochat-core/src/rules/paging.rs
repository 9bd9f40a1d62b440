//! Which part of a history a question means. Sequences are dense, so this is arithmetic: no store is asked how many
//! messages there are.

use crate::model::Seq;

/// The part of a conversation that somebody may read: what is above `floor`, up to and including `head`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readable {
    /// Exclusive lower end.
    pub floor: Seq,
    /// The newest message.
    pub head: Seq,
}

/// Consecutive messages: `count` of them, right above `above`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Exclusive lower end.
    pub above: Seq,
    /// How many; may be 0.
    pub count: u32,
    /// Whether the direction of reading has more.
    pub has_more: bool,
    /// The cursor to pass again.
    pub next: Seq,
}

impl Readable {
    /// How many messages that is.
    #[must_use]
    pub fn total(self) -> u64 {
        self.head.since(self.floor)
    }

    /// Page `page` (from 1; 1 is the newest) of `size` messages.
    ///
    /// ```
    /// use gochat_core::model::Seq;
    /// use gochat_core::rules::paging::Readable;
    ///
    /// let all = Readable { floor: Seq::ZERO, head: Seq::new(120) };
    /// let newest = all.page(1, 50);
    /// assert_eq!((newest.above, newest.count, newest.has_more), (Seq::new(70), 50, true));
    /// let oldest = all.page(3, 50);
    /// assert_eq!((oldest.above, oldest.count, oldest.has_more), (Seq::ZERO, 20, false));
    /// assert_eq!(all.page(4, 50).count, 0);
    /// ```
    #[must_use]
    pub fn page(self, page: u32, size: u32) -> Window {
        let skipped = u64::from(page.saturating_sub(1)) * u64::from(size);
        // Exclusive upper end of the page; at or below the floor's next one it is empty.
        let upper = self.head.get().saturating_sub(skipped).max(self.floor.get()) + 1;
        self.below(Seq::new(upper), size)
    }

    /// At most `limit` messages right below `before`.
    #[must_use]
    pub fn before(self, before: Seq, limit: u32) -> Window {
        let window = self.below(before.min(self.head.next()), limit);
        if window.count == 0 { Window { next: before, ..window } } else { window }
    }

    /// At most `limit` messages right above `after`; what is below the floor is passed over.
    #[must_use]
    pub fn after(self, after: Seq, limit: u32) -> Window {
        let above = after.max(self.floor);
        let left = self.head.since(above);
        let count = cut(left, limit);
        let next = if count == 0 { after } else { above.plus(u64::from(count)) };
        Window { above, count, has_more: left > u64::from(count), next }
    }

    fn below(self, upper: Seq, limit: u32) -> Window {
        let left = upper.get().saturating_sub(1).saturating_sub(self.floor.get());
        let count = cut(left, limit);
        let above = Seq::new(self.floor.get() + left - u64::from(count));
        Window { above, count, has_more: left > u64::from(count), next: above.next() }
    }
}

fn cut(left: u64, limit: u32) -> u32 {
    u32::try_from(left).unwrap_or(u32::MAX).min(limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn readable(floor: u64, head: u64) -> Readable {
        Readable { floor: Seq::new(floor), head: Seq::new(head) }
    }

    fn seqs(w: Window) -> Vec<u64> {
        (1..=u64::from(w.count)).map(|i| w.above.get() + i).collect()
    }

    #[test]
    fn cursors_are_exclusive_and_come_back_when_nothing_is_there() {
        let all = readable(0, 10);
        for (w, want, more, next) in [
            (all.after(Seq::new(0), 3), vec![1, 2, 3], true, 3),
            (all.after(Seq::new(7), 3), vec![8, 9, 10], false, 10),
            (all.after(Seq::new(10), 3), vec![], false, 10),
            (all.after(Seq::new(99), 3), vec![], false, 99),
            (all.before(Seq::new(4), 2), vec![2, 3], true, 2),
            (all.before(Seq::new(3), 2), vec![1, 2], false, 1),
            (all.before(Seq::new(1), 2), vec![], false, 1),
            (all.before(Seq::ZERO, 2), vec![], false, 0),
            (all.before(Seq::new(99), 2), vec![9, 10], true, 9),
            (readable(5, 10).after(Seq::new(2), 2), vec![6, 7], true, 7),
            (readable(5, 10).before(Seq::new(8), 9), vec![6, 7], false, 6),
            (readable(5, 10).before(Seq::new(4), 9), vec![], false, 4),
            (readable(5, 5).page(1, 9), vec![], false, 6),
            (readable(0, 0).page(1, 9), vec![], false, 1),
        ] {
            assert_eq!((seqs(w), w.has_more, w.next.get()), (want, more, next), "{w:?}");
        }
    }

    proptest! {
        #[test]
        fn pages_cover_everything_once(floor in 0u64..40, n in 0u64..200, size in 1u32..30) {
            let r = readable(floor, floor + n);
            let mut got = Vec::new();
            for page in 1.. {
                let w = r.page(page, size);
                let mut part = seqs(w);
                prop_assert!(w.count <= size);
                part.extend(got);
                got = part;
                if !w.has_more {
                    prop_assert_eq!(r.page(page + 1, size).count, 0);
                    break;
                }
            }
            prop_assert_eq!(got, (floor + 1..=floor + n).collect::<Vec<_>>());
            prop_assert_eq!(r.total(), n);
        }

        #[test]
        fn cursors_cover_everything_once(floor in 0u64..40, n in 0u64..200, limit in 1u32..30) {
            let r = readable(floor, floor + n);
            let (mut up, mut down) = (Vec::new(), Vec::new());
            let mut cursor = Seq::ZERO;
            loop {
                let w = r.after(cursor, limit);
                up.extend(seqs(w));
                cursor = w.next;
                if !w.has_more { break; }
            }
            let mut cursor = Seq::new(u64::MAX);
            loop {
                let w = r.before(cursor, limit);
                let mut part = seqs(w);
                part.extend(down);
                down = part;
                cursor = w.next;
                if !w.has_more { break; }
            }
            prop_assert_eq!(&up, &(floor + 1..=floor + n).collect::<Vec<_>>());
            prop_assert_eq!(up, down);
        }

        #[test]
        fn no_question_reaches_outside(floor: u64, head: u64, at: u64, page: u32, size in 1u32..) {
            let r = readable(floor.min(head), head);
            for w in [r.page(page, size), r.before(Seq::new(at), size), r.after(Seq::new(at), size)] {
                prop_assert!(w.count <= size);
                prop_assert!(w.count == 0 || w.above >= r.floor);
                prop_assert!(w.count == 0 || w.above.get() + u64::from(w.count) <= r.head.get());
            }
        }
    }
}
