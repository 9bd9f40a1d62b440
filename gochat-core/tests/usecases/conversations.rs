//! Conversations as the caller sees them.

use std::time::Duration;

use gochat_core::error::Fault;
use gochat_core::model::*;
use gochat_core::ports::{Presence, SyncCursor};
use gochat_core::settings::WritePolicy;

use crate::house::{House, code, faults, gateway};

#[tokio::test]
async fn opening_a_single_chat_makes_one_and_tells_both() {
    let house = House::new();
    let (alice, bob) = (house.user("alice").await, house.user("bob").await);
    house.forget();
    let conversations = &house.services.conversations;
    let (mine, new) = conversations.open_single(&alice, bob.user).await.expect("opened");
    assert!(new && mine.new);
    assert_eq!(mine.peer.expect("a peer").name.as_str(), "bob");
    assert_eq!(
        house.heard(),
        ["alice: new conversation of alice, 0 unread", "bob: new conversation of bob, 0 unread"]
    );
    let id = mine.entry.conversation.id;
    for (who, other) in [(&alice, &bob), (&bob, &alice)] {
        let (view, new) = conversations.open_single(who, other.user).await.expect("the same");
        assert_eq!((view.entry.conversation.id, new, view.new), (id, false, false));
    }
    assert_eq!(house.heard(), [""; 0]);
}

#[tokio::test]
async fn who_can_open_a_chat_with_whom() {
    let house = House::new();
    let (alice, bob, guest) = (house.user("alice").await, house.user("bob").await, house.guest("gast").await);
    let conversations = &house.services.conversations;
    let nobody = UserId::new(77).expect("an id");
    assert_eq!(
        faults(conversations.open_single(&alice, alice.user).await),
        [("targetUserId", Fault::Oneself)]
    );
    assert_eq!(code(conversations.open_single(&alice, nobody).await), "USER_NOT_FOUND");
    assert_eq!(code(conversations.open_single(&guest, bob.user).await), "GUEST_FORBIDDEN");
    let (view, _) = conversations.open_single(&alice, guest.user).await.expect("others may with guests");
    let list = conversations.list(&guest).await.expect("list");
    let ids: Vec<_> = list.iter().map(|v| v.entry.conversation.id).collect();
    assert_eq!(ids, [ConversationId::WORLD, view.entry.conversation.id]);
    house.say(&guest, view.entry.conversation.id, "hi").await;
}

#[tokio::test]
async fn where_only_friends_may_write_strangers_may_not_open() {
    let house = House::with(|s| s.write_policy = WritePolicy::Friends);
    let (alice, bob) = (house.user("alice").await, house.user("bob").await);
    let conversations = &house.services.conversations;
    assert_eq!(code(conversations.open_single(&alice, bob.user).await), "FORBIDDEN");
    let made = house.services.friends.befriend(&bob, alice.user).await.expect("friends");
    let (view, new) = conversations.open_single(&alice, bob.user).await.expect("friends may");
    assert_eq!((view.entry.conversation.id, new), (made.conversation, false));
}

#[tokio::test]
async fn a_list_has_the_world_first_and_then_the_newest_activity() {
    let house = House::new();
    let (alice, bob, carl) = (house.user("alice").await, house.user("bob").await, house.user("carl").await);
    let conversations = &house.services.conversations;
    let (bob_chat, _) = conversations.open_single(&alice, bob.user).await.expect("opened");
    house.kit.clock.advance(Duration::from_secs(1));
    let (carl_chat, _) = conversations.open_single(&alice, carl.user).await.expect("opened");
    let ids = async || {
        let list = conversations.list(&alice).await.expect("list");
        list.iter().map(|v| v.entry.conversation.id).collect::<Vec<_>>()
    };
    let (with_bob, with_carl) = (bob_chat.entry.conversation.id, carl_chat.entry.conversation.id);
    assert_eq!(ids().await, [ConversationId::WORLD, with_carl, with_bob]);
    house.kit.clock.advance(Duration::from_secs(1));
    house.say(&bob, with_bob, "hello").await;
    assert_eq!(ids().await, [ConversationId::WORLD, with_bob, with_carl]);
    let view = conversations.get(&alice, with_bob).await.expect("mine");
    assert_eq!(view.entry.last_message.as_ref().map(|m| &*m.content), Some("hello"));
    assert_eq!(view.entry.unread(), 1);
}

#[tokio::test]
async fn the_world_shows_how_many_are_online() {
    let house = House::new();
    let (alice, bob) = (house.user("alice").await, house.user("bob").await);
    for (who, session) in [(&alice, 50), (&alice, 51), (&bob, 52)] {
        let session = SessionId::new(session).expect("an id");
        house.services.presences.opened(who, session, &gateway()).await.expect("up");
    }
    let view = house.services.conversations.get(&alice, ConversationId::WORLD).await.expect("everyone's");
    assert_eq!(view.online, Some(2));
}

#[tokio::test]
async fn strangers_learn_nothing() {
    let house = House::new();
    let (alice, bob, eve) = (house.user("alice").await, house.user("bob").await, house.user("eve").await);
    let conversations = &house.services.conversations;
    let (view, _) = conversations.open_single(&alice, bob.user).await.expect("opened");
    house.forget();
    for id in [view.entry.conversation.id, ConversationId::new(77).expect("an id")] {
        assert_eq!(code(conversations.get(&eve, id).await), "CONVERSATION_NOT_FOUND");
        assert_eq!(code(conversations.mark_read(&eve, id, None).await), "CONVERSATION_NOT_FOUND");
        assert_eq!(code(conversations.hide(&eve, id).await), "CONVERSATION_NOT_FOUND");
    }
    assert_eq!(house.heard(), [""; 0]);
}

