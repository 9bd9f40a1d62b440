//! A moderator that is asked over HTTP.

use async_trait::async_trait;
use gochat_core::model::{MessageView, User};
use gochat_core::ports::{ErrorKind, Judgement, Moderator, Result, Retry, StoreError};
use gochat_proto::{ConvId, Id, RawValue, WireTime};
use serde::{Deserialize, Serialize};

use super::Webhook;

const OPERATION: &str = "moderator.judge";

/// Posts each message as an event `message.stored`, and takes the answer
/// `{"verdict": "allow" | "recall", "reason": "optional text"}`.
#[derive(Debug)]
pub struct HttpModerator(Webhook);

impl HttpModerator {
    /// At this address.
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
    message: Judged<'a>,
}

/// In the words of the client contract.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Judged<'a> {
    message_id: Id,
    conversation_id: ConvId,
    seq: u64,
    sender_id: Id,
    sender_name: &'a str,
    r#type: &'static str,
    content: &'a str,
    send_time: WireTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<Id>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    mentions: Vec<Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attachment: Option<&'a RawValue>,
}

fn judged(view: &MessageView) -> Judged<'_> {
    let m = &*view.message;
    Judged {
        message_id: Id(m.id.get()),
        conversation_id: if m.conversation.is_world() {
            ConvId::World
        } else {
            ConvId::Number(m.conversation.get())
        },
        seq: m.seq.get(),
        sender_id: Id(m.sender.get()),
        sender_name: view.sender.as_deref().map_or("", User::shown_name),
        r#type: m.body.kind.as_str(),
        content: &m.body.content,
        send_time: WireTime(m.sent_at.as_millis()),
        reply_to: m.body.reply_to.map(|id| Id(id.get())),
        mentions: m.body.mentions.iter().map(|user| Id(user.get())).collect(),
        attachment: m.body.attachment.as_deref().and_then(|json| serde_json::from_str(json).ok()),
    }
}

#[derive(Deserialize)]
struct Answer {
    verdict: Verdict,
    reason: Option<Box<str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Allow,
    Recall,
}

#[async_trait]
impl Moderator for HttpModerator {
    async fn judge(&self, message: &MessageView) -> Result<Judgement> {
        let body = Body {
            r#type: "message.stored",
            timestamp: WireTime(message.message.sent_at.as_millis()),
            data: Data { message: judged(message) },
        };
        let body = serde_json::to_vec(&body).expect("maps have text keys, and nothing else fails");
        let id = format!("message_{}", message.message.id);
        let answer = self.0.ask(OPERATION, &id, body.into()).await?;
        // What it says instead does not belong into a log.
        let garbage = |_| {
            StoreError::new(ErrorKind::Corrupt, Retry::Never, OPERATION).because("the answer is no verdict")
        };
        let answer: Answer = serde_json::from_slice(&answer).map_err(garbage)?;
        Ok(match answer.verdict {
            Verdict::Allow => Judgement::Allow,
            Verdict::Recall => Judgement::Recall { reason: answer.reason },
        })
    }
}
