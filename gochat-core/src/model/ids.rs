//! Identifiers. Each is a 64-bit number inside and a decimal string outside; none can be taken for another.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;
use std::sync::Arc;

/// A string that is not an identifier of the wanted kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid identifier")]
pub struct ParseIdError;

/// The largest identifier: 63 bits, so that every database and language holds it as a signed number.
const MAX: u64 = i64::MAX as u64;

fn parse_decimal(s: &str) -> Result<NonZeroU64, ParseIdError> {
    // `parse` takes a sign and leading zeros; one id must have one spelling.
    if s.is_empty() || s.len() > 19 || s.starts_with('0') || !s.bytes().all(|b| b.is_ascii_digit()) {
        return Err(ParseIdError);
    }
    s.parse::<u64>().ok().filter(|n| *n <= MAX).and_then(NonZeroU64::new).ok_or(ParseIdError)
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(NonZeroU64);

        impl $name {
            /// Makes an identifier of a number from 1 to 2^63 - 1.
            #[must_use]
            pub const fn new(n: u64) -> Option<Self> {
                if n > MAX {
                    return None;
                }
                match NonZeroU64::new(n) {
                    Some(n) => Some(Self(n)),
                    None => None,
                }
            }

            /// The number inside.
            #[must_use]
            pub const fn get(self) -> u64 {
                self.0.get()
            }
        }
    };
}

macro_rules! decimal {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(s: &str) -> Result<Self, ParseIdError> {
                parse_decimal(s).map(Self)
            }
        }
    };
}

id! {
    /// A user: registered, guest, or brought along by an embedding program.
    UserId
}
decimal!(UserId);

impl UserId {
    /// The system itself, where it acts in nobody's name: it recalls what a moderator objects to. No account has this id,
    /// since generators begin above it; clients show it as no user.
    pub const SYSTEM: Self = Self(NonZeroU64::MIN);
}

id! {
    /// A message; unique in the whole system, and growing with time.
    MessageId
}
decimal!(MessageId);
id! {
    /// One login of a user: what a token belongs to, and what logging out ends.
    LoginId
}
decimal!(LoginId);
id! {
    /// A note of a change that others are to be told of.
    NoteId
}
decimal!(NoteId);
id! {
    /// One connection of a client.
    SessionId
}
decimal!(SessionId);
id! {
    /// A call that waits at its gateway for the receipt of a message.
    RequestId
}
decimal!(RequestId);
id! {
    /// A conversation: the world channel, a single chat or a group. A group's id is its conversation's.
    ///
    /// ```
    /// use gochat_core::model::ConversationId;
    ///
    /// assert_eq!("world".parse(), Ok(ConversationId::WORLD));
    /// assert_eq!("42".parse::<ConversationId>().map(|id| id.to_string()), Ok("42".to_owned()));
    /// assert!("042".parse::<ConversationId>().is_err());
    /// ```
    ConversationId
}

impl ConversationId {
    /// The world channel, written `world`. Everybody is in it.
    pub const WORLD: Self = Self(NonZeroU64::MIN);

    /// Whether this is the world channel.
    #[must_use]
    pub fn is_world(self) -> bool {
        self == Self::WORLD
    }
}

impl fmt::Display for ConversationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_world() { f.write_str("world") } else { self.0.fmt(f) }
    }
}

impl FromStr for ConversationId {
    type Err = ParseIdError;

    fn from_str(s: &str) -> Result<Self, ParseIdError> {
        if s == "world" {
            return Ok(Self::WORLD);
        }
        // `1` is the inside of `world` and no second name for it.
        parse_decimal(s).map(Self).ok().filter(|id| !id.is_world()).ok_or(ParseIdError)
    }
}

/// Position of a message in its conversation: 1, 2, 3, … without holes. 0 is before the first.
///
/// ```
/// use gochat_core::model::Seq;
///
/// let (read, head) = (Seq::new(7), Seq::new(10));
/// assert_eq!(head.since(read), 3);
/// assert_eq!(read.since(head), 0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Seq(u64);

impl Seq {
    /// Before the first message.
    pub const ZERO: Self = Self(0);

    /// Makes a sequence; anything above 2^63 - 1 becomes that.
    #[must_use]
    pub const fn new(n: u64) -> Self {
        Self(if n > MAX { MAX } else { n })
    }

    /// The number inside.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The position right after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self::new(self.0.saturating_add(1))
    }

    /// The position `n` after this one.
    #[must_use]
    pub const fn plus(self, n: u64) -> Self {
        Self::new(self.0.saturating_add(n))
    }

    /// How many positions this is after `earlier`; 0 when it is not after it.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Version of who is in a conversation and with which rights. It grows with every change of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MembersVersion(u64);

impl MembersVersion {
    /// Makes a version.
    #[must_use]
    pub const fn new(n: u64) -> Self {
        Self(n)
    }

    /// The number inside.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// Name of a gateway instance; where a session lives.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GatewayId(Arc<str>);

impl GatewayId {
    /// Makes a name of 1 to 64 ASCII letters, digits, `-` and `_` (it becomes part of topic names).
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let fits = (1..=64).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        fits.then(|| Self(name.into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The id that a client gave its message; with sender and conversation it makes a repeated send recognisable.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientMsgId(Arc<str>);

impl ClientMsgId {
    /// The longest that is taken, in bytes.
    pub const MAX_BYTES: usize = 128;

    /// Takes 1 to [`MAX_BYTES`](Self::MAX_BYTES) bytes without control characters.
    #[must_use]
    pub fn new(id: &str) -> Option<Self> {
        let fits = (1..=Self::MAX_BYTES).contains(&id.len()) && !id.chars().any(char::is_control);
        fits.then(|| Self(id.into()))
    }

    /// The id as the client wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_id_has_one_spelling() {
        for bad in
            ["", "0", "01", "+1", "-1", " 1", "1 ", "9223372036854775808", "99999999999999999999", "x", "١"]
        {
            assert_eq!(bad.parse::<UserId>(), Err(ParseIdError), "{bad:?}");
        }
        assert_eq!("9223372036854775807".parse::<UserId>().map(UserId::get), Ok(MAX));
    }

    #[test]
    fn world_is_written_as_a_word_only() {
        assert_eq!("world".parse(), Ok(ConversationId::WORLD));
        assert_eq!("1".parse::<ConversationId>(), Err(ParseIdError));
        assert_eq!(ConversationId::WORLD.to_string(), "world");
    }
}
