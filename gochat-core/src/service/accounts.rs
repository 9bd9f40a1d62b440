//! Accounts, logins and friends.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use super::Result;
use crate::model::{Caller, ConversationId, LoginGrant, User, UserId};

/// Accounts and logins.
///
/// ```
/// # use std::sync::Arc;
/// # use gochat_core::{Settings, usecase};
/// # use gochat_core::model::*;
/// # use gochat_core::service::*;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::result::Result<(), gochat_core::Error> {
/// # let kit = gochat_core::testing::TestKit::new();
/// # let log = slog::Logger::root(slog::Discard, slog::o!());
/// # let chat = usecase::services(&kit.ports, Arc::new(Settings::default()), &log);
/// let alice = chat.accounts.register(Registration::new("Alice", "correct horse")).await?;
/// let login = chat.accounts.login("aLICE", "correct horse").await?;
/// assert_eq!(login.user.id, alice.id);
///
/// // A refresh token is good for one exchange.
/// let next = chat.accounts.refresh(&login.refresh_token).await?;
/// let caller = chat.accounts.authenticate(&next.access_token).await?;
/// assert_eq!(caller.user, alice.id);
///
/// chat.accounts.logout(&next.access_token).await?;
/// let refused = chat.accounts.authenticate(&next.access_token).await.unwrap_err();
/// assert_eq!(refused.code().as_str(), "UNAUTHENTICATED");
/// # Ok(())
/// # }
/// ```
#[async_trait]
pub trait Accounts: Debug + Send + Sync + 'static {
    /// Makes an account.
    ///
    /// # Errors
    /// `Validation` (`username`, `password`, `avatar`), `UsernameTaken`.
    async fn register(&self, new: Registration) -> Result<Arc<User>>;

    /// Logs in. Takes as long, and fails the same way, whether or not the user exists.
    ///
    /// # Errors
    /// `BadCredentials`.
    async fn login(&self, username: &str, password: &str) -> Result<LoginGrant>;

    /// Makes a guest and logs it in. An empty name means: choose one. A name that is taken gets a few digits more.
    ///
    /// # Errors
    /// `Validation` (`guestName`).
    async fn guest(&self, name: &str) -> Result<LoginGrant>;

    /// Exchanges a refresh token. Shown again within the grace it gives the same answer; later the whole login ends.
    ///
    /// # Errors
    /// `Unauthenticated`.
    async fn refresh(&self, refresh_token: &str) -> Result<LoginGrant>;

    /// Ends the login that the token belongs to, and its sockets. Whatever the token is, this succeeds.
    async fn logout(&self, access_token: &str) -> Result<()>;

    /// Who a token belongs to.
    ///
    /// # Errors
    /// `Unauthenticated`, `TokenExpired`.
    async fn authenticate(&self, access_token: &str) -> Result<Caller>;

    /// Takes in a user of an embedding program by that program's own id, and logs it in. The same id is the same user.
    ///
    /// # Errors
    /// `Validation` (`username`).
    async fn adopt(&self, external: &str, name: &str) -> Result<LoginGrant>;
}

/// Who wants to register.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Registration {
    /// Wanted name.
    pub username: String,
    /// Wanted password. (Not in `Debug` output of callers: never log a registration.)
    pub password: Secret,
    /// Address of a picture; may be empty.
    pub avatar: String,
}

impl Registration {
    /// A registration without a picture.
    #[must_use]
    pub fn new(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self { username: username.into(), password: Secret(password.into()), avatar: String::new() }
    }
}

/// A string that is never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(pub String);

