//! What is stored, and what is recognised.

use std::sync::Arc;

use super::super::fixture::{Fixture, at, limit, strange_texts};
use crate::model::{
    ClientMsgId, ConversationId, Message, MessageBody, MessageId, MessageKind, NewMessage, Seq, UserId,
};
use crate::ports::{Appended, NewUser, OpenSingle, PageFrom};

/// The same, with something of it changed.
fn but(new: &NewMessage, change: impl FnOnce(&mut Message)) -> NewMessage {
    let mut message = Message::clone(&new.message);
    change(&mut message);
    NewMessage { message: Arc::new(message), members_version: new.members_version }
}

async fn stored(fx: &Fixture, message: &Message) -> [Option<Message>; 3] {
    let messages = &fx.stores.messages;
    let from = PageFrom::After(Seq::new(message.seq.get() - 1));
    let page = messages.page(message.conversation, from, limit(1)).await.expect("answers");
    [
        messages.by_ids(&[message.id]).await.expect("answers").remove(0),
        messages.by_keys(&[message.key()]).await.expect("answers").remove(0),
        page.into_iter().next(),
    ]
}

#[track_caller]
fn assert_all(found: &[Option<Message>; 3], want: &Message) {
    for found in found {
        assert_eq!(found.as_ref(), Some(want));
    }
}

pub(super) async fn what_was_appended_is_read_back_whole(fx: Fixture) {
    let [a, b] = fx.users(["alice", "bob"]).await;
    let id = fx.group(a, &[b]).await;
    let first = fx.send(id, a, 1).await;
    for (i, kind) in MessageKind::ALL.into_iter().enumerate() {
        let client = 2 + i as u64;
        let new = but(&fx.text(id, b, client, client).await, |m| {
            m.body = MessageBody {
                kind,
                content: format!("{kind:?}").into(),
                reply_to: Some(first.id),
                mentions: vec![b, a],
                attachment: Some("{\"url\": \"x\",  \"size\":1}".into()),
            };
        });
        assert_eq!(fx.append(std::slice::from_ref(&new)).await, [Appended::Stored]);
        assert_all(&stored(&fx, &new.message).await, &new.message);
    }
    assert_all(&stored(&fx, &first).await, &first);
    assert_eq!(fx.head(id).await, Seq::new(8));
}

pub(super) async fn a_batch_is_answered_by_position(fx: Fixture) {
    let [a, b, c] = fx.users(["alice", "bob", "carol"]).await;
    let (x, y) = (fx.single(a, b).await, fx.single(a, c).await);
    let old = fx.send(y, c, 1).await;
    // Interleaved: two conversations, two senders, a repeat among them.
    let batch = [
        fx.text(x, a, 1, 10).await,
        fx.text(y, a, 2, 11).await,
        fx.text(y, c, 9, 1).await,
        fx.text(x, b, 2, 12).await,
        fx.text(y, c, 3, 13).await,
        fx.text(x, a, 3, 14).await,
    ];
    let answers = fx.append(&batch).await;
    let repeated = Appended::Repeated(Box::new(old));
    for (i, answer) in answers.iter().enumerate() {
        assert_eq!(answer, if i == 2 { &repeated } else { &Appended::Stored }, "{i}");
    }
    assert_eq!(answers.len(), batch.len());
    assert_eq!(fx.texts(x).await, ["text 10", "text 12", "text 14"]);
    assert_eq!(fx.texts(y).await, ["text 1", "text 11", "text 13"]);
}

pub(super) async fn an_empty_batch_is_nothing(fx: Fixture) {
    assert!(fx.append(&[]).await.is_empty());
}

pub(super) async fn a_large_batch_is_taken_at_once(fx: Fixture) {
    let [a, b] = fx.users(["alice", "bob"]).await;
    let id = fx.single(a, b).await;
    let first = fx.text(id, a, 1, 1).await;
    let ids = MessageId::new(1_000_000).expect("in range");
    let batch: Vec<_> = (1..=1_000)
        .map(|n| {
            but(&first, |m| {
                m.seq = Seq::new(n);
                m.id = MessageId::new(ids.get() + n).expect("in range");
                m.client_msg_id = ClientMsgId::new(&format!("large-{n}")).expect("a good id");
                m.sender = if n % 3 == 0 { b } else { a };
                m.body.content = n.to_string().into();
            })
        })
        .collect();
    assert!(fx.append(&batch).await.iter().all(|a| *a == Appended::Stored));
    let want: Vec<_> = (1..=1_000).map(|n| n.to_string()).collect();
    assert_eq!(fx.texts(id).await, want);
    assert_eq!(fx.head(id).await, Seq::new(1_000));
}

