//! What the server sends.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::{ConvId, Id, Message, WireTime};

/// Data of a server frame; names the frame's type.
pub trait ServerData: Serialize {
    /// The frame's `type`.
    const TYPE: &'static str;
}

/// A server frame, to be serialised.
#[derive(Debug, Clone, Serialize)]
pub struct Frame<'a, T> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a RawValue>,
    data: T,
}

impl<'a, T: ServerData> Frame<'a, T> {
    /// A frame that nobody asked for.
    #[must_use]
    pub const fn new(data: T) -> Self {
        Self { r#type: T::TYPE, id: None, data }
    }

    /// The answer to a request, with the `id` that it came with.
    #[must_use]
    pub const fn answer(id: Option<&'a RawValue>, data: T) -> Self {
        Self { r#type: T::TYPE, id, data }
    }

    /// Appends the JSON text to `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        serde_json::to_writer(out, self).expect("wire types serialise, and a Vec takes everything");
    }

    /// The JSON text.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        self.write(&mut out);
        out
    }
}

macro_rules! frame {
    ($type:literal, $(#[$doc:meta])* $name:ident $(<$lt:lifetime>)? {
        $($(#[$fdoc:meta])* $field:ident : $ty:ty),* $(,)?
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Serialize)]
        #[serde(rename_all = "camelCase")]
        pub struct $name $(<$lt>)? { $($(#[$fdoc])* pub $field: $ty,)* }

        impl $(<$lt>)? ServerData for $name $(<$lt>)? {
            const TYPE: &'static str = $type;
        }
    };
}

pub(super) use frame;

frame! { "connected",
    /// The first frame of a session.
    Connected {
        /// Who the token belongs to.
        user_id: Id,
        /// This connection; for `X-Session-Id`.
        session_id: Id,
        /// The server's clock.
        server_time: WireTime,
        /// How often the server pings.
        heartbeat_ms: u64,
        /// What the server takes.
        limits: Limits,
    }
}

/// Limits, as told to a client when it connects.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Longest content, in Unicode scalar values.
    pub content_max: u64,
    /// Largest frame, in bytes.
    pub frame_max_bytes: u64,
    /// Largest page.
    pub page_max: u64,
}

frame! { "message-ack",
    /// A send is accepted, or stored.
    MessageAck<'a> {
        /// Where it goes.
        conversation_id: ConvId,
        /// What its client calls it.
        temp_message_id: &'a str,
        /// The same, under its other name.
        client_msg_id: &'a str,
        /// `accepted` or `stored`.
        status: &'static str,
        /// Which message it is now; once stored.
        #[serde(skip_serializing_if = "Option::is_none")]
        message_id: Option<Id>,
        /// Its position; once stored.
        #[serde(skip_serializing_if = "Option::is_none")]
        seq: Option<u64>,
        /// When the server took it; once stored.
        #[serde(skip_serializing_if = "Option::is_none")]
        send_time: Option<WireTime>,
    }
}

impl<'a> MessageAck<'a> {
    /// Step 1: durable in the upstream log.
    #[must_use]
    pub const fn accepted(conversation_id: ConvId, client_msg_id: &'a str) -> Self {
        Self {
            conversation_id,
            temp_message_id: client_msg_id,
            client_msg_id,
            status: "accepted",
            message_id: None,
            seq: None,
            send_time: None,
        }
    }

    /// Step 2: stored, with what it got.
    #[must_use]
    pub const fn stored(
        conversation_id: ConvId,
        client_msg_id: &'a str,
        message_id: Id,
        seq: u64,
        send_time: WireTime,
    ) -> Self {
        Self {
            status: "stored",
            message_id: Some(message_id),
            seq: Some(seq),
            send_time: Some(send_time),
            ..Self::accepted(conversation_id, client_msg_id)
        }
    }
}

frame! { "new-message",
    /// A message for the receiver.
    NewMessage<'a> {
        /// Where.
        conversation_id: ConvId,
        /// What.
        message: Message<'a>,
    }
}

frame! { "sync-result",
    /// One page of what a conversation's reader missed.
    SyncResult<'a> {
        /// Where.
        conversation_id: ConvId,
        /// Ascending, contiguous from the cursor.
        messages: Vec<Message<'a>>,
        /// Whether there is more.
        has_more: bool,
        /// The cursor to pass next.
        next_seq: u64,
    }
}

frame! { "sync-done",
    /// All pages asked for have been sent.
    SyncDone {}
}

frame! { "pong",
    /// Answer to `ping`.
    Pong {}
}

frame! { "error",
    /// A request failed, or the server has something to say before it closes.
    ErrorData<'a> {
        /// The stable code.
        code: &'a str,
        /// For people.
        message: &'a str,
        /// The send that failed.
        #[serde(skip_serializing_if = "Option::is_none")]
        temp_message_id: Option<&'a str>,
        /// The conversation it is about.
        #[serde(skip_serializing_if = "Option::is_none")]
        conversation_id: Option<&'a str>,
        /// When to try again, or to reconnect.
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<u64>,
        /// The fields that are wrong.
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        fields: &'a [crate::http::WrongField<'a>],
    }
}

impl<'a> ErrorData<'a> {
    /// An error with a code and a text only.
    #[must_use]
    pub const fn new(code: &'a str, message: &'a str) -> Self {
        Self {
            code,
            message,
            temp_message_id: None,
            conversation_id: None,
            retry_after_ms: None,
            fields: &[],
        }
    }
}
