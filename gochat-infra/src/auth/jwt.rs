//! Access tokens: JSON Web Tokens signed with HMAC-SHA-256.

use std::fmt;

use gochat_core::model::{LoginId, Timestamp, UserId};
use gochat_core::ports::{Claims, ErrorKind, Result, Retry, StoreError, TokenSigner};
use hmac::{Hmac, Mac};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::keys::{Secret, SigningKeys};

/// No token of ours is longer; what is, is not looked at.
const TOKEN_MAX: usize = 1_024;

/// Signs with the newest secret of a ring and verifies by all of them.
pub struct JwtSigner {
    header: Header,
    sign: EncodingKey,
    verify: Vec<(String, DecodingKey)>,
    validation: Validation,
    digest: Hmac<Sha256>,
}

impl fmt::Debug for JwtSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JwtSigner({} secrets)", self.verify.len())
    }
}

/// What stands in a token. Times are seconds with a fraction (RFC 7519, "NumericDate").
#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    sub: String,
    /// The login.
    sid: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    guest: bool,
    iat: f64,
    exp: f64,
}

impl JwtSigner {
    /// A signer over these secrets.
    #[must_use]
    pub fn new(keys: &SigningKeys) -> Self {
        let verify: Vec<_> =
            keys.sign.iter().map(|s| (key_id(s), DecodingKey::from_secret(s.reveal()))).collect();
        let newest = keys.sign.first().expect("a ring has a secret");
        let mut validation = Validation::new(Algorithm::HS256);
        // Expiry is judged by the caller, whose clock it is.
        validation.validate_exp = false;
        validation.required_spec_claims.clear();
        Self {
            header: Header { kid: Some(key_id(newest)), ..Header::new(Algorithm::HS256) },
            sign: EncodingKey::from_secret(newest.reveal()),
            verify,
            validation,
            digest: mac(&keys.digest),
        }
    }
}

/// The name of a secret, which says nothing about it.
fn key_id(secret: &Secret) -> String {
    let mac = mac(secret).chain_update(b"key id").finalize().into_bytes();
    mac.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

fn mac(secret: &Secret) -> Hmac<Sha256> {
    Hmac::new_from_slice(secret.reveal()).expect("HMAC takes keys of any length")
}

impl TokenSigner for JwtSigner {
    fn sign(&self, claims: &Claims) -> Result<String> {
        let payload = Payload {
            sub: claims.user.to_string(),
            sid: claims.login.to_string(),
            guest: claims.guest,
            iat: seconds(claims.issued_at),
            exp: seconds(claims.expires_at),
        };
        encode(&self.header, &payload, &self.sign)
            .map_err(|e| StoreError::new(ErrorKind::Internal, Retry::Never, "tokens.sign").because(e))
    }

    fn verify(&self, token: &str) -> Option<Claims> {
        if token.len() > TOKEN_MAX {
            return None;
        }
        let kid = decode_header(token).ok()?.kid?;
        let (_, key) = self.verify.iter().find(|(id, _)| *id == kid)?;
        let payload = decode::<Payload>(token, key, &self.validation).ok()?.claims;
        Some(Claims {
            user: payload.sub.parse::<UserId>().ok()?,
            login: payload.sid.parse::<LoginId>().ok()?,
            guest: payload.guest,
            issued_at: timestamp(payload.iat),
            expires_at: timestamp(payload.exp),
        })
    }

    fn digest(&self, data: &[u8]) -> [u8; 32] {
        self.digest.clone().chain_update(data).finalize().into_bytes().into()
    }
}

/// Exact for all times that have four digits for the year.
fn seconds(at: Timestamp) -> f64 {
    at.as_millis() as f64 / 1_000.0
}

fn timestamp(seconds: f64) -> Timestamp {
    // A cast of a float saturates, and makes 0 of what is no number.
    Timestamp::from_millis((seconds * 1_000.0).round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "an old secret of more than 32 bytes";
    const NEW: &str = "a new secret of more than 32 bytes!";

    fn signer(lines: &str) -> JwtSigner {
        JwtSigner::new(&SigningKeys::parse(lines).expect("keys"))
    }

    fn claims() -> Claims {
        Claims {
            user: UserId::new(7).expect("an id"),
            login: LoginId::new(i64::MAX as u64).expect("an id"),
            guest: true,
            issued_at: Timestamp::from_millis(1_769_851_800_123),
            expires_at: Timestamp::from_millis(1_769_938_200_999),
        }
    }

    #[test]
    fn claims_come_back_as_they_were() {
        let signer = signer(&format!("sign {NEW}"));
        for ms in [0, 1, 999, 1_000, 1_769_851_800_123, 253_402_300_799_999] {
            let claims = Claims { issued_at: Timestamp::from_millis(ms), guest: ms == 0, ..claims() };
            let token = signer.sign(&claims).expect("signed");
            assert_eq!(signer.verify(&token), Some(claims));
            assert_eq!(signer.sign(&claims).expect("signed"), token);
        }
    }

    #[test]
    fn older_secrets_verify_and_dropped_ones_do_not() {
        let before = signer(&format!("sign {OLD}"));
        let between = signer(&format!("sign {NEW}\nsign {OLD}"));
        let after = signer(&format!("sign {NEW}"));
        let (old, new) = (before.sign(&claims()).expect("signed"), between.sign(&claims()).expect("signed"));
        assert_eq!(between.verify(&old), Some(claims()));
        assert_eq!(after.verify(&new), Some(claims()));
        assert_eq!(after.verify(&old), None);
        assert_eq!(before.verify(&new), None);
        assert_eq!(before.digest(b"x"), between.digest(b"x"));
    }

    #[test]
    fn every_change_of_a_token_is_noticed() {
        let signer = signer(&format!("sign {NEW}"));
        let token = signer.sign(&claims()).expect("signed");
        for at in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            // In the middle of the alphabet, a change of one letter changes a bit that counts even in the last place.
            bytes[at] = if bytes[at] == b'Q' { b'g' } else { b'Q' };
            let changed = String::from_utf8(bytes).expect("ASCII");
            assert_eq!(signer.verify(&changed), None, "{at}");
        }
        for bad in ["", ".", "..", "a.b.c", "é.é.é", &"x".repeat(5_000), &format!("{token}x")] {
            assert_eq!(signer.verify(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn tokens_without_a_signature_or_of_another_kind_are_refused() {
        let signer = signer(&format!("sign {NEW}"));
        let token = signer.sign(&claims()).expect("signed");
        let body = token.split('.').nth(1).expect("a body");
        // {"alg":"none"} and no signature.
        for header in ["eyJhbGciOiJub25lIn0", "eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0"] {
            assert_eq!(signer.verify(&format!("{header}.{body}.")), None);
        }
        let mut header = Header::new(Algorithm::HS512);
        header.kid = signer.header.kid.clone();
        let payload = Payload { sub: "7".into(), sid: "8".into(), guest: false, iat: 0.0, exp: 9e9 };
        let other = encode(&header, &payload, &EncodingKey::from_secret(NEW.as_bytes())).expect("signed");
        assert_eq!(signer.verify(&other), None);
    }

    #[test]
    fn nothing_secret_is_shown() {
        assert_eq!(format!("{:?}", signer(&format!("sign {NEW}"))), "JwtSigner(1 secrets)");
    }
}