pub(super) async fn a_repeat_gets_the_stored_message_and_writes_nothing(fx: Fixture) {
    let [a, b] = fx.users(["alice", "bob"]).await;
    let id = fx.single(a, b).await;
    let first = fx.send(id, a, 1).await;
    fx.send(id, b, 2).await;
    let before = fx.entry(a, id).await;
    // Whatever else differs: the content, the id, the sequence be it next, past or far.
    for seq in [1, 2, 3, 4, 0] {
        let again = but(&fx.text(id, a, seq, 1).await, |m| {
            m.body.content = "another".into();
            m.sent_at = at(99);
        });
        let answer = fx.append(std::slice::from_ref(&again)).await;
        assert_eq!(answer, [Appended::Repeated(Box::new(first.clone()))]);
        assert_eq!(fx.stores.messages.by_ids(&[again.message.id]).await.expect("answers"), [None]);
    }
    assert_eq!((fx.entry(a, id).await, fx.texts(id).await.len()), (before, 2));
}

pub(super) async fn repeats_within_a_batch_are_recognised(fx: Fixture) {
    let [a, b] = fx.users(["alice", "bob"]).await;
    let id = fx.single(a, b).await;
    let batch = [
        fx.text(id, a, 1, 1).await,
        fx.text(id, a, 2, 1).await,
        fx.text(id, a, 2, 2).await,
        fx.text(id, a, 3, 1).await,
        fx.text(id, a, 3, 3).await,
    ];
    let repeated = Appended::Repeated(Box::new(Message::clone(&batch[0].message)));
    let answers = fx.append(&batch).await;
    let stored = Appended::Stored;
    assert_eq!(answers, [stored.clone(), repeated.clone(), stored.clone(), repeated, stored]);
    assert_eq!(fx.texts(id).await, ["text 1", "text 2", "text 3"]);
}

pub(super) async fn a_client_id_is_its_senders_and_its_conversations_own(fx: Fixture) {
    let [a, b, c] = fx.users(["alice", "bob", "carol"]).await;
    let (x, y) = (fx.single(a, b).await, fx.single(a, c).await);
    let batch = [fx.text(x, a, 1, 1).await, fx.text(x, b, 2, 1).await, fx.text(y, a, 1, 1).await];
    assert_eq!(fx.append(&batch).await, [Appended::Stored, Appended::Stored, Appended::Stored]);
    let other = but(&fx.text(x, a, 3, 1).await, |m| {
        m.client_msg_id = ClientMsgId::new("C1").expect("a good id");
    });
    assert_eq!(fx.append(&[other]).await, [Appended::Stored], "client ids are exact");
}

pub(super) async fn repeats_are_decided_before_rights(fx: Fixture) {
    let [a, b] = fx.users(["alice", "bob"]).await;
    let id = fx.group(a, &[b]).await;
    let old_version = fx.version(id).await;
    let first = fx.send(id, b, 1).await;
    fx.stores.groups.remove(id, b, old_version, at(2)).await.expect("removed");
    let again = NewMessage { members_version: old_version, ..fx.text(id, b, 2, 1).await };
    let new = NewMessage { members_version: old_version, ..fx.text(id, b, 2, 2).await };
    let answers = fx.append(&[again, new]).await;
    assert_eq!(answers, [Appended::Repeated(Box::new(first)), Appended::MembersChanged]);
}

pub(super) async fn the_same_batch_again_changes_nothing(fx: Fixture) {
    let [a, b] = fx.users(["alice", "bob"]).await;
    let id = fx.single(a, b).await;
    let batch = [fx.text(id, a, 1, 1).await, fx.text(id, b, 2, 2).await, fx.text(id, a, 3, 3).await];
    fx.append(&batch).await;
    let before = (fx.conversation(id).await, fx.entry(a, id).await, fx.entry(b, id).await);
    let answers = fx.append(&batch).await;
    for (answer, new) in answers.into_iter().zip(&batch) {
        assert_eq!(answer, Appended::Repeated(Box::new(Message::clone(&new.message))));
    }
    assert_eq!((fx.conversation(id).await, fx.entry(a, id).await, fx.entry(b, id).await), before);
}

