//! Hands records to the writing thread, or counts them when it can't keep up.

use std::sync::atomic::{AtomicU64, Ordering};

use slog::{Drain, Level, Never, OwnedKVList, Record, b, o, record};
use slog_async::{AsyncCore, AsyncError};

use crate::runtime::metrics::Counter;

pub(super) struct Queue {
    core: AsyncCore,
    dropped: Counter,
    /// Those that no record has told of yet.
    untold: AtomicU64,
}

impl Queue {
    pub(super) const fn new(core: AsyncCore, dropped: Counter) -> Self {
        Self { core, dropped, untold: AtomicU64::new(0) }
    }

    fn tell(&self) {
        let untold = self.untold.swap(0, Ordering::Relaxed);
        if untold == 0 {
            return;
        }
        let values: OwnedKVList = o!().into();
        let text = format_args!("log records were dropped: they came faster than they could be written");
        let told = self.core.log(&record!(Level::Warning, "", &text, b!("count" => untold)), &values);
        if told.is_err() {
            self.untold.fetch_add(untold, Ordering::Relaxed);
        }
    }
}

impl Drain for Queue {
    type Ok = ();
    type Err = Never;

    fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<(), Never> {
        if self.untold.load(Ordering::Relaxed) > 0 {
            self.tell();
        }
        // After the end of the program's log a record has nowhere to go; that is no fault of its caller.
        if let Err(AsyncError::Full) = self.core.log(record, values) {
            self.dropped.inc();
            self.untold.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, mpsc};

    use slog::{Logger, info};

    use super::*;

    /// Writes nothing until it gets a word, then all.
    struct Stuck(Mutex<Option<mpsc::Receiver<()>>>, Arc<Mutex<Vec<String>>>);

    impl Drain for Stuck {
        type Ok = ();
        type Err = Never;

        fn log(&self, record: &Record<'_>, _: &OwnedKVList) -> Result<(), Never> {
            if let Some(word) = self.0.lock().expect("sound").take() {
                word.recv().expect("the word");
            }
            self.1.lock().expect("sound").push(record.msg().to_string());
            Ok(())
        }
    }

    #[test]
    fn a_stuck_writer_holds_nobody_up_and_what_was_dropped_is_told() {
        let (go, word) = mpsc::channel();
        let written = Arc::default();
        let core = AsyncCore::custom(Stuck(Mutex::new(Some(word)), Arc::clone(&written))).chan_size(4);
        let (core, guard) = core.build_with_guard();
        let dropped = Counter::default();
        let log = Logger::root(Queue::new(core, dropped.clone()), o!());
        for _ in 0..100 {
            info!(log, "x");
        }
        // Four in the queue, at most one in the writer's hands.
        assert!((95..=96).contains(&dropped.get()), "{}", dropped.get());
        go.send(()).expect("it waits");
        while written.lock().expect("sound").len() < 4 {
            std::thread::yield_now();
        }
        info!(log, "after");
        drop(guard);
        assert!(
            written.lock().expect("sound").iter().any(|w| w.starts_with("log records were dropped")),
            "{:?}",
            written.lock().expect("sound")
        );
    }
}
