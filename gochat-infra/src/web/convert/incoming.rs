//! What clients send, to domain values; the same for HTTP and WebSocket.

use std::sync::Arc;

use gochat_core::error::{Code, Fault, FieldError};
use gochat_core::model::{ClientMsgId, ConversationId, MessageBody, MessageId, MessageKind, UserId};
use gochat_proto::ws::{SendMessage, strings};
use gochat_proto::{Ill, Loose, RawValue};

use crate::web::error::Problem;

/// The fault of a field that can't be read.
#[must_use]
pub const fn ill(ill: Ill) -> Fault {
    match ill {
        Ill::Missing => Fault::Missing,
        Ill::Malformed => Fault::Malformed,
    }
}

/// A text that must be there.
///
/// # Errors
/// `VALIDATION`.
pub fn required_text<'a>(field: &'static str, value: &'a Loose<'_>) -> Result<&'a str, Problem> {
    value.text().map_err(|e| Problem::field(field, ill(e)))
}

/// A text that need not be there.
///
/// # Errors
/// `VALIDATION` when it is no text.
pub fn optional_text<'a>(field: &'static str, value: &'a Loose<'_>) -> Result<Option<&'a str>, Problem> {
    value.optional_text().map_err(|e| Problem::field(field, ill(e)))
}

/// A conversation's id. A text that is no id names no conversation.
///
/// # Errors
/// `VALIDATION` when it is no text, `CONVERSATION_NOT_FOUND` when nothing has such an id.
pub fn conversation_of(value: &Loose<'_>) -> Result<ConversationId, Problem> {
    match required_text("conversationId", value)? {
        "" => Err(Problem::field("conversationId", Fault::Missing)),
        id => id.parse().map_err(|_| Code::ConversationNotFound.into()),
    }
}

/// A send as its client wrote it.
#[derive(Debug, Clone)]
pub struct SendForm {
    /// Where to.
    pub conversation: ConversationId,
    /// The client's id of it, when it gave one.
    pub client_msg_id: Option<ClientMsgId>,
    /// What is sent.
    pub body: MessageBody,
}

/// Reads a send. `id_field` is the name under which a wrong client id is reported. Rules that depend on settings
/// ([`gochat_core::send::validate`]) are not checked here.
///
/// # Errors
/// `VALIDATION` naming all wrong fields, `CONVERSATION_NOT_FOUND`.
pub fn send_form(form: &SendMessage<'_>, id_field: &'static str) -> Result<SendForm, Problem> {
    let mut wrong = Wrong::default();
    match form.conversation_id.text() {
        Ok("") => wrong.push("conversationId", Fault::Missing),
        Ok(_) => {}
        Err(e) => wrong.push("conversationId", ill(e)),
    }
    // Missing content is empty content: the rules say which kinds may have that.
    let content = wrong.or_default("content", form.content.optional_text().map_err(ill));
    let kind = wrong.or_default("messageType", kind_of(&form.message_type).map(Some));
    let client_msg_id = match form.client_id() {
        Err(()) => Err(Fault::Contradictory),
        Ok(id) => client_id_of(id),
    };
    let client_msg_id = wrong.or_default(id_field, client_msg_id);
    let reply_to = match form.reply_to.optional_text() {
        Ok(None) => Ok(None),
        Ok(Some(id)) => id.parse::<MessageId>().map(Some).map_err(|_| Fault::Malformed),
        Err(e) => Err(ill(e)),
    };
    let reply_to = wrong.or_default("replyTo", reply_to);
    let mentions = wrong.or_default("mentions", users_of(form.mentions).ok_or(Fault::Malformed));
    let attachment = form.attachment.map(RawValue::get);
    if attachment.is_some_and(|json| !json.starts_with('{')) {
        wrong.push("attachment", Fault::Malformed);
    }
    wrong.check()?;
    let body = MessageBody {
        kind: kind.unwrap_or(MessageKind::Text),
        content: content.unwrap_or_default().into(),
        reply_to,
        mentions,
        attachment: attachment.map(Arc::from),
    };
    Ok(SendForm { conversation: conversation_of(&form.conversation_id)?, client_msg_id, body })
}

/// A client's id, if there is one.
///
/// # Errors
/// What is wrong with it.
pub fn client_id_of(value: &Loose<'_>) -> Result<Option<ClientMsgId>, Fault> {
    let Some(id) = value.optional_text().map_err(ill)? else { return Ok(None) };
    ClientMsgId::new(id).map(Some).ok_or(match id.len() {
        0 => Fault::Missing,
        n if n > ClientMsgId::MAX_BYTES => Fault::TooLong { max: ClientMsgId::MAX_BYTES },
        _ => Fault::Malformed,
    })
}

/// Collects wrong fields, so that a client learns of all at once.
#[derive(Debug, Default)]
pub struct Wrong(Vec<FieldError>);

