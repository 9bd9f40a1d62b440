//! Pages and look-ups.

use super::super::fixture::{Fixture, limit, nowhere};
use crate::model::{ConversationId, MessageId, Seq};
use crate::ports::PageFrom;

/// A conversation with `n` messages.
async fn written(fx: &Fixture, n: u64) -> ConversationId {
    let [a, b] = fx.users(["alice", "bob"]).await;
    let id = fx.single(a, b).await;
    for client in 1..=n {
        fx.send(id, if client.is_multiple_of(3) { b } else { a }, client).await;
    }
    id
}

async fn page(fx: &Fixture, id: ConversationId, from: PageFrom, n: u32) -> Vec<u64> {
    let page = fx.stores.messages.page(id, from, limit(n)).await.expect("answers");
    assert!(page.iter().all(|m| m.conversation == id && *m.body.content == *format!("text {}", m.seq)));
    page.iter().map(|m| m.seq.get()).collect()
}

fn after(seq: u64) -> PageFrom {
    PageFrom::After(Seq::new(seq))
}

fn before(seq: u64) -> PageFrom {
    PageFrom::Before(Seq::new(seq))
}

pub(super) async fn pages_go_up_from_an_exclusive_cursor(fx: Fixture) {
    let id = written(&fx, 10).await;
    // Contiguous from the cursor: never the newest three after it.
    assert_eq!(page(&fx, id, after(2), 3).await, [3, 4, 5]);
    assert_eq!(page(&fx, id, after(0), 1).await, [1]);
    assert_eq!(page(&fx, id, after(0), 10).await, (1..=10).collect::<Vec<_>>());
    assert_eq!(page(&fx, id, after(0), 11).await.len(), 10);
    assert_eq!(page(&fx, id, after(9), 5).await, [10]);
    assert!(page(&fx, id, after(10), 5).await.is_empty());
}

pub(super) async fn pages_go_down_from_an_exclusive_cursor(fx: Fixture) {
    let id = written(&fx, 10).await;
    // Those right below the cursor, and ascending all the same.
    assert_eq!(page(&fx, id, before(8), 3).await, [5, 6, 7]);
    assert_eq!(page(&fx, id, before(11), 3).await, [8, 9, 10]);
    assert_eq!(page(&fx, id, before(3), 5).await, [1, 2]);
    assert_eq!(page(&fx, id, before(2), 1).await, [1]);
    assert!(page(&fx, id, before(1), 5).await.is_empty());
    assert!(page(&fx, id, before(0), 5).await.is_empty());
}

pub(super) async fn pages_have_no_holes(fx: Fixture) {
    let id = written(&fx, 23).await;
    // A recalled message stays in its place.
    let found = fx.stores.messages.page(id, after(6), limit(1)).await.expect("answers");
    let sender = found[0].sender;
    fx.stores.messages.recall(found[0].id, sender, super::super::fixture::at(30)).await.expect("recalled");
    for n in [1, 4, 23] {
        let (mut up, mut down) = (Vec::new(), Vec::new());
        loop {
            let cursor = up.last().copied().unwrap_or(0);
            let page = fx.stores.messages.page(id, after(cursor), limit(n)).await.expect("answers");
            if page.is_empty() {
                break;
            }
            up.extend(page.iter().map(|m| m.seq.get()));
            assert!(up.len() <= 23, "pages overlap: {up:?}");
        }
        loop {
            let cursor = down.first().copied().unwrap_or(24);
            let page = fx.stores.messages.page(id, before(cursor), limit(n)).await.expect("answers");
            if page.is_empty() {
                break;
            }
            down.splice(0..0, page.iter().map(|m| m.seq.get()));
            assert!(down.len() <= 23, "pages overlap: {down:?}");
        }
        let all: Vec<_> = (1..=23).collect();
        assert_eq!((up, down), (all.clone(), all), "in pages of {n}");
    }
}

pub(super) async fn far_cursors_are_no_error(fx: Fixture) {
    let id = written(&fx, 3).await;
    for far in [4, 1_000, u64::from(u32::MAX), i64::MAX as u64] {
        assert!(page(&fx, id, after(far), 5).await.is_empty(), "after {far}");
        assert_eq!(page(&fx, id, before(far), 2).await, [2, 3], "before {far}");
    }
    assert_eq!(page(&fx, id, after(1), u32::MAX).await, [2, 3]);
    for from in [after(0), before(10)] {
        assert!(page(&fx, nowhere(), from, 5).await.is_empty());
        assert!(page(&fx, ConversationId::WORLD, from, 5).await.is_empty());
    }
}

pub(super) async fn messages_are_found_by_position(fx: Fixture) {
    let id = written(&fx, 3).await;
    let all = fx.stores.messages.page(id, after(0), limit(3)).await.expect("answers");
    let unknown = MessageId::new(fx.id()).expect("in range");
    let asked = [all[2].id, unknown, all[0].id, all[2].id];
    let found = fx.stores.messages.by_ids(&asked).await.expect("answers");
    let (first, third) = (Some(all[0].clone()), Some(all[2].clone()));
    assert_eq!(found, [third.clone(), None, first.clone(), third.clone()]);

    let mut stranger = all[0].key();
    stranger.sender = all[2].sender;
    let mut elsewhere = all[0].key();
    elsewhere.conversation = ConversationId::WORLD;
    let asked = [stranger, all[2].key(), elsewhere, all[0].key(), all[2].key()];
    let found = fx.stores.messages.by_keys(&asked).await.expect("answers");
    assert_eq!(found, [None, third.clone(), None, first, third]);
    assert!(fx.stores.messages.by_ids(&[]).await.expect("answers").is_empty());
    assert!(fx.stores.messages.by_keys(&[]).await.expect("answers").is_empty());
}

pub(super) async fn heads_are_found_by_position(fx: Fixture) {
    let id = written(&fx, 3).await;
    let [c, d] = fx.users(["carol", "dave"]).await;
    let empty = fx.single(c, d).await;
    let asked = [empty, nowhere(), id, ConversationId::WORLD, id];
    let found = fx.stores.messages.heads(&asked).await.expect("answers");
    let want = [Some(0), None, Some(3), Some(0), Some(3)].map(|seq| seq.map(Seq::new));
    assert_eq!(found, want);
    assert!(fx.stores.messages.heads(&[]).await.expect("answers").is_empty());
}
