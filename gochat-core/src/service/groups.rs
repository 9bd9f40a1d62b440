//! Groups.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use super::Result;
use crate::model::{Caller, ConversationId, ConversationView, Group, Member, Role, Timestamp, User, UserId};

/// Groups and who may do what in them. A stranger gets `GroupNotFound` from every call.
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
/// let new = GroupCreation { name: "Team".to_owned(), members: vec![bob.user], ..GroupCreation::default() };
/// let team = chat.groups.create(&alice, new).await?;
/// let id = team.conversation.entry.conversation.id;
///
/// // The owner hands over before leaving.
/// let refused = chat.groups.remove(&alice, id, alice.user).await.unwrap_err();
/// assert_eq!(refused.code().as_str(), "CONFLICT");
/// chat.groups.change_member(&alice, id, bob.user, MemberChange::Owner).await?;
/// chat.groups.remove(&alice, id, alice.user).await?;
/// assert_eq!(chat.groups.get(&bob, id).await?.group.owner, bob.user);
/// # Ok(())
/// # }
/// ```
#[async_trait]
pub trait Groups: Debug + Send + Sync + 'static {
    /// Makes a group. The caller and repeats among the members are ignored.
    ///
    /// # Errors
    /// `Validation` (`groupName`, `avatar`, `description`, `members`), `UserNotFound` naming them, `GuestForbidden`.
    async fn create(&self, caller: &Caller, new: GroupCreation) -> Result<GroupDetail>;

    /// A group with its first members (200 at most; the rest by [`members`](Self::members)).
    async fn get(&self, caller: &Caller, id: ConversationId) -> Result<GroupDetail>;

    /// Members ascending by id.
    ///
    /// # Errors
    /// `Validation` (`limit`, `page`, `size`).
    async fn members(&self, caller: &Caller, id: ConversationId, query: MemberQuery) -> Result<MemberPage>;

    /// Changes name, picture, description: owner and admins.
    ///
    /// # Errors
    /// `Validation`, `Forbidden`.
    async fn update(&self, caller: &Caller, id: ConversationId, change: GroupChange) -> Result<GroupDetail>;

    /// Ends the group: owner.
    ///
    /// # Errors
    /// `Forbidden`.
    async fn dissolve(&self, caller: &Caller, id: ConversationId) -> Result<()>;

    /// Adds members; who is in already, oneself and repeats are ignored.
    ///
    /// # Errors
    /// `UserNotFound` naming them (nobody is added), `GuestForbidden`, `Forbidden`, `Validation` (`members`: too many).
    async fn add(&self, caller: &Caller, id: ConversationId, users: &[UserId]) -> Result<GroupDetail>;

    /// Removes somebody of lower rank, or leaves (`user` = oneself). The owner leaves after transferring; the last one out
    /// dissolves.
    ///
    /// # Errors
    /// `NotAMember`, `Forbidden`, `Conflict`.
    async fn remove(&self, caller: &Caller, id: ConversationId, user: UserId) -> Result<()>;

    /// Changes a member's role (owner) or mute (owner and admins, of lower rank), or makes another the owner.
    ///
    /// # Errors
    /// `NotAMember`, `Forbidden`, `Validation` (`role`).
    async fn change_member(
        &self,
        caller: &Caller,
        id: ConversationId,
        user: UserId,
        change: MemberChange,
    ) -> Result<MemberView>;
}

/// A group to be made.
#[derive(Debug, Clone, Default)]
pub struct GroupCreation {
    /// Its name.
    pub name: String,
    /// Who is in it beside the caller.
    pub members: Vec<UserId>,
    /// Address of a picture; may be empty.
    pub avatar: String,
    /// What it is about; may be empty.
    pub description: String,
}

/// Changes to a group; `None` leaves as is.
#[derive(Debug, Clone, Default)]
pub struct GroupChange {
    /// Another name.
    pub name: Option<String>,
    /// Another picture.
    pub avatar: Option<String>,
    /// Another description.
    pub description: Option<String>,
}

/// A change of a member's standing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MemberChange {
    /// What is named changes; `None` leaves as is.
    Rights {
        /// Another rank: member or admin.
        role: Option<Role>,
        /// Another mute; the inner `None` ends it.
        muted_until: Option<Option<Timestamp>>,
    },
    /// The member becomes the owner, the owner an admin.
    Owner,
}

/// A group with what its page shows.
#[derive(Debug, Clone)]
pub struct GroupDetail {
    /// The group.
    pub group: Group,
    /// Its conversation, as the caller sees it.
    pub conversation: ConversationView,
    /// The first members, ascending by id.
    pub members: MemberPage,
}

/// Which part of the members, who are ascending by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberQuery {
    /// Right above a user.
    After {
        /// Exclusive; from the first when absent.
        user: Option<UserId>,
        /// At most; the default when absent.
        limit: Option<u32>,
    },
    /// Pages counted from the first. Members who come or go meanwhile move what is behind them, so a walk over all is better
    /// made by [`After`](Self::After).
    Page {
        /// From 1.
        page: u32,
        /// Members a page; the default when absent.
        size: Option<u32>,
    },
}

/// A page of members.
#[derive(Debug, Clone, Default)]
pub struct MemberPage {
    /// Ascending by id.
    pub members: Vec<MemberView>,
    /// The size that was used.
    pub size: u32,
    /// Members of the group.
    pub total: u32,
    /// Whether there are more.
    pub has_more: bool,
}

/// A member with their face.
#[derive(Debug, Clone)]
pub struct MemberView {
    /// Their standing.
    pub member: Member,
    /// Who; `None` when the account is gone.
    pub user: Option<Arc<User>>,
    /// Whether they are online.
    pub online: bool,
}
