//! What is copied: every table with all its columns, as MySQL calls them, and what each column may hold.

use super::cell::Cell;

/// A table that both databases have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Table {
    Users,
    Conversations,
    Members,
    Departures,
    Friendships,
    Messages,
    Logins,
    RefreshTokens,
}

/// What a column may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// 1 or more.
    Id,
    /// 0 or more.
    Count,
    /// Any number.
    Time,
    /// 0 or 1.
    Flag,
    /// From 1 to this.
    Choice(i64),
    /// UTF-8 of at most so many bytes.
    Text(usize),
    /// At most so many bytes.
    Bytes(usize),
    /// SHA-256.
    Digest,
}

/// A column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) null: bool,
}

const fn must(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, null: false }
}

const fn may(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, null: true }
}

/// The longest that MEDIUMTEXT and MEDIUMBLOB take.
const MEDIUM: usize = (1 << 24) - 1;
/// What 255 characters may take.
const SHORT: usize = 255 * 4;

use Kind::{Bytes, Choice, Count, Digest, Flag, Id, Text, Time};

const USERS: &[Column] = &[
    must("id", Id),
    must("name", Text(SHORT)),
    must("name_key", Text(1_024)),
    may("nickname", Text(MEDIUM)),
    may("nickname_key", Text(MEDIUM)),
    must("avatar", Text(MEDIUM)),
    must("guest", Flag),
    must("created_at", Time),
    may("password", Text(255)),
    may("external", Text(MEDIUM)),
    // Only MySQL has it: the SHA-256 of `external`.
    may(EXTERNAL_DIGEST, Digest),
];
/// The column that SQLite has not.
pub(crate) const EXTERNAL_DIGEST: &str = "external_digest";

const CONVERSATIONS: &[Column] = &[
    must("id", Id),
    must("kind", Choice(3)),
    must("last_seq", Count),
    must("last_at", Time),
    must("changed", Count),
    must("members_version", Count),
    must("created_at", Time),
    may("dissolved_at", Time),
    may("low", Id),
    may("high", Id),
    may("name", Text(MEDIUM)),
    may("avatar", Text(MEDIUM)),
    may("description", Text(MEDIUM)),
    may("owner", Id),
    may("member_count", Count),
];

const MEMBERS: &[Column] = &[
    must("conversation", Id),
    must("user", Id),
    must("role", Choice(3)),
    must("joined_seq", Count),
    must("read_seq", Count),
    must("changed", Count),
    must("joined", Count),
    may("muted_until", Time),
    may("hidden_seq", Count),
    must("muted", Flag),
    must("pinned", Flag),
];

const DEPARTURES: &[Column] = &[must("user", Id), must("conversation", Id), must("changed", Count)];

const FRIENDSHIPS: &[Column] =
    &[must("user", Id), must("friend", Id), must("gone", Flag), must("changed", Count), must("since", Time)];

const MESSAGES: &[Column] = &[
    must("conversation", Id),
    must("seq", Id),
    must("id", Id),
    must("sender", Id),
    must("client", Bytes(128)),
    must("kind", Choice(127)),
    must("sent_at", Time),
    must("checksum", Count),
    must("content", Text(MEDIUM)),
    may("reply_to", Id),
    may("mentions", Bytes(MEDIUM)),
    may("attachment", Text(MEDIUM)),
    may("edited_at", Time),
    may("recalled_at", Time),
    may("recalled_by", Id),
];

const LOGINS: &[Column] = &[
    must("id", Id),
    must("user", Id),
    must("created_at", Time),
    must("expires_at", Time),
    may("ended_at", Time),
];

const REFRESH_TOKENS: &[Column] =
    &[must("digest", Digest), must("login", Id), must("expires_at", Time), may("used_at", Time)];

impl Table {
    /// In the order of copying.
    pub(crate) const ALL: [Self; 8] = [
        Self::Users,
        Self::Conversations,
        Self::Members,
        Self::Departures,
        Self::Friendships,
        Self::Messages,
        Self::Logins,
        Self::RefreshTokens,
    ];

