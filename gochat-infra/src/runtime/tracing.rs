//! Forwards log records to hosts that use `tracing`, each with its fields.
//!
//! `tracing` wants the names of an event's fields once and for all, `slog` says them with each record; so a place in the
//! code becomes one callsite when it first logs with certain fields, and stays. There are as many as there are places (and
//! never more than [`CALLSITES_MAX`]; further ones put their fields into the message).

mod callsite;
mod fields;

use std::fmt;

use slog::{Drain, Level, Never, OwnedKVList, Record};
use tracing_core::field::Value;
use tracing_core::{Event, dispatcher};

use callsite::Site;
use fields::Fields;

/// The most places in the code that get a callsite of their own.
pub const CALLSITES_MAX: usize = 1_024;

/// A drain into the `tracing` subscriber that is in force where a record is made.
///
/// ```
/// let log = slog::Logger::root(gochat_infra::runtime::tracing::TracingDrain, slog::o!());
/// slog::info!(log, "listening"; "port" => 8080);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct TracingDrain;

impl Drain for TracingDrain {
    type Ok = ();
    type Err = Never;

    fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<(), Never> {
        let fields = Fields::of(record, values);
        let site = Site::of(record, &fields);
        let meta = site.metadata();
        if !dispatcher::get_default(|d| d.enabled(meta)) {
            return Ok(());
        }
        let text = if site.names_fields() { record.msg().to_string() } else { fields.in_text(record.msg()) };
        let mut all: Vec<Option<&dyn Value>> = vec![Some(&text)];
        if site.names_fields() {
            all.extend(fields.iter().map(|(_, value)| Some(value.as_value())));
        }
        Event::dispatch(meta, &meta.fields().value_set_all(&all));
        Ok(())
    }
}

fn level(level: Level) -> tracing_core::Level {
    match level {
        Level::Critical | Level::Error => tracing_core::Level::ERROR,
        Level::Warning => tracing_core::Level::WARN,
        Level::Info => tracing_core::Level::INFO,
        Level::Debug => tracing_core::Level::DEBUG,
        Level::Trace => tracing_core::Level::TRACE,
    }
}

impl fmt::Display for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in self.iter() {
            write!(f, " {name}={value}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
