//! History, recalling and reading.

use std::time::Duration;

use gochat_core::error::Fault;
use gochat_core::model::*;
use gochat_core::service::{HistoryPage, HistoryQuery, MemberChange};

use crate::house::{House, code, faults};

fn texts(page: &HistoryPage) -> Vec<String> {
    page.messages.iter().map(|m| m.message.body.content.to_string()).collect()
}

fn page(page: u32, size: u32) -> HistoryQuery {
    HistoryQuery::Page { page, size: Some(size) }
}

fn after(seq: u64, limit: u32) -> HistoryQuery {
    HistoryQuery::After { seq: Seq::new(seq), limit: Some(limit) }
}

fn before(seq: u64, limit: u32) -> HistoryQuery {
    HistoryQuery::Before { seq: Seq::new(seq), limit: Some(limit) }
}

#[tokio::test]
async fn history_in_pages_and_by_cursors() {
    let house = House::new();
    let alice = house.user("alice").await;
    for i in 1..=7 {
        house.say(&alice, ConversationId::WORLD, &i.to_string()).await;
    }
    for (query, want, more, next) in [
        (page(1, 3), vec!["5", "6", "7"], true, 5),
        (page(2, 3), vec!["2", "3", "4"], true, 2),
        (page(3, 3), vec!["1"], false, 1),
        (page(4, 3), vec![], false, 1),
        (page(u32::MAX, 100), vec![], false, 1),
        (after(0, 3), vec!["1", "2", "3"], true, 3),
        (after(4, 3), vec!["5", "6", "7"], false, 7),
        (after(7, 3), vec![], false, 7),
        (after(50, 3), vec![], false, 50),
        (before(3, 3), vec!["1", "2"], false, 1),
        (before(8, 3), vec!["5", "6", "7"], true, 5),
        (before(99, 2), vec!["6", "7"], true, 6),
        (before(1, 3), vec![], false, 1),
    ] {
        let got = house.services.messages.history(&alice, ConversationId::WORLD, query).await.expect("mine");
        assert_eq!(texts(&got), want, "{query:?}");
        assert_eq!((got.has_more, got.next_seq.get(), got.total), (more, next, 7), "{query:?}");
        assert!(got.messages.iter().all(|m| m.sender.as_ref().is_some_and(|u| u.name.as_str() == "alice")));
    }
}

#[tokio::test]
async fn sizes_are_cut_to_the_largest_and_none_is_refused() {
    let house = House::with(|s| (s.page_max, s.page_default) = (4, 2));
    let alice = house.user("alice").await;
    for i in 1..=7 {
        house.say(&alice, ConversationId::WORLD, &i.to_string()).await;
    }
    let history = async |query| house.services.messages.history(&alice, ConversationId::WORLD, query).await;
    let size = async |query| {
        let page = history(query).await.expect("mine");
        assert_eq!(page.messages.len(), page.size as usize);
        page.size
    };
    assert_eq!(size(HistoryQuery::Page { page: 1, size: None }).await, 2);
    assert_eq!(size(page(1, 1_000)).await, 4);
    assert_eq!(size(HistoryQuery::After { seq: Seq::ZERO, limit: None }).await, 2);
    assert_eq!(size(before(7, 1_000)).await, 4);
    assert_eq!(faults(history(page(1, 0)).await), [("size", Fault::Malformed)]);
    assert_eq!(faults(history(page(0, 5)).await), [("page", Fault::Malformed)]);
    assert_eq!(faults(history(after(0, 0)).await), [("limit", Fault::Malformed)]);
    assert_eq!(faults(history(before(9, 0)).await), [("limit", Fault::Malformed)]);
}

#[tokio::test]
async fn what_was_written_before_joining_is_readable_or_not_as_the_operator_says() {
    for readable in [true, false] {
        let house = House::with(|s| s.history_before_join = readable);
        let (alice, bob) = (house.user("alice").await, house.user("bob").await);
        let group = house.group(&alice, &[]).await;
        let early = house.say(&alice, group, "early").await;
        house.services.groups.add(&alice, group, &[bob.user]).await.expect("added");
        let late = house.say(&alice, group, "late").await;
        let messages = &house.services.messages;
        for query in [page(1, 9), after(0, 9), before(9, 9)] {
            let got = messages.history(&bob, group, query).await.expect("a member");
            let want: &[&str] = if readable { &["early", "late"] } else { &["late"] };
            assert_eq!(
                (texts(&got), got.total, got.has_more),
                (want.iter().map(ToString::to_string).collect(), want.len() as u64, false)
            );
        }
        assert_eq!(messages.get(&bob, early.id).await.is_ok(), readable);
        assert_eq!(messages.mark_read(&bob, early.id).await.is_ok(), readable);
        messages.get(&bob, late.id).await.expect("readable");
    }
}