impl Wrong {
    /// Notes a wrong field.
    pub fn push(&mut self, field: &'static str, fault: Fault) {
        self.0.push(FieldError { field, fault });
    }

    /// Notes what went wrong, and goes on with a value that nobody will see.
    pub fn or_default<T: Default>(&mut self, field: &'static str, read: Result<T, Fault>) -> T {
        read.unwrap_or_else(|fault| {
            self.push(field, fault);
            T::default()
        })
    }

    /// Ends the collecting.
    ///
    /// # Errors
    /// `VALIDATION` when something was noted.
    pub fn check(self) -> Result<(), Problem> {
        if self.0.is_empty() {
            return Ok(());
        }
        Err(Problem { fields: self.0, ..Problem::new(Code::Validation) })
    }
}

/// A name, or its number; text when missing.
fn kind_of(value: &Loose<'_>) -> Result<MessageKind, Fault> {
    match value {
        Loose::Missing => Some(MessageKind::Text),
        Loose::Number(n) => MessageKind::from_number(*n),
        Loose::Text(name) => {
            MessageKind::from_name(name).or_else(|| name.parse().ok().and_then(MessageKind::from_number))
        }
        _ => return Err(Fault::Malformed),
    }
    .ok_or(Fault::Unknown)
}

fn users_of(raw: Option<&RawValue>) -> Option<Vec<UserId>> {
    strings(raw)?.iter().map(|id| id.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<SendForm, Problem> {
        let form: SendMessage<'_> = serde_json::from_str(json).expect("JSON");
        send_form(&form, "tempMessageId")
    }

    fn wrong(json: &str) -> Vec<(&'static str, Fault)> {
        let problem = read(json).expect_err("refused");
        assert_eq!(problem.code, Code::Validation, "{json}");
        problem.fields.iter().map(|e| (e.field, e.fault)).collect()
    }

    #[test]
    fn a_whole_send() {
        let form = read(
            r#"{"conversationId":"world","content":"hi","messageType":2,"tempMessageId":"t","replyTo":"9","mentions":["3"],"attachment":{"a":1}}"#,
        )
        .expect("a send");
        assert_eq!(form.conversation, ConversationId::WORLD);
        assert_eq!(form.client_msg_id, ClientMsgId::new("t"));
        assert_eq!(form.body.kind, MessageKind::Image);
        assert_eq!(form.body.reply_to, MessageId::new(9));
        assert_eq!(form.body.mentions, [UserId::new(3).expect("an id")]);
        assert_eq!(form.body.attachment.as_deref(), Some(r#"{"a":1}"#));
    }

    #[test]
    fn little_is_needed() {
        let form = read(r#"{"conversationId":"5","content":null,"clientMsgId":null}"#).expect("a send");
        assert_eq!((form.body.kind, &*form.body.content, form.client_msg_id), (MessageKind::Text, "", None));
    }

    #[test]
    fn kinds_by_name_and_number() {
        for kind in MessageKind::ALL {
            let number = u64::from(kind.number());
            for value in [
                Loose::Text(kind.as_str().into()),
                Loose::Number(number),
                Loose::Text(number.to_string().into()),
            ] {
                assert_eq!(kind_of(&value), Ok(kind));
            }
        }
        for bad in [Loose::Text("poem".into()), Loose::Text("".into()), Loose::Number(0), Loose::Number(8)] {
            assert_eq!(kind_of(&bad), Err(Fault::Unknown), "{bad:?}");
        }
        assert_eq!(kind_of(&Loose::Bool(true)), Err(Fault::Malformed));
    }

    #[test]
    fn all_wrong_fields_are_named() {
        assert_eq!(
            wrong(
                r#"{"conversationId":5,"content":7,"messageType":"poem","tempMessageId":"","replyTo":"x","mentions":[1],"attachment":"s"}"#
            ),
            [
                ("conversationId", Fault::Malformed),
                ("content", Fault::Malformed),
                ("messageType", Fault::Unknown),
                ("tempMessageId", Fault::Missing),
                ("replyTo", Fault::Malformed),
                ("mentions", Fault::Malformed),
                ("attachment", Fault::Malformed),
            ]
        );
        assert_eq!(wrong("{}"), [("conversationId", Fault::Missing)]);
        let differ = r#"{"conversationId":"5","tempMessageId":"a","clientMsgId":"b"}"#;
        assert_eq!(wrong(differ), [("tempMessageId", Fault::Contradictory)]);
        let long = format!(r#"{{"conversationId":"5","tempMessageId":"{}"}}"#, "x".repeat(129));
        assert_eq!(wrong(&long), [("tempMessageId", Fault::TooLong { max: 128 })]);
    }

    #[test]
    fn a_text_that_is_no_id_names_no_conversation() {
        for id in ["1", "x", "-5", "99999999999999999999"] {
            let json = format!(r#"{{"conversationId":"{id}"}}"#);
            assert_eq!(read(&json).expect_err("refused").code, Code::ConversationNotFound, "{id}");
        }
    }
}
