//! Recalling.

use std::sync::Arc;

use super::super::fixture::{Fixture, all_at_once, assert_kind, at, limit};
use crate::model::{
    ConversationId, Message, MessageBody, MessageId, MessageKind, NewMessage, Recalled, Seq, UserId,
};
use crate::ports::{Appended, ErrorKind, PageFrom};

/// A message with everything in it, and what should be left of it.
async fn full(fx: &Fixture) -> (UserId, UserId, Message, Message) {
    let [a, b] = fx.users(["alice", "bob"]).await;
    let id = fx.group(a, &[b]).await;
    let first = fx.send(id, b, 1).await;
    let new = fx.text(id, a, 2, 2).await;
    let body = MessageBody {
        kind: MessageKind::Image,
        content: "secret".into(),
        reply_to: Some(first.id),
        mentions: vec![b],
        attachment: Some("{\"secret\":1}".into()),
    };
    let message = Message { body, ..Message::clone(&new.message) };
    let new = NewMessage { message: Arc::new(message.clone()), ..new };
    assert_eq!(fx.append(&[new]).await, [Appended::Stored]);
    fx.send(id, b, 3).await;
    let body = MessageBody { content: "".into(), mentions: vec![], attachment: None, ..message.body.clone() };
    let left = Message { body, recalled: Some(Recalled { at: at(60), by: b }), ..message.clone() };
    (a, b, message, left)
}

async fn everywhere(fx: &Fixture, message: &Message) -> Vec<Message> {
    let messages = &fx.stores.messages;
    let from = PageFrom::Before(message.seq.next());
    let again = fx.text(message.conversation, message.sender, 9, 2).await;
    let mut found = messages.page(message.conversation, from, limit(1)).await.expect("answers");
    found.extend(messages.by_ids(&[message.id]).await.expect("answers").remove(0));
    found.extend(messages.by_keys(&[message.key()]).await.expect("answers").remove(0));
    match fx.append(&[again]).await.remove(0) {
        Appended::Repeated(message) => found.push(*message),
        other => panic!("a repeat of a recalled message was {other:?}"),
    }
    found
}

pub(super) async fn a_recalled_message_loses_its_content_everywhere(fx: Fixture) {
    let (_, b, message, left) = full(&fx).await;
    assert_eq!(everywhere(&fx, &message).await, vec![message.clone(); 4]);
    let outcome = fx.stores.messages.recall(message.id, b, at(60)).await.expect("recalled");
    assert!(outcome.first);
    assert_eq!(outcome.message, left);
    assert_eq!(everywhere(&fx, &message).await, vec![left; 4]);
    assert_eq!(fx.head(message.conversation).await, Seq::new(3), "it keeps its place");
    assert_eq!(fx.texts(message.conversation).await, ["text 1", "", "text 3"]);
}

pub(super) async fn the_first_tombstone_stays(fx: Fixture) {
    let (a, b, message, left) = full(&fx).await;
    fx.stores.messages.recall(message.id, b, at(60)).await.expect("recalled");
    for (by, when) in [(a, at(61)), (b, at(62)), (a, at(1))] {
        let again = fx.stores.messages.recall(message.id, by, when).await.expect("recalled");
        assert_eq!((again.first, again.message), (false, left.clone()));
    }
    assert_eq!(everywhere(&fx, &message).await, vec![left; 4]);
}

pub(super) async fn of_many_recalls_at_once_one_is_the_first(fx: Fixture) {
    let (a, b, message, _) = full(&fx).await;
    let calls =
        (0..20).map(|i| fx.stores.messages.recall(message.id, if i % 2 == 0 { a } else { b }, at(60 + i)));
    let answers: Vec<_> = all_at_once(calls).await.into_iter().map(|a| a.expect("recalled")).collect();
    assert_eq!(answers.iter().filter(|outcome| outcome.first).count(), 1);
    assert!(answers.iter().all(|outcome| outcome.message == answers[0].message));
}

pub(super) async fn a_recall_outlives_a_restart(fx: Fixture) {
    let (_, b, message, left) = full(&fx).await;
    fx.stores.messages.recall(message.id, b, at(60)).await.expect("recalled");
    let fx = fx.reopened().await;
    assert_eq!(everywhere(&fx, &message).await, vec![left; 4]);
}

pub(super) async fn an_unknown_message_is_not_recalled(fx: Fixture) {
    let a = fx.user("alice").await;
    fx.send(ConversationId::WORLD, a, 1).await;
    let unknown = MessageId::new(fx.id()).expect("in range");
    assert_kind(fx.stores.messages.recall(unknown, a, at(1)).await, ErrorKind::NotFound);
}
