//! Read pointers and what is unread.

use super::super::fixture::{Fixture, all_at_once, assert_kind, nobody, nowhere};
use crate::model::{ConversationId, ReadState, Seq, UserId};
use crate::ports::ErrorKind;

async fn mark(fx: &Fixture, user: UserId, id: ConversationId, seq: Option<u64>) -> ReadState {
    fx.stores.conversations.mark_read(user, id, seq.map(Seq::new)).await.expect("marked")
}

/// Unread and read, as the user's entry shows them.
async fn shown(fx: &Fixture, user: UserId, id: ConversationId) -> (u64, u64) {
    let entry = fx.entry(user, id).await.expect("a member");
    (entry.unread(), entry.me.read_seq.get())
}

fn state(read: u64, last: u64, moved: bool) -> ReadState {
    ReadState { read_seq: Seq::new(read), last_seq: Seq::new(last), unread: last - read, moved }
}

/// Two users and a conversation in which the first wrote `n` messages.
async fn written(fx: &Fixture, n: u64) -> (UserId, UserId, ConversationId) {
    let [a, b] = fx.users(["alice", "bob"]).await;
    let id = fx.single(a, b).await;
    for client in 1..=n {
        fx.send(id, a, client).await;
    }
    (a, b, id)
}

pub(super) async fn unread_is_what_others_wrote_since(fx: Fixture) {
    let (a, b, id) = written(&fx, 3).await;
    assert_eq!(shown(&fx, a, id).await, (0, 3), "one's own messages are read");
    assert_eq!(shown(&fx, b, id).await, (3, 0));
    fx.send(id, b, 4).await;
    assert_eq!(shown(&fx, b, id).await, (0, 4), "sending means having read");
    assert_eq!(shown(&fx, a, id).await, (1, 3));
    fx.send(id, b, 5).await;
    assert_eq!(shown(&fx, a, id).await, (2, 3));
}

pub(super) async fn a_read_pointer_only_grows(fx: Fixture) {
    let (_, b, id) = written(&fx, 5).await;
    assert_eq!(mark(&fx, b, id, Some(3)).await, state(3, 5, true));
    assert_eq!(mark(&fx, b, id, Some(2)).await, state(3, 5, false));
    assert_eq!(mark(&fx, b, id, Some(0)).await, state(3, 5, false));
    assert_eq!(mark(&fx, b, id, Some(3)).await, state(3, 5, false));
    assert_eq!(shown(&fx, b, id).await, (2, 3));
    assert_eq!(mark(&fx, b, id, Some(4)).await, state(4, 5, true));
    assert_eq!(fx.member(id, b).await.expect("a member").read_seq, Seq::new(4));
}

pub(super) async fn a_read_pointer_stops_at_the_head(fx: Fixture) {
    let (a, b, id) = written(&fx, 3).await;
    for far in [4, 1_000, i64::MAX as u64, u64::MAX] {
        assert_eq!(mark(&fx, b, id, Some(far)).await, state(3, 3, far == 4), "{far}");
    }
    fx.send(id, a, 4).await;
    assert_eq!(shown(&fx, b, id).await, (1, 3), "what comes later is unread");
}

pub(super) async fn without_a_sequence_all_is_read(fx: Fixture) {
    let (a, b, id) = written(&fx, 3).await;
    assert_eq!(mark(&fx, b, id, None).await, state(3, 3, true));
    assert_eq!(mark(&fx, b, id, None).await, state(3, 3, false));
    assert_eq!(mark(&fx, a, id, None).await, state(3, 3, false));
    let c = fx.user("carol").await;
    let empty = fx.single(a, c).await;
    assert_eq!(mark(&fx, c, empty, None).await, state(0, 0, false));
}

pub(super) async fn the_world_can_be_read(fx: Fixture) {
    let a = fx.user("alice").await;
    fx.send(ConversationId::WORLD, a, 1).await;
    let b = fx.user("bob").await;
    for client in 2..=4 {
        fx.send(ConversationId::WORLD, a, client).await;
    }
    assert_eq!(shown(&fx, b, ConversationId::WORLD).await.0, 3);
    // Before the joining: nothing becomes read by it.
    assert_eq!(mark(&fx, b, ConversationId::WORLD, Some(1)).await.unread, 3);
    assert_eq!(mark(&fx, b, ConversationId::WORLD, Some(3)).await, state(3, 4, true));
    assert_eq!(shown(&fx, b, ConversationId::WORLD).await, (1, 3));
}

pub(super) async fn strangers_cannot_read(fx: Fixture) {
    let (a, _, id) = written(&fx, 1).await;
    let c = fx.user("carol").await;
    for (user, id) in [(c, id), (a, nowhere()), (nobody(), id), (nobody(), ConversationId::WORLD)] {
        for seq in [None, Some(Seq::new(1))] {
            assert_kind(fx.stores.conversations.mark_read(user, id, seq).await, ErrorKind::NotFound);
        }
    }
}

pub(super) async fn of_many_marks_at_once_the_furthest_stays(fx: Fixture) {
    let (_, b, id) = written(&fx, 20).await;
    let order = (0..20).map(|i| (i * 7) % 20).filter(|seq| *seq <= 17);
    let answers = all_at_once(order.map(|seq| mark(&fx, b, id, Some(seq)))).await;
    assert!(answers.iter().all(|state| state.read_seq <= Seq::new(17) && state.last_seq == Seq::new(20)));
    assert_eq!(shown(&fx, b, id).await, (3, 17));
}

pub(super) async fn read_pointers_outlive_a_restart(fx: Fixture) {
    let (a, b, id) = written(&fx, 5).await;
    mark(&fx, b, id, Some(2)).await;
    let fx = fx.reopened().await;
    assert_eq!((shown(&fx, a, id).await, shown(&fx, b, id).await), ((0, 5), (3, 2)));
    fx.send(id, b, 6).await;
    assert_eq!((shown(&fx, a, id).await, shown(&fx, b, id).await), ((1, 5), (0, 6)));
    let fx = fx.reopened().await;
    assert_eq!((shown(&fx, a, id).await, shown(&fx, b, id).await), ((1, 5), (0, 6)));
}
