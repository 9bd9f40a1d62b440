//! Writes of groups, friends and conversations, which empty what they change.

use std::sync::Arc;

use async_trait::async_trait;
use gochat_core::model::{
    Conversation, ConversationEntry, ConversationId, Member, MembersVersion, Note, PageLimit, ReadState, Seq,
    Timestamp, UserId,
};
use gochat_core::ports::{
    AddMembersWrite, Befriend, Befriended, Changes, ConversationStore, FriendStore, GroupPatch, GroupStore,
    MemberPatch, NewGroup, OpenSingle, Opened, Removed, Result, SyncCursor,
};

use super::directory::place;
use super::messages;
use super::shelf::Shelf;

/// Groups. A change of members takes two round trips of the cache, a new group one.
#[derive(Debug)]
pub(super) struct EmptyingGroups {
    pub(super) shelf: Arc<Shelf>,
    pub(super) inner: Arc<dyn GroupStore>,
}

impl EmptyingGroups {
    /// Does a change of members, and empties what is cached of them, before and after.
    async fn changing<T>(&self, group: ConversationId, change: impl Future<Output = Result<T>>) -> Result<T> {
        let places = [place(&self.shelf, group)];
        self.shelf.before("cache.groups", &places).await;
        let changed = change.await;
        self.shelf.after("cache.groups", &places).await;
        changed
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl GroupStore for EmptyingGroups {
    async fn create(&self, new: &NewGroup) -> Result<Conversation> {
        let created = self.inner.create(new).await;
        self.shelf.after("cache.groups", &[place(&self.shelf, new.id)]).await;
        created
    }

    async fn update(&self, group: ConversationId, patch: &GroupPatch) -> Result<Conversation> {
        // Names are not cached, but the version may grow with them.
        self.changing(group, self.inner.update(group, patch)).await
    }

    async fn dissolve(&self, group: ConversationId, expect: MembersVersion, at: Timestamp) -> Result<()> {
        let places = [place(&self.shelf, group), messages::place(&self.shelf, group)];
        self.shelf.before("cache.groups", &places).await;
        let dissolved = self.inner.dissolve(group, expect, at).await;
        self.shelf.after("cache.groups", &places).await;
        dissolved
    }

    async fn add(&self, group: ConversationId, add: &AddMembersWrite) -> Result<Vec<UserId>> {
        self.changing(group, self.inner.add(group, add)).await
    }

    async fn remove(
        &self,
        group: ConversationId,
        user: UserId,
        expect: MembersVersion,
        at: Timestamp,
    ) -> Result<()> {
        self.changing(group, self.inner.remove(group, user, expect, at)).await
    }

    async fn change_member(
        &self,
        group: ConversationId,
        user: UserId,
        patch: &MemberPatch,
        expect: MembersVersion,
    ) -> Result<Member> {
        self.changing(group, self.inner.change_member(group, user, patch, expect)).await
    }

    async fn transfer(
        &self,
        group: ConversationId,
        from: UserId,
        to: UserId,
        expect: MembersVersion,
    ) -> Result<()> {
        self.changing(group, self.inner.transfer(group, from, to, expect)).await
    }

    async fn members(
        &self,
        group: ConversationId,
        after: Option<UserId>,
        limit: PageLimit,
    ) -> Result<Vec<Member>> {
        self.inner.members(group, after, limit).await
    }

    fn noted(&self, note: &Note) -> Option<Arc<dyn GroupStore>> {
        let (inner, shelf) = (self.inner.noted(note)?, Arc::clone(&self.shelf));
        Some(Arc::new(Self { shelf, inner }))
    }
}

/// Friendships. One that makes a conversation takes a round trip of the cache.
#[derive(Debug)]
pub(super) struct EmptyingFriends {
    pub(super) shelf: Arc<Shelf>,
    pub(super) inner: Arc<dyn FriendStore>,
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl FriendStore for EmptyingFriends {
    async fn befriend(&self, new: &Befriend) -> Result<Befriended> {
        let made = self.inner.befriend(new).await;
        if made.as_ref().map_or(true, |made| made.new_conversation) {
            let id = made.as_ref().map_or(new.conversation, |made| made.conversation);
            self.shelf.after("cache.friends", &[place(&self.shelf, id)]).await;
        }
        made
    }

    async fn unfriend(&self, a: UserId, b: UserId) -> Result<Removed> {
        self.inner.unfriend(a, b).await
    }

    async fn friends(&self, users: &[UserId]) -> Result<Vec<Vec<UserId>>> {
        self.inner.friends(users).await
    }

    fn noted(&self, note: &Note) -> Option<Arc<dyn FriendStore>> {
        let (inner, shelf) = (self.inner.noted(note)?, Arc::clone(&self.shelf));
        Some(Arc::new(Self { shelf, inner }))
    }
}

/// Conversations. A new one takes a round trip of the cache.
#[derive(Debug)]
pub(super) struct EmptyingConversations {
    pub(super) shelf: Arc<Shelf>,
    pub(super) inner: Arc<dyn ConversationStore>,
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl ConversationStore for EmptyingConversations {
    async fn open_single(&self, open: &OpenSingle) -> Result<Opened> {
        let opened = self.inner.open_single(open).await;
        if opened.as_ref().map_or(true, |opened| opened.new) {
            let id = opened.as_ref().map_or(open.id, |opened| opened.id);
            self.shelf.after("cache.conversations", &[place(&self.shelf, id)]).await;
        }
        opened
    }

    async fn by_ids(&self, ids: &[ConversationId]) -> Result<Vec<Option<Conversation>>> {
        self.inner.by_ids(ids).await
    }

    async fn list(&self, user: UserId, limit: PageLimit) -> Result<Vec<ConversationEntry>> {
        self.inner.list(user, limit).await
    }

    async fn entries(&self, user: UserId, ids: &[ConversationId]) -> Result<Vec<Option<ConversationEntry>>> {
        self.inner.entries(user, ids).await
    }

    async fn mark_read(
        &self,
        user: UserId,
        conversation: ConversationId,
        seq: Option<Seq>,
    ) -> Result<ReadState> {
        self.inner.mark_read(user, conversation, seq).await
    }

    async fn hide(&self, user: UserId, conversation: ConversationId) -> Result<()> {
        self.inner.hide(user, conversation).await
    }

    async fn changes(&self, user: UserId, cursor: SyncCursor, limit: PageLimit) -> Result<Changes> {
        self.inner.changes(user, cursor, limit).await
    }

    fn noted(&self, note: &Note) -> Option<Arc<dyn ConversationStore>> {
        let (inner, shelf) = (self.inner.noted(note)?, Arc::clone(&self.shelf));
        Some(Arc::new(Self { shelf, inner }))
    }
}
