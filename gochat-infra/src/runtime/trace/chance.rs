//! Random numbers that are cheap, and no secret: what names a trace must be rare, not hard to guess.

use std::cell::Cell;

thread_local! {
    /// 128 bits, so that threads of many processes don't meet; seeded by the system.
    static STATE: Cell<[u64; 2]> = Cell::new(seed());
}

fn seed() -> [u64; 2] {
    let word = || getrandom::u64().unwrap_or(0);
    match [word(), word()] {
        // The one state that never changes. A system without chance has no secrets either, and fails elsewhere.
        [0, 0] => [0x9E37_79B9_7F4A_7C15, 0xBF58_476D_1CE4_E5B9],
        state => state,
    }
}

/// The next number: xoroshiro128++ 1.0 (Blackman and Vigna, 2019).
pub(super) fn next() -> u64 {
    STATE.with(|state| {
        let [a, mut b] = state.get();
        let out = a.wrapping_add(b).rotate_left(17).wrapping_add(a);
        b ^= a;
        state.set([a.rotate_left(49) ^ b ^ (b << 21), b.rotate_left(28)]);
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_the_published_algorithm() {
        STATE.set([1, 2]);
        let three = [next(), next(), next()];
        assert_eq!(three[0], (3_u64 << 17) + 1);
        assert!(!STATE.get().contains(&0));
        assert_ne!(three[1], three[2]);
    }

    #[test]
    fn threads_don_t_repeat_each_other() {
        let draw = || std::thread::spawn(|| [next(), next()]).join().expect("it ends");
        assert_ne!(draw(), draw());
    }
}
