//! Messages as they stand in the file: a record is a JSON array of them. The domain's types know nothing of it.

use std::sync::Arc;

use gochat_core::model::{
    ClientMsgId, ConversationId, Message, MessageBody, MessageId, MessageKind, Recalled, Seq, Timestamp,
    UserId,
};
use serde_json::{Value, json};

pub(super) fn encode(messages: &[Arc<Message>]) -> Vec<u8> {
    Value::from(messages.iter().map(|message| row(message)).collect::<Vec<_>>()).to_string().into_bytes()
}

/// Nothing when it is not what [`encode`] makes.
pub(super) fn decode(record: &[u8]) -> Option<Vec<Message>> {
    let rows: Vec<Value> = serde_json::from_slice(record).ok()?;
    rows.iter().map(message).collect()
}

fn row(m: &Message) -> Value {
    json!({
        "id": m.id.get(),
        "conversation": m.conversation.get(),
        "seq": m.seq.get(),
        "sender": m.sender.get(),
        "client": m.client_msg_id.as_str(),
        "kind": m.body.kind.number(),
        "content": &*m.body.content,
        "reply_to": m.body.reply_to.map(|id| id.get()),
        "mentions": m.body.mentions.iter().map(|user| user.get()).collect::<Vec<_>>(),
        "attachment": m.body.attachment.as_deref(),
        "sent_at": m.sent_at.as_millis(),
        "edited_at": m.edited_at.map(Timestamp::as_millis),
        "recalled": m.recalled.map(|r| json!([r.at.as_millis(), r.by.get()])),
    })
}

fn message(row: &Value) -> Option<Message> {
    let time = |value: &Value| value.as_i64().map(Timestamp::from_millis);
    let user = |value: &Value| value.as_u64().and_then(UserId::new);
    Some(Message {
        id: MessageId::new(row["id"].as_u64()?)?,
        conversation: ConversationId::new(row["conversation"].as_u64()?)?,
        seq: Seq::new(row["seq"].as_u64()?),
        sender: user(&row["sender"])?,
        client_msg_id: ClientMsgId::new(row["client"].as_str()?)?,
        body: MessageBody {
            kind: MessageKind::from_number(row["kind"].as_u64()?)?,
            content: row["content"].as_str()?.into(),
            reply_to: row["reply_to"].as_u64().and_then(MessageId::new),
            mentions: row["mentions"].as_array()?.iter().map(user).collect::<Option<_>>()?,
            attachment: row["attachment"].as_str().map(Into::into),
        },
        sent_at: time(&row["sent_at"])?,
        edited_at: time(&row["edited_at"]),
        recalled: match &row["recalled"] {
            Value::Null => None,
            tombstone => Some(Recalled { at: time(&tombstone[0])?, by: user(&tombstone[1])? }),
        },
    })
}
