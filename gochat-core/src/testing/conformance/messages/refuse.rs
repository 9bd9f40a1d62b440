//! What is refused: sequences, rights, and what writers do to each other.

use super::super::fixture::{Fixture, all_at_once, at, nowhere};
use crate::model::{ConversationId, MembersVersion, NewMessage, Role, Seq, UserId};
use crate::ports::{AddMembersWrite, Appended, MemberPatch};

fn out(head: u64) -> Appended {
    Appended::OutOfSequence { head: Seq::new(head) }
}

async fn pair(fx: &Fixture) -> (UserId, UserId, ConversationId) {
    let [a, b] = fx.users(["alice", "bob"]).await;
    (a, b, fx.single(a, b).await)
}

pub(super) async fn another_sequence_is_refused(fx: Fixture) {
    let (a, b, id) = pair(&fx).await;
    for client in 1..=3 {
        fx.send(id, a, client).await;
    }
    let before = (fx.conversation(id).await, fx.entry(b, id).await);
    for seq in [0, 1, 3, 5, 100, i64::MAX as u64] {
        let new = fx.text(id, b, seq, 50).await;
        assert_eq!(fx.append(std::slice::from_ref(&new)).await, [out(3)], "sequence {seq}");
        assert_eq!(fx.stores.messages.by_ids(&[new.message.id]).await.expect("answers"), [None]);
        assert_eq!(fx.stores.messages.by_keys(&[new.message.key()]).await.expect("answers"), [None]);
    }
    assert_eq!((fx.conversation(id).await, fx.entry(b, id).await), before);
    let next = fx.text(id, b, 4, 50).await;
    assert_eq!(fx.append(&[next]).await, [Appended::Stored], "a refused one can be given again");
}

pub(super) async fn what_follows_a_refused_sequence_is_refused(fx: Fixture) {
    let (a, b, id) = pair(&fx).await;
    // The third and fourth would fit the head, the last would go on from the refused one.
    let batch = [
        fx.text(id, a, 1, 1).await,
        fx.text(id, b, 5, 2).await,
        fx.text(id, a, 2, 3).await,
        fx.text(id, b, 2, 4).await,
        fx.text(id, b, 6, 5).await,
    ];
    assert_eq!(fx.append(&batch).await, [Appended::Stored, out(1), out(1), out(1), out(1)]);
    assert_eq!(fx.texts(id).await, ["text 1"]);
}

pub(super) async fn repeats_after_a_refused_sequence_are_not_refused(fx: Fixture) {
    let (a, _, id) = pair(&fx).await;
    let first = fx.send(id, a, 1).await;
    let batch = [fx.text(id, a, 9, 2).await, fx.text(id, a, 10, 1).await, fx.text(id, a, 11, 3).await];
    assert_eq!(fx.append(&batch).await, [out(1), Appended::Repeated(Box::new(first)), out(1)]);
}

pub(super) async fn other_conversations_go_on(fx: Fixture) {
    let (a, _, id) = pair(&fx).await;
    let c = fx.user("carol").await;
    let other = fx.single(a, c).await;
    let batch = [
        fx.text(other, a, 1, 1).await,
        fx.text(id, a, 7, 2).await,
        fx.text(other, c, 2, 3).await,
        fx.text(id, a, 8, 4).await,
        fx.text(ConversationId::WORLD, a, 1, 5).await,
    ];
    let stored = Appended::Stored;
    assert_eq!(fx.append(&batch).await, [stored.clone(), out(0), stored.clone(), out(0), stored]);
    assert_eq!(fx.texts(other).await, ["text 1", "text 3"]);
    assert_eq!(fx.texts(ConversationId::WORLD).await, ["text 5"]);
}

pub(super) async fn the_head_in_a_refusal_is_the_one_to_go_on_from(fx: Fixture) {
    let (a, _, id) = pair(&fx).await;
    let batch = [fx.text(id, a, 1, 1).await, fx.text(id, a, 2, 2).await, fx.text(id, a, 4, 3).await];
    assert_eq!(fx.append(&batch).await, [Appended::Stored, Appended::Stored, out(2)]);
    let again = fx.text(id, a, 3, 3).await;
    assert_eq!(fx.append(&[again]).await, [Appended::Stored]);
}

/// Changes that each make a right of before an old one.
const CHANGES: u32 = 5;

async fn change(fx: &Fixture, which: u32, group: ConversationId, [a, b, c]: [UserId; 3]) {
    let groups = &fx.stores.groups;
    let expect = fx.version(group).await;
    let role = MemberPatch { role: Some(Role::Admin), muted_until: None };
    let mute = MemberPatch { role: None, muted_until: Some(Some(at(9_999))) };
    let add = AddMembersWrite { users: vec![c], max: 9, expect, at: at(1) };
    match which {
        0 => groups.add(group, &add).await.map(drop),
        1 => groups.change_member(group, b, &role, expect).await.map(drop),
        2 => groups.change_member(group, b, &mute, expect).await.map(drop),
        3 => groups.transfer(group, a, b, expect).await,
        _ => groups.remove(group, b, expect, at(2)).await,
    }
    .expect("changed");
}

