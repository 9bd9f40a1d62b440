//! Events as WebSocket frames.

use gochat_core::error::Code;
use gochat_core::model::{Event, MessageView, Origin};
use gochat_proto::RawValue;
use gochat_proto::ws::{ErrorData, Frame};

use super::codec::{close_frame, text_frame};
use crate::hub::{CloseReason, Encoder, SessionInfo};
use crate::web::convert::{write_event, write_refused, write_sent, write_stored};
use crate::web::error::{About, Problem};
use crate::web::lang::Lang;

/// Encodes for sockets: JSON in text frames.
#[derive(Debug, Clone, Copy, Default)]
pub struct JsonEncoder;

/// A tag as the raw JSON that it is.
pub(super) fn raw(tag: Option<&str>) -> Option<&RawValue> {
    tag.and_then(|tag| serde_json::from_str(tag).ok())
}

/// What a session's client reads.
pub(super) fn lang_of(info: &SessionInfo) -> Lang {
    if info.english { Lang::En } else { Lang::Zh }
}

/// Appends an `error` frame; `tag` is the `id` of the request.
pub(super) fn problem_frame(
    out: &mut Vec<u8>,
    problem: &Problem,
    tag: Option<&RawValue>,
    about: About<'_>,
    lang: Lang,
) {
    text_frame(out, |out| problem.write_frame(lang, tag, about, out));
}

/// An empty text frame.
const EMPTY: usize = 2;

impl Encoder for JsonEncoder {
    fn event(&self, event: &Event, out: &mut Vec<u8>) {
        let before = out.len();
        // Refusals alone depend on the language, and they go the other way, by `receipt`.
        text_frame(out, |out| write_event(event, Lang::default(), out));
        if out.len() == before + EMPTY {
            out.truncate(before);
        }
    }

    fn receipt(&self, event: &Event, origin: &Origin, to: &SessionInfo, out: &mut Vec<u8>) {
        let tag = raw(origin.tag.as_deref());
        match event {
            Event::Stored(stored) => text_frame(out, |out| write_stored(stored, tag, out)),
            Event::Refused { conversation, client_msg_id, code } => text_frame(out, |out| {
                write_refused(*conversation, client_msg_id, *code, tag, lang_of(to), out);
            }),
            _ => {}
        }
    }

    fn sent(&self, view: &MessageView, out: &mut Vec<u8>) {
        text_frame(out, |out| write_sent(view, out));
    }

    fn close(&self, reason: CloseReason, to: &SessionInfo, out: &mut Vec<u8>) {
        if let CloseReason::Restart { retry_after_ms } = reason {
            let mut error = ErrorData::new(Code::Unavailable.as_str(), lang_of(to).restart());
            error.retry_after_ms = Some(u64::from(retry_after_ms));
            text_frame(out, |out| Frame::new(error).write(out));
        }
        close_frame(out, close_code(reason), close_text(reason));
    }
}

/// The close code that a client sees.
pub(super) const fn close_code(reason: CloseReason) -> u16 {
    match reason {
        CloseReason::TooSlow => 4000,
        CloseReason::HeartbeatMissed => 4001,
        CloseReason::LoginEnded => 4500,
        CloseReason::Replaced => 4501,
        CloseReason::Misuse => 4502,
        CloseReason::TooLarge => 1009,
        CloseReason::ProtocolError => 1002,
        CloseReason::InvalidText => 1007,
        CloseReason::Internal => 1011,
        CloseReason::Restart { .. } => 1012,
        CloseReason::Answer(code) => code,
    }
}

/// The reason beside the code; for people who look into it.
const fn close_text(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::TooSlow => "too slow, catch up by sync",
        CloseReason::HeartbeatMissed => "heartbeat missed",
        CloseReason::LoginEnded => "token expired or revoked",
        CloseReason::Replaced => "replaced by a newer session",
        CloseReason::Misuse => "protocol misuse",
        CloseReason::TooLarge => "frame too large",
        CloseReason::ProtocolError => "protocol error",
        CloseReason::InvalidText => "text is not UTF-8",
        CloseReason::Internal => "internal error",
        CloseReason::Restart { .. } => "server restarts",
        CloseReason::Answer(_) => "",
    }
}
