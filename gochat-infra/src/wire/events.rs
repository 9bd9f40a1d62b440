//! Deliveries: events, and to whom they go.

use std::sync::Arc;

use gochat_core::error::Code;
use gochat_core::model::{
    Audience, ConversationView, Delivery, EndReason, Event, MembershipAction, StoredReceipt, Timestamp,
};
use gochat_proto::pb::events::v1 as pb;

use super::messages::client_msg_id;
use super::users::{optional_role, role_number};
use super::{Malformed, Wire, id, ids, nested, number, numbers, optional_id, part, seq};

/// The code of this name, such as `USERNAME_TAKEN`.
///
/// # Errors
/// There is no such code.
pub fn code(name: &str, field: &'static str) -> Result<Code, Malformed> {
    Code::ALL.into_iter().find(|code| code.as_str() == name).ok_or(Malformed { field })
}

impl Wire for StoredReceipt {
    type Pb = pb::StoredReceipt;

    fn to_pb(&self) -> pb::StoredReceipt {
        pb::StoredReceipt { view: Some(self.view.to_pb()), repeated: self.repeated }
    }

    fn from_pb(pb: pb::StoredReceipt) -> Result<Self, Malformed> {
        Ok(Self { view: nested(pb.view, "stored.view")?, repeated: pb.repeated })
    }
}

impl Wire for Event {
    type Pb = pb::Event;

    fn to_pb(&self) -> pb::Event {
        pb::Event { what: what(self) }
    }

    fn from_pb(pb: pb::Event) -> Result<Self, Malformed> {
        event(part(pb.what, "event.what")?)
    }
}

fn what(event: &Event) -> Option<pb::event::What> {
    use pb::event::What;
    Some(match event {
        Event::NewMessage(view) => What::NewMessage(view.to_pb()),
        Event::Stored(receipt) => What::Stored(receipt.to_pb()),
        Event::Refused { conversation, client_msg_id, code } => What::Refused(pb::Refused {
            conversation_id: conversation.get(),
            client_msg_id: client_msg_id.as_str().to_owned(),
            code: code.as_str().to_owned(),
        }),
        Event::ConversationChanged(view) => What::ConversationChanged(view.to_pb()),
        Event::FriendOnline { user, online } => {
            What::FriendOnline(pb::FriendOnline { user_id: user.get(), online: *online })
        }
        Event::MemberOnline { group, user, online } => What::MemberOnline(pb::MemberOnline {
            conversation_id: group.get(),
            user_id: user.get(),
            online: *online,
        }),
        Event::Read { conversation, seq, unread } => {
            What::Read(pb::Read { conversation_id: conversation.get(), seq: seq.get(), unread: *unread })
        }
        Event::Typing { conversation, user, typing } => What::Typing(pb::Typing {
            conversation_id: conversation.get(),
            user: Some(user.to_pb()),
            typing: *typing,
        }),
        Event::Recalled { conversation, id, seq, at, by } => What::Recalled(pb::MessageRecalled {
            conversation_id: conversation.get(),
            message_id: id.get(),
            seq: seq.get(),
            at_ms: at.as_millis(),
            by_id: by.get(),
        }),
        Event::Membership { group, user, role, action, by } => What::Membership(pb::Membership {
            conversation_id: group.get(),
            user_id: user.get(),
            role: role_number(*role),
            action: action_number(*action),
            by_id: by.get(),
        }),
        Event::EndSession(reason) => What::EndSession(pb::EndSession { reason: reason_number(*reason) }),
        _ => return None,
    })
}

fn event(what: pb::event::What) -> Result<Event, Malformed> {
    use pb::event::What;
    Ok(match what {
        What::NewMessage(view) => Event::NewMessage(Wire::from_pb(view)?),
        What::Stored(receipt) => Event::Stored(Wire::from_pb(receipt)?),
        What::Refused(pb) => Event::Refused {
            conversation: id(pb.conversation_id, "refused.conversation_id")?,
            client_msg_id: client_msg_id(&pb.client_msg_id, "refused.client_msg_id")?,
            code: code(&pb.code, "refused.code")?,
        },
        What::ConversationChanged(view) => {
            Event::ConversationChanged(Box::new(ConversationView::from_pb(view)?))
        }
        What::FriendOnline(pb) => {
            Event::FriendOnline { user: id(pb.user_id, "friend_online.user_id")?, online: pb.online }
        }
        What::MemberOnline(pb) => Event::MemberOnline {
            group: id(pb.conversation_id, "member_online.conversation_id")?,
            user: id(pb.user_id, "member_online.user_id")?,
            online: pb.online,
        },
        What::Read(pb) => Event::Read {
            conversation: id(pb.conversation_id, "read.conversation_id")?,
            seq: seq(pb.seq, "read.seq")?,
            unread: pb.unread,
        },
        What::Typing(pb) => Event::Typing {
            conversation: id(pb.conversation_id, "typing.conversation_id")?,
            user: Arc::new(nested(pb.user, "typing.user")?),
            typing: pb.typing,
        },
        What::Recalled(pb) => Event::Recalled {
            conversation: id(pb.conversation_id, "recalled.conversation_id")?,
            id: id(pb.message_id, "recalled.message_id")?,
            seq: seq(pb.seq, "recalled.seq")?,
            at: Timestamp::from_millis(pb.at_ms),
            by: id(pb.by_id, "recalled.by_id")?,
        },
        What::Membership(pb) => Event::Membership {
            group: id(pb.conversation_id, "membership.conversation_id")?,
            user: id(pb.user_id, "membership.user_id")?,
            role: optional_role(pb.role, "membership.role")?,
            action: action(pb.action)?,
            by: id(pb.by_id, "membership.by_id")?,
        },
        What::EndSession(pb) => Event::EndSession(reason(pb.reason)?),
    })
}

