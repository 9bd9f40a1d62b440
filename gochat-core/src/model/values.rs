//! Checked values: what exists in one of these types has passed its rules.

use std::fmt;
use std::sync::Arc;

use unicode_normalization::UnicodeNormalization;

use crate::error::Fault;

/// Words that no user can be called, since they stand in paths.
const RESERVED: [&str; 8] = ["info", "profile", "search", "status", "me", "world", "admin", "system"];

/// A unique name: 3 to 20 letters of any script, digits, `_` and `-`, kept as written after NFKC and trimming.
///
/// ```
/// use gochat_core::error::Fault;
/// use gochat_core::model::Username;
///
/// let name = Username::new(" Alice ")?;
/// assert_eq!(name.as_str(), "Alice");
/// assert_eq!(name.key(), Username::new("aLICE")?.key());
/// assert_eq!(Username::new("world"), Err(Fault::Reserved));
/// # Ok::<(), Fault>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Username(Arc<str>);

impl Username {
    /// Fewest characters.
    pub const MIN: usize = 3;
    /// Most characters.
    pub const MAX: usize = 20;

    /// Checks a name that somebody wants to take.
    ///
    /// # Errors
    /// The rule that the name breaks.
    pub fn new(raw: &str) -> Result<Self, Fault> {
        let name = normal(raw)?;
        let length = name.chars().count();
        if length == 0 {
            return Err(Fault::Missing);
        }
        if length < Self::MIN {
            return Err(Fault::TooShort { min: Self::MIN });
        }
        if length > Self::MAX {
            return Err(Fault::TooLong { max: Self::MAX });
        }
        if !name.chars().all(|c| c.is_alphanumeric() || is_mark(c) || c == '_' || c == '-') {
            return Err(Fault::Malformed);
        }
        if RESERVED.contains(&fold(&name).as_str()) {
            return Err(Fault::Reserved);
        }
        Ok(Self(name.into()))
    }

    /// Takes a name as a store kept it, without checking it again.
    #[must_use]
    pub fn from_stored(name: &str) -> Self {
        Self(name.into())
    }

    /// The name as shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form by which names are unique and looked up.
    #[must_use]
    pub fn key(&self) -> UsernameKey {
        UsernameKey(fold(&self.0).into())
    }
}

/// A name folded for comparison: two names with one key are one name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UsernameKey(Arc<str>);

impl UsernameKey {
    /// Folds whatever was typed; `None` when it can't be anybody's name (empty or far too long).
    #[must_use]
    pub fn of(raw: &str) -> Option<Self> {
        let name = normal(raw).ok()?;
        (!name.is_empty()).then(|| Self(fold(&name).into()))
    }

    /// The folded form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// NFKC, then trimmed. Input far beyond every limit is refused first, so that normalising it costs nothing.
fn normal(raw: &str) -> Result<String, Fault> {
    if raw.len() > 1024 {
        return Err(Fault::TooLong { max: Username::MAX });
    }
    Ok(raw.nfkc().collect::<String>().trim().to_owned())
}

/// Folds case: upper before lower, so that letters that grow in upper case (`ß`, `SS`) meet; NFKC once more, since
/// changing case can leave the normal form.
#[must_use]
pub fn fold(s: &str) -> String {
    s.to_uppercase().to_lowercase().nfkc().collect()
}

/// Combining marks belong to the letters of many scripts (Devanagari, Thai, Arabic) though they are no letters.
fn is_mark(c: char) -> bool {
    unicode_normalization::char::is_combining_mark(c)
}

/// A password on its way to the hasher. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Box<str>);

impl Password {
    /// Fewest characters.
    pub const MIN: usize = 6;
    /// Most bytes; bcrypt ignores what comes after (Provos and Mazières, "A Future-Adaptable Password Scheme", 1999).
    pub const MAX_BYTES: usize = 72;

    /// Checks a password that somebody wants to set.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn new(raw: &str) -> Result<Self, Fault> {
        if raw.chars().count() < Self::MIN {
            return Err(Fault::TooShort { min: Self::MIN });
        }
        if raw.len() > Self::MAX_BYTES {
            return Err(Fault::TooLong { max: Self::MAX_BYTES });
        }
        // bcrypt reads up to the first NUL: what follows it would not count.
        if raw.contains('\0') {
            return Err(Fault::Malformed);
        }
        Ok(Self(raw.into()))
    }

    /// The password, for a hasher only.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// A password as a hasher made it. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(Box<str>);

impl PasswordHash {
    /// Wraps what a hasher made.
    #[must_use]
    pub fn new(hash: &str) -> Self {
        Self(hash.into())
    }

    /// The hash, for a hasher or store only.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

/// Number of entries asked for in one page; 1 up to a maximum that the caller's settings give.
///
/// ```
/// use gochat_core::model::PageLimit;
///
/// assert_eq!(PageLimit::new(1_000, 100).map(PageLimit::get), Ok(100));
/// assert!(PageLimit::new(0, 100).is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageLimit(u32);

impl PageLimit {
    /// Cuts `n` to `max`.
    ///
    /// # Errors
    /// [`Fault::Malformed`] when `n` is 0.
    pub const fn new(n: u32, max: u32) -> Result<Self, Fault> {
        if n == 0 {
            return Err(Fault::Malformed);
        }
        Ok(Self(if n > max { max } else { n }))
    }

    /// The number, at least 1.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usernames() {
        for (raw, want) in [
            ("alice", Ok("alice")),
            ("  Alice_1-2 ", Ok("Alice_1-2")),
            ("ab", Err(Fault::TooShort { min: 3 })),
            ("", Err(Fault::Missing)),
            ("   ", Err(Fault::Missing)),
            ("张三丰", Ok("张三丰")),
            ("Ａｌｉｃｅ", Ok("Alice")),
            ("हिन्दी", Ok("हिन्दी")),
            ("a b c", Err(Fault::Malformed)),
            ("a.b.c", Err(Fault::Malformed)),
            ("World", Err(Fault::Reserved)),
            ("ＡＤＭＩＮ", Err(Fault::Reserved)),
        ] {
            assert_eq!(
                Username::new(raw).as_ref().map(Username::as_str),
                want.as_ref().map(|s| *s),
                "{raw:?}"
            );
        }
        assert!(Username::new(&"x".repeat(20)).is_ok());
        assert_eq!(Username::new(&"x".repeat(21)), Err(Fault::TooLong { max: 20 }));
        assert_eq!(Username::new(&"界".repeat(20)).map(|n| n.as_str().chars().count()), Ok(20));
    }

    #[test]
    fn names_that_look_alike_are_one() {
        for (a, b) in [("Alice", "aLICE"), ("straße", "STRASSE"), ("Ａbc", "abc"), ("ΣΑΣ", "σας")] {
            assert_eq!(UsernameKey::of(a), UsernameKey::of(b), "{a} {b}");
        }
    }

    #[test]
    fn passwords_are_counted_in_characters_below_and_bytes_above() {
        assert_eq!(Password::new("12345"), Err(Fault::TooShort { min: 6 }));
        assert!(Password::new("密码密码密码").is_ok());
        assert!(Password::new(&"x".repeat(72)).is_ok());
        assert_eq!(Password::new(&"x".repeat(73)), Err(Fault::TooLong { max: 72 }));
        assert_eq!(Password::new(&"界".repeat(25)), Err(Fault::TooLong { max: 72 }));
    }
}