#[tokio::test]
async fn reading_only_goes_up_and_all_devices_hear_the_absolute_value() {
    let house = House::new();
    let (alice, bob) = (house.user("alice").await, house.user("bob").await);
    let conversations = &house.services.conversations;
    let (view, _) = conversations.open_single(&alice, bob.user).await.expect("opened");
    let id = view.entry.conversation.id;
    for text in ["1", "2", "3"] {
        house.say(&bob, id, text).await;
    }
    let read =
        async |seq: Option<u64>| conversations.mark_read(&alice, id, seq.map(Seq::new)).await.expect("mine");
    let state = read(Some(2)).await;
    assert_eq!(
        (state.read_seq, state.last_seq, state.unread, state.moved),
        (Seq::new(2), Seq::new(3), 1, true)
    );
    assert!(!read(Some(1)).await.moved);
    assert_eq!(read(Some(99)).await.read_seq, Seq::new(3));
    house.say(&bob, id, "4").await;
    assert_eq!(read(None).await.unread, 0);
    assert_eq!(
        house.heard().last().map(String::as_str),
        Some("alice: read 4, 0 unread"),
        "all devices, since the caller has no session"
    );
    let session = SessionId::new(7).expect("in range");
    let here = Caller { session: Some(session), ..alice };
    conversations.mark_read(&here, id, None).await.expect("mine");
    let left_out: Vec<_> = house.kit.deliver.take().into_iter().map(|delivery| delivery.except).collect();
    assert_eq!(
        left_out,
        [Some((alice.user, session))],
        "for who asked from a session, the call is the answer"
    );
    house.say(&bob, id, "5").await;
    house.say(&alice, id, "6").await;
    let view = conversations.get(&alice, id).await.expect("mine");
    assert_eq!((view.entry.unread(), view.entry.me.read_seq), (0, Seq::new(6)), "sending means having read");
}

#[tokio::test]
async fn the_world_can_be_read_too_and_counts_from_the_registration() {
    let house = House::new();
    let alice = house.user("alice").await;
    house.say(&alice, ConversationId::WORLD, "early").await;
    let bob = house.user("bob").await;
    let unread = async || {
        let view = house.services.conversations.get(&bob, ConversationId::WORLD).await.expect("everyone's");
        view.entry.unread()
    };
    assert_eq!(unread().await, 0);
    house.say(&alice, ConversationId::WORLD, "late").await;
    assert_eq!(unread().await, 1);
    house.services.conversations.mark_read(&bob, ConversationId::WORLD, None).await.expect("everyone's");
    assert_eq!(unread().await, 0);
}

#[tokio::test]
async fn a_hidden_chat_comes_back_with_something_new_or_when_opened() {
    let house = House::new();
    let (alice, bob) = (house.user("alice").await, house.user("bob").await);
    let conversations = &house.services.conversations;
    let (view, _) = conversations.open_single(&alice, bob.user).await.expect("opened");
    let id = view.entry.conversation.id;
    let listed = async |who: &Caller| {
        let list = conversations.list(who).await.expect("list");
        list.iter().any(|v| v.entry.conversation.id == id)
    };
    conversations.hide(&alice, id).await.expect("mine");
    assert!(!listed(&alice).await && listed(&bob).await);
    conversations.get(&alice, id).await.expect("still mine");
    house.say(&bob, id, "news").await;
    assert!(listed(&alice).await);
    conversations.hide(&alice, id).await.expect("mine");
    conversations.open_single(&alice, bob.user).await.expect("opened");
    assert!(listed(&alice).await);
}

#[tokio::test]
async fn sync_gives_everything_first_and_then_what_changed() {
    let house = House::new();
    let (alice, bob) = (house.user("alice").await, house.user("bob").await);
    let conversations = &house.services.conversations;
    let made = house.services.friends.befriend(&alice, bob.user).await.expect("friends");
    let group = house.group(&bob, &[&alice]).await;

    let (mut ids, mut friends, mut groups) = (Vec::new(), Vec::new(), Vec::new());
    let mut cursor = SyncCursor::START;
    loop {
        let page = conversations.sync(&alice, cursor, Some(1)).await.expect("page");
        ids.extend(page.conversations.iter().map(|v| v.entry.conversation.id));
        friends.extend(page.friends);
        groups.extend(page.memberships);
        cursor = page.cursor;
        if !page.has_more {
            break;
        }
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids, [ConversationId::WORLD, made.conversation, group]);
    assert_eq!(friends, [(bob.user, Presence::Here)]);
    assert_eq!(groups, [(group, Presence::Here)]);

    house.say(&bob, made.conversation, "news").await;
    house.services.groups.remove(&bob, group, alice.user).await.expect("removed");
    house.services.friends.unfriend(&bob, alice.user).await.expect("ended");
    let page = conversations.sync(&alice, cursor, None).await.expect("page");
    assert_eq!(page.conversations.len(), 1);
    assert_eq!(page.conversations[0].peer.as_ref().map(|u| u.id), Some(bob.user));
    assert_eq!(page.conversations[0].entry.unread(), 1);
    assert_eq!(page.memberships, [(group, Presence::Gone)]);
    assert_eq!(page.friends, [(bob.user, Presence::Gone)]);
    let page = conversations.sync(&alice, page.cursor, None).await.expect("page");
    assert!(page.conversations.is_empty() && !page.has_more);
    assert_eq!(faults(conversations.sync(&alice, cursor, Some(0)).await), [("limit", Fault::Malformed)]);
}
