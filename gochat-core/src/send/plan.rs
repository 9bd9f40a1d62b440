//! From what became of each send to who is told what.

use std::sync::Arc;

use crate::error::Code;
use crate::model::{
    Access, AccessKind, Audience, ConversationId, Delivery, Event, Message, MessageView, Receipt,
    SendCommand, StoredReceipt, User,
};

/// What became of a send.
#[derive(Debug, Clone)]
pub(super) enum Outcome {
    /// Stored just now.
    Stored(Arc<Message>),
    /// Stored before; whether it was delivered is not known, so it is delivered again.
    Repeated(Arc<Message>),
    /// Stored and delivered before.
    Delivered(Arc<Message>),
    /// Not stored.
    Refused(Code),
}

impl Outcome {
    /// The receipt of what is stored.
    pub(super) fn receipt(&self) -> Option<Receipt> {
        match self {
            Self::Stored(m) | Self::Repeated(m) | Self::Delivered(m) => Some(m.receipt()),
            Self::Refused(_) => None,
        }
    }
}

/// Whom a message goes to; nobody when the conversation is gone.
pub(crate) fn audience(conversation: ConversationId, access: Option<&Access>) -> Option<Audience> {
    let access = access?;
    Some(match (&access.kind, &access.members) {
        (AccessKind::World, _) => Audience::Everyone,
        (_, Some(members)) => Audience::Users(Arc::clone(members)),
        (_, None) => Audience::Members(conversation),
    })
}

/// Adds the deliveries of one send: the message to its readers first, then the receipt to whoever waits for it.
pub(super) fn plan(
    command: &SendCommand,
    outcome: &Outcome,
    access: Option<&Access>,
    sender: Option<&Arc<User>>,
    out: &mut Vec<Delivery>,
) {
    let (message, deliver) = match outcome {
        Outcome::Stored(message) | Outcome::Repeated(message) => (message, true),
        Outcome::Delivered(message) => (message, false),
        Outcome::Refused(code) => {
            let event = Event::Refused {
                conversation: command.conversation,
                client_msg_id: command.client_msg_id.clone(),
                code: *code,
            };
            out.push(Delivery { event, audience: Audience::Origin(command.origin.clone()), except: None });
            return;
        }
    };
    let view = MessageView { message: Arc::clone(message), sender: sender.map(Arc::clone) };
    if deliver && let Some(audience) = audience(command.conversation, access) {
        let except = command.origin.session.map(|session| (command.sender, session));
        out.push(Delivery { event: Event::NewMessage(view.clone()), audience, except });
    }
    // By its id: that a send was stored by an earlier attempt of our own is no news to the client.
    let repeated = message.id != command.id;
    let event = Event::Stored(StoredReceipt { view, repeated });
    out.push(Delivery { event, audience: Audience::Origin(command.origin.clone()), except: None });
}
