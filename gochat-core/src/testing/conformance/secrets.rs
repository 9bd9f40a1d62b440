//! Cases of [`Secrets`].

use std::collections::HashSet;
use std::sync::Arc;

use crate::ports::Secrets;

cases! { ($) __conformance_secrets, Arc<dyn Secrets>:
    the_whole_buffer_is_filled,
    no_two_are_the_same,
}

async fn the_whole_buffer_is_filled(secrets: Arc<dyn Secrets>) {
    for length in [0, 1, 7, 8, 9, 32, 1_000] {
        // A byte that stays 0 in 64 tries (1 in 2^512 by chance) is never written.
        let mut written = vec![0_u8; length];
        for _ in 0..64 {
            let mut buf = vec![0; length];
            secrets.fill(&mut buf);
            written.iter_mut().zip(buf).for_each(|(all, byte)| *all |= byte);
        }
        assert!(written.iter().all(|byte| *byte != 0), "of {length}");
    }
}

async fn no_two_are_the_same(secrets: Arc<dyn Secrets>) {
    let mut seen = HashSet::new();
    for _ in 0..10_000 {
        let mut buf = [0; 16];
        secrets.fill(&mut buf);
        assert!(seen.insert(buf));
    }
}
