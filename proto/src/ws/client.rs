//! What clients send.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::loose::{Loose, incoming};

/// A frame, opened but with its data still sealed.
#[derive(Debug, Clone)]
pub struct ClientFrame<'a> {
    /// What is asked.
    pub kind: ClientKind,
    /// The client's own name of the request, to be given back as it is.
    pub id: Option<&'a RawValue>,
    data: Option<&'a RawValue>,
}

/// What a frame asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientKind {
    /// `send-message`, with [`SendMessage`].
    SendMessage,
    /// `ping`.
    Ping,
    /// `mark-read`, with [`MarkRead`].
    MarkRead,
    /// `typing`, with [`Typing`].
    Typing,
    /// `sync`, with [`Sync`].
    Sync,
}

/// Why a frame can't be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadFrame<'a> {
    /// Not a JSON object, or without a `type`.
    NotAFrame,
    /// A `type` that does not exist; with the request's `id` raw.
    UnknownType(Option<&'a str>),
}

/// An `id` longer than this is no name for a request, and not given back.
const ID_MAX: usize = 128;

incoming! {
    /// The outside of a frame.
    Outer {
        /// What it is.
        kind: Loose<'a> = "type",
        /// Name of the request.
        id: Option<&'a RawValue> = "id",
        /// All the rest.
        data: Option<&'a RawValue> = "data",
    }
}

impl<'a> ClientFrame<'a> {
    /// Opens a frame.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &'a str) -> Result<Self, BadFrame<'a>> {
        let outer: Outer<'a> = serde_json::from_str(text).map_err(|_| BadFrame::NotAFrame)?;
        let id = outer.id.filter(|id| id.get().len() <= ID_MAX && id.get().starts_with(is_scalar));
        let kind = match outer.kind.text().map_err(|_| BadFrame::NotAFrame)? {
            "send-message" => ClientKind::SendMessage,
            "ping" => ClientKind::Ping,
            "mark-read" => ClientKind::MarkRead,
            "typing" => ClientKind::Typing,
            "sync" => ClientKind::Sync,
            _ => return Err(BadFrame::UnknownType(id.map(RawValue::get))),
        };
        Ok(Self { kind, id, data: outer.data })
    }

    /// Its data; without any, all fields are missing.
    ///
    /// # Errors
    /// `data` is no object.
    pub fn data<T: Deserialize<'a> + Default>(&self) -> Result<T, serde_json::Error> {
        self.data.map_or_else(|| Ok(T::default()), |raw| serde_json::from_str(raw.get()))
    }
}

/// The first character of a string or number.
fn is_scalar(c: char) -> bool {
    c == '"' || c == '-' || c.is_ascii_digit()
}

incoming! {
    /// Data of `send-message`, and body of `POST /messages`.
    SendMessage {
        /// Where to.
        conversation_id: Loose<'a> = "conversationId" | "conversation_id",
        /// The content.
        content: Loose<'a> = "content",
        /// Name or number of its kind.
        message_type: Loose<'a> = "messageType" | "message_type" | "type",
        /// The client's id of it, as the socket calls it.
        temp_message_id: Loose<'a> = "tempMessageId" | "temp_message_id",
        /// The client's id of it, as HTTP calls it.
        client_msg_id: Loose<'a> = "clientMsgId" | "client_msg_id",
        /// The message that this one answers.
        reply_to: Loose<'a> = "replyTo" | "reply_to",
        /// Who is addressed: an array of user ids.
        mentions: Option<&'a RawValue> = "mentions",
        /// Description of an attached object.
        attachment: Option<&'a RawValue> = "attachment",
    }
}

impl<'a> SendMessage<'a> {
    /// The client's id, under either of its names; when both are given they must agree, else the second is `Err`.
    #[expect(clippy::result_unit_err, reason = "there is one way to go wrong")]
    pub fn client_id(&self) -> Result<&Loose<'a>, ()> {
        match (self.temp_message_id.is_given(), self.client_msg_id.is_given()) {
            (true, true) if self.temp_message_id != self.client_msg_id => Err(()),
            (true, _) => Ok(&self.temp_message_id),
            (false, _) => Ok(&self.client_msg_id),
        }
    }
}

incoming! {
    /// Data of `mark-read`, and body of `PUT /conversations/{id}/read`.
    MarkRead {
        /// Where; in HTTP the path says it.
        conversation_id: Loose<'a> = "conversationId" | "conversation_id",
        /// Up to here; everything when missing.
        seq: Loose<'a> = "seq" | "seqId" | "seq_id",
    }
}

incoming! {
    /// Data of `typing`.
    Typing {
        /// Where.
        conversation_id: Loose<'a> = "conversationId" | "conversation_id",
        /// Whether they write now; yes when missing.
        typing: Loose<'a> = "typing",
    }
}

incoming! {
    /// Data of `sync`.
    Sync {
        /// An array of [`SyncFrom`].
        conversations: Option<&'a RawValue> = "conversations",
        /// Messages a page.
        limit: Loose<'a> = "limit",
    }
}