pub(super) async fn ones_own_message_moves_ones_read_pointer(fx: Fixture) {
    let [a, b, c] = fx.users(["alice", "bob", "carol"]).await;
    let id = fx.group(a, &[b, c]).await;
    let read = async || {
        let mut read = Vec::new();
        for user in [a, b, c] {
            read.push(fx.member(id, user).await.expect("a member").read_seq.get());
        }
        read
    };
    fx.send(id, a, 1).await;
    assert_eq!(read().await, [1, 0, 0]);
    let batch = [fx.text(id, b, 2, 2).await, fx.text(id, a, 3, 3).await, fx.text(id, b, 4, 4).await];
    fx.append(&batch).await;
    assert_eq!(read().await, [3, 4, 0]);
    fx.append(&batch[..1]).await;
    assert_eq!(read().await, [3, 4, 0], "a repeat moves nothing");
    let refused = fx.text(id, c, 9, 9).await;
    fx.append(&[refused]).await;
    assert_eq!(read().await, [3, 4, 0], "a refusal moves nothing");
}

pub(super) async fn strange_texts_come_back_unchanged(fx: Fixture) {
    let [a, b] = fx.users(["alice", "bob"]).await;
    let id = fx.single(a, b).await;
    let mut want = Vec::new();
    for (i, text) in strange_texts().into_iter().enumerate() {
        let client = 1 + i as u64;
        let new = but(&fx.text(id, a, client, client).await, |m| {
            m.body.content = text.as_str().into();
            m.body.attachment = Some(text.as_str().into());
        });
        assert_eq!(fx.append(std::slice::from_ref(&new)).await, [Appended::Stored]);
        assert_all(&stored(&fx, &new.message).await, &new.message);
        want.push(text);
    }
    // Client ids are the client's: of any script, up to 128 bytes, and compared to the byte.
    for (i, client) in
        ["é", "e\u{301}", "É", "😀😀", "'\"%_\\", &"x".repeat(128), &"界".repeat(42)].iter().enumerate()
    {
        let seq = (want.len() + 1) as u64;
        let new = but(&fx.text(id, b, seq, 100 + i as u64).await, |m| {
            m.client_msg_id = ClientMsgId::new(client).expect("a good id");
        });
        assert_eq!(fx.append(std::slice::from_ref(&new)).await, [Appended::Stored], "{client}");
        assert_all(&stored(&fx, &new.message).await, &new.message);
        want.push(new.message.body.content.to_string());
    }
    assert_eq!(fx.texts(id).await, want);
}

pub(super) async fn the_largest_ids_are_ids(fx: Fixture) {
    let top = i64::MAX as u64;
    let [a, b] = [top, top - 1].map(|n| UserId::new(n).expect("in range"));
    for user in [a, b] {
        let mut new: NewUser = fx.new_user(&format!("user-{}", user.get() % 10));
        new.user.id = user;
        fx.stores.users.create(&new).await.expect("stored");
    }
    let id = ConversationId::new(top).expect("in range");
    let open = OpenSingle { users: [a, b], by: a, id, at: at(0) };
    fx.stores.conversations.open_single(&open).await.expect("opened");
    let mut sent = Vec::new();
    for n in 0..3 {
        let new = but(&fx.text(id, a, n + 1, n).await, |m| {
            m.id = MessageId::new(top - n).expect("in range");
            m.body.reply_to = Some(m.id);
            m.body.mentions = vec![a, b];
        });
        assert_eq!(fx.append(std::slice::from_ref(&new)).await, [Appended::Stored]);
        sent.push(new);
    }
    for new in sent {
        assert_all(&stored(&fx, &new.message).await, &new.message);
    }
    assert_eq!(fx.listed(b).await, [ConversationId::WORLD, id]);
}

pub(super) async fn messages_outlive_a_restart(fx: Fixture) {
    let [a, b] = fx.users(["alice", "bob"]).await;
    let id = fx.single(a, b).await;
    let mut sent = Vec::new();
    for client in 1..=20 {
        sent.push(fx.send(id, a, client).await);
    }
    let fx = fx.reopened().await;
    for message in &sent {
        assert_all(&stored(&fx, message).await, message);
    }
    assert_eq!(fx.head(id).await, Seq::new(20));
    let again = fx.text(id, a, 21, 7).await;
    assert_eq!(fx.append(&[again]).await, [Appended::Repeated(Box::new(sent[6].clone()))]);
    fx.send(id, b, 21).await;
    assert_eq!(fx.texts(id).await.len(), 21);
}
