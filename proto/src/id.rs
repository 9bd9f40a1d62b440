//! Identifiers as decimal strings: JavaScript loses digits of 64-bit numbers.

use serde::{Serialize, Serializer};

/// An identifier, written as a string of decimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub u64);

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(itoa::Buffer::new().format(self.0))
    }
}

/// A conversation's identifier: `world`, or a decimal string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConvId {
    /// The channel that everybody is in.
    World,
    /// Any other.
    Number(u64),
}

impl Serialize for ConvId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::World => serializer.serialize_str("world"),
            Self::Number(n) => Id(*n).serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_strings() {
        let ids = serde_json::to_string(&(Id(0), Id(u64::MAX), ConvId::World, ConvId::Number(42)));
        assert_eq!(ids.expect("serialises"), r#"["0","18446744073709551615","world","42"]"#);
    }
}
