//! What answers carry in `data`, where it is not one of the common objects.

use serde::{Serialize, Serializer};

use crate::{ConvId, Conversation, Group, Id, User};

/// `POST /auth/register`.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Registered<'a> {
    /// The new account.
    pub user: User<'a>,
}

/// `POST /auth/login`, `/auth/guest`, `/auth/refresh`.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Login<'a> {
    /// The access token.
    pub token: &'a str,
    /// The same.
    pub access_token: &'a str,
    /// For one refresh.
    pub refresh_token: &'a str,
    /// How long the access token is good for, in seconds.
    pub expires_in: u64,
    /// Who logged in.
    pub user: User<'a>,
}

/// `GET /users/status/online`: an object of user id to whether they are here.
#[derive(Debug, Clone)]
pub struct Online(pub Vec<(Id, bool)>);

impl Serialize for Online {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

/// `POST /friends`.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Befriended<'a> {
    /// Their single conversation.
    pub conversation: Conversation<'a>,
}

/// `POST /groups`.
#[derive(Debug, Clone, Serialize)]
pub struct GroupMade<'a> {
    /// The group.
    pub group: Group<'a>,
    /// Its conversation.
    pub conversation: Conversation<'a>,
}

/// `POST /messages` when storing takes long.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Accepted<'a> {
    /// Always `accepted`.
    pub status: &'static str,
    /// Where it goes.
    pub conversation_id: ConvId,
    /// What its client calls it.
    pub client_msg_id: &'a str,
}

/// `GET /sync`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncPage<'a> {
    /// Conversations with something new.
    pub conversations: Vec<Conversation<'a>>,
    /// Group memberships that began or ended.
    pub memberships: Vec<SyncMembership>,
    /// Friendships that began or ended.
    pub friends: Vec<SyncFriend>,
    /// To be passed next.
    pub cursor: Id,
    /// Whether there is more now.
    pub has_more: bool,
}

/// A membership that began or ended.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncMembership {
    /// The group's conversation.
    pub conversation_id: ConvId,
    /// The group.
    pub group_id: ConvId,
    /// Whether I am in it.
    pub member: bool,
}

/// A friendship that began or ended.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncFriend {
    /// With whom.
    pub user_id: Id,
    /// Whether we are friends.
    pub friend: bool,
}
