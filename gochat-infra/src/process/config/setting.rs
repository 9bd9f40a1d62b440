//! The types a key may have, read from text or TOML and shown as TOML.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::raw::Raw;

/// A type of values.
pub(super) trait Setting: Sized {
    const SECRET: bool = false;
    fn parse(raw: &Raw) -> Result<Self, String>;
    /// As TOML; `None` when unset.
    fn show(&self) -> Option<String>;
}

pub(super) fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

macro_rules! numbers {
    ($($ty:ty),+) => { $(
        impl Setting for $ty {
            fn parse(raw: &Raw) -> Result<Self, String> {
                let number = raw.number().ok_or_else(|| format!("{raw} is not a whole number"))?;
                Self::try_from(number).map_err(|_| format!("{number} is not between 0 and {}", Self::MAX))
            }

            fn show(&self) -> Option<String> {
                Some(self.to_string())
            }
        }
    )+ };
}

numbers!(u32, u64, usize);

/// A part of a whole: 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share(pub f64);

impl Setting for Share {
    fn parse(raw: &Raw) -> Result<Self, String> {
        let share = raw.real().filter(|share| (0.0..=1.0).contains(share));
        share.map(Self).ok_or_else(|| format!("{raw} is not between 0 and 1"))
    }

    fn show(&self) -> Option<String> {
        // With a point in it, so that it is one in TOML too.
        Some(format!("{:?}", self.0))
    }
}

impl Setting for bool {
    fn parse(raw: &Raw) -> Result<Self, String> {
        raw.flag().ok_or_else(|| format!("{raw} is neither true nor false"))
    }

    fn show(&self) -> Option<String> {
        Some(self.to_string())
    }
}

impl Setting for String {
    fn parse(raw: &Raw) -> Result<Self, String> {
        raw.text().map(str::to_owned).ok_or_else(|| format!("{raw} is not a text"))
    }

    fn show(&self) -> Option<String> {
        Some(quoted(self))
    }
}

impl Setting for PathBuf {
    fn parse(raw: &Raw) -> Result<Self, String> {
        String::parse(raw).map(Self::from)
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&self.to_string_lossy()))
    }
}

impl Setting for SocketAddr {
    fn parse(raw: &Raw) -> Result<Self, String> {
        let text = String::parse(raw)?;
        text.parse().map_err(|_| format!("{text:?} is not an address and port such as \"127.0.0.1:8080\""))
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&self.to_string()))
    }
}

impl Setting for Vec<String> {
    fn parse(raw: &Raw) -> Result<Self, String> {
        raw.list().ok_or_else(|| format!("{raw} is not a list of texts"))
    }

    fn show(&self) -> Option<String> {
        Some(format!("[{}]", self.iter().map(|s| quoted(s)).collect::<Vec<_>>().join(", ")))
    }
}

impl<T: Setting> Setting for Option<T> {
    const SECRET: bool = T::SECRET;

    fn parse(raw: &Raw) -> Result<Self, String> {
        T::parse(raw).map(Some)
    }

    fn show(&self) -> Option<String> {
        self.as_ref().and_then(T::show)
    }
}

const UNITS: [(&str, u128); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

impl Setting for Duration {
    fn parse(raw: &Raw) -> Result<Self, String> {
        let wrong = || format!("{raw} is not a time such as \"30s\", \"250ms\", \"1h30m\" or \"30d\"");
        let mut rest = raw.text().map(str::trim).filter(|t| !t.is_empty()).ok_or_else(wrong)?;
        let mut millis: u128 = 0;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
            let (number, after) = rest.split_at(digits);
            let unit = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
            let (unit, after) = after.split_at(unit);
            let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
            let part = number.parse::<u128>().ok().and_then(|n| n.checked_mul(*factor)).ok_or_else(wrong)?;
            millis = millis.checked_add(part).ok_or_else(wrong)?;
            rest = after;
        }
        // A hundred years: more overflows dates, and nobody means it.
        u64::try_from(millis)
            .ok()
            .filter(|ms| *ms < 3_155_760_000_000)
            .map(Self::from_millis)
            .ok_or_else(wrong)
    }

    fn show(&self) -> Option<String> {
        let millis = self.as_millis();
        let unit = UNITS.iter().find(|(_, factor)| millis >= *factor && millis.is_multiple_of(*factor));
        let (name, factor) = unit.unwrap_or(&("s", 1_000));
        Some(quoted(&format!("{}{name}", millis / factor)))
    }
}

/// A number of bytes: `"64KiB"`, `"1MiB"`, or a plain number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

const SIZES: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

impl Size {
    /// As a length in memory.
    #[must_use]
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl Setting for Size {
    fn parse(raw: &Raw) -> Result<Self, String> {
        let wrong = || format!("{raw} is not a size such as \"64KiB\", \"1MiB\" or 4096");
        if let Some(number) = raw.number() {
            return u64::try_from(number).map(Self).map_err(|_| wrong());
        }
        let text = raw.text().ok_or_else(wrong)?.trim();
        let (number, factor) =
            SIZES.iter().find_map(|(unit, f)| Some((text.strip_suffix(unit)?, *f))).ok_or_else(wrong)?;
        number.trim().parse::<u64>().ok().and_then(|n| n.checked_mul(factor)).map(Self).ok_or_else(wrong)
    }

    fn show(&self) -> Option<String> {
        let unit = SIZES.iter().find(|(_, factor)| self.0 >= *factor && self.0.is_multiple_of(*factor));
        Some(unit.map_or_else(
            || self.0.to_string(),
            |(name, factor)| quoted(&format!("{}{name}", self.0 / factor)),
        ))
    }
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

impl Setting for Secret {
    const SECRET: bool = true;

    fn parse(raw: &Raw) -> Result<Self, String> {
        // The value itself must not get into a message.
        raw.text().map(|t| Self(t.to_owned())).ok_or_else(|| "a secret must be a text".to_owned())
    }

    fn show(&self) -> Option<String> {
        Some(quoted("(secret)"))
    }
}

/// A choice of words.
macro_rules! choice {
    ($(#[$doc:meta])* $Name:ident { $( $(#[$vdoc:meta])* $Variant:ident = $word:literal ),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $Name { $( $(#[$vdoc])* $Variant ),+ }

        impl Setting for $Name {
            fn parse(raw: &Raw) -> Result<Self, String> {
                match raw.text() {
                    $( Some($word) => Ok(Self::$Variant), )+
                    _ => Err(format!("{raw} is none of {}", [$(stringify!($word)),+].join(", "))),
                }
            }

            fn show(&self) -> Option<String> {
                Some(quoted(match self { $( Self::$Variant => $word ),+ }))
            }
        }
    };
}

pub(super) use choice;
