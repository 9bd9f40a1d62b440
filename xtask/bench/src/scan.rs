//! Finds fields in JSON frames by searching, not by parsing: the generator must stay far cheaper than the server.
//!
//! Assumes that the names searched for stand in no text of ours, and nothing about the order of fields.

use memchr::memmem::Finder;

/// The names that the generator looks for, prepared once.
pub(crate) struct Scan {
    kind: Finder<'static>,
    seq: Finder<'static>,
    message_id: Finder<'static>,
    client_id: Finder<'static>,
    temp_id: Finder<'static>,
    stored: Finder<'static>,
}

impl Scan {
    pub(crate) fn new() -> Self {
        Self {
            kind: Finder::new(b"\"type\":\""),
            seq: Finder::new(b"\"seq\":"),
            message_id: Finder::new(b"\"messageId\":\""),
            client_id: Finder::new(b"\"clientMsgId\":\""),
            temp_id: Finder::new(b"\"tempMessageId\":\""),
            stored: Finder::new(b"\"status\":\"stored\""),
        }
    }

    /// What kind of frame it is. The outer `type` comes first in practice; where it doesn't, an inner one
    /// (`text`) is met first, and the kinds are searched for one by one.
    pub(crate) fn kind(&self, json: &[u8]) -> Kind {
        let at_front = self.kind.find(json).map(|at| &json[at + 8..]).and_then(Kind::starting);
        at_front.unwrap_or_else(|| {
            let mut rest = json;
            while let Some(at) = self.kind.find(rest) {
                rest = &rest[at + 8..];
                if let Some(kind) = Kind::starting(rest) {
                    return kind;
                }
            }
            Kind::Other
        })
    }

    pub(crate) fn seq(&self, json: &[u8]) -> Option<u64> {
        let digits = &json[self.seq.find(json)? + 6..];
        let start = digits.iter().position(|byte| *byte != b' ')?;
        let digits = &digits[start..];
        let end = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
        number(&digits[..end], 10)
    }

    /// The message's id folded to a number: enough to see whether two frames name the same message.
    pub(crate) fn message_id(&self, json: &[u8]) -> Option<u64> {
        let id = quoted(json, self.message_id.find(json)? + 13);
        Some(number(id, 10).unwrap_or_else(|| {
            id.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
                (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
            })
        }))
    }

    /// The running number inside a client id of ours (see [`crate::load::SendFrame`]).
    pub(crate) fn client_index(&self, json: &[u8]) -> Option<u64> {
        let id = match self.client_id.find(json) {
            Some(at) => quoted(json, at + 15),
            None => quoted(json, self.temp_id.find(json)? + 17),
        };
        number(id.get(24..36)?, 16)
    }

    /// Whether an ack says that the message is stored; `accepted` alone doesn't count.
    pub(crate) fn is_stored(&self, json: &[u8]) -> bool {
        self.stored.find(json).is_some()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    NewMessage,
    Ack,
    Connected,
    Error,
    Other,
}

impl Kind {
    fn starting(rest: &[u8]) -> Option<Self> {
        const KINDS: [(&[u8], Kind); 5] = [
            (b"new-message\"", Kind::NewMessage),
            (b"message-ack\"", Kind::Ack),
            (b"connected\"", Kind::Connected),
            (b"error\"", Kind::Error),
            (b"conversation-update\"", Kind::Other),
        ];
        KINDS.iter().find(|(name, _)| rest.starts_with(name)).map(|(_, kind)| *kind)
    }
}

fn quoted(json: &[u8], start: usize) -> &[u8] {
    let rest = &json[start..];
    &rest[..memchr::memchr(b'"', rest).unwrap_or(rest.len())]
}

fn number(digits: &[u8], radix: u32) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |sum, byte| {
        let digit = char::from(*byte).to_digit(radix)?;
        sum.checked_mul(u64::from(radix))?.checked_add(u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELIVERED: &[u8] = br#"{"data":{"message":{"type":"text","seq":  42,"messageId":"77","content":"x",
        "clientMsgId":"018f0000-0000-7001-8002-0000000000ff"}},"type":"new-message"}"#;

    #[test]
    fn finds_fields_in_any_order() {
        let scan = Scan::new();
        assert_eq!(scan.kind(DELIVERED), Kind::NewMessage);
        assert_eq!(scan.seq(DELIVERED), Some(42));
        assert_eq!(scan.message_id(DELIVERED), Some(77));
        assert_eq!(scan.client_index(DELIVERED), Some(255));
        assert!(!scan.is_stored(DELIVERED));
    }

    #[test]
    fn an_ack_is_known_by_its_temporary_id_too() {
        let scan = Scan::new();
        let ack = br#"{"type":"message-ack","data":{"tempMessageId":"018f0000-0000-7001-8002-00000000000a","status":"stored"}}"#;
        assert_eq!((scan.kind(ack), scan.client_index(ack)), (Kind::Ack, Some(10)));
        assert!(scan.is_stored(ack));
    }
}
