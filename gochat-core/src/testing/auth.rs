//! Passwords and tokens without the cost, and without the safety.

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use crate::model::{LoginId, Password, PasswordHash, Timestamp, UserId};
use crate::ports::{Claims, PasswordHasher, Result, TokenSigner, Verdict};

/// Keeps passwords readable, with a salt before them. Fast; for tests only.
#[derive(Debug, Default)]
pub struct PlainHasher {
    salt: AtomicU64,
}

impl PlainHasher {
    /// A hasher.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl PasswordHasher for PlainHasher {
    async fn hash(&self, password: Password) -> Result<PasswordHash> {
        let salt = self.salt.fetch_add(1, Ordering::Relaxed);
        Ok(PasswordHash::new(&format!("plain${salt}${}", password.reveal())))
    }

    async fn verify(&self, password: &str, hash: Option<PasswordHash>) -> Result<Verdict> {
        let matches =
            hash.is_some_and(|h| h.reveal().splitn(3, '$').collect::<Vec<_>>().get(2) == Some(&password));
        Ok(if matches { Verdict::Matches } else { Verdict::Differs })
    }
}

/// Tokens that anybody can read, signed with HMAC-SHA-256 under a key that stands in the test.
#[derive(Debug)]
pub struct TestTokens {
    key: [u8; 32],
}

impl TestTokens {
    /// Signs with this key.
    #[must_use]
    pub const fn new(key: [u8; 32]) -> Self {
        Self { key }
    }
}

impl TokenSigner for TestTokens {
    fn sign(&self, claims: &Claims) -> Result<String> {
        let head = format!(
            "{}.{}.{}.{}.{}",
            claims.user,
            claims.login,
            u8::from(claims.guest),
            claims.issued_at.as_millis(),
            claims.expires_at.as_millis()
        );
        let mac: String = self.digest(head.as_bytes()).iter().map(|b| format!("{b:02x}")).collect();
        Ok(format!("{head}.{mac}"))
    }

    fn verify(&self, token: &str) -> Option<Claims> {
        let mut parts = token.split('.');
        let claims = Claims {
            user: parts.next()?.parse::<UserId>().ok()?,
            login: parts.next()?.parse::<LoginId>().ok()?,
            guest: parts.next()? == "1",
            issued_at: Timestamp::from_millis(parts.next()?.parse().ok()?),
            expires_at: Timestamp::from_millis(parts.next()?.parse().ok()?),
        };
        // One token has one spelling: whatever differs from what we would have written is not ours.
        (self.sign(&claims).ok()? == token).then_some(claims)
    }

    fn digest(&self, data: &[u8]) -> [u8; 32] {
        // RFC 2104, for a key of half a block.
        let mut inner = [0x36_u8; 64];
        let mut outer = [0x5c_u8; 64];
        for (i, k) in self.key.iter().enumerate() {
            inner[i] ^= k;
            outer[i] ^= k;
        }
        let hashed = Sha256::new().chain_update(inner).chain_update(data).finalize();
        Sha256::new().chain_update(outer).chain_update(hashed).finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_is_hmac_sha_256() {
        // RFC 4231, test case 1, its 20-byte key filled up with zeros (which HMAC does itself).
        let mut key = [0; 32];
        key[..20].fill(0x0b);
        let digest = TestTokens::new(key).digest(b"Hi There");
        assert_eq!(digest[..8], [0xb0, 0x34, 0x4c, 0x61, 0xd8, 0xdb, 0x38, 0x53]);
    }
}
