//! Friendships.

use gochat_core::error::Fault;
use gochat_core::model::{SessionId, UserId};

use crate::house::{House, code, faults, gateway};

#[tokio::test]
async fn two_become_friends_at_once_and_hear_of_each_other() {
    let house = House::new();
    let (alice, bob) = (house.user("alice").await, house.user("bob").await);
    house
        .services
        .presences
        .opened(&alice, SessionId::new(50).expect("an id"), &gateway())
        .await
        .expect("up");
    house.forget();
    let friends = &house.services.friends;
    let made = friends.befriend(&alice, bob.user).await.expect("friends");
    assert!(made.new);
    assert_eq!(
        house.heard(),
        [
            "alice: new conversation of alice, 0 unread",
            "bob: new conversation of bob, 0 unread",
            "alice: friend bob gone",
            "bob: friend alice here",
        ]
    );
    for (who, other, here) in [(&alice, &bob, false), (&bob, &alice, true)] {
        assert_eq!(friends.online(who).await.expect("list"), [(other.user, here)]);
        let list = friends.list(who).await.expect("list");
        assert_eq!(list.iter().map(|(u, online)| (u.id, *online)).collect::<Vec<_>>(), [(other.user, here)]);
        let view = house.services.conversations.get(who, made.conversation).await.expect("theirs");
        assert_eq!(view.peer.expect("a peer").id, other.user);
    }
    for (who, other) in [(&alice, &bob), (&bob, &alice)] {
        let again = friends.befriend(who, other.user).await.expect("the same answer");
        assert_eq!((again.conversation, again.new), (made.conversation, false));
    }
    assert_eq!(house.heard(), [""; 0]);
}

#[tokio::test]
async fn unfriending_keeps_the_conversation() {
    let house = House::new();
    let (alice, bob) = (house.user("alice").await, house.user("bob").await);
    let friends = &house.services.friends;
    let made = friends.befriend(&alice, bob.user).await.expect("friends");
    friends.unfriend(&bob, alice.user).await.expect("ended");
    friends.unfriend(&bob, alice.user).await.expect("nothing to end");
    assert!(friends.list(&alice).await.expect("list").is_empty());
    house.services.conversations.get(&alice, made.conversation).await.expect("still there");
    house.forget();
    let again = friends.befriend(&alice, bob.user).await.expect("friends");
    assert_eq!((again.conversation, again.new), (made.conversation, true));
    assert_eq!(house.heard(), ["alice: friend bob gone", "bob: friend alice gone"]);
}

#[tokio::test]
async fn who_cannot_be_friends() {
    let house = House::with(|s| s.friends_max = 1);
    let (alice, bob, carl) = (house.user("alice").await, house.user("bob").await, house.user("carl").await);
    let guest = house.guest("gast").await;
    let friends = &house.services.friends;
    let nobody = UserId::new(77).expect("an id");
    assert_eq!(faults(friends.befriend(&alice, alice.user).await), [("friendId", Fault::Oneself)]);
    assert_eq!(code(friends.befriend(&alice, nobody).await), "USER_NOT_FOUND");
    assert_eq!(code(friends.befriend(&alice, guest.user).await), "GUEST_FORBIDDEN");
    assert_eq!(code(friends.befriend(&guest, alice.user).await), "GUEST_FORBIDDEN");
    assert!(friends.list(&guest).await.expect("none").is_empty());
    assert!(friends.online(&guest).await.expect("none").is_empty());
    friends.befriend(&alice, bob.user).await.expect("the first");
    assert_eq!(code(friends.befriend(&alice, carl.user).await), "CONFLICT");
    assert_eq!(code(friends.befriend(&carl, alice.user).await), "CONFLICT");
    friends.befriend(&alice, bob.user).await.expect("who is one already may ask again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_befriend_each_other_at_the_same_moment_get_one_conversation() {
    let house = House::new();
    let (alice, bob) = (house.user("alice").await, house.user("bob").await);
    let mut tries = tokio::task::JoinSet::new();
    for i in 0..10 {
        let friends = house.services.friends.clone();
        let (who, other) = if i % 2 == 0 { (alice, bob.user) } else { (bob, alice.user) };
        tries.spawn(async move { friends.befriend(&who, other).await.expect("friends") });
    }
    let made = tries.join_all().await;
    assert_eq!(made.iter().filter(|m| m.new).count(), 1);
    assert!(made.iter().all(|m| m.conversation == made[0].conversation));
}