incoming! {
    /// One conversation to catch up on.
    SyncFrom {
        /// Which.
        conversation_id: Loose<'a> = "conversationId" | "conversation_id",
        /// Exclusive; from the beginning when missing.
        after_seq: Loose<'a> = "afterSeq" | "after_seq",
    }
}

impl<'a> Sync<'a> {
    /// The conversations asked for; `None` when they are missing or no array of objects.
    #[must_use]
    pub fn conversations(&self) -> Option<Vec<SyncFrom<'a>>> {
        self.conversations.and_then(|raw| serde_json::from_str(raw.get()).ok())
    }
}

/// Reads an array of strings, such as `mentions` or `members`; a missing one is empty, `None` is no such array.
#[must_use]
pub fn strings(raw: Option<&RawValue>) -> Option<Vec<Cow<'_, str>>> {
    let Some(raw) = raw else { return Some(Vec::new()) };
    let list: Vec<Loose<'_>> = serde_json::from_str(raw.get()).ok()?;
    list.into_iter().map(|l| if let Loose::Text(text) = l { Some(text) } else { None }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(text: &str) -> ClientFrame<'_> {
        ClientFrame::parse(text).expect("a frame")
    }

    #[test]
    fn sends_are_read_in_both_spellings() {
        let new = open(
            r#"{"type":"send-message","id":7,"data":{"conversationId":"5","content":"h\u00e9","messageType":"text","tempMessageId":"t1","extra":[{}]}}"#,
        );
        let old = open(
            r#"{"data":{"conversation_id":"5","content":"hé","message_type":1,"client_msg_id":"t1"},"type":"send-message"}"#,
        );
        assert_eq!(new.kind, ClientKind::SendMessage);
        assert_eq!(new.id.map(RawValue::get), Some("7"));
        for frame in [new, old] {
            let data: SendMessage<'_> = frame.data().expect("data");
            assert_eq!(data.conversation_id.text(), Ok("5"));
            assert_eq!(data.content.text(), Ok("hé"));
            assert_eq!(data.client_id().and_then(|id| id.text().map_err(|_| ())), Ok("t1"));
        }
    }

    #[test]
    fn client_ids_that_differ_are_refused() {
        let read = |json| serde_json::from_str::<SendMessage<'_>>(json).expect("JSON");
        assert!(read(r#"{"tempMessageId":"a","clientMsgId":"b"}"#).client_id().is_err());
        assert!(read(r#"{"tempMessageId":"a","clientMsgId":"a"}"#).client_id().is_ok());
        assert_eq!(read("{}").client_id(), Ok(&Loose::Missing));
    }

    #[test]
    fn what_is_no_frame_is_told_apart_from_an_unknown_one() {
        for bad in ["", "[]", "null", "{", "{}", r#"{"type":5}"#, r#"{"type":"ping"} x"#, "\"ping\""] {
            assert_eq!(ClientFrame::parse(bad).expect_err(bad), BadFrame::NotAFrame, "{bad}");
        }
        let unknown = ClientFrame::parse(r#"{"type":"dance","id":"a"}"#).expect_err("unknown");
        assert_eq!(unknown, BadFrame::UnknownType(Some("\"a\"")));
    }

    #[test]
    fn frames_without_data_and_with_odd_ids() {
        let ping = open(r#"{"type":"ping","id":{"no":1}}"#);
        assert_eq!((ping.kind, ping.id.is_none()), (ClientKind::Ping, true));
        assert!(open(r#"{"type":"mark-read","data":null}"#).data::<MarkRead<'_>>().is_ok());
        assert!(open(r#"{"type":"mark-read","data":[1]}"#).data::<MarkRead<'_>>().is_err());
    }

    #[test]
    fn sync_lists_its_conversations() {
        let frame = open(
            r#"{"type":"sync","data":{"conversations":[{"conversationId":"world","afterSeq":3},{"conversation_id":"9"}],"limit":20}}"#,
        );
        let data: Sync<'_> = frame.data().expect("data");
        let list = data.conversations().expect("a list");
        assert_eq!(list[0].after_seq.optional_number(), Ok(Some(3)));
        assert_eq!(list[1].conversation_id.text(), Ok("9"));
        let broken: Sync<'_> = serde_json::from_str(r#"{"conversations":5}"#).expect("JSON");
        assert!(broken.conversations().is_none());
    }

    #[test]
    fn arrays_of_strings() {
        let raw = |json| serde_json::from_str::<&RawValue>(json).expect("JSON");
        assert_eq!(strings(None), Some(Vec::new()));
        assert_eq!(strings(Some(raw(r#"["1","2"]"#))).map(|l| l.len()), Some(2));
        assert_eq!(strings(Some(raw("[1]"))), None);
        assert_eq!(strings(Some(raw("{}"))), None);
    }
}
