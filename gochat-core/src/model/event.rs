//! What others hear: events, and to whom each goes.

use std::sync::Arc;

use super::{
    ClientMsgId, ConversationEntry, ConversationId, LoginId, Message, MessageId, Origin, Receipt, Role, Seq,
    SessionId, Timestamp, User, UserId,
};
use crate::error::Code;

/// Something that happened and that clients are told.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// A message is stored: its readers get it.
    NewMessage(MessageView),
    /// The receipt of a send, for the one who waits for it.
    Stored(StoredReceipt),
    /// A send was refused; nothing was stored.
    Refused {
        /// Where it should have gone.
        conversation: ConversationId,
        /// What its client called it.
        client_msg_id: ClientMsgId,
        /// Why.
        code: Code,
    },
    /// A conversation changed or is new for the receiver.
    ConversationChanged(Box<ConversationView>),
    /// A friend came or went.
    FriendOnline {
        /// Who.
        user: UserId,
        /// Whether they are here now.
        online: bool,
    },
    /// A member of a small group came or went.
    MemberOnline {
        /// The group.
        group: ConversationId,
        /// Who.
        user: UserId,
        /// Whether they are here now.
        online: bool,
    },
    /// The receiver's own read pointer moved, on whichever of their devices.
    Read {
        /// Where.
        conversation: ConversationId,
        /// Read up to here.
        seq: Seq,
        /// What is left unread.
        unread: u64,
    },
    /// Somebody writes.
    Typing {
        /// Where.
        conversation: ConversationId,
        /// Who.
        user: Arc<User>,
        /// Whether they write now or have stopped.
        typing: bool,
    },
    /// A message was recalled.
    Recalled {
        /// Where.
        conversation: ConversationId,
        /// Which.
        id: MessageId,
        /// Its position.
        seq: Seq,
        /// When.
        at: Timestamp,
        /// By whom.
        by: UserId,
    },
    /// Somebody joined, left, or has other rights now.
    Membership {
        /// The group.
        group: ConversationId,
        /// Whose membership.
        user: UserId,
        /// Their rank now; `None` when they are out.
        role: Option<Role>,
        /// What happened.
        action: MembershipAction,
        /// Who did it.
        by: UserId,
    },
    /// The sessions addressed must end.
    EndSession(EndReason),
}

/// What happened to a membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MembershipAction {
    /// Added.
    Joined,
    /// Left by themselves.
    Left,
    /// Removed by somebody.
    Removed,
    /// Has another role.
    RoleChanged,
    /// Muted.
    Muted,
    /// No longer muted.
    Unmuted,
    /// The group is gone.
    Dissolved,
}

/// Why sessions end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndReason {
    /// The login ended: logged out, revoked, or its token expired.
    LoginEnded,
    /// More sessions than a user may have; the oldest goes.
    Replaced,
}

/// A message with the face of its sender.
#[derive(Debug, Clone)]
pub struct MessageView {
    /// The message.
    pub message: Arc<Message>,
    /// Who wrote it; `None` when the account is gone.
    pub sender: Option<Arc<User>>,
}

/// The receipt of a send, and what the sending session shows of the conversation then.
#[derive(Debug, Clone)]
pub struct StoredReceipt {
    /// The stored message, its sender, its sequence.
    pub view: MessageView,
    /// A repeated send: this is the first one's receipt. Repeats are the client's; what the system itself does again after a
    /// failure is the same send.
    pub repeated: bool,
}

impl StoredReceipt {
    /// The receipt proper.
    #[must_use]
    pub fn receipt(&self) -> Receipt {
        self.view.message.receipt()
    }
}

/// A conversation as its receiver sees it, with what a client shows of the other side.
#[derive(Debug, Clone)]
pub struct ConversationView {
    /// The conversation and the receiver's place in it.
    pub entry: ConversationEntry,
    /// The other one, in a single chat.
    pub peer: Option<Arc<User>>,
    /// How many are online; of the world channel only.
    pub online: Option<u64>,
    /// Whether it is new to the receiver.
    pub new: bool,
}

/// An event and whom it goes to.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// What.
    pub event: Event,
    /// To whom.
    pub audience: Audience,
    /// A session of a user that must not get it, since it shows it already. Another user's session of that id does.
    pub except: Option<(UserId, SessionId)>,
}

/// Whom a delivery goes to. Adapters find the sessions.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Audience {
    /// Whoever waits for the receipt of a send.
    Origin(Origin),
    /// All sessions of these users.
    Users(Arc<[UserId]>),
    /// All sessions of all members of a conversation with more members than are delivered to directly; done in pages, in
    /// order for each conversation.
    Members(ConversationId),
    /// Every session there is.
    Everyone,
    /// The sessions of one login of a user.
    Login(UserId, LoginId),
    /// One session of a user.
    Session(UserId, SessionId),
}
