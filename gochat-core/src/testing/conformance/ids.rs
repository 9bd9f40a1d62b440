//! Cases of [`IdGenerator`].

use std::collections::HashSet;
use std::sync::Arc;

use crate::ports::IdGenerator;

cases! { ($) __conformance_ids, Arc<dyn IdGenerator>:
    ids_grow_and_are_in_range,
    ids_from_many_threads_are_all_different,
}

async fn ids_grow_and_are_in_range(ids: Arc<dyn IdGenerator>) {
    let mut last = 1;
    for _ in 0..20_000 {
        let id = ids.next_id();
        assert!(id > last, "{id} after {last}");
        assert!(id <= i64::MAX as u64, "{id}");
        last = id;
    }
}

async fn ids_from_many_threads_are_all_different(ids: Arc<dyn IdGenerator>) {
    let taken: Vec<Vec<u64>> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..4).map(|_| scope.spawn(|| (0..5_000).map(|_| ids.next_id()).collect())).collect();
        threads.into_iter().map(|thread| thread.join().expect("it ran")).collect()
    });
    assert!(taken.iter().all(|ids: &Vec<u64>| ids.is_sorted()));
    let all: HashSet<_> = taken.iter().flatten().collect();
    assert_eq!(all.len(), 20_000);
}
