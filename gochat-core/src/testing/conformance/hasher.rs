//! Cases of [`PasswordHasher`].

use std::sync::Arc;

use super::fixture::all_at_once;
use crate::model::{Password, PasswordHash};
use crate::ports::{PasswordHasher, Verdict};

cases! { ($) __conformance_hasher, Arc<dyn PasswordHasher>:
    a_password_matches_its_hash_only,
    every_hash_has_its_own_salt,
    without_a_hash_nothing_matches,
    every_byte_counts,
    more_than_the_password_is_another,
    a_hash_can_be_stored,
    several_at_once_are_not_mixed_up,
}

async fn hash(hasher: &Arc<dyn PasswordHasher>, password: &str) -> PasswordHash {
    hasher.hash(Password::new(password).expect("a good password")).await.expect("hashed")
}

async fn verify(hasher: &Arc<dyn PasswordHasher>, password: &str, hash: &PasswordHash) -> Verdict {
    hasher.verify(password, Some(hash.clone())).await.expect("compared")
}

async fn a_password_matches_its_hash_only(hasher: Arc<dyn PasswordHasher>) {
    let hash = hash(&hasher, "correct horse").await;
    assert_eq!(verify(&hasher, "correct horse", &hash).await, Verdict::Matches);
    for other in ["", "correct hors", "correct horsE", "correct horse ", " correct horse", "hunter2"] {
        assert_eq!(verify(&hasher, other, &hash).await, Verdict::Differs, "{other:?}");
    }
}

async fn every_hash_has_its_own_salt(hasher: Arc<dyn PasswordHasher>) {
    let (one, two) = (hash(&hasher, "secret").await, hash(&hasher, "secret").await);
    assert!(one != two);
    for hash in [one, two] {
        assert_eq!(verify(&hasher, "secret", &hash).await, Verdict::Matches);
    }
}

async fn without_a_hash_nothing_matches(hasher: Arc<dyn PasswordHasher>) {
    for password in ["", "secret", "correct horse"] {
        assert_eq!(hasher.verify(password, None).await.expect("compared"), Verdict::Differs);
    }
}

async fn every_byte_counts(hasher: Arc<dyn PasswordHasher>) {
    for (password, other) in [
        ("x".repeat(Password::MAX_BYTES), format!("{}y", "x".repeat(Password::MAX_BYTES - 1))),
        ("密码密码密码".into(), "密码密码密玛".into()),
        ("pass\u{e9}word".into(), "passe\u{301}word".into()),
        ("emoji😀😀😀".into(), "emoji😀😀😁".into()),
    ] {
        let hash = hash(&hasher, &password).await;
        assert_eq!(verify(&hasher, &password, &hash).await, Verdict::Matches, "{password}");
        assert_eq!(verify(&hasher, &other, &hash).await, Verdict::Differs, "{other}");
    }
}

/// bcrypt reads 72 bytes, and up to the first NUL: what a login typed beyond that must not be cut off before comparing.
async fn more_than_the_password_is_another(hasher: Arc<dyn PasswordHasher>) {
    let longest = "x".repeat(Password::MAX_BYTES);
    let kept = hash(&hasher, &longest).await;
    for more in ["x", "y", "\0", "界"] {
        assert_eq!(verify(&hasher, &format!("{longest}{more}"), &kept).await, Verdict::Differs, "{more:?}");
    }
    let kept = hash(&hasher, "secret").await;
    for other in ["secret\0", "secret\0more", "\0secret"] {
        assert_eq!(verify(&hasher, other, &kept).await, Verdict::Differs, "{other:?}");
    }
    assert_eq!(verify(&hasher, &"x".repeat(100_000), &kept).await, Verdict::Differs);
}

async fn a_hash_can_be_stored(hasher: Arc<dyn PasswordHasher>) {
    let text = hash(&hasher, "secret").await.reveal().to_owned();
    assert!(text.len() <= 255, "a column must hold it");
    assert_eq!(verify(&hasher, "secret", &PasswordHash::new(&text)).await, Verdict::Matches);
}

async fn several_at_once_are_not_mixed_up(hasher: Arc<dyn PasswordHasher>) {
    let passwords: Vec<_> = (0..4).map(|n| format!("password-{n}")).collect();
    let hashes = all_at_once(passwords.iter().map(|password| hash(&hasher, password))).await;
    for (i, password) in passwords.iter().enumerate() {
        let verdicts = all_at_once(hashes.iter().map(|hash| verify(&hasher, password, hash))).await;
        for (j, verdict) in verdicts.into_iter().enumerate() {
            assert_eq!(verdict == Verdict::Matches, i == j, "{i} {j}");
        }
    }
}
