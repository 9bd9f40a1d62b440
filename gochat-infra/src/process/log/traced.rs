//! Says for which request a record was written, where that is known.

use slog::{Drain, Level, Never, OwnedKV, OwnedKVList, Record, SingleKV};

use crate::runtime::trace;

/// Adds `trace_id` to each record that is written inside a context. It must stand before the queue: behind it is another
/// thread, which works for nobody.
pub(super) struct Traced<D>(pub(super) D);

impl<D: Drain<Ok = (), Err = Never>> Drain for Traced<D> {
    type Ok = ();
    type Err = Never;

    fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<(), Never> {
        let Some(context) = trace::current() else { return self.0.log(record, values) };
        let id = context.trace_id().to_string();
        self.0.log(record, &OwnedKVList::from(OwnedKV((SingleKV("trace_id", id), values.clone()))))
    }

    fn is_enabled(&self, level: Level) -> bool {
        self.0.is_enabled(level)
    }
}