pub(super) async fn changed_members_are_refused(fx: Fixture) {
    let users @ [a, b, _] = fx.users(["alice", "bob", "carol"]).await;
    for which in 0..CHANGES {
        let group = fx.group(a, &[b]).await;
        fx.send(group, b, 1).await;
        let [hers, his] = [fx.text(group, a, 2, 2).await, fx.text(group, b, 2, 3).await];
        change(&fx, which, group, users).await;
        for old in [his, hers] {
            assert_eq!(fx.append(&[old]).await, [Appended::MembersChanged], "change {which}");
        }
        let new = fx.text(group, a, 2, 4).await;
        assert_eq!(fx.append(&[new]).await, [Appended::Stored], "authorised anew after change {which}");
    }
}

pub(super) async fn a_changed_members_refusal_writes_nothing(fx: Fixture) {
    let users @ [a, b, _] = fx.users(["alice", "bob", "carol"]).await;
    let group = fx.group(a, &[b]).await;
    let old = [fx.text(group, b, 1, 1).await, fx.text(group, a, 2, 2).await];
    change(&fx, 4, group, users).await;
    let before = (fx.conversation(group).await, fx.entry(a, group).await);
    assert_eq!(fx.append(&old).await, [Appended::MembersChanged, Appended::MembersChanged]);
    assert_eq!((fx.conversation(group).await, fx.entry(a, group).await), before);
    let keys = old.clone().map(|new| new.message.key());
    assert_eq!(fx.stores.messages.by_keys(&keys).await.expect("answers"), [None, None]);

    // Those of one batch are judged each by its own version.
    let mixed = [old[1].clone(), fx.text(group, a, 1, 3).await];
    assert_eq!(fx.append(&mixed).await, [Appended::MembersChanged, Appended::Stored]);
    assert_eq!(fx.texts(group).await, ["text 3"]);
}

pub(super) async fn what_does_not_exist_is_refused(fx: Fixture) {
    let (a, _, id) = pair(&fx).await;
    let there = fx.text(id, a, 1, 1).await;
    let mut message = crate::model::Message::clone(&there.message);
    message.conversation = nowhere();
    message.id = crate::model::MessageId::new(fx.id()).expect("in range");
    for version in [0, 1] {
        let new =
            NewMessage { message: message.clone().into(), members_version: MembersVersion::new(version) };
        assert_eq!(fx.append(&[new]).await, [Appended::MembersChanged]);
    }
    assert_eq!(fx.append(&[there]).await, [Appended::Stored]);
}

pub(super) async fn of_many_writers_each_message_is_there_once(fx: Fixture) {
    let (a, b, id) = pair(&fx).await;
    let write = async |writer: u64| {
        for n in 0..10 {
            let sender = if writer.is_multiple_of(2) { a } else { b };
            let mut seq = 1;
            // Each refusal is another writer's success: there are no more than those.
            for tries in 0.. {
                assert!(tries <= 200, "refused for nothing");
                let new = fx.text(id, sender, seq, writer * 100 + n).await;
                match fx.append(std::slice::from_ref(&new)).await.remove(0) {
                    Appended::Stored => break,
                    Appended::OutOfSequence { head } => seq = head.next().get(),
                    other => panic!("{other:?}"),
                }
            }
        }
    };
    all_at_once((0..20).map(write)).await;
    let page = fx.stores.messages;
    let from = crate::ports::PageFrom::After(Seq::ZERO);
    let all = page.page(id, from, super::super::fixture::limit(1_000)).await.expect("answers");
    assert_eq!(all.iter().map(|m| m.seq.get()).collect::<Vec<_>>(), (1..=200).collect::<Vec<_>>());
    for writer in 0..20 {
        let theirs = all.iter().filter_map(|m| {
            let client: u64 = m.client_msg_id.as_str()[1..].parse().expect("a number");
            (client / 100 == writer).then_some(client % 100)
        });
        assert_eq!(theirs.collect::<Vec<_>>(), (0..10).collect::<Vec<_>>(), "in the order written");
    }
}

pub(super) async fn of_many_senders_of_one_message_one_stores_it(fx: Fixture) {
    let (a, _, id) = pair(&fx).await;
    let mut tries = Vec::new();
    for _ in 0..20 {
        tries.push(fx.text(id, a, 1, 1).await);
    }
    let answers = all_at_once(tries.iter().map(|new| fx.append(std::slice::from_ref(new)))).await;
    let stored: Vec<_> = (0..20).filter(|i| answers[*i] == [Appended::Stored]).collect();
    assert_eq!(stored.len(), 1);
    let winner = &tries[stored[0]].message;
    for (i, answer) in answers.iter().enumerate().filter(|(i, _)| *i != stored[0]) {
        assert_eq!(answer[..], [Appended::Repeated(Box::new((**winner).clone()))], "{i}");
    }
    assert_eq!(fx.texts(id).await.len(), 1);
}
