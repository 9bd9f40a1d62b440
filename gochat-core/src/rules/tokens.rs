//! Refresh tokens: 32 unguessable bytes, written in base64url. A store sees digests only, and the successor of a token
//! follows from the token, so a repeated exchange can give the same answer though nothing but digests was kept.

use crate::ports::{Secrets, TokenSigner};

/// Characters of a token: 32 bytes in base64url without padding.
const LENGTH: usize = 43;

/// What a digest is for. Distinct prefixes, so that no stored digest is anybody's token.
const STORED: &[u8] = b"stored\0";
const SUCCESSOR: &[u8] = b"refresh\0";

/// A token for a new login.
#[must_use]
pub fn first(secrets: &dyn Secrets) -> String {
    let mut bytes = [0; 32];
    secrets.fill(&mut bytes);
    base64url(&bytes)
}

/// The token that `token` is exchanged for; always the same one, and known to nobody without the key.
#[must_use]
pub fn successor(signer: &dyn TokenSigner, token: &str) -> String {
    base64url(&signer.digest(&[SUCCESSOR, token.as_bytes()].concat()))
}

/// What is stored of a token.
#[must_use]
pub fn stored(signer: &dyn TokenSigner, token: &str) -> [u8; 32] {
    signer.digest(&[STORED, token.as_bytes()].concat())
}

/// Whether it can be one of ours at all.
#[must_use]
pub fn plausible(token: &str) -> bool {
    token.len() == LENGTH && token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// RFC 4648, section 5, without padding.
fn base64url(bytes: &[u8; 32]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::with_capacity(LENGTH);
    for chunk in bytes.chunks(3) {
        let n = chunk.iter().fold(0u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for i in 0..=chunk.len() {
            out.push(char::from(ALPHABET[(n >> (18 - 6 * i) & 63) as usize]));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;
    use crate::ports::{Claims, Result};

    /// A digest that is good enough to tell inputs apart.
    #[derive(Debug)]
    struct Sum;

    impl TokenSigner for Sum {
        fn sign(&self, _: &Claims) -> Result<String> {
            Ok(Timestamp::default().as_millis().to_string())
        }

        fn verify(&self, _: &str) -> Option<Claims> {
            None
        }

        fn digest(&self, data: &[u8]) -> [u8; 32] {
            let mut out = [0u8; 32];
            for (i, b) in data.iter().enumerate() {
                out[i % 32] = out[i % 32].wrapping_mul(31).wrapping_add(*b).rotate_left(3);
            }
            out
        }
    }

    #[test]
    fn base64url_as_the_rfc_has_it() {
        assert_eq!(base64url(&[0; 32]), "A".repeat(43));
        assert_eq!(base64url(&[0xff; 32]), format!("{}8", "_".repeat(42)));
        let mut bytes = [0u8; 32];
        for (i, b) in (0u8..).zip(bytes.iter_mut()) {
            *b = i;
        }
        // `printf … | base64 | tr '+/' '-_'`
        assert_eq!(base64url(&bytes), "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");
    }

    #[test]
    fn a_successor_is_fixed_plausible_and_not_what_is_stored() {
        let old = "x".repeat(43);
        let next = successor(&Sum, &old);
        assert_eq!(next, successor(&Sum, &old));
        assert!(plausible(&next));
        assert_ne!(next, old);
        assert_ne!(next, base64url(&stored(&Sum, &old)));
        assert_ne!(stored(&Sum, &old), stored(&Sum, &next));
    }

    #[test]
    fn what_is_no_token_is_known_without_a_store() {
        for bad in ["", "x", &"x".repeat(42), &"x".repeat(44), &"é".repeat(43), &" ".repeat(43)] {
            assert!(!plausible(bad), "{bad:?}");
        }
    }
}
