//! Cases of [`TokenSigner`].

use std::collections::HashSet;
use std::sync::Arc;

use super::fixture::at;
use crate::model::{LoginId, Timestamp, UserId};
use crate::ports::{Claims, TokenSigner};

cases! { ($) __conformance_tokens, TokensFixture:
    a_token_says_what_was_signed,
    the_same_claims_are_the_same_token,
    other_claims_are_another_token,
    a_changed_token_is_not_ours,
    a_token_of_another_key_is_not_ours,
    rubbish_is_not_ours,
    expiry_is_the_callers_to_judge,
    digests_are_repeatable_keyed_and_spread,
}

/// The signer under test, and one of the same make with another key.
#[derive(Debug, Clone)]
pub struct TokensFixture {
    /// Under test.
    pub signer: Arc<dyn TokenSigner>,
    /// With another key.
    pub stranger: Arc<dyn TokenSigner>,
}

fn claims() -> Claims {
    Claims {
        user: UserId::new(12).expect("in range"),
        login: LoginId::new(34).expect("in range"),
        guest: false,
        issued_at: at(0),
        expires_at: at(86_400),
    }
}

/// Claims that differ in one thing each.
fn others() -> Vec<Claims> {
    let (user, login) = (UserId::new(i64::MAX as u64), LoginId::new(i64::MAX as u64));
    vec![
        Claims { user: user.expect("in range"), ..claims() },
        Claims { login: login.expect("in range"), ..claims() },
        Claims { guest: true, ..claims() },
        Claims { issued_at: at(1), ..claims() },
        Claims { expires_at: at(86_401), ..claims() },
        Claims { expires_at: Timestamp::from_millis(at(86_400).as_millis() + 1), ..claims() },
        Claims { issued_at: Timestamp::from_millis(at(0).as_millis() + 1), ..claims() },
    ]
}

async fn a_token_says_what_was_signed(fx: TokensFixture) {
    for claims in others().into_iter().chain([claims()]) {
        let token = fx.signer.sign(&claims).expect("signed");
        assert_eq!(fx.signer.verify(&token), Some(claims), "{token}");
        // It stands in headers, URLs and subprotocols.
        assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)), "{token}");
    }
}

async fn the_same_claims_are_the_same_token(fx: TokensFixture) {
    assert_eq!(fx.signer.sign(&claims()).expect("signed"), fx.signer.sign(&claims()).expect("signed"));
}

async fn other_claims_are_another_token(fx: TokensFixture) {
    let all = others().into_iter().chain([claims()]);
    let tokens: HashSet<_> = all.map(|claims| fx.signer.sign(&claims).expect("signed")).collect();
    assert_eq!(tokens.len(), others().len() + 1);
}

async fn a_changed_token_is_not_ours(fx: TokensFixture) {
    let token = fx.signer.sign(&claims()).expect("signed");
    for (i, c) in token.char_indices() {
        let other = if c == 'A' { 'B' } else { 'A' };
        let changed = format!("{}{other}{}", &token[..i], &token[i + c.len_utf8()..]);
        // The last character of base64 may have bits that mean nothing; all that is said must still be what was signed.
        assert!(fx.signer.verify(&changed).is_none_or(|said| said == claims()), "{changed}");
        if i + 2 < token.len() {
            assert_eq!(fx.signer.verify(&changed), None, "{changed}");
        }
        assert_eq!(fx.signer.verify(&token[..i]), None);
    }
    for changed in [format!("{token}A"), format!("{token}."), format!(" {token}"), format!("{token}\n")] {
        assert_eq!(fx.signer.verify(&changed), None, "{changed:?}");
    }
}

async fn a_token_of_another_key_is_not_ours(fx: TokensFixture) {
    let token = fx.stranger.sign(&claims()).expect("signed");
    assert_eq!(fx.stranger.verify(&token), Some(claims()));
    assert_eq!(fx.signer.verify(&token), None);
    // Nor one glued together from theirs and ours.
    let ours = fx.signer.sign(&others()[0]).expect("signed");
    let (signed, _) = ours.rsplit_once('.').unwrap_or((&ours, ""));
    let (_, signature) = token.rsplit_once('.').unwrap_or(("", &token));
    assert_eq!(fx.signer.verify(&format!("{signed}.{signature}")), None);
}

async fn rubbish_is_not_ours(fx: TokensFixture) {
    // Among them a JSON Web Token that says it needs no signature.
    for rubbish in [
        "",
        ".",
        "..",
        "a.b.c",
        "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiIxMiIsImlhdCI6MCwiZXhwIjo5OTk5OTk5OTk5fQ.",
        "\0",
        "界.界.界",
        &"x".repeat(100_000),
        &".".repeat(10_000),
    ] {
        assert_eq!(fx.signer.verify(rubbish), None);
    }
}

async fn expiry_is_the_callers_to_judge(fx: TokensFixture) {
    let long_ago = Claims {
        issued_at: Timestamp::from_millis(1_000),
        expires_at: Timestamp::from_millis(2_000),
        ..claims()
    };
    let far = Claims { issued_at: Timestamp::from_millis(4_000_000_000_000), ..claims() };
    let far = Claims { expires_at: Timestamp::from_millis(4_100_000_000_000), ..far };
    for claims in [long_ago, far] {
        let token = fx.signer.sign(&claims).expect("signed");
        assert_eq!(fx.signer.verify(&token), Some(claims));
    }
}

async fn digests_are_repeatable_keyed_and_spread(fx: TokensFixture) {
    let mut seen = HashSet::new();
    for data in [&b""[..], b"a", b"b", b"aa", b"\0", b"a\0", &[0xff; 100], &[0x36; 64], &[7; 100_000]] {
        let digest = fx.signer.digest(data);
        assert_eq!(fx.signer.digest(data), digest);
        assert_ne!(fx.stranger.digest(data), digest, "it depends on the key");
        assert!(seen.insert(digest));
    }
}
