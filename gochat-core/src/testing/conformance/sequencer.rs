//! Cases of [`Sequencer`].

use std::sync::Arc;

use super::fixture::all_at_once;
use crate::model::{ConversationId, Seq};
use crate::ports::Sequencer;

cases! { ($) __conformance_sequencer, Arc<dyn Sequencer>:
    nothing_is_known_at_first,
    numbers_go_on_from_the_head,
    numbers_are_answered_by_position,
    counters_are_set_backwards_too,
    an_unknown_one_does_not_hold_up_the_others,
    of_many_at_once_each_gets_its_own,
    large_heads_are_heads,
}

fn id(n: u64) -> ConversationId {
    ConversationId::new(n).expect("in range")
}

async fn restore(sequencer: &Arc<dyn Sequencer>, heads: &[(u64, u64)]) {
    let heads: Vec<_> = heads.iter().map(|(n, head)| (id(*n), Seq::new(*head))).collect();
    sequencer.restore(&heads).await.expect("restored");
}

async fn reserve(sequencer: &Arc<dyn Sequencer>, wanted: &[(u64, u32)]) -> Vec<Option<u64>> {
    let wanted: Vec<_> = wanted.iter().map(|(n, count)| (id(*n), *count)).collect();
    let first = sequencer.reserve(&wanted).await.expect("answers");
    first.into_iter().map(|seq| seq.map(Seq::get)).collect()
}

async fn nothing_is_known_at_first(sequencer: Arc<dyn Sequencer>) {
    assert_eq!(reserve(&sequencer, &[(1, 1), (7, 3)]).await, [None, None]);
    // Asking is no way to become known.
    assert_eq!(reserve(&sequencer, &[(7, 1)]).await, [None]);
    assert!(reserve(&sequencer, &[]).await.is_empty());
    restore(&sequencer, &[]).await;
}

async fn numbers_go_on_from_the_head(sequencer: Arc<dyn Sequencer>) {
    restore(&sequencer, &[(7, 0), (1, 41)]).await;
    assert_eq!(reserve(&sequencer, &[(7, 1)]).await, [Some(1)]);
    assert_eq!(reserve(&sequencer, &[(7, 3)]).await, [Some(2)]);
    assert_eq!(reserve(&sequencer, &[(7, 1)]).await, [Some(5)]);
    assert_eq!(reserve(&sequencer, &[(1, 2)]).await, [Some(42)]);
    assert_eq!(reserve(&sequencer, &[(1, 1)]).await, [Some(44)]);
}

async fn numbers_are_answered_by_position(sequencer: Arc<dyn Sequencer>) {
    restore(&sequencer, &[(7, 0), (8, 100), (9, 1_000)]).await;
    let first = reserve(&sequencer, &[(9, 2), (7, 5), (9, 1), (8, 1)]).await;
    assert_eq!(first, [Some(1_001), Some(1), Some(1_003), Some(101)]);
}

async fn counters_are_set_backwards_too(sequencer: Arc<dyn Sequencer>) {
    restore(&sequencer, &[(7, 10)]).await;
    reserve(&sequencer, &[(7, 90)]).await;
    restore(&sequencer, &[(7, 12)]).await;
    assert_eq!(reserve(&sequencer, &[(7, 1)]).await, [Some(13)]);
    restore(&sequencer, &[(7, 50)]).await;
    assert_eq!(reserve(&sequencer, &[(7, 1)]).await, [Some(51)]);
}

async fn an_unknown_one_does_not_hold_up_the_others(sequencer: Arc<dyn Sequencer>) {
    restore(&sequencer, &[(7, 0)]).await;
    assert_eq!(reserve(&sequencer, &[(8, 1), (7, 2), (9, 1)]).await, [None, Some(1), None]);
    restore(&sequencer, &[(8, 5)]).await;
    assert_eq!(reserve(&sequencer, &[(8, 1), (7, 1), (9, 1)]).await, [Some(6), Some(3), None]);
}

async fn of_many_at_once_each_gets_its_own(sequencer: Arc<dyn Sequencer>) {
    restore(&sequencer, &[(7, 0), (8, 0)]).await;
    let counts: Vec<u32> = (1..=50).collect();
    let wanted = counts.iter().map(|n| vec![(7, *n), (8, 1)]).collect::<Vec<_>>();
    let first = all_at_once(wanted.iter().map(|wanted| reserve(&sequencer, wanted))).await;
    let mut taken: Vec<u64> = Vec::new();
    for (first, n) in first.iter().zip(counts) {
        let first = first[0].expect("known");
        taken.extend(first..first + u64::from(n));
    }
    taken.sort_unstable();
    assert_eq!(taken, (1..=50 * 51 / 2).collect::<Vec<_>>());
    let mut ones: Vec<_> = first.iter().map(|first| first[1].expect("known")).collect();
    ones.sort_unstable();
    assert_eq!(ones, (1..=50).collect::<Vec<_>>());
}

async fn large_heads_are_heads(sequencer: Arc<dyn Sequencer>) {
    let top = i64::MAX as u64;
    restore(&sequencer, &[(top, 1 << 53)]).await;
    assert_eq!(reserve(&sequencer, &[(top, 1)]).await, [Some((1 << 53) + 1)]);
    assert_eq!(reserve(&sequencer, &[(top, 1)]).await, [Some((1 << 53) + 2)]);
    assert_eq!(reserve(&sequencer, &[(top - 1, 1)]).await, [None]);
}