#[tokio::test]
async fn strangers_and_those_who_left_read_nothing() {
    let house = House::new();
    let (alice, bob, eve) = (house.user("alice").await, house.user("bob").await, house.user("eve").await);
    let group = house.group(&alice, &[&bob]).await;
    let message = house.say(&bob, group, "secret").await;
    house.services.groups.remove(&bob, group, bob.user).await.expect("left");
    house.forget();
    let messages = &house.services.messages;
    for who in [&bob, &eve] {
        assert_eq!(code(messages.history(who, group, page(1, 9)).await), "CONVERSATION_NOT_FOUND");
        assert_eq!(code(messages.get(who, message.id).await), "MESSAGE_NOT_FOUND");
        assert_eq!(code(messages.recall(who, message.id).await), "MESSAGE_NOT_FOUND");
        assert_eq!(code(messages.mark_read(who, message.id).await), "MESSAGE_NOT_FOUND");
    }
    let nothing = MessageId::new(77).expect("an id");
    assert_eq!(code(messages.get(&alice, nothing).await), "MESSAGE_NOT_FOUND");
    assert_eq!(code(messages.recall(&alice, nothing).await), "MESSAGE_NOT_FOUND");
    assert_eq!(house.heard(), [""; 0]);
}

#[tokio::test]
async fn an_author_recalls_in_time_and_as_often_as_they_like() {
    let house = House::new();
    let (alice, bob) = (house.user("alice").await, house.user("bob").await);
    let (view, _) = house.services.conversations.open_single(&alice, bob.user).await.expect("opened");
    let id = view.entry.conversation.id;
    let message = house.say(&alice, id, "oops").await;
    let messages = &house.services.messages;
    assert_eq!(code(messages.recall(&bob, message.id).await), "FORBIDDEN");
    house.kit.clock.advance(Duration::from_secs(120));
    let tombstone = messages.recall(&alice, message.id).await.expect("just in time");
    assert_eq!(&*tombstone.message.body.content, "");
    assert_eq!(tombstone.message.recalled.map(|r| r.by), Some(alice.user));
    assert_eq!(house.heard(), ["alice bob: recalled 1 by alice"]);

    house.kit.clock.advance(Duration::from_secs(500));
    let again = messages.recall(&alice, message.id).await.expect("the same answer");
    assert_eq!(again.message, tombstone.message);
    assert_eq!(code(messages.recall(&bob, message.id).await), "FORBIDDEN");

    let view = house.services.conversations.get(&bob, id).await.expect("theirs");
    assert_eq!(view.entry.unread(), 1, "a recalled message still counts");
    assert_eq!(view.entry.last_message.map(|m| m.content.to_string()), Some(String::new()));
    let seen = messages.get(&bob, message.id).await.expect("a tombstone");
    assert_eq!(seen.message, tombstone.message);
}

#[tokio::test]
async fn recalling_in_groups_goes_by_rank() {
    let house = House::new();
    let (alice, bob, carl) = (house.user("alice").await, house.user("bob").await, house.user("carl").await);
    let group = house.group(&alice, &[&bob, &carl]).await;
    let promote = MemberChange::Rights { role: Some(Role::Admin), muted_until: None };
    house.services.groups.change_member(&alice, group, bob.user, promote).await.expect("an admin");
    let of_carl = house.say(&carl, group, "mine").await;
    let of_alice = house.say(&alice, group, "owner's").await;
    house.kit.clock.advance(Duration::from_millis(120_001));
    let messages = &house.services.messages;
    assert_eq!(code(messages.recall(&carl, of_carl.id).await), "RECALL_EXPIRED");
    assert_eq!(code(messages.recall(&carl, of_alice.id).await), "FORBIDDEN");
    messages.recall(&bob, of_carl.id).await.expect("admins any time");
    messages.recall(&bob, of_alice.id).await.expect("anyone's");
    assert_eq!(house.heard(), ["alice bob carl: recalled 1 by bob", "alice bob carl: recalled 2 by bob"]);
    messages.recall(&carl, of_carl.id).await.expect("recalled already: the time no longer matters");
}

#[tokio::test]
async fn a_recall_reaches_whoever_has_the_conversation() {
    let house = House::with(|s| s.direct_fanout_max = 2);
    let (alice, bob, carl) = (house.user("alice").await, house.user("bob").await, house.user("carl").await);
    let group = house.group(&alice, &[&bob, &carl]).await;
    let in_group = house.say(&alice, group, "to many").await;
    let in_world = house.say(&alice, ConversationId::WORLD, "to all").await;
    house.services.messages.recall(&alice, in_group.id).await.expect("mine");
    house.services.messages.recall(&alice, in_world.id).await.expect("mine");
    assert_eq!(house.heard(), ["members: recalled 1 by alice", "everyone: recalled 1 by alice"]);
    let in_world = house.say(&alice, ConversationId::WORLD, "again").await;
    assert_eq!(code(house.services.messages.recall(&bob, in_world.id).await), "FORBIDDEN");
}

#[tokio::test]
async fn reading_a_message_is_reading_up_to_it() {
    let house = House::new();
    let (alice, bob) = (house.user("alice").await, house.user("bob").await);
    house.say(&alice, ConversationId::WORLD, "1").await;
    let second = house.say(&alice, ConversationId::WORLD, "2").await;
    house.say(&alice, ConversationId::WORLD, "3").await;
    let state = house.services.messages.mark_read(&bob, second.id).await.expect("everyone's");
    assert_eq!((state.read_seq, state.unread), (Seq::new(2), 1));
    assert_eq!(house.heard(), ["bob: read 2, 1 unread"]);
}