fn action_number(action: MembershipAction) -> i32 {
    let action = match action {
        MembershipAction::Joined => pb::MembershipAction::Joined,
        MembershipAction::Left => pb::MembershipAction::Left,
        MembershipAction::Removed => pb::MembershipAction::Removed,
        MembershipAction::RoleChanged => pb::MembershipAction::RoleChanged,
        MembershipAction::Muted => pb::MembershipAction::Muted,
        MembershipAction::Unmuted => pb::MembershipAction::Unmuted,
        MembershipAction::Dissolved => pb::MembershipAction::Dissolved,
        _ => pb::MembershipAction::Unspecified,
    };
    action.into()
}

fn action(n: i32) -> Result<MembershipAction, Malformed> {
    Ok(match pb::MembershipAction::try_from(n) {
        Ok(pb::MembershipAction::Joined) => MembershipAction::Joined,
        Ok(pb::MembershipAction::Left) => MembershipAction::Left,
        Ok(pb::MembershipAction::Removed) => MembershipAction::Removed,
        Ok(pb::MembershipAction::RoleChanged) => MembershipAction::RoleChanged,
        Ok(pb::MembershipAction::Muted) => MembershipAction::Muted,
        Ok(pb::MembershipAction::Unmuted) => MembershipAction::Unmuted,
        Ok(pb::MembershipAction::Dissolved) => MembershipAction::Dissolved,
        Ok(pb::MembershipAction::Unspecified) | Err(_) => return Err(Malformed::new("membership.action")),
    })
}

fn reason_number(reason: EndReason) -> i32 {
    let reason = match reason {
        EndReason::LoginEnded => pb::EndReason::LoginEnded,
        EndReason::Replaced => pb::EndReason::Replaced,
        _ => pb::EndReason::Unspecified,
    };
    reason.into()
}

fn reason(n: i32) -> Result<EndReason, Malformed> {
    match pb::EndReason::try_from(n) {
        Ok(pb::EndReason::LoginEnded) => Ok(EndReason::LoginEnded),
        Ok(pb::EndReason::Replaced) => Ok(EndReason::Replaced),
        Ok(pb::EndReason::Unspecified) | Err(_) => Err(Malformed::new("end_session.reason")),
    }
}

impl Wire for Audience {
    type Pb = pb::Audience;

    fn to_pb(&self) -> pb::Audience {
        use pb::audience::To;
        let to = match self {
            Self::Origin(origin) => Some(To::Origin(origin.to_pb())),
            Self::Users(users) => Some(To::Users(pb::Users { ids: numbers(users) })),
            Self::Members(conversation) => Some(To::MembersOfConversationId(conversation.get())),
            Self::Everyone => Some(To::Everyone(pb::Everyone {})),
            Self::Login(user, login) => {
                Some(To::Login(pb::LoginSessions { user_id: user.get(), login_id: login.get() }))
            }
            Self::Session(user, session) => {
                Some(To::Session(pb::OneSession { user_id: user.get(), session_id: session.get() }))
            }
            _ => None,
        };
        pb::Audience { to }
    }

    fn from_pb(pb: pb::Audience) -> Result<Self, Malformed> {
        use pb::audience::To;
        Ok(match part(pb.to, "audience.to")? {
            To::Origin(origin) => Self::Origin(Wire::from_pb(origin)?),
            To::Users(users) => Self::Users(ids(&users.ids, "audience.users.ids")?.into()),
            To::MembersOfConversationId(n) => Self::Members(id(n, "audience.members_of_conversation_id")?),
            To::Everyone(pb::Everyone {}) => Self::Everyone,
            To::Login(pb) => Self::Login(
                id(pb.user_id, "audience.login.user_id")?,
                id(pb.login_id, "audience.login.login_id")?,
            ),
            To::Session(pb) => Self::Session(
                id(pb.user_id, "audience.session.user_id")?,
                id(pb.session_id, "audience.session.session_id")?,
            ),
            // Only among others that it belongs to.
            To::List(_) => return Err(Malformed::new("audience.list")),
        })
    }
}

impl Wire for Delivery {
    type Pb = pb::Delivery;

    fn to_pb(&self) -> pb::Delivery {
        pb::Delivery { audience: Some(self.audience.to_pb()), ..without_audience(self) }
    }

    fn from_pb(mut pb: pb::Delivery) -> Result<Self, Malformed> {
        let audience = nested(pb.audience.take(), "delivery.audience")?;
        delivery(pb, audience)
    }
}

/// A delivery but for whom it goes to.
pub(super) fn without_audience(delivery: &Delivery) -> pb::Delivery {
    pb::Delivery {
        event: Some(delivery.event.to_pb()),
        audience: None,
        except_session_id: number(delivery.except.map(|(_, session)| session)),
        except_user_id: number(delivery.except.map(|(user, _)| user)),
    }
}

/// A delivery to `audience`, whatever it says of that itself.
pub(super) fn delivery(pb: pb::Delivery, audience: Audience) -> Result<Delivery, Malformed> {
    let user = optional_id(pb.except_user_id, "delivery.except_user_id")?;
    let session = optional_id(pb.except_session_id, "delivery.except_session_id")?;
    let except = match (user, session) {
        (None, None) => None,
        (Some(user), Some(session)) => Some((user, session)),
        (None, Some(_)) => return Err(Malformed::new("delivery.except_user_id")),
        (Some(_), None) => return Err(Malformed::new("delivery.except_session_id")),
    };
    Ok(Delivery { event: nested(pb.event, "delivery.event")?, audience, except })
}
