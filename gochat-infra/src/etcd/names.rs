//! Names that become parts of keys.

use std::fmt;
use std::str::FromStr;

/// A name that can't be part of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to 128 letters, digits, '.', '-' or '_' of ASCII")]
pub struct BadName;

fn checked(name: &str) -> Result<Box<str>, BadName> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    let good = (1..=128).contains(&name.len()) && name.bytes().all(fits);
    if good { Ok(name.into()) } else { Err(BadName) }
}

macro_rules! name {
    ($(#[$doc:meta])* $Name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $Name(Box<str>);

        impl $Name {
            /// Checks a name.
            ///
            /// # Errors
            /// [`BadName`], when it can't be part of a key.
            pub fn new(name: &str) -> Result<Self, BadName> {
                checked(name).map(Self)
            }

            /// As text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $Name {
            type Err = BadName;

            fn from_str(name: &str) -> Result<Self, BadName> {
                Self::new(name)
            }
        }
    };
}

name! {
    /// What kind of process it is: `im-logic`.
    ServiceName
}
name! {
    /// One process of a service. No two that live at the same time may have the same.
    InstanceId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_leave_its_key_is_no_name() {
        for bad in ["", "a/b", "..\u{0}", "a b", "é", &"x".repeat(129)] {
            assert_eq!(ServiceName::new(bad), Err(BadName), "{bad:?}");
        }
        assert_eq!(InstanceId::new("im-logic_1.a").map(|n| n.to_string()).as_deref(), Ok("im-logic_1.a"));
    }
}