    /// As MySQL calls it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Conversations => "conversations",
            Self::Members => "conversation_members",
            Self::Departures => "departures",
            Self::Friendships => "friendships",
            Self::Messages => "messages",
            Self::Logins => "logins",
            Self::RefreshTokens => "refresh_tokens",
        }
    }

    /// All its columns; those of the key come first, in the key's order.
    pub(crate) const fn columns(self) -> &'static [Column] {
        match self {
            Self::Users => USERS,
            Self::Conversations => CONVERSATIONS,
            Self::Members => MEMBERS,
            Self::Departures => DEPARTURES,
            Self::Friendships => FRIENDSHIPS,
            Self::Messages => MESSAGES,
            Self::Logins => LOGINS,
            Self::RefreshTokens => REFRESH_TOKENS,
        }
    }

    /// How many columns the key has.
    pub(crate) const fn key(self) -> usize {
        match self {
            Self::Users | Self::Conversations | Self::Logins | Self::RefreshTokens => 1,
            Self::Members | Self::Departures | Self::Friendships | Self::Messages => 2,
        }
    }

    /// Below every key.
    pub(crate) fn start(self) -> Vec<Cell> {
        let least = |column: &Column| match column.kind {
            Digest | Text(_) | Bytes(_) => Cell::Bytes(Vec::new()),
            _ => Cell::Int(i64::MIN),
        };
        self.columns()[..self.key()].iter().map(least).collect()
    }
}

impl Column {
    /// What is wrong with a value of this column.
    pub(crate) fn fault(&self, cell: &Cell) -> Option<String> {
        let name = self.name;
        match (self.kind, cell) {
            (_, Cell::Null) => (!self.null).then(|| format!("{name} is missing")),
            (Id, Cell::Int(n)) => (*n < 1).then(|| format!("{name} is {n}")),
            (Count, Cell::Int(n)) => (*n < 0).then(|| format!("{name} is {n}")),
            (Flag, Cell::Int(n)) => (*n != 0 && *n != 1).then(|| format!("{name} is {n}")),
            (Choice(most), Cell::Int(n)) => (*n < 1 || *n > most).then(|| format!("{name} is {n}")),
            (Time, Cell::Int(_)) => None,
            (Text(_), Cell::Bytes(text)) if std::str::from_utf8(text).is_err() => {
                Some(format!("{name} is not UTF-8"))
            }
            (Text(most) | Bytes(most), Cell::Bytes(bytes)) => {
                (bytes.len() > most).then(|| format!("{name} has {} bytes", bytes.len()))
            }
            (Digest, Cell::Bytes(bytes)) => {
                (bytes.len() != 32).then(|| format!("{name} has {} bytes", bytes.len()))
            }
            _ => Some(format!("{name} is of another type")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_a_column_may_not_hold_are_told() {
        let bytes = |s: &[u8]| Cell::Bytes(s.to_vec());
        for (kind, good, bad) in [
            (Id, Cell::Int(1), Cell::Int(0)),
            (Count, Cell::Int(0), Cell::Int(-1)),
            (Choice(3), Cell::Int(3), Cell::Int(4)),
            (Choice(3), Cell::Int(1), Cell::Int(0)),
            (Flag, Cell::Int(0), Cell::Int(2)),
            (Time, Cell::Int(-5), bytes(b"5")),
            (Text(3), bytes("é".as_bytes()), bytes(&[0xff])),
            (Text(3), bytes(b"abc"), bytes(b"abcd")),
            (Bytes(1), bytes(&[0xff]), Cell::Int(1)),
            (Digest, bytes(&[0; 32]), bytes(&[0; 31])),
            (Id, Cell::Int(i64::MAX), Cell::Null),
        ] {
            let column = must("it", kind);
            assert_eq!(column.fault(&good), None, "{kind:?}");
            assert!(column.fault(&bad).is_some_and(|fault| fault.starts_with("it ")), "{kind:?}");
        }
        assert_eq!(may("it", Id).fault(&Cell::Null), None);
    }
}
