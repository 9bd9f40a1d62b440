//! What rows of messages hold in every database: mentions as bytes, and the checksum of all that a reader gets.
//!
//! Both are stored, so neither may ever change; a message that moves from one database to another keeps its checksum.

use gochat_core::model::{Message, MessageId, Timestamp, UserId};

/// Users as bytes; `None` for nobody.
pub(crate) fn pack(users: &[UserId]) -> Option<Vec<u8>> {
    (!users.is_empty()).then(|| users.iter().flat_map(|user| user.get().to_le_bytes()).collect())
}

/// The users that [`pack`] made bytes of; `None` for other bytes.
pub(crate) fn unpack(bytes: &[u8]) -> Option<Vec<UserId>> {
    let (ids, rest) = bytes.as_chunks::<8>();
    if !rest.is_empty() {
        return None;
    }
    ids.iter().map(|id| UserId::new(u64::from_le_bytes(*id))).collect()
}

/// CRC-32 of all that a reader gets of a message.
pub(crate) fn checksum(message: &Message) -> u32 {
    let body = &message.body;
    let client = message.client_msg_id.as_str();
    let recalled = message.recalled.map_or((i64::MIN, 0), |r| (r.at.as_millis(), r.by.get()));
    let len = |s: &str| s.len() as u64;
    let fixed = [
        message.id.get(),
        message.conversation.get(),
        message.seq.get(),
        message.sender.get(),
        message.sent_at.as_millis().cast_unsigned(),
        u64::from(body.kind.number()) | (body.mentions.len() as u64) << 8,
        body.reply_to.map_or(0, MessageId::get),
        message.edited_at.map_or(i64::MIN, Timestamp::as_millis).cast_unsigned(),
        recalled.0.cast_unsigned(),
        recalled.1,
        len(client),
        len(&body.content),
        body.attachment.as_deref().map_or(u64::MAX, len),
    ];
    let mut bytes = [0; 13 * 8];
    for (slot, field) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(fixed) {
        *slot = field.to_le_bytes();
    }
    let mut crc = crc32fast::Hasher::new();
    crc.update(&bytes);
    crc.update(client.as_bytes());
    crc.update(body.content.as_bytes());
    crc.update(body.attachment.as_deref().unwrap_or_default().as_bytes());
    for user in &body.mentions {
        crc.update(&user.get().to_le_bytes());
    }
    crc.finalize()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use gochat_core::model::{ClientMsgId, ConversationId, MessageBody, Recalled, Seq};

    use super::*;

    fn user(n: u64) -> UserId {
        UserId::new(n).expect("in range")
    }

    fn message() -> Message {
        Message {
            id: MessageId::new(77).expect("in range"),
            conversation: ConversationId::new(5).expect("in range"),
            seq: Seq::new(3),
            sender: user(9),
            client_msg_id: ClientMsgId::new("c-1").expect("a good id"),
            body: MessageBody::text("h\u{e9}llo"),
            sent_at: Timestamp::from_millis(1_700_000_000_000),
            edited_at: None,
            recalled: None,
        }
    }

    /// Rows of released versions carry these.
    #[test]
    fn checksums_stay_what_they_are() {
        let plain = message();
        let mut full = message();
        full.body.mentions = vec![user(1), user(2)];
        full.body.attachment = Some(Arc::from("{}"));
        full.body.reply_to = MessageId::new(4);
        let mut gone = message();
        gone.recalled = Some(Recalled { at: Timestamp::from_millis(1), by: user(9) });
        assert_eq!([&plain, &full, &gone].map(checksum), [2_040_815_974, 469_157_282, 2_854_226_344]);
    }

    #[test]
    fn mentions_come_back() {
        let users = [user(1), user(u64::from(u32::MAX)), user(7)];
        assert_eq!(pack(&users).as_deref().and_then(unpack).as_deref(), Some(&users[..]));
        assert_eq!(pack(&[]), None);
        assert_eq!(unpack(&[1, 0, 0]), None);
        assert_eq!(unpack(&[0; 8]), None, "no user is 0");
    }
}
