//! Cases of [`Dedup`]. It may forget; what it does answer must be right, and what it was just told it
//! should know.

use std::sync::Arc;

use super::fixture::{all_at_once, at};
use crate::model::{ClientMsgId, ConversationId, MessageId, MessageKey, Receipt, Seq, UserId};
use crate::ports::Dedup;

cases! { ($) __conformance_dedup, Arc<dyn Dedup>:
    nothing_is_remembered_at_first,
    receipts_come_back_by_position,
    a_key_is_all_three_of_its_parts,
    remembering_again_is_no_error,
    of_many_at_once_none_is_mixed_up,
    what_is_forgotten_is_never_wrong,
}

fn key(conversation: u64, sender: u64, client: &str) -> MessageKey {
    MessageKey {
        conversation: ConversationId::new(conversation).expect("in range"),
        sender: UserId::new(sender).expect("in range"),
        client_msg_id: ClientMsgId::new(client).expect("a good id"),
    }
}

fn receipt(n: u64) -> Receipt {
    Receipt { id: MessageId::new(n).expect("in range"), seq: Seq::new(n), sent_at: at(n % 1_000) }
}

async fn nothing_is_remembered_at_first(dedup: Arc<dyn Dedup>) {
    assert_eq!(dedup.seen(&[key(1, 2, "a"), key(3, 4, "b")]).await.expect("answers"), [None, None]);
    assert!(dedup.seen(&[]).await.expect("answers").is_empty());
    dedup.remember(&[]).await.expect("nothing to remember");
}

async fn receipts_come_back_by_position(dedup: Arc<dyn Dedup>) {
    let top = i64::MAX as u64;
    let keys = [key(1, 2, "a"), key(1, 2, "😀 ключ"), key(top, top, &"x".repeat(128))];
    let receipts = [receipt(5), receipt(6), receipt(top)];
    let sent: Vec<_> = keys.iter().cloned().zip(receipts).collect();
    dedup.remember(&sent).await.expect("remembered");
    let asked = [keys[2].clone(), key(9, 9, "a"), keys[0].clone(), keys[1].clone(), keys[2].clone()];
    let want = [Some(receipts[2]), None, Some(receipts[0]), Some(receipts[1]), Some(receipts[2])];
    assert_eq!(dedup.seen(&asked).await.expect("answers"), want);
}

async fn a_key_is_all_three_of_its_parts(dedup: Arc<dyn Dedup>) {
    dedup.remember(&[(key(12, 3, "4"), receipt(1))]).await.expect("remembered");
    // Among them those that a careless joining of the parts would take for the same.
    for other in [
        key(1, 23, "4"),
        key(12, 34, "x"),
        key(13, 3, "4"),
        key(12, 4, "4"),
        key(12, 3, "5"),
        key(12, 3, "4 "),
    ] {
        assert_eq!(dedup.seen(std::slice::from_ref(&other)).await.expect("answers"), [None], "{other:?}");
    }
    for (one, other) in [("a:b", "a"), ("A", "a2"), ("é", "e\u{301}")] {
        dedup.remember(&[(key(5, 6, one), receipt(2))]).await.expect("remembered");
        assert_eq!(dedup.seen(&[key(5, 6, other)]).await.expect("answers"), [None], "{one} {other}");
    }
}

async fn remembering_again_is_no_error(dedup: Arc<dyn Dedup>) {
    let sent = [(key(1, 2, "a"), receipt(5)), (key(1, 2, "a"), receipt(5))];
    for _ in 0..3 {
        dedup.remember(&sent).await.expect("remembered");
        assert_eq!(dedup.seen(&[key(1, 2, "a")]).await.expect("answers"), [Some(receipt(5))]);
    }
}

async fn of_many_at_once_none_is_mixed_up(dedup: Arc<dyn Dedup>) {
    let one = async |n: u64| {
        let key = key(1 + n % 3, 2, &format!("c{n}"));
        dedup.remember(&[(key.clone(), receipt(n))]).await.expect("remembered");
        dedup.seen(&[key]).await.expect("answers").remove(0)
    };
    let answers = all_at_once((1..=50).map(one)).await;
    assert_eq!(answers, (1..=50).map(|n| Some(receipt(n))).collect::<Vec<_>>());
}

async fn what_is_forgotten_is_never_wrong(dedup: Arc<dyn Dedup>) {
    let name = |n: u64| key(1 + n % 7, 2 + n % 3, &format!("c{n}"));
    for batch in 0..40 {
        let sent: Vec<_> = (1..=500).map(|n| (name(batch * 500 + n), receipt(batch * 500 + n))).collect();
        dedup.remember(&sent).await.expect("remembered");
    }
    let keys: Vec<_> = (1..=20_000).map(name).collect();
    let seen = dedup.seen(&keys).await.expect("answers");
    for (n, seen) in (1..=20_000).zip(seen) {
        assert!(seen.is_none() || seen == Some(receipt(n)), "{n}: {seen:?}");
    }
}
