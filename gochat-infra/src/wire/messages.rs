//! Messages, and wishes to send them.

use gochat_core::model::{
    ClientMsgId, GatewayId, Message, MessageBody, MessageKey, MessageKind, MessageView, Origin, Recalled,
    ReplyTo, SendCommand, Timestamp,
};
use gochat_proto::pb::{events::v1 as events, types::v1 as pb};

use super::{
    Malformed, Wire, id, ids, millis, nested, number, numbers, optional, optional_id, optional_shared, seq,
};

pub(super) fn kind_number(kind: MessageKind) -> i32 {
    // The numbers of the protobuf enum are those of the client contract.
    i32::from(kind.number())
}

pub(super) fn kind(n: i32, field: &'static str) -> Result<MessageKind, Malformed> {
    u64::try_from(n).ok().and_then(MessageKind::from_number).ok_or(Malformed { field })
}

/// A client's own id of a message.
///
/// # Errors
/// Empty, too long, or with control characters.
pub fn client_msg_id(id: &str, field: &'static str) -> Result<ClientMsgId, Malformed> {
    ClientMsgId::new(id).ok_or(Malformed { field })
}

impl Wire for MessageBody {
    type Pb = pb::MessageBody;

    fn to_pb(&self) -> pb::MessageBody {
        pb::MessageBody {
            kind: kind_number(self.kind),
            content: self.content.to_string(),
            reply_to_id: number(self.reply_to),
            mention_ids: numbers(&self.mentions),
            attachment: self.attachment.as_deref().map(str::to_owned),
        }
    }

    fn from_pb(pb: pb::MessageBody) -> Result<Self, Malformed> {
        Ok(Self {
            kind: kind(pb.kind, "body.kind")?,
            content: pb.content.into(),
            reply_to: optional_id(pb.reply_to_id, "body.reply_to_id")?,
            mentions: ids(&pb.mention_ids, "body.mention_ids")?,
            attachment: pb.attachment.map(Into::into),
        })
    }
}

impl Wire for Recalled {
    type Pb = pb::Recalled;

    fn to_pb(&self) -> pb::Recalled {
        pb::Recalled { at_ms: self.at.as_millis(), by_id: self.by.get() }
    }

    fn from_pb(pb: pb::Recalled) -> Result<Self, Malformed> {
        Ok(Self { at: Timestamp::from_millis(pb.at_ms), by: id(pb.by_id, "recalled.by_id")? })
    }
}

impl Wire for Message {
    type Pb = pb::Message;

    fn to_pb(&self) -> pb::Message {
        pb::Message {
            id: self.id.get(),
            conversation_id: self.conversation.get(),
            seq: self.seq.get(),
            sender_id: self.sender.get(),
            client_msg_id: self.client_msg_id.as_str().to_owned(),
            body: Some(self.body.to_pb()),
            sent_at_ms: self.sent_at.as_millis(),
            edited_at_ms: millis(self.edited_at),
            recalled: self.recalled.as_ref().map(Wire::to_pb),
        }
    }

    fn from_pb(pb: pb::Message) -> Result<Self, Malformed> {
        Ok(Self {
            id: id(pb.id, "message.id")?,
            conversation: id(pb.conversation_id, "message.conversation_id")?,
            seq: seq(pb.seq, "message.seq")?,
            sender: id(pb.sender_id, "message.sender_id")?,
            client_msg_id: client_msg_id(&pb.client_msg_id, "message.client_msg_id")?,
            body: nested(pb.body, "message.body")?,
            sent_at: Timestamp::from_millis(pb.sent_at_ms),
            edited_at: pb.edited_at_ms.map(Timestamp::from_millis),
            recalled: optional(pb.recalled)?,
        })
    }
}

impl Wire for MessageKey {
    type Pb = pb::MessageKey;

    fn to_pb(&self) -> pb::MessageKey {
        pb::MessageKey {
            conversation_id: self.conversation.get(),
            sender_id: self.sender.get(),
            client_msg_id: self.client_msg_id.as_str().to_owned(),
        }
    }

    fn from_pb(pb: pb::MessageKey) -> Result<Self, Malformed> {
        Ok(Self {
            conversation: id(pb.conversation_id, "key.conversation_id")?,
            sender: id(pb.sender_id, "key.sender_id")?,
            client_msg_id: client_msg_id(&pb.client_msg_id, "key.client_msg_id")?,
        })
    }
}

impl Wire for MessageView {
    type Pb = pb::MessageView;

    fn to_pb(&self) -> pb::MessageView {
        pb::MessageView {
            message: Some(self.message.to_pb()),
            sender: self.sender.as_ref().map(|user| user.to_pb()),
        }
    }

    fn from_pb(pb: pb::MessageView) -> Result<Self, Malformed> {
        let message: Message = nested(pb.message, "view.message")?;
        Ok(Self { message: message.into(), sender: optional_shared(pb.sender)? })
    }
}

impl Wire for Origin {
    type Pb = events::Origin;

    fn to_pb(&self) -> events::Origin {
        use events::origin::Reply;
        let reply = match self.reply {
            ReplyTo::Session(session) => Some(Reply::ReplySessionId(session.get())),
            ReplyTo::Request(request) => Some(Reply::ReplyRequestId(request.get())),
            ReplyTo::Nobody => None,
        };
        events::Origin {
            gateway: self.gateway.as_str().to_owned(),
            session_id: number(self.session),
            reply,
            tag: self.tag.as_deref().map(str::to_owned),
        }
    }

    fn from_pb(pb: events::Origin) -> Result<Self, Malformed> {
        use events::origin::Reply;
        let reply = match pb.reply {
            None => ReplyTo::Nobody,
            Some(Reply::ReplySessionId(n)) => ReplyTo::Session(id(n, "origin.reply_session_id")?),
            Some(Reply::ReplyRequestId(n)) => ReplyTo::Request(id(n, "origin.reply_request_id")?),
        };
        // It is written into frames as it stands: what is no JSON would break them.
        let is_json = |tag: &String| serde_json::from_str::<serde::de::IgnoredAny>(tag).is_ok();
        if pb.tag.as_ref().is_some_and(|tag| !is_json(tag)) {
            return Err(Malformed::new("origin.tag"));
        }
        Ok(Self {
            gateway: GatewayId::new(&pb.gateway).ok_or(Malformed::new("origin.gateway"))?,
            session: optional_id(pb.session_id, "origin.session_id")?,
            reply,
            tag: pb.tag.map(Into::into),
        })
    }
}

impl Wire for SendCommand {
    type Pb = events::SendCommand;

    fn to_pb(&self) -> events::SendCommand {
        events::SendCommand {
            message_id: self.id.get(),
            conversation_id: self.conversation.get(),
            sender_id: self.sender.get(),
            guest: self.guest,
            client_msg_id: self.client_msg_id.as_str().to_owned(),
            body: Some(self.body.to_pb()),
            origin: Some(self.origin.to_pb()),
        }
    }

    fn from_pb(pb: events::SendCommand) -> Result<Self, Malformed> {
        Ok(Self {
            id: id(pb.message_id, "send.message_id")?,
            conversation: id(pb.conversation_id, "send.conversation_id")?,
            sender: id(pb.sender_id, "send.sender_id")?,
            guest: pb.guest,
            client_msg_id: client_msg_id(&pb.client_msg_id, "send.client_msg_id")?,
            body: nested(pb.body, "send.body")?,
            origin: nested(pb.origin, "send.origin")?,
        })
    }
}
