//! Users and their logins.

use std::sync::Arc;

use super::{LoginId, SessionId, Timestamp, UserId, Username};

/// A user's public face.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Who.
    pub id: UserId,
    /// The unique name, as shown.
    pub name: Username,
    /// The name others see, when it differs from [`name`](Self::name).
    pub nickname: Option<Arc<str>>,
    /// Address of a picture; empty when there is none.
    pub avatar: Arc<str>,
    /// Made without a password, for one login.
    pub guest: bool,
    /// Since when.
    pub created_at: Timestamp,
}

impl User {
    /// What others see: the nickname, else the name.
    #[must_use]
    pub fn shown_name(&self) -> &str {
        self.nickname.as_deref().unwrap_or_else(|| self.name.as_str())
    }
}

/// Who is asking: what a valid token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// The user.
    pub user: UserId,
    /// Whether it is a guest.
    pub guest: bool,
    /// The login that the token belongs to.
    pub login: LoginId,
    /// When the token ends.
    pub expires_at: Timestamp,
    /// The connection that asks, where it is one.
    pub session: Option<SessionId>,
}

impl Caller {
    /// The connection that asks, for a delivery to leave out: it has its answer.
    pub(crate) fn asking(&self) -> Option<(UserId, SessionId)> {
        self.session.map(|session| (self.user, session))
    }
}

/// What a successful login hands out.
#[derive(Debug, Clone)]
pub struct LoginGrant {
    /// Who logged in.
    pub user: Arc<User>,
    /// The login.
    pub login: LoginId,
    /// For `Authorization` and the socket.
    pub access_token: String,
    /// For one refresh.
    pub refresh_token: String,
    /// How long the access token is good for.
    pub expires_in: std::time::Duration,
}