impl Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Users as others see them.
///
/// ```
/// # use std::sync::Arc;
/// # use gochat_core::{Settings, usecase};
/// # use gochat_core::model::*;
/// # use gochat_core::service::*;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::result::Result<(), gochat_core::Error> {
/// # let kit = gochat_core::testing::TestKit::new();
/// # let log = slog::Logger::root(slog::Discard, slog::o!());
/// # let chat = usecase::services(&kit.ports, Arc::new(Settings::default()), &log);
/// # let alice = chat.accounts.adopt("1", "alice").await?;
/// # let bob = chat.accounts.adopt("2", "bob").await?;
/// # let [alice, bob] = [
/// #     chat.accounts.authenticate(&alice.access_token).await?,
/// #     chat.accounts.authenticate(&bob.access_token).await?,
/// # ];
/// let change = ProfileChange { nickname: Some("Al".to_owned()), ..ProfileChange::default() };
/// chat.profiles.update(&alice, change).await?;
/// assert_eq!(chat.profiles.by_name("ALICE").await?.shown_name(), "Al");
/// assert_eq!(chat.profiles.search(&bob, "al", None).await?.len(), 1);
/// # Ok(())
/// # }
/// ```
#[async_trait]
pub trait Profiles: Debug + Send + Sync + 'static {
    /// Users by id, by position; `None` for those that don't exist. May be a second old.
    async fn by_ids(&self, ids: &[UserId]) -> Result<Vec<Option<Arc<User>>>>;

    /// The user with this name, whatever its case.
    ///
    /// # Errors
    /// `UserNotFound`.
    async fn by_name(&self, name: &str) -> Result<Arc<User>>;

    /// Users whose name or nickname starts with `query`: without the caller and guests.
    ///
    /// # Errors
    /// `Validation` (`q`, `limit`).
    async fn search(&self, caller: &Caller, query: &str, limit: Option<u32>) -> Result<Vec<Arc<User>>>;

    /// Changes the caller's own profile. Another password ends all other logins.
    ///
    /// # Errors
    /// `Validation` (`nickname`, `avatar`, `password`).
    async fn update(&self, caller: &Caller, change: ProfileChange) -> Result<Arc<User>>;
}

/// Changes to a profile; `None` leaves as is.
#[derive(Debug, Clone, Default)]
pub struct ProfileChange {
    /// Another nickname; an empty one removes it.
    pub nickname: Option<String>,
    /// Another picture.
    pub avatar: Option<String>,
    /// Old and new password.
    pub password: Option<(Secret, Secret)>,
}

/// Friends.
///
/// ```
/// # use std::sync::Arc;
/// # use gochat_core::{Settings, usecase};
/// # use gochat_core::model::*;
/// # use gochat_core::service::*;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::result::Result<(), gochat_core::Error> {
/// # let kit = gochat_core::testing::TestKit::new();
/// # let log = slog::Logger::root(slog::Discard, slog::o!());
/// # let chat = usecase::services(&kit.ports, Arc::new(Settings::default()), &log);
/// # let alice = chat.accounts.adopt("1", "alice").await?;
/// # let bob = chat.accounts.adopt("2", "bob").await?;
/// # let [alice, bob] = [
/// #     chat.accounts.authenticate(&alice.access_token).await?,
/// #     chat.accounts.authenticate(&bob.access_token).await?,
/// # ];
/// let made = chat.friends.befriend(&alice, bob.user).await?;
/// assert!(made.new);
/// assert_eq!(chat.friends.online(&bob).await?, [(alice.user, false)]);
/// # Ok(())
/// # }
/// ```
#[async_trait]
pub trait Friends: Debug + Send + Sync + 'static {
    /// Makes the caller and `other` friends at once, and their single conversation exist. Asked again: the same answer.
    ///
    /// # Errors
    /// `Validation` (`friendId`: oneself), `UserNotFound`, `GuestForbidden` (either is a guest), `Conflict` (too many).
    async fn befriend(&self, caller: &Caller, other: UserId) -> Result<NewFriend>;

    /// Ends a friendship. No error when there is none.
    async fn unfriend(&self, caller: &Caller, other: UserId) -> Result<()>;

    /// The caller's friends, and whether each is online.
    async fn list(&self, caller: &Caller) -> Result<Vec<(Arc<User>, bool)>>;

    /// Whether each friend of the caller is online.
    async fn online(&self, caller: &Caller) -> Result<Vec<(UserId, bool)>>;
}

/// A friendship as made or found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewFriend {
    /// Their conversation.
    pub conversation: ConversationId,
    /// Whether they were no friends before.
    pub new: bool,
}
