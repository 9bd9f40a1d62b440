//! The fields of one record, by value.

use std::fmt;

use slog::{KV, Key, OwnedKVList, Record, Serializer};
use tracing_core::field::Value;

/// A field's value, in one of the types that `tracing` tells apart.
pub(super) enum Field {
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Flag(bool),
    Text(String),
}

impl Field {
    pub(super) fn as_value(&self) -> &dyn Value {
        match self {
            Self::Signed(v) => v,
            Self::Unsigned(v) => v,
            Self::Float(v) => v,
            Self::Flag(v) => v,
            Self::Text(v) => v,
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signed(v) => v.fmt(f),
            Self::Unsigned(v) => v.fmt(f),
            Self::Float(v) => v.fmt(f),
            Self::Flag(v) => v.fmt(f),
            Self::Text(v) => v.fmt(f),
        }
    }
}

/// A record's own fields, then its logger's; of one name the first.
#[derive(Default)]
pub(super) struct Fields(Vec<(Key, Field)>);

impl Fields {
    pub(super) fn of(record: &Record<'_>, values: &OwnedKVList) -> Self {
        let mut fields = Self::default();
        // A value that can't be written is left out; the record is worth having without.
        let _ = record.kv().serialize(record, &mut fields);
        let _ = values.serialize(record, &mut fields);
        fields
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Key, &Field)> {
        self.0.iter().map(|(key, field)| (*key, field))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = Key> {
        self.0.iter().map(|(key, _)| *key)
    }

    pub(super) fn in_text(&self, text: &fmt::Arguments<'_>) -> String {
        format!("{text}{self}")
    }

    fn put(&mut self, key: Key, field: Field) -> slog::Result {
        // `message` is the record's text.
        if key != "message" && !self.0.iter().any(|(k, _)| *k == key) {
            self.0.push((key, field));
        }
        Ok(())
    }
}

impl Serializer for Fields {
    fn emit_arguments(&mut self, key: Key, value: &fmt::Arguments<'_>) -> slog::Result {
        self.put(key, Field::Text(value.to_string()))
    }

    fn emit_bool(&mut self, key: Key, value: bool) -> slog::Result {
        self.put(key, Field::Flag(value))
    }

    fn emit_i64(&mut self, key: Key, value: i64) -> slog::Result {
        self.put(key, Field::Signed(value))
    }

    fn emit_i32(&mut self, key: Key, value: i32) -> slog::Result {
        self.emit_i64(key, value.into())
    }

    fn emit_u64(&mut self, key: Key, value: u64) -> slog::Result {
        self.put(key, Field::Unsigned(value))
    }

    fn emit_u32(&mut self, key: Key, value: u32) -> slog::Result {
        self.emit_u64(key, value.into())
    }

    fn emit_u16(&mut self, key: Key, value: u16) -> slog::Result {
        self.emit_u64(key, value.into())
    }

    fn emit_usize(&mut self, key: Key, value: usize) -> slog::Result {
        self.emit_u64(key, u64::try_from(value).unwrap_or(u64::MAX))
    }

    fn emit_f64(&mut self, key: Key, value: f64) -> slog::Result {
        self.put(key, Field::Float(value))
    }

    fn emit_none(&mut self, _: Key) -> slog::Result {
        Ok(())
    }
}
