//! The list: what is in it, in which order, and what is hidden.

use super::super::fixture::{Fixture, assert_kind, at, limit, nobody, nowhere};
use crate::model::{ConversationId, MessageKind, Seq};
use crate::ports::{ErrorKind, OpenSingle};

const WORLD: ConversationId = ConversationId::WORLD;

pub(super) async fn the_list_has_the_world_first_then_the_newest(fx: Fixture) {
    let [me, a, b, c] = fx.users(["me-1", "alice", "bob", "carol"]).await;
    fx.send(WORLD, a, 1).await;
    let (x, y, z) = (fx.single(me, a).await, fx.single(b, me).await, fx.group(c, &[me]).await);
    fx.send(y, b, 30).await;
    fx.send(x, me, 20).await;
    fx.send(z, c, 40).await;
    assert_eq!(fx.listed(me).await, [WORLD, z, y, x]);
    fx.send(x, a, 50).await;
    assert_eq!(fx.listed(me).await, [WORLD, x, z, y]);

    // Without a message it is the time of its making that counts.
    let open = OpenSingle { users: [me, c], by: c, id: fx.conversation_id(), at: at(45) };
    fx.stores.conversations.open_single(&open).await.expect("opened");
    assert_eq!(fx.listed(me).await, [WORLD, x, open.id, z, y]);
}

pub(super) async fn the_list_is_limited(fx: Fixture) {
    let me = fx.user("me-1").await;
    let mut newest_first = vec![WORLD];
    for (i, other) in fx.crowd(7).await.into_iter().enumerate() {
        let id = fx.single(me, other).await;
        fx.send(id, other, 10 + i as u64).await;
        newest_first.insert(1, id);
    }
    for n in [1, 2, 7, 8, 9] {
        let list = fx.stores.conversations.list(me, limit(n)).await.expect("answers");
        let ids: Vec<_> = list.iter().map(|e| e.conversation.id).collect();
        assert_eq!(ids, newest_first[..newest_first.len().min(n as usize)]);
    }
}

pub(super) async fn the_list_shows_the_newest_message(fx: Fixture) {
    let [me, a] = fx.users(["me-1", "alice"]).await;
    let id = fx.single(me, a).await;
    let entry = fx.entry(me, id).await.expect("a member");
    assert_eq!((entry.last_message.clone(), entry.active_at()), (None, at(0)));
    fx.send(id, a, 1).await;
    let last = fx.send(id, a, 2).await;
    let list = fx.stores.conversations.list(me, limit(10)).await.expect("answers");
    let shown = list[1].last_message.clone().expect("there is one");
    assert_eq!((shown.id, shown.sender, shown.sent_at), (last.id, a, at(2)));
    assert_eq!((shown.kind, &*shown.content), (MessageKind::Text, "text 2"));
    assert_eq!(list[1].conversation.last_seq, Seq::new(2));
    assert_eq!(Some(&list[1]), fx.entry(me, id).await.as_ref(), "both ways show the same");

    fx.stores.messages.recall(last.id, a, at(3)).await.expect("recalled");
    let shown = fx.entry(me, id).await.expect("a member").last_message.expect("there is one");
    assert_eq!((shown.id, &*shown.content, shown.sent_at), (last.id, "", at(2)));
}

pub(super) async fn the_list_is_the_users_own(fx: Fixture) {
    let [a, b, c] = fx.users(["alice", "bob", "carol"]).await;
    let (single, group) = (fx.single(a, b).await, fx.group(a, &[c]).await);
    let has = |list: Vec<ConversationId>| (list.contains(&single), list.contains(&group));
    assert_eq!(has(fx.listed(a).await), (true, true));
    assert_eq!(has(fx.listed(b).await), (true, false));
    assert_eq!(has(fx.listed(c).await), (false, true));
    assert!(fx.listed(nobody()).await.is_empty());
}

