use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use slog::{Logger, debug, error, info, o};
use tracing_core::field::{Field, Visit};
use tracing_core::span::{Attributes, Id, Record as SpanRecord};
use tracing_core::{Dispatch, Metadata, Subscriber};

use super::*;

type Seen = (tracing_core::Level, String, BTreeMap<&'static str, String>);

/// Keeps what it is told, but debug.
#[derive(Clone, Default)]
struct Keep(Arc<Mutex<Vec<Seen>>>);

struct Read(BTreeMap<&'static str, String>);

impl Visit for Read {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name(), format!("number {value}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

impl Subscriber for Keep {
    fn enabled(&self, meta: &Metadata<'_>) -> bool {
        *meta.level() != tracing_core::Level::DEBUG
    }

    fn event(&self, event: &Event<'_>) {
        let mut read = Read(BTreeMap::new());
        event.record(&mut read);
        let target = event.metadata().target().to_owned();
        self.0.lock().expect("sound").push((*event.metadata().level(), target, read.0));
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &SpanRecord<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn records_arrive_with_level_target_text_and_typed_fields() {
    let keep = Keep::default();
    dispatcher::with_default(&Dispatch::new(keep.clone()), || {
        let log = Logger::root(TracingDrain, o!("node" => "a"));
        for port in [1_u64, 2] {
            info!(log, "listening on {}", port; "port" => port);
        }
        error!(log, "gone"; "node" => "mine", "message" => "not this");
        debug!(log, "not wanted");
    });
    let seen = keep.0.lock().expect("sound");
    let here = module_path!().to_owned();
    let fields = |all: &[(&'static str, &str)]| all.iter().map(|(k, v)| (*k, (*v).to_owned())).collect();
    assert_eq!(
        *seen,
        [
            (
                tracing_core::Level::INFO,
                here.clone(),
                fields(&[("message", "listening on 1"), ("node", "a"), ("port", "number 1")])
            ),
            (
                tracing_core::Level::INFO,
                here.clone(),
                fields(&[("message", "listening on 2"), ("node", "a"), ("port", "number 2")])
            ),
            (tracing_core::Level::ERROR, here, fields(&[("message", "gone"), ("node", "mine")])),
        ]
    );
}
