//! Cases of [`Clock`].

use std::sync::Arc;

use crate::model::Timestamp;
use crate::ports::Clock;

cases! { ($) __conformance_clock, Arc<dyn Clock>:
    now_is_in_our_time,
    now_does_not_jump,
}

/// 2025-01-01 and 2100-01-01: a unit mixed up lands far outside.
const OUR_TIME: std::ops::Range<Timestamp> =
    Timestamp::from_millis(1_735_689_600_000)..Timestamp::from_millis(4_102_444_800_000);

async fn now_is_in_our_time(clock: Arc<dyn Clock>) {
    assert!(OUR_TIME.contains(&clock.now()), "{:?}", clock.now());
}

async fn now_does_not_jump(clock: Arc<dyn Clock>) {
    let first = clock.now();
    for _ in 0..1_000 {
        let apart = clock.now().as_millis().abs_diff(first.as_millis());
        assert!(apart < 60_000, "{apart} ms in a moment");
    }
}