pub(super) async fn entries_are_as_the_user_sees_them_by_position(fx: Fixture) {
    let [a, b] = fx.users(["alice", "bob"]).await;
    let (mine, hidden) = (fx.single(a, b).await, fx.group(b, &[a]).await);
    let strange = fx.group(b, &[]).await;
    fx.stores.conversations.hide(a, hidden).await.expect("hidden");
    let asked = [strange, mine, nowhere(), WORLD, hidden, mine];
    let found = fx.stores.conversations.entries(a, &asked).await.expect("answers");
    let ids: Vec<_> = found.iter().map(|e| e.as_ref().map(|e| e.conversation.id)).collect();
    assert_eq!(ids, [None, Some(mine), None, Some(WORLD), Some(hidden), Some(mine)]);
    assert!(found.iter().flatten().all(|e| e.me.user == a && !e.muted && !e.pinned));
    let found = fx.stores.conversations.entries(nobody(), &asked).await.expect("answers");
    assert!(found.iter().all(Option::is_none));
}

pub(super) async fn a_hidden_one_stays_away_until_something_newer(fx: Fixture) {
    let [a, b] = fx.users(["alice", "bob"]).await;
    let id = fx.single(a, b).await;
    fx.send(id, b, 1).await;
    fx.stores.conversations.hide(a, id).await.expect("hidden");
    assert_eq!(fx.listed(a).await, [WORLD]);
    // Reading is nothing newer, and neither is hiding again.
    fx.stores.conversations.mark_read(a, id, None).await.expect("marked");
    fx.stores.conversations.hide(a, id).await.expect("hidden");
    assert_eq!(fx.listed(a).await, [WORLD]);
    assert!(fx.entry(a, id).await.is_some(), "it is hidden, not gone");
    fx.send(id, b, 2).await;
    assert_eq!(fx.listed(a).await, [WORLD, id]);
    fx.stores.conversations.hide(a, id).await.expect("hidden");
    assert_eq!(fx.listed(a).await, [WORLD]);
    fx.send(id, a, 3).await;
    assert_eq!(fx.listed(a).await, [WORLD, id], "one's own message is newer too");
}

pub(super) async fn an_empty_one_can_be_hidden(fx: Fixture) {
    let [a, b] = fx.users(["alice", "bob"]).await;
    let id = fx.single(a, b).await;
    fx.stores.conversations.hide(a, id).await.expect("hidden");
    assert_eq!(fx.listed(a).await, [WORLD]);
    fx.send(id, b, 1).await;
    assert_eq!(fx.listed(a).await, [WORLD, id]);
}

pub(super) async fn hiding_is_the_members_own_and_outlives_a_restart(fx: Fixture) {
    let [a, b] = fx.users(["alice", "bob"]).await;
    let id = fx.single(a, b).await;
    fx.send(id, a, 1).await;
    fx.stores.conversations.hide(a, id).await.expect("hidden");
    assert_eq!(fx.listed(b).await, [WORLD, id]);
    let fx = fx.reopened().await;
    assert_eq!((fx.listed(a).await, fx.listed(b).await), (vec![WORLD], vec![WORLD, id]));
}

pub(super) async fn opening_shows_a_hidden_one_again(fx: Fixture) {
    let [a, b] = fx.users(["alice", "bob"]).await;
    let id = fx.single(a, b).await;
    fx.send(id, b, 1).await;
    fx.stores.conversations.hide(a, id).await.expect("hidden");
    let open = OpenSingle { users: [a, b], by: a, id: fx.conversation_id(), at: at(2) };
    fx.stores.conversations.open_single(&open).await.expect("opened");
    assert_eq!(fx.listed(a).await, [WORLD, id]);
    assert_eq!(fx.listed(b).await, [WORLD, id]);
}

pub(super) async fn strangers_cannot_hide(fx: Fixture) {
    let [a, b, c] = fx.users(["alice", "bob", "carol"]).await;
    let id = fx.single(a, b).await;
    for (user, id) in [(c, id), (a, nowhere()), (nobody(), id), (nobody(), WORLD)] {
        assert_kind(fx.stores.conversations.hide(user, id).await, ErrorKind::NotFound);
    }
}
