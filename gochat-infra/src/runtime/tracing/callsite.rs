//! A callsite for each place in the code and the fields it logs with.

use std::collections::HashMap;
use std::sync::{LazyLock, OnceLock};

use parking_lot::RwLock;
use slog::{Key, Record};
use tracing_core::callsite::{self, Callsite};
use tracing_core::field::FieldSet;
use tracing_core::metadata::Kind;
use tracing_core::subscriber::Interest;
use tracing_core::{Metadata, identify_callsite};

use super::{CALLSITES_MAX, Fields, level};

/// Where a record is made, and with which fields.
#[derive(PartialEq, Eq, Hash)]
struct Place {
    file: &'static str,
    line: u32,
    level: slog::Level,
    names: Vec<Key>,
}

/// Of the whole process, as `tracing`'s own register of callsites is; nothing else of ours is global.
static SITES: LazyLock<RwLock<HashMap<Place, &'static Site>>> = LazyLock::new(RwLock::default);

pub(super) struct Site {
    meta: &'static Metadata<'static>,
    named: bool,
}

/// What `tracing` asks back for: only the metadata, which can't be made before what it points to.
struct Handle(OnceLock<&'static Metadata<'static>>);

impl Callsite for Handle {
    fn set_interest(&self, _: Interest) {
        // Asked anew for each record; logs are not that many.
    }

    fn metadata(&self) -> &Metadata<'_> {
        self.0.get().expect("set before it is registered")
    }
}

impl Site {
    pub(super) fn of(record: &Record<'_>, fields: &Fields) -> &'static Self {
        let location = record.location();
        let mut place = Place {
            file: location.file,
            line: location.line,
            level: record.level(),
            names: fields.names().collect(),
        };
        if let Some(site) = SITES.read().get(&place) {
            return site;
        }
        let mut sites = SITES.write();
        let named = sites.len() < CALLSITES_MAX;
        if !named {
            // One for all further places of a level.
            (place.file, place.line, place.names) = ("", 0, Vec::new());
        }
        sites.entry(place).or_insert_with_key(|place| Self::register(place, location.module, named))
    }

    fn register(place: &Place, module: &'static str, named: bool) -> &'static Self {
        let names: Vec<_> = std::iter::once("message").chain(place.names.iter().copied()).collect();
        let handle: &'static Handle = Box::leak(Box::new(Handle(OnceLock::new())));
        let meta: &'static Metadata<'static> = Box::leak(Box::new(Metadata::new(
            "log record",
            module,
            level(place.level),
            Some(place.file),
            Some(place.line),
            Some(module),
            FieldSet::new(Vec::leak(names), identify_callsite!(handle)),
            Kind::EVENT,
        )));
        handle.0.get_or_init(|| meta);
        callsite::register(handle);
        Box::leak(Box::new(Self { meta, named }))
    }

    pub(super) const fn metadata(&self) -> &'static Metadata<'static> {
        self.meta
    }

    pub(super) const fn names_fields(&self) -> bool {
        self.named
    }
}
