//! Events to server frames.

use gochat_core::error::Code;
use gochat_core::model::{
    ClientMsgId, ConversationId, ConversationView, Event, MembershipAction, MessageView, StoredReceipt,
};
use gochat_proto::ws::{
    ConversationUpdate, Frame, FriendOnline, GroupMemberOnline, Membership, MessageAck, MessageRecalled,
    NewMessage, Read, TypingNotice, Updates,
};
use gochat_proto::{Id, RawValue};

use super::{conv_id, conversation, last_text, message, role, target, time};
use crate::web::error::{About, Problem};
use crate::web::lang::Lang;

/// Appends the JSON text of what clients are told of an event; nothing where they are told nothing
/// ([`Event::EndSession`] closes, it is not told). The text is the same for every receiver; `lang` is for refusals, which
/// have one receiver only.
pub fn write_event(event: &Event, lang: Lang, out: &mut Vec<u8>) {
    match event {
        Event::NewMessage(view) => {
            let data =
                NewMessage { conversation_id: conv_id(view.message.conversation), message: message(view) };
            Frame::new(data).write(out);
        }
        Event::Stored(receipt) => write_stored(receipt, None, out),
        Event::Refused { conversation, client_msg_id, code } => {
            write_refused(*conversation, client_msg_id, *code, None, lang, out);
        }
        Event::ConversationChanged(view) => write_changed(view, out),
        Event::FriendOnline { user, online } => {
            Frame::new(FriendOnline { user_id: Id(user.get()), online: *online }).write(out);
        }
        Event::MemberOnline { group, user, online } => {
            let data =
                GroupMemberOnline { group_id: conv_id(*group), user_id: Id(user.get()), online: *online };
            Frame::new(data).write(out);
        }
        Event::Read { conversation, seq, unread } => {
            let data =
                Read { conversation_id: conv_id(*conversation), seq: seq.get(), unread_count: *unread };
            Frame::new(data).write(out);
        }
        Event::Typing { conversation, user, typing } => {
            let data = TypingNotice {
                conversation_id: conv_id(*conversation),
                user_id: Id(user.id.get()),
                username: user.shown_name(),
                typing: *typing,
            };
            Frame::new(data).write(out);
        }
        Event::Recalled { conversation, id, seq, at, by } => {
            let data = MessageRecalled {
                conversation_id: conv_id(*conversation),
                message_id: Id(id.get()),
                seq: seq.get(),
                recalled_at: time(*at),
                by: Id(by.get()),
            };
            Frame::new(data).write(out);
        }
        Event::Membership { group, user, role: rank, action, by } => {
            let data = Membership {
                conversation_id: conv_id(*group),
                group_id: conv_id(*group),
                user_id: Id(user.get()),
                role: rank.map(role),
                action: action_name(*action),
                by: Id(by.get()),
            };
            Frame::new(data).write(out);
        }
        // `Event` grows; what this version has no frame for, clients find by `sync`.
        _ => {}
    }
}

/// Appends the second step of `message-ack`; `id` is that of the request.
pub fn write_stored(receipt: &StoredReceipt, id: Option<&RawValue>, out: &mut Vec<u8>) {
    let m = &receipt.view.message;
    let data = MessageAck::stored(
        conv_id(m.conversation),
        m.client_msg_id.as_str(),
        Id(m.id.get()),
        m.seq.get(),
        time(m.sent_at),
    );
    Frame::answer(id, data).write(out);
}

/// Appends the `error` of a send that was refused; `id` is that of the request.
pub fn write_refused(
    conversation: ConversationId,
    client_msg_id: &ClientMsgId,
    code: Code,
    id: Option<&RawValue>,
    lang: Lang,
    out: &mut Vec<u8>,
) {
    let conversation = conversation.to_string();
    let about = About { temp_message_id: Some(client_msg_id.as_str()), conversation_id: Some(&conversation) };
    Problem::new(code).write_frame(lang, id, about, out);
}

/// Appends the `conversation-update` that the sending session gets behind its stored ack.
pub fn write_sent(view: &MessageView, out: &mut Vec<u8>) {
    let m = &view.message;
    let updates = Updates {
        last_message: Some(&m.body.content),
        last_message_time: Some(time(m.sent_at)),
        ..Updates::default()
    };
    Frame::new(ConversationUpdate::new(conv_id(m.conversation), updates, None)).write(out);
}

fn write_changed(view: &ConversationView, out: &mut Vec<u8>) {
    let entry = &view.entry;
    let updates = Updates {
        target: Some(target(view)),
        last_message: Some(last_text(entry)),
        last_message_time: Some(time(entry.active_at())),
        unread_count: Some(entry.unread()),
        last_seq: Some(entry.conversation.last_seq.get()),
        read_seq: Some(entry.me.read_seq.get()),
        muted: Some(entry.muted),
        pinned: Some(entry.pinned),
    };
    let whole = view.new.then(|| conversation(view));
    Frame::new(ConversationUpdate::new(conv_id(entry.conversation.id), updates, whole)).write(out);
}

const fn action_name(action: MembershipAction) -> &'static str {
    match action {
        MembershipAction::Joined => "joined",
        MembershipAction::Left => "left",
        MembershipAction::Removed => "removed",
        MembershipAction::RoleChanged => "role-changed",
        MembershipAction::Muted => "muted",
        MembershipAction::Unmuted => "unmuted",
        MembershipAction::Dissolved => "dissolved",
        _ => "changed",
    }
}
