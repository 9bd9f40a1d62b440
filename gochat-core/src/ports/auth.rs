//! Passwords, tokens and logins.

use std::fmt::Debug;

use async_trait::async_trait;

use super::Result;
use crate::model::{LoginId, Password, PasswordHash, Timestamp, UserId};

/// Turns passwords into hashes and compares them, away from the threads that move messages, a bounded number at a time.
#[async_trait]
pub trait PasswordHasher: Debug + Send + Sync + 'static {
    /// Hashes a password with a fresh salt.
    ///
    /// # Errors
    /// `Overloaded` when too many wait already.
    async fn hash(&self, password: Password) -> Result<PasswordHash>;

    /// Whether `password` is the one that was hashed. Without a hash it takes the time of a comparison all the same and
    /// answers [`Verdict::Differs`], so that nobody learns by the clock which names exist.
    ///
    /// # Errors
    /// `Overloaded` when too many wait already.
    async fn verify(&self, password: &str, hash: Option<PasswordHash>) -> Result<Verdict>;
}

/// Outcome of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The same.
    Matches,
    /// Another.
    Differs,
}

/// Signs and checks access tokens. No I/O.
pub trait TokenSigner: Debug + Send + Sync + 'static {
    /// A signed token. The same claims give the same token while the signing key is the same.
    ///
    /// # Errors
    /// `Internal` when the key can't sign.
    fn sign(&self, claims: &Claims) -> Result<String>;

    /// What a token says, if it is ours. Expiry is the caller's to judge: the claims name it.
    fn verify(&self, token: &str) -> Option<Claims>;

    /// A keyed one-way digest of `data` (HMAC-SHA-256): what refresh tokens are stored as and derived by.
    fn digest(&self, data: &[u8]) -> [u8; 32];
}

/// What an access token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claims {
    /// Whose.
    pub user: UserId,
    /// Of which login.
    pub login: LoginId,
    /// Whether of a guest.
    pub guest: bool,
    /// Since when.
    pub issued_at: Timestamp,
    /// Until when.
    pub expires_at: Timestamp,
}

/// Logins and their refresh tokens. A login lives until it is ended or its refresh token expires.
#[async_trait]
pub trait LoginStore: Debug + Send + Sync + 'static {
    /// Stores a login; durable when it returns.
    async fn create(&self, login: &NewLogin) -> Result<()>;

    /// Exchanges a refresh token (given as its digest) for the next one, in one transaction.
    ///
    /// - A current token becomes used and `next` current: [`Rotation::Done`].
    /// - A token used no longer than `grace` before `at`: [`Rotation::Again`]; nothing changes.
    /// - A token used earlier: the login ends, [`Rotation::Reused`].
    /// - Unknown, expired (at its `expires_at` or later), or of an ended login: [`Rotation::Unknown`].
    async fn rotate(&self, rotate: &Rotate) -> Result<Rotation>;

    /// Ends logins; durable when it returns. Those that have ended stay so.
    async fn end(&self, logins: &[LoginId], at: Timestamp) -> Result<()>;

    /// Ends all logins of a user but `keep`, and says which those were.
    async fn end_others(&self, user: UserId, keep: Option<LoginId>, at: Timestamp) -> Result<Vec<LoginId>>;

    /// Whether each login has not ended, by position. Visible at once after an [`end`](Self::end) anywhere.
    async fn active(&self, logins: &[LoginId]) -> Result<Vec<bool>>;
}

/// A login to be stored.
#[derive(Debug, Clone)]
pub struct NewLogin {
    /// Which.
    pub id: LoginId,
    /// Whose.
    pub user: UserId,
    /// Digest of its first refresh token.
    pub refresh: [u8; 32],
    /// When.
    pub at: Timestamp,
    /// When the refresh token ends.
    pub expires_at: Timestamp,
}

/// One exchange of a refresh token.
#[derive(Debug, Clone)]
pub struct Rotate {
    /// Digest of the token shown.
    pub current: [u8; 32],
    /// Digest of its successor.
    pub next: [u8; 32],
    /// Now.
    pub at: Timestamp,
    /// When the successor ends.
    pub expires_at: Timestamp,
    /// For so long a used token gets the same answer.
    pub grace: std::time::Duration,
}

/// Outcome of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// The successor is current now.
    Done {
        /// The login.
        login: LoginId,
        /// Whose.
        user: UserId,
    },
    /// It was exchanged a moment ago, at the time given; the same answer goes out again.
    Again {
        /// The login.
        login: LoginId,
        /// Whose.
        user: UserId,
        /// When it was exchanged first.
        at: Timestamp,
    },
    /// It was used before; the login has ended by this call.
    Reused {
        /// The login that ended.
        login: LoginId,
        /// Whose.
        user: UserId,
    },
    /// Not a token of a living login.
    Unknown,
}
