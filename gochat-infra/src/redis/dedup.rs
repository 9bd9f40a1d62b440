//! What was sent lately. May be lost at any time: the unique key in the store is the truth.

use ::redis::Value;
use async_trait::async_trait;
use gochat_core::model::{MessageId, MessageKey, Receipt, Seq, Timestamp};
use gochat_core::ports::{Dedup, Result};
use slog::warn;

use super::answer;
use super::client::Redis;
use super::command::Command;
use super::error::Call;

/// A [`Dedup`] that several processes share. Each call is one round trip.
#[derive(Debug, Clone)]
pub struct RedisDedup {
    redis: Redis,
}

impl RedisDedup {
    /// Receipts under the prefix of `redis`.
    #[must_use]
    pub fn new(redis: Redis) -> Self {
        Self { redis }
    }
}

#[async_trait]
impl Dedup for RedisDedup {
    async fn seen(&self, keys: &[MessageKey]) -> Result<Vec<Option<Receipt>>> {
        let get = |key: &MessageKey| Command::new("GET", &self.redis.keys().dedup(key));
        let found = self.redis.call("dedup.seen", Call::Again, keys.iter().map(get).collect()).await?;
        let read = |(answer, key): (&Value, &MessageKey)| {
            if *answer == Value::Nil {
                return None;
            }
            let receipt = answer::bytes(answer).and_then(|bytes| unpack(key, bytes));
            if receipt.is_none() {
                // As good as forgotten.
                warn!(self.redis.log(), "a remembered receipt is not what was written";
                    "conversation" => %key.conversation, "sender" => %key.sender);
            }
            receipt
        };
        Ok(found.iter().zip(keys).map(read).collect())
    }

    async fn remember(&self, sent: &[(MessageKey, Receipt)]) -> Result<()> {
        let ttl = self.redis.config().dedup_ttl.as_secs().max(1);
        let set = |(key, receipt): &(MessageKey, Receipt)| {
            let name = self.redis.keys().dedup(key);
            Command::new("SET", &name).arg(&pack(key, receipt)[..]).arg("EX").arg(ttl)
        };
        self.redis.call("dedup.remember", Call::Again, sent.iter().map(set).collect()).await.map(drop)
    }
}

/// Version, id, sequence, time, and a checksum over them and the key: 29 bytes, which the server keeps beside the key.
const SIZE: usize = 29;
const VERSION: u8 = 1;

fn pack(key: &MessageKey, receipt: &Receipt) -> [u8; SIZE] {
    let mut packed = [0; SIZE];
    packed[0] = VERSION;
    packed[1..9].copy_from_slice(&receipt.id.get().to_le_bytes());
    packed[9..17].copy_from_slice(&receipt.seq.get().to_le_bytes());
    packed[17..25].copy_from_slice(&receipt.sent_at.as_millis().to_le_bytes());
    let sum = checksum(key, &packed[..25]);
    packed[25..].copy_from_slice(&sum.to_le_bytes());
    packed
}

fn unpack(key: &MessageKey, packed: &[u8]) -> Option<Receipt> {
    let packed: &[u8; SIZE] = packed.try_into().ok()?;
    let part = |from: usize| -> Option<[u8; 8]> { packed.get(from..from + 8)?.try_into().ok() };
    if packed[0] != VERSION || packed[25..] != checksum(key, &packed[..25]).to_le_bytes() {
        return None;
    }
    Some(Receipt {
        id: MessageId::new(u64::from_le_bytes(part(1)?))?,
        seq: Seq::new(u64::from_le_bytes(part(9)?)),
        sent_at: Timestamp::from_millis(i64::from_le_bytes(part(17)?)),
    })
}

fn checksum(key: &MessageKey, packed: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(packed);
    sum.update(&key.conversation.get().to_le_bytes());
    sum.update(&key.sender.get().to_le_bytes());
    sum.update(key.client_msg_id.as_str().as_bytes());
    sum.finalize()
}

#[cfg(test)]
mod tests {
    use gochat_core::model::{ClientMsgId, ConversationId, UserId};

    use super::*;

    #[test]
    fn a_changed_byte_is_noticed() {
        let key = |client: &str| MessageKey {
            conversation: ConversationId::new(7).expect("in range"),
            sender: UserId::new(9).expect("in range"),
            client_msg_id: ClientMsgId::new(client).expect("a good id"),
        };
        let id = MessageId::new(i64::MAX as u64).expect("in range");
        let receipt = Receipt { id, seq: Seq::new(3), sent_at: Timestamp::from_millis(-5) };
        let packed = pack(&key("a"), &receipt);
        assert_eq!(unpack(&key("a"), &packed), Some(receipt));
        assert_eq!(unpack(&key("b"), &packed), None, "another's");
        for at in 0..SIZE {
            let mut rotten = packed;
            rotten[at] ^= 0x10;
            assert_eq!(unpack(&key("a"), &rotten), None, "byte {at}");
        }
        assert_eq!(unpack(&key("a"), &packed[1..]), None);
    }
}
