//! Accounts and friendships.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use super::Result;
use crate::model::{ConversationId, Note, PageLimit, PasswordHash, Timestamp, User, UserId, UsernameKey};

/// Accounts.
#[async_trait]
pub trait UserStore: Debug + Send + Sync + 'static {
    /// Stores a new account and makes it a member of the world channel, with everything said there so far as read.
    ///
    /// - Durable and visible to every later call when it returns.
    /// - The world channel's [`MembersVersion`](crate::model::MembersVersion) stays: nobody's rights there depend on who else
    ///   comes.
    ///
    /// # Errors
    /// `Conflict` when the name's key, or the external id, is taken.
    async fn create(&self, new: &NewUser) -> Result<()>;

    /// The users with these ids, by position; `None` for those that don't exist.
    async fn by_ids(&self, ids: &[UserId]) -> Result<Vec<Option<Arc<User>>>>;

    /// The user whose name folds to `key`.
    async fn by_name(&self, key: &UsernameKey) -> Result<Option<Arc<User>>>;

    /// The user that an embedding program calls `external`.
    async fn by_external(&self, external: &str) -> Result<Option<Arc<User>>>;

    /// The stored password of a user; `None` when there is no such user or it has no password.
    async fn password(&self, user: UserId) -> Result<Option<PasswordHash>>;

    /// Changes what `patch` names; durable and visible when it returns.
    ///
    /// # Errors
    /// `NotFound`.
    async fn update(&self, user: UserId, patch: &UserPatch) -> Result<Arc<User>>;

    /// Users, not guests, whose name or nickname starts with `prefix` (both folded here, plain characters, no
    /// patterns), without `viewer`, in order of the folded name; at most `limit`.
    async fn search(&self, prefix: &str, viewer: UserId, limit: PageLimit) -> Result<Vec<Arc<User>>>;
}

/// An account to be stored.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Its public face.
    pub user: User,
    /// The hashed password; guests and embedders' users have none.
    pub password: Option<PasswordHash>,
    /// What an embedding program calls this user; unique.
    pub external: Option<Box<str>>,
}

/// Changes to an account; `None` leaves as is.
#[derive(Debug, Clone, Default)]
pub struct UserPatch {
    /// Another nickname; the inner `None` removes it.
    pub nickname: Option<Option<Arc<str>>>,
    /// Another picture.
    pub avatar: Option<Arc<str>>,
    /// Another password.
    pub password: Option<PasswordHash>,
}

/// Friendships: symmetric, between two different users.
#[async_trait]
pub trait FriendStore: Debug + Send + Sync + 'static {
    /// Makes two users friends and their single conversation exist, in one transaction.
    ///
    /// - Replay: who are friends already stay so; the answer says it.
    /// - `conversation` is used if they have none yet.
    async fn befriend(&self, new: &Befriend) -> Result<Befriended>;

    /// Ends a friendship; the conversation stays. Answers whether there was one.
    async fn unfriend(&self, a: UserId, b: UserId) -> Result<Removed>;

    /// The friends of each user, ascending by id, by position.
    async fn friends(&self, users: &[UserId]) -> Result<Vec<Vec<UserId>>>;

    /// This store, whose next write leaves `note` in its own transaction if it changes anything; `None` where none are kept.
    fn noted(&self, note: &Note) -> Option<Arc<dyn FriendStore>> {
        let _ = note;
        None
    }
}

/// A friendship to be made.
#[derive(Debug, Clone, Copy)]
pub struct Befriend {
    /// The two, in any order.
    pub users: [UserId; 2],
    /// Id for their conversation, should they have none.
    pub conversation: ConversationId,
    /// Now.
    pub at: Timestamp,
}

/// What making a friendship found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Befriended {
    /// Their single conversation.
    pub conversation: ConversationId,
    /// Whether they were no friends before.
    pub new_friends: bool,
    /// Whether the conversation did not exist before.
    pub new_conversation: bool,
}

/// Whether a removal found something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    /// It was there and is gone.
    Gone,
    /// It was not there.
    Absent,
}
