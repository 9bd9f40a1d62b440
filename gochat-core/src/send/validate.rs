//! What a message may be like, before anything is asked of a port.

use crate::error::{Error, Fault, FieldError};
use crate::model::{MessageBody, MessageKind};
use crate::settings::Settings;

/// Checks a body that a client wants to send. Gateways ask this before they hand a send on, so that the answer comes at
/// once; the pipeline asks again, since it trusts nobody.
///
/// # Errors
/// `Forbidden` for system messages, `Validation` (`content`, `mentions`, `attachment`).
pub fn validate(body: &MessageBody, settings: &Settings) -> Result<(), Error> {
    if body.kind == MessageKind::System {
        return Err(Error::Forbidden);
    }
    let mut faults = Vec::new();
    let mut refuse = |field, fault| faults.push(FieldError { field, fault });
    let blank = body.content.chars().all(char::is_whitespace);
    if blank && (body.kind == MessageKind::Text || body.attachment.is_none()) {
        refuse("content", Fault::Missing);
    }
    // A scalar value is 1 to 4 bytes: most texts are decided by their length in bytes, without counting.
    let max = settings.content_max;
    if body.content.len() > max && body.content.chars().count() > max {
        refuse("content", Fault::TooLong { max });
    }
    if body.mentions.len() > settings.mentions_max {
        refuse("mentions", Fault::TooLong { max: settings.mentions_max });
    }
    if body.attachment.as_ref().is_some_and(|a| a.len() > settings.attachment_max) {
        refuse("attachment", Fault::TooLong { max: settings.attachment_max });
    }
    if faults.is_empty() { Ok(()) } else { Err(Error::Validation(faults)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    fn code(kind: MessageKind, content: &str, attachment: Option<&str>) -> Option<Code> {
        let body = MessageBody { kind, attachment: attachment.map(Into::into), ..MessageBody::text(content) };
        validate(&body, &Settings::default()).err().map(|e| e.code())
    }

    #[test]
    fn table() {
        use MessageKind::{Custom, Image, System, Text};
        for (kind, content, attachment, want) in [
            (Text, "hi", None, None),
            (Text, "", None, Some(Code::Validation)),
            (Text, " \n\u{3000}", None, Some(Code::Validation)),
            (Text, "", Some("{}"), Some(Code::Validation)),
            (Image, "", None, Some(Code::Validation)),
            (Image, "", Some("{}"), None),
            (Custom, "{\"a\":1}", None, None),
            (System, "hi", None, Some(Code::Forbidden)),
        ] {
            assert_eq!(code(kind, content, attachment), want, "{kind:?} {content:?} {attachment:?}");
        }
    }

    #[test]
    fn length_is_counted_in_scalar_values() {
        assert_eq!(code(MessageKind::Text, &"😀".repeat(5_000), None), None);
        assert_eq!(code(MessageKind::Text, &"x".repeat(5_001), None), Some(Code::Validation));
        assert_eq!(code(MessageKind::Text, &"é".repeat(5_001), None), Some(Code::Validation));
    }
}
