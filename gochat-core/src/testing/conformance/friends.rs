//! Cases of [`FriendStore`](crate::ports::FriendStore).

use super::fixture::{Fixture, all_at_once, at, nobody};
use crate::model::{ConversationId, ConversationKind, UserId};
use crate::ports::{Befriend, Befriended, Removed};

cases! { ($) __conformance_friends, Fixture:
    befriending_makes_both_friends_and_their_conversation,
    befriending_again_changes_nothing,
    their_conversation_is_used_if_they_have_one,
    unfriending_keeps_the_conversation,
    unfriending_strangers_finds_nothing,
    friends_can_become_friends_again,
    friends_are_ascending_and_by_position,
    of_many_at_once_one_makes_the_friendship,
    friendships_outlive_a_restart,
}

async fn befriend(fx: &Fixture, a: UserId, b: UserId) -> (Befriended, ConversationId) {
    let conversation = fx.conversation_id();
    let new = Befriend { users: [a, b], conversation, at: at(1) };
    (fx.stores.friends.befriend(&new).await.expect("befriended"), conversation)
}

async fn friends(fx: &Fixture, user: UserId) -> Vec<UserId> {
    fx.stores.friends.friends(&[user]).await.expect("answers").remove(0)
}

async fn befriending_makes_both_friends_and_their_conversation(fx: Fixture) {
    let [a, b, c] = fx.users(["alice", "bob", "carol"]).await;
    // In descending order, which must not matter.
    let (made, conversation) = befriend(&fx, b, a).await;
    assert_eq!(made, Befriended { conversation, new_friends: true, new_conversation: true });
    assert_eq!((friends(&fx, a).await, friends(&fx, b).await), (vec![b], vec![a]));
    assert!(friends(&fx, c).await.is_empty());
    let found = fx.conversation(conversation).await.expect("it exists");
    assert_eq!((found.kind, found.created_at), (ConversationKind::Single([a, b]), at(1)));
    for user in [a, b] {
        assert_eq!(fx.listed(user).await, [ConversationId::WORLD, conversation]);
    }
    assert_eq!(fx.listed(c).await, [ConversationId::WORLD]);
}

async fn befriending_again_changes_nothing(fx: Fixture) {
    let [a, b] = fx.users(["alice", "bob"]).await;
    let (first, _) = befriend(&fx, a, b).await;
    for (x, y) in [(a, b), (b, a)] {
        let (again, unused) = befriend(&fx, x, y).await;
        let want = Befriended { new_friends: false, new_conversation: false, ..first };
        assert_eq!(again, want);
        assert_eq!(fx.conversation(unused).await, None);
    }
    assert_eq!((friends(&fx, a).await, friends(&fx, b).await), (vec![b], vec![a]));
}

async fn their_conversation_is_used_if_they_have_one(fx: Fixture) {
    let [a, b] = fx.users(["alice", "bob"]).await;
    let conversation = fx.single(b, a).await;
    let (made, unused) = befriend(&fx, a, b).await;
    assert_eq!(made, Befriended { conversation, new_friends: true, new_conversation: false });
    assert_eq!(fx.conversation(unused).await, None);
}

async fn unfriending_keeps_the_conversation(fx: Fixture) {
    let [a, b] = fx.users(["alice", "bob"]).await;
    let (made, _) = befriend(&fx, a, b).await;
    fx.send(made.conversation, a, 1).await;
    // The other way round than it was made.
    assert_eq!(fx.stores.friends.unfriend(b, a).await.expect("answers"), Removed::Gone);
    assert!(friends(&fx, a).await.is_empty());
    assert!(friends(&fx, b).await.is_empty());
    assert_eq!(fx.texts(made.conversation).await, ["text 1"]);
    assert!(fx.listed(b).await.contains(&made.conversation));
    fx.send(made.conversation, b, 2).await;
}

async fn unfriending_strangers_finds_nothing(fx: Fixture) {
    let [a, b] = fx.users(["alice", "bob"]).await;
    assert_eq!(fx.stores.friends.unfriend(a, b).await.expect("answers"), Removed::Absent);
    befriend(&fx, a, b).await;
    assert_eq!(fx.stores.friends.unfriend(a, b).await.expect("answers"), Removed::Gone);
    for (x, y) in [(a, b), (b, a)] {
        assert_eq!(fx.stores.friends.unfriend(x, y).await.expect("answers"), Removed::Absent);
    }
    assert_eq!(fx.stores.friends.unfriend(a, nobody()).await.expect("answers"), Removed::Absent);
}

async fn friends_can_become_friends_again(fx: Fixture) {
    let [a, b] = fx.users(["alice", "bob"]).await;
    let (first, _) = befriend(&fx, a, b).await;
    fx.stores.friends.unfriend(a, b).await.expect("answers");
    let (again, _) = befriend(&fx, b, a).await;
    let want = Befriended { conversation: first.conversation, new_friends: true, new_conversation: false };
    assert_eq!(again, want);
    assert_eq!((friends(&fx, a).await, friends(&fx, b).await), (vec![b], vec![a]));
}

async fn friends_are_ascending_and_by_position(fx: Fixture) {
    let [a, b, c, d] = fx.users(["alice", "bob", "carol", "dave"]).await;
    for (x, y) in [(c, d), (c, a), (b, c)] {
        befriend(&fx, x, y).await;
    }
    let found = fx.stores.friends.friends(&[d, c, nobody(), d]).await.expect("answers");
    assert_eq!(found, [vec![c], vec![a, b, d], vec![], vec![c]]);
    assert!(fx.stores.friends.friends(&[]).await.expect("answers").is_empty());
}

async fn of_many_at_once_one_makes_the_friendship(fx: Fixture) {
    let [a, b] = fx.users(["alice", "bob"]).await;
    let calls = (0..50).map(|i| if i % 2 == 0 { befriend(&fx, a, b) } else { befriend(&fx, b, a) });
    let answers: Vec<_> = all_at_once(calls).await.into_iter().map(|(made, _)| made).collect();
    assert_eq!(answers.iter().filter(|made| made.new_friends).count(), 1);
    assert_eq!(answers.iter().filter(|made| made.new_conversation).count(), 1);
    assert!(answers.iter().all(|made| made.conversation == answers[0].conversation));
    assert_eq!((friends(&fx, a).await, friends(&fx, b).await), (vec![b], vec![a]));
    assert_eq!(fx.listed(a).await, [ConversationId::WORLD, answers[0].conversation]);
}

async fn friendships_outlive_a_restart(fx: Fixture) {
    let [a, b, c] = fx.users(["alice", "bob", "carol"]).await;
    let (made, _) = befriend(&fx, a, b).await;
    befriend(&fx, a, c).await;
    fx.stores.friends.unfriend(a, c).await.expect("answers");
    let fx = fx.reopened().await;
    assert_eq!(friends(&fx, a).await, [b]);
    assert!(friends(&fx, c).await.is_empty());
    let (again, _) = befriend(&fx, a, b).await;
    assert_eq!(again, Befriended { new_friends: false, new_conversation: false, ..made });
}
