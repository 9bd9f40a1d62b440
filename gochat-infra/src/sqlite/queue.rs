//! A bounded queue from async callers to a thread that takes what waits all at once.
//!
//! The usual channels spin before they sleep, which on one core takes time from those who would fill them, and give out one
//! item a call; a writer that commits in groups wants neither.

use std::collections::VecDeque;
use std::fmt;

use parking_lot::{Condvar, Mutex};

/// Why an item was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// As many wait as may.
    Full,
    /// Nobody takes anything any more.
    Closed,
}

pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    filled: Condvar,
    capacity: usize,
}

struct State<T> {
    items: VecDeque<T>,
    closed: bool,
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("waiting", &self.len()).finish_non_exhaustive()
    }
}

impl<T> Queue<T> {
    pub(super) fn new(capacity: usize) -> Self {
        let state = State { items: VecDeque::new(), closed: false };
        Self { state: Mutex::new(state), filled: Condvar::new(), capacity: capacity.max(1) }
    }

    /// Adds an item; never waits.
    pub(super) fn push(&self, item: T) -> Result<(), Refused> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(Refused::Closed);
        }
        if state.items.len() >= self.capacity {
            return Err(Refused::Full);
        }
        state.items.push_back(item);
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    /// Waits for an item; `None` when the queue is closed and empty.
    pub(super) fn pop(&self) -> Option<T> {
        let mut state = self.state.lock();
        loop {
            if let Some(item) = state.items.pop_front() {
                return Some(item);
            }
            if state.closed {
                return None;
            }
            self.filled.wait(&mut state);
        }
    }

    /// Waits for an item and takes with it those behind, while their weights together are within `most`. The first is
    /// taken whatever it weighs. Empty when the queue is closed and empty.
    pub(super) fn pop_group(&self, most: usize, weight: impl Fn(&T) -> usize) -> Vec<T> {
        let Some(first) = self.pop() else {
            return Vec::new();
        };
        let mut total = weight(&first);
        let mut group = vec![first];
        let mut state = self.state.lock();
        while let Some(next) = state.items.front() {
            total = total.saturating_add(weight(next));
            if total > most {
                break;
            }
            group.extend(state.items.pop_front());
        }
        group
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.state.lock().items.len()
    }

    /// Takes nothing more. What waits is still given out.
    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.filled.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_bounded_and_gives_out_what_waits_when_closed() {
        let queue = Queue::new(2);
        assert_eq!(queue.push(1), Ok(()));
        assert_eq!(queue.push(2), Ok(()));
        assert_eq!(queue.push(3), Err(Refused::Full));
        queue.close();
        assert_eq!(queue.push(4), Err(Refused::Closed));
        assert_eq!((queue.pop(), queue.pop(), queue.pop()), (Some(1), Some(2), None));
    }

    #[test]
    fn a_group_ends_where_it_gets_too_heavy() {
        let queue = Queue::new(10);
        for weight in [9, 1, 3, 1] {
            queue.push(weight).expect("room");
        }
        assert_eq!(queue.pop_group(4, |w| *w), [9], "the first is taken whatever it weighs");
        assert_eq!(queue.pop_group(4, |w| *w), [1, 3]);
        assert_eq!(queue.pop_group(4, |w| *w), [1]);
        queue.close();
        assert!(queue.pop_group(4, |w| *w).is_empty());
    }
}
