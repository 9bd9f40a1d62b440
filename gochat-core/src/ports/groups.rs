//! Groups. Every change names the version of the members that the caller decided by, and is refused with `Precondition`
//! when that has changed: rights are checked in the use case and still hold when the change is made.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use super::Result;
use crate::model::{
    Conversation, ConversationId, Member, MembersVersion, Note, PageLimit, Role, Timestamp, UserId,
};

/// Groups and their members. All changes are durable and visible to every later call when they return, and each makes the
/// group's [`MembersVersion`] grow.
#[async_trait]
pub trait GroupStore: Debug + Send + Sync + 'static {
    /// Stores a group with its owner and first members.
    async fn create(&self, new: &NewGroup) -> Result<Conversation>;

    /// Changes name, picture or description. Does not depend on the members' version.
    ///
    /// # Errors
    /// `NotFound`.
    async fn update(&self, group: ConversationId, patch: &GroupPatch) -> Result<Conversation>;

    /// Ends a group: nobody is a member any more, nothing can be read or stored.
    ///
    /// # Errors
    /// `NotFound`, `Precondition`.
    async fn dissolve(&self, group: ConversationId, expect: MembersVersion, at: Timestamp) -> Result<()>;

    /// Adds members; those who are in it already are left alone. Answers who is new, ascending by id.
    ///
    /// # Errors
    /// `NotFound`, `Precondition`, `TooLarge` when it would have more than `max` members (nobody is added).
    async fn add(&self, group: ConversationId, add: &AddMembersWrite) -> Result<Vec<UserId>>;

    /// Removes a member.
    ///
    /// # Errors
    /// `NotFound` when there is no such group or member, `Precondition`.
    async fn remove(
        &self,
        group: ConversationId,
        user: UserId,
        expect: MembersVersion,
        at: Timestamp,
    ) -> Result<()>;

    /// Changes a member's rank or mute.
    ///
    /// # Errors
    /// `NotFound` when there is no such group or member, `Precondition`.
    async fn change_member(
        &self,
        group: ConversationId,
        user: UserId,
        patch: &MemberPatch,
        expect: MembersVersion,
    ) -> Result<Member>;

    /// Makes `to` the owner and `from` an admin, in one transaction.
    ///
    /// # Errors
    /// `NotFound` when there is no such group or member, `Precondition`.
    async fn transfer(
        &self,
        group: ConversationId,
        from: UserId,
        to: UserId,
        expect: MembersVersion,
    ) -> Result<()>;

    /// Members ascending by user id, those above `after`, at most `limit`; empty for no such group.
    async fn members(
        &self,
        group: ConversationId,
        after: Option<UserId>,
        limit: PageLimit,
    ) -> Result<Vec<Member>>;

    /// This store, whose next write leaves `note` in its own transaction if it changes anything; `None` where none are kept.
    fn noted(&self, note: &Note) -> Option<Arc<dyn GroupStore>> {
        let _ = note;
        None
    }
}

/// A group to be stored.
#[derive(Debug, Clone)]
pub struct NewGroup {
    /// Its id, and its conversation's.
    pub id: ConversationId,
    /// Its name.
    pub name: Arc<str>,
    /// Address of a picture; may be empty.
    pub avatar: Arc<str>,
    /// What it is about; may be empty.
    pub description: Arc<str>,
    /// Who made it.
    pub owner: UserId,
    /// The others: no repeats, without the owner.
    pub members: Vec<UserId>,
    /// Now.
    pub at: Timestamp,
}

/// Changes to a group; `None` leaves as is.
#[derive(Debug, Clone, Default)]
pub struct GroupPatch {
    /// Another name.
    pub name: Option<Arc<str>>,
    /// Another picture.
    pub avatar: Option<Arc<str>>,
    /// Another description.
    pub description: Option<Arc<str>>,
}

/// Members to be added.
#[derive(Debug, Clone)]
pub struct AddMembersWrite {
    /// Who: no repeats.
    pub users: Vec<UserId>,
    /// Most members that the group may have afterwards.
    pub max: u32,
    /// The version of the members that the caller decided by.
    pub expect: MembersVersion,
    /// Now.
    pub at: Timestamp,
}

/// Changes to a member; `None` leaves as is.
#[derive(Debug, Clone, Copy, Default)]
pub struct MemberPatch {
    /// Another rank: member or admin.
    pub role: Option<Role>,
    /// Another mute; the inner `None` ends it.
    pub muted_until: Option<Option<Timestamp>>,
}
