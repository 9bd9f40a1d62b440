//! Messages, and what identifies, carries and acknowledges them.

use std::sync::Arc;

use super::{
    ClientMsgId, ConversationId, GatewayId, MembersVersion, MessageId, RequestId, Seq, SessionId, Timestamp,
    UserId,
};

/// What a message's content is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MessageKind {
    /// Plain text.
    Text,
    /// A picture.
    Image,
    /// A file.
    File,
    /// A sound.
    Audio,
    /// A film.
    Video,
    /// Written by the system; never by a client.
    System,
    /// Anything else; clients agree among themselves.
    Custom,
}

impl MessageKind {
    /// Every kind; the position plus one is its number on the wire.
    pub const ALL: [Self; 7] =
        [Self::Text, Self::Image, Self::File, Self::Audio, Self::Video, Self::System, Self::Custom];

    /// The number on the wire and in databases: 1 text, 2 image, 3 file, 4 audio, 5 video, 6 system, 7 custom.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }

    /// The kind with this number.
    #[must_use]
    pub fn from_number(n: u64) -> Option<Self> {
        usize::try_from(n).ok().and_then(|n| Self::ALL.get(n.checked_sub(1)?).copied())
    }

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "image",
            Self::File => "file",
            Self::Audio => "audio",
            Self::Video => "video",
            Self::System => "system",
            Self::Custom => "custom",
        }
    }

    /// The kind with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.as_str() == name)
    }
}

/// What a client wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageBody {
    /// What the content is.
    pub kind: MessageKind,
    /// The content, exactly as sent.
    pub content: Arc<str>,
    /// The message that this one answers.
    pub reply_to: Option<MessageId>,
    /// Who is addressed in it.
    pub mentions: Vec<UserId>,
    /// Description of an attached object, opaque to GoChat (JSON on the wire).
    pub attachment: Option<Arc<str>>,
}

impl MessageBody {
    /// A plain text.
    #[must_use]
    pub fn text(content: &str) -> Self {
        Self {
            kind: MessageKind::Text,
            content: content.into(),
            reply_to: None,
            mentions: Vec::new(),
            attachment: None,
        }
    }
}

/// A stored message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Which.
    pub id: MessageId,
    /// Where.
    pub conversation: ConversationId,
    /// Its position there.
    pub seq: Seq,
    /// Who wrote it.
    pub sender: UserId,
    /// What its client called it.
    pub client_msg_id: ClientMsgId,
    /// What was written; the content is empty once recalled.
    pub body: MessageBody,
    /// When the server took it.
    pub sent_at: Timestamp,
    /// When it was last edited.
    pub edited_at: Option<Timestamp>,
    /// When it was recalled, and by whom.
    pub recalled: Option<Recalled>,
}

impl Message {
    /// Its identity to the client that sent it.
    #[must_use]
    pub fn key(&self) -> MessageKey {
        MessageKey {
            conversation: self.conversation,
            sender: self.sender,
            client_msg_id: self.client_msg_id.clone(),
        }
    }

    /// Its receipt.
    #[must_use]
    pub fn receipt(&self) -> Receipt {
        Receipt { id: self.id, seq: self.seq, sent_at: self.sent_at }
    }
}

/// The tombstone on a recalled message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recalled {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: UserId,
}

/// What makes a repeated send recognisable: unique in the store, for good.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MessageKey {
    /// Where it was sent.
    pub conversation: ConversationId,
    /// By whom.
    pub sender: UserId,
    /// What its client called it.
    pub client_msg_id: ClientMsgId,
}

/// What a sender is told of a stored message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// The message's id.
    pub id: MessageId,
    /// Its position in the conversation.
    pub seq: Seq,
    /// When the server took it.
    pub sent_at: Timestamp,
}

/// A message on its way to the store: it has its id and the sequence that it should get.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// The message as it will be stored; shared, so that handing it to a writer copies no text.
    pub message: Arc<Message>,
    /// The version of the members by which the sender was authorised.
    pub members_version: MembersVersion,
}

/// A client's wish to send, as a gateway hands it to the pipeline.
#[derive(Debug, Clone)]
pub struct SendCommand {
    /// What the message will be called, if it is stored: unique, from the gateway's [`IdGenerator`](crate::ports::IdGenerator).
    /// The pipeline may process a send several times, after a failure or a crash; by this it knows the message that it stored
    /// for this very send from one that the client had sent before under the same `client_msg_id`.
    pub id: MessageId,
    /// Where to.
    pub conversation: ConversationId,
    /// Who; checked by the gateway against the token.
    pub sender: UserId,
    /// Whether the sender is a guest, as the token says.
    pub guest: bool,
    /// The client's own id of it.
    pub client_msg_id: ClientMsgId,
    /// What is sent.
    pub body: MessageBody,
    /// Where the receipt goes.
    pub origin: Origin,
}

/// Where a send came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The gateway that took it.
    pub gateway: GatewayId,
    /// The session that already shows it, and must not get it as a new message.
    pub session: Option<SessionId>,
    /// Who waits for the receipt.
    pub reply: ReplyTo,
    /// The client's own name of its request, as raw JSON; comes back in the answers to it.
    pub tag: Option<Arc<str>>,
}

/// Who waits for the receipt of a send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyTo {
    /// The sending session: as an acknowledgement, followed by a conversation update.
    Session(SessionId),
    /// A call at the gateway.
    Request(RequestId),
    /// Nobody.
    Nobody,
}
