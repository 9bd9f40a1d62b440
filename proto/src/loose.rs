//! Fields as they come in: read without complaint, judged one by one.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A field of whatever type it came as.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Loose<'a> {
    /// Not there, or `null`.
    #[default]
    Missing,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number from 0.
    Number(u64),
    /// A text.
    Text(Cow<'a, str>),
    /// Anything else: an object, an array, a negative or broken number.
    Other,
}

/// Why a field can't be read as what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ill {
    /// It is not there.
    Missing,
    /// It is of another type.
    Malformed,
}

impl<'a> Loose<'a> {
    /// Whether the field is there.
    #[must_use]
    pub fn is_given(&self) -> bool {
        *self != Self::Missing
    }

    /// As a text.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn text(&self) -> Result<&str, Ill> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Missing => Err(Ill::Missing),
            _ => Err(Ill::Malformed),
        }
    }

    /// As a text that need not be there.
    ///
    /// # Errors
    /// It is something else.
    pub fn optional_text(&self) -> Result<Option<&str>, Ill> {
        optional(self.text())
    }

    /// As a whole number from 0 that need not be there. Older documents show numbers as strings too.
    ///
    /// # Errors
    /// It is something else.
    pub fn optional_number(&self) -> Result<Option<u64>, Ill> {
        match self {
            Self::Number(n) => Ok(Some(*n)),
            Self::Text(t) if !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit()) => {
                t.parse().map(Some).map_err(|_| Ill::Malformed)
            }
            Self::Missing => Ok(None),
            _ => Err(Ill::Malformed),
        }
    }

    /// As a truth value.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn bool(&self) -> Result<bool, Ill> {
        match self {
            Self::Bool(b) => Ok(*b),
            Self::Missing => Err(Ill::Missing),
            _ => Err(Ill::Malformed),
        }
    }
}

fn optional<T>(read: Result<T, Ill>) -> Result<Option<T>, Ill> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(Ill::Missing) => Ok(None),
        Err(ill) => Err(ill),
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Loose<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LooseVisitor)
    }
}

struct LooseVisitor;

impl<'de> Visitor<'de> for LooseVisitor {
    type Value = Loose<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, v: bool) -> Result<Self::Value, E> {
        Ok(Loose::Bool(v))
    }

    fn visit_u64<E>(self, v: u64) -> Result<Self::Value, E> {
        Ok(Loose::Number(v))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Loose::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Loose::Other)
    }

    fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Self::Value, E> {
        Ok(Loose::Text(Cow::Borrowed(v)))
    }

    fn visit_str<E>(self, v: &str) -> Result<Self::Value, E> {
        Ok(Loose::Text(Cow::Owned(v.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Loose::Missing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Loose::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Loose::Other)
    }
}

/// A key of an object, borrowed where it has no escapes.
pub(crate) struct Key<'a>(pub(crate) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Key<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field name")
            }

            fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(v)))
            }

            fn visit_str<E>(self, v: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(v.to_owned())))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}

/// Reads a request body; an empty one is an object without fields.
///
/// # Errors
/// It is not JSON, or not an object.
pub fn body<'a, T: Deserialize<'a> + Default>(text: &'a str) -> Result<T, serde_json::Error> {
    if text.trim_ascii().is_empty() { Ok(T::default()) } else { serde_json::from_str(text) }
}

/// Declares an object that comes in: each field with its names on the wire. Unknown fields are ignored; of several
/// spellings of one field, the last that is not `null` counts.
macro_rules! incoming {
    ($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident : $ty:ty = $($wire:literal)|+),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default)]
        pub struct $name<'a> { $($(#[$fdoc])* pub $field: $ty,)* }

        impl<'de: 'a, 'a> serde::Deserialize<'de> for $name<'a> {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct V;
                impl<'de> serde::de::Visitor<'de> for V {
                    type Value = $name<'de>;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(
                        self,
                        mut map: A,
                    ) -> Result<Self::Value, A::Error> {
                        type Out<'a> = $name<'a>;
                        let mut out = Out::default();
                        while let Some(key) = map.next_key::<crate::loose::Key<'de>>()? {
                            match &*key.0 {
                                $($($wire)|+ => crate::loose::Take::take(&mut out.$field, map.next_value()?),)*
                                _ => { map.next_value::<serde::de::IgnoredAny>()?; }
                            }
                        }
                        Ok(out)
                    }
                }
                deserializer.deserialize_map(V)
            }
        }
    };
}
pub(crate) use incoming;

/// Overwrites a field unless what comes is `null`.
pub(crate) trait Take: Sized {
    fn take(&mut self, new: Self);
}

impl Take for Loose<'_> {
    fn take(&mut self, new: Self) {
        if new.is_given() {
            *self = new;
        }
    }
}

/// A field where `null` says something else than nothing: `Some(Missing)` is `null`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Given<'a>(pub Option<Loose<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for Given<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Loose::deserialize(deserializer).map(|value| Self(Some(value)))
    }
}

impl Take for Given<'_> {
    fn take(&mut self, new: Self) {
        *self = new;
    }
}

impl<T> Take for Option<T> {
    fn take(&mut self, new: Self) {
        if new.is_some() {
            *self = new;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_taken_and_told_apart() {
        let read = |json| serde_json::from_str::<Loose<'_>>(json).expect("JSON");
        assert_eq!(read("null"), Loose::Missing);
        assert_eq!(read("true").bool(), Ok(true));
        assert_eq!(read("7").optional_number(), Ok(Some(7)));
        assert_eq!(read("\"7\"").optional_number(), Ok(Some(7)));
        assert_eq!(read("\"x\\n\"").text(), Ok("x\n"));
        for other in ["-1", "1.5", "1e400", "{\"a\":[1,{}]}", "[1,\"a\",[]]"] {
            if let Ok(value) = serde_json::from_str::<Loose<'_>>(other) {
                assert_eq!(value.text(), Err(Ill::Malformed), "{other}");
                assert_eq!(value.optional_number(), Err(Ill::Malformed), "{other}");
            }
        }
        assert_eq!(Loose::Missing.text(), Err(Ill::Missing));
        assert_eq!(Loose::Missing.optional_text(), Ok(None));
        assert_eq!(Loose::Number(3).bool(), Err(Ill::Malformed));
    }
}
