//! The machine's random source.

use gochat_core::ports::Secrets;

/// Takes bytes from the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsSecrets;

impl Secrets for OsSecrets {
    fn fill(&self, buf: &mut [u8]) {
        // Without it no token would be safe; there is nothing sensible to go on with.
        getrandom::fill(buf).expect("the operating system gives random bytes");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_fills_differ() {
        let (mut a, mut b) = ([0; 32], [0; 32]);
        OsSecrets.fill(&mut a);
        OsSecrets.fill(&mut b);
        assert_ne!(a, b);
        assert_ne!(a, [0; 32]);
    }
}
