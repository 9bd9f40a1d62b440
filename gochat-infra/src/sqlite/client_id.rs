//! How clients' message ids are stored: short, and in an order that keeps what is sent together together.
//!
//! The order is a matter of speed only. Each id has exactly one stored form, and no two have the same:
//!
//! | id | time | rest |
//! | --- | --- | --- |
//! | UUID of version 7 (RFC 9562), lower case | its milliseconds | BLOB of its last 10 bytes |
//! | any other UUID, lower case | 0 | BLOB of 16 bytes |
//! | a decimal number without leading zeros that fits | 0 | INTEGER |
//! | text with a time in it: 13 digits in a row, as `Date.now()` gives | that time | TEXT, whole |
//! | anything else | 0 | TEXT |

use gochat_core::model::ClientMsgId;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Result as SqlResult, ToSql};

/// A client's message id as two columns.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ClientKey<'a> {
    pub(super) time: i64,
    pub(super) rest: Rest<'a>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Rest<'a> {
    Number(i64),
    Tail([u8; 10]),
    Uuid([u8; 16]),
    Text(&'a str),
}

impl<'a> ClientKey<'a> {
    pub(super) fn of(id: &'a ClientMsgId) -> Self {
        let text = id.as_str();
        if let Some(bytes) = parse_uuid(text.as_bytes()) {
            return match (bytes[6] >> 4, time_of(&bytes), <[u8; 10]>::try_from(&bytes[6..])) {
                (7, time, Ok(tail)) => Self { time, rest: Rest::Tail(tail) },
                _ => Self { time: 0, rest: Rest::Uuid(bytes) },
            };
        }
        if let Some(number) = parse_number(text) {
            return Self { time: 0, rest: Rest::Number(number) };
        }
        Self { time: find_time(text.as_bytes()), rest: Rest::Text(text) }
    }

    /// The id as the client wrote it; `None` when the columns hold nothing of ours.
    pub(super) fn restore(time: i64, rest: ValueRef<'_>) -> Option<ClientMsgId> {
        match rest {
            ValueRef::Text(text) => ClientMsgId::new(std::str::from_utf8(text).ok()?),
            ValueRef::Integer(number) => ClientMsgId::new(itoa::Buffer::new().format(number)),
            ValueRef::Blob(tail) if tail.len() == 10 => {
                let mut bytes = [0; 16];
                bytes[..6].copy_from_slice(&time.to_be_bytes()[2..]);
                bytes[6..].copy_from_slice(tail);
                write_uuid(&bytes)
            }
            ValueRef::Blob(bytes) => write_uuid(bytes.try_into().ok()?),
            ValueRef::Null | ValueRef::Real(_) => None,
        }
    }
}

impl ToSql for Rest<'_> {
    fn to_sql(&self) -> SqlResult<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Number(number) => ToSqlOutput::Owned(Value::Integer(*number)),
            Self::Tail(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
            Self::Uuid(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
        })
    }
}

fn time_of(uuid: &[u8; 16]) -> i64 {
    uuid[..6].iter().fold(0, |time, byte| time << 8 | i64::from(*byte))
}

/// Reads a UUID in its one canonical spelling.
fn parse_uuid(text: &[u8]) -> Option<[u8; 16]> {
    if text.len() != 36 || [8, 13, 18, 23].into_iter().any(|at| text[at] != b'-') {
        return None;
    }
    let mut bytes = [0; 16];
    let mut digits = text.iter().filter(|c| **c != b'-').map(|c| match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'f' => Some(c - b'a' + 10),
        _ => None,
    });
    for byte in &mut bytes {
        *byte = digits.next()?? << 4 | digits.next()??;
    }
    // Hyphens elsewhere would leave too few digits, never too many: the length is fixed.
    Some(bytes)
}

fn write_uuid(bytes: &[u8; 16]) -> Option<ClientMsgId> {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut text = [b'-'; 36];
    let mut at = 0;
    for (i, byte) in bytes.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            at += 1;
        }
        text[at] = HEX[usize::from(byte >> 4)];
        text[at + 1] = HEX[usize::from(byte & 15)];
        at += 2;
    }
    ClientMsgId::new(std::str::from_utf8(&text).ok()?)
}

fn parse_number(text: &str) -> Option<i64> {
    let canonical = text == "0" || (!text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit()));
    // 13 digits are a time more often than a number; as text they get its place.
    if !canonical || text.len() == 13 { None } else { text.parse().ok() }
}

/// The first run of exactly 13 digits that is a time of this age (2001 to 2286); else 0.
fn find_time(text: &[u8]) -> i64 {
    text.split(|b| !b.is_ascii_digit())
        .find(|run| run.len() == 13 && run[0] != b'0')
        .map_or(0, |run| run.iter().fold(0, |n, digit| n * 10 + i64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn there_and_back(id: &ClientMsgId) -> Option<ClientMsgId> {
        let key = ClientKey::of(id);
        let rest = key.rest.to_sql().expect("a value");
        let value = match &rest {
            ToSqlOutput::Borrowed(value) => *value,
            ToSqlOutput::Owned(value) => ValueRef::from(value),
            _ => unreachable!("only values"),
        };
        ClientKey::restore(key.time, value)
    }

    #[test]
    fn each_shape_has_its_form() {
        for (id, time, rest) in [
            ("018f0000-0000-7001-8002-0000000000ff", 0x018f_0000_0000, "Tail"),
            ("018f0000-0000-4001-8002-0000000000ff", 0, "Uuid"),
            ("018F0000-0000-7001-8002-0000000000ff", 0, "Text"),
            ("018f0000-0000-7001-8002-0000000000f-", 0, "Text"),
            ("18", 0, "Number"),
            ("0", 0, "Number"),
            ("018", 0, "Text"),
            ("+18", 0, "Text"),
            ("9223372036854775807", 0, "Number"),
            ("9223372036854775808", 0, "Text"),
            ("1700000000000", 1_700_000_000_000, "Text"),
            ("temp_1700000000000_x1", 1_700_000_000_000, "Text"),
            ("temp_17000000000000", 0, "Text"),
            ("张三-1700000000000", 1_700_000_000_000, "Text"),
        ] {
            let id = ClientMsgId::new(id).expect("valid");
            let key = ClientKey::of(&id);
            assert_eq!(key.time, time, "{id:?}");
            assert!(format!("{:?}", key.rest).starts_with(rest), "{id:?} {key:?}");
            assert_eq!(there_and_back(&id).as_ref(), Some(&id));
        }
    }

    proptest! {
        #[test]
        fn every_id_comes_back_as_it_was(id in "\\PC{1,36}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9-]{36}|[0-9]{1,20}") {
            if let Some(id) = ClientMsgId::new(&id) {
                prop_assert_eq!(there_and_back(&id), Some(id));
            }
        }
    }
}
