//! Notifications, as a webhook.

use std::fmt::Write as _;

use async_trait::async_trait;
use gochat_core::ports::{Notification, PushSender, Result};
use gochat_proto::{ConvId, Id, WireTime};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::Webhook;

const OPERATION: &str = "push.send";

/// Posts each batch as one event `message.notifications`. Any answer 2xx is taken for having them all.
#[derive(Debug)]
pub struct WebhookPush(Webhook);

impl WebhookPush {
    /// To this address.
    #[must_use]
    pub const fn new(webhook: Webhook) -> Self {
        Self(webhook)
    }
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    timestamp: WireTime,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    notifications: Vec<One<'a>>,
}

/// In the words of the client contract.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct One<'a> {
    id: String,
    user_id: Id,
    conversation_id: ConvId,
    message_id: Id,
    seq: u64,
    sender_id: Id,
    sender_name: &'a str,
    r#type: &'static str,
    mentioned: bool,
    unread_count: u64,
    send_time: WireTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
}

fn one(n: &Notification) -> One<'_> {
    let conversation = n.conversation;
    One {
        id: n.id(),
        user_id: Id(n.user.get()),
        conversation_id: if conversation.is_world() {
            ConvId::World
        } else {
            ConvId::Number(conversation.get())
        },
        message_id: Id(n.message.get()),
        seq: n.seq.get(),
        sender_id: Id(n.sender.get()),
        sender_name: &n.sender_name,
        r#type: n.kind.as_str(),
        mentioned: n.mentioned,
        unread_count: n.unread,
        send_time: WireTime(n.at.as_millis()),
        content: n.content.as_deref(),
    }
}

/// What a request is known by: made of all that is in it, since a batch that is given again may have been cut otherwise.
fn request_id(batch: &[Notification]) -> String {
    let mut hash = Sha256::new();
    for notification in batch {
        hash.update(notification.message.get().to_be_bytes());
        hash.update(notification.user.get().to_be_bytes());
    }
    let mut id = "push_".to_owned();
    for byte in &hash.finalize()[..16] {
        let _infallible = write!(id, "{byte:02x}");
    }
    id
}

#[async_trait]
impl PushSender for WebhookPush {
    async fn send(&self, batch: &[Notification]) -> Result<()> {
        let Some(last) = batch.last() else { return Ok(()) };
        let body = Body {
            r#type: "message.notifications",
            timestamp: WireTime(last.at.as_millis()),
            data: Data { notifications: batch.iter().map(one).collect() },
        };
        let body = serde_json::to_vec(&body).expect("maps have text keys, and nothing else fails");
        self.0.tell(OPERATION, &request_id(batch), body.into()).await
    }
}
