//! Groups.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Mark, Memory, Room, State};
use crate::model::{
    Conversation, ConversationId, ConversationKind, Group, Member, MembersVersion, Note, PageLimit, Role,
    Timestamp, UserId,
};
use crate::ports::{
    AddMembersWrite, GroupPatch, GroupStore, MemberPatch, NewGroup, Presence, Result, StoreError,
};

#[async_trait]
impl GroupStore for Memory {
    async fn create(&self, new: &NewGroup) -> Result<Conversation> {
        let mut state = self.lock();
        if state.rooms.contains_key(&new.id) {
            return Err(StoreError::conflict("groups.create"));
        }
        let group = Group {
            name: new.name.clone(),
            avatar: new.avatar.clone(),
            description: new.description.clone(),
            owner: new.owner,
            member_count: 0,
        };
        let stamp = state.tick();
        let mut room = Room::new(new.id, ConversationKind::Group(group), new.at, stamp);
        room.join(new.owner, Role::Owner, stamp);
        for user in &new.members {
            room.join(*user, Role::Member, stamp);
        }
        room.recount();
        let conversation = room.conversation.clone();
        state.rooms.insert(new.id, room);
        for user in new.members.iter().chain([&new.owner]) {
            state.mark_membership(new.id, *user, Presence::Here);
        }
        state.leave(self.note.as_ref());
        Ok(conversation)
    }

    async fn update(&self, group: ConversationId, patch: &GroupPatch) -> Result<Conversation> {
        let mut state = self.lock();
        let stamp = state.tick();
        let room = state.rooms.get_mut(&group);
        let room = room.filter(|room| room.is_group()).ok_or(StoreError::not_found("groups.update"))?;
        room.stamp = stamp;
        if let Some(group) = room.group() {
            let fields = [
                (&mut group.name, &patch.name),
                (&mut group.avatar, &patch.avatar),
                (&mut group.description, &patch.description),
            ];
            for (field, new) in fields {
                if let Some(new) = new {
                    *field = new.clone();
                }
            }
        }
        let changed = room.conversation.clone();
        state.leave(self.note.as_ref());
        Ok(changed)
    }

    async fn dissolve(&self, group: ConversationId, expect: MembersVersion, _at: Timestamp) -> Result<()> {
        let mut state = self.lock();
        state.expect_group(group, expect, "groups.dissolve")?;
        if let Some(room) = state.rooms.remove(&group) {
            for user in room.places.keys() {
                state.mark_membership(group, *user, Presence::Gone);
            }
        }
        state.leave(self.note.as_ref());
        Ok(())
    }

    async fn add(&self, group: ConversationId, add: &AddMembersWrite) -> Result<Vec<UserId>> {
        let mut state = self.lock();
        let stamp = state.tick();
        let room = state.expect_group(group, add.expect, "groups.add")?;
        let mut new: Vec<_> = add.users.iter().copied().filter(|u| !room.places.contains_key(u)).collect();
        new.sort_unstable();
        if u32::try_from(room.places.len() + new.len()).is_ok_and(|n| n <= add.max) {
            for user in &new {
                room.join(*user, Role::Member, stamp);
            }
        } else if !new.is_empty() {
            let retry = crate::ports::Retry::Never;
            return Err(StoreError::new(crate::ports::ErrorKind::TooLarge, retry, "groups.add"));
        }
        if !new.is_empty() {
            room.members_changed(stamp);
        }
        for user in &new {
            state.mark_membership(group, *user, Presence::Here);
        }
        if !new.is_empty() {
            state.leave(self.note.as_ref());
        }
        Ok(new)
    }

    async fn remove(
        &self,
        group: ConversationId,
        user: UserId,
        expect: MembersVersion,
        _at: Timestamp,
    ) -> Result<()> {
        let mut state = self.lock();
        let stamp = state.tick();
        let room = state.expect_group(group, expect, "groups.remove")?;
        room.places.remove(&user).ok_or(StoreError::not_found("groups.remove"))?;
        room.members_changed(stamp);
        state.mark_membership(group, user, Presence::Gone);
        state.leave(self.note.as_ref());
        Ok(())
    }

    async fn change_member(
        &self,
        group: ConversationId,
        user: UserId,
        patch: &MemberPatch,
        expect: MembersVersion,
    ) -> Result<Member> {
        let mut state = self.lock();
        let stamp = state.tick();
        let room = state.expect_group(group, expect, "groups.change_member")?;
        let place = room.places.get_mut(&user).ok_or(StoreError::not_found("groups.change_member"))?;
        if let Some(role) = patch.role {
            place.member.role = role;
        }
        if let Some(muted_until) = patch.muted_until {
            place.member.muted_until = muted_until;
        }
        let member = place.member.clone();
        room.members_changed(stamp);
        state.leave(self.note.as_ref());
        Ok(member)
    }

    async fn transfer(
        &self,
        group: ConversationId,
        from: UserId,
        to: UserId,
        expect: MembersVersion,
    ) -> Result<()> {
        let mut state = self.lock();
        let stamp = state.tick();
        let room = state.expect_group(group, expect, "groups.transfer")?;
        if ![from, to].iter().all(|user| room.places.contains_key(user)) {
            return Err(StoreError::not_found("groups.transfer"));
        }
        for (user, role) in [(from, Role::Admin), (to, Role::Owner)] {
            if let Some(place) = room.places.get_mut(&user) {
                place.member.role = role;
            }
        }
        if let Some(group) = room.group() {
            group.owner = to;
        }
        room.members_changed(stamp);
        state.leave(self.note.as_ref());
        Ok(())
    }

    async fn members(
        &self,
        group: ConversationId,
        after: Option<UserId>,
        limit: PageLimit,
    ) -> Result<Vec<Member>> {
        let state = self.lock();
        let room = state.rooms.get(&group);
        Ok(room.map(|room| room.members(after, limit).cloned().collect()).unwrap_or_default())
    }

    fn noted(&self, note: &Note) -> Option<Arc<dyn GroupStore>> {
        Some(self.with(note))
    }
}

impl State {
    /// The group, if its members are still those that the caller decided by.
    fn expect_group(
        &mut self,
        group: ConversationId,
        expect: MembersVersion,
        operation: &'static str,
    ) -> Result<&mut Room> {
        let room = self.rooms.get_mut(&group);
        let room = room.filter(|room| room.is_group()).ok_or(StoreError::not_found(operation))?;
        if room.conversation.members_version == expect {
            Ok(room)
        } else {
            Err(StoreError::precondition(operation))
        }
    }

    fn mark_membership(&mut self, group: ConversationId, user: UserId, presence: Presence) {
        let stamp = self.tick();
        self.memberships.entry(user).or_default().insert(group, Mark { presence, stamp });
    }
}

impl Room {
    pub(super) fn is_group(&self) -> bool {
        matches!(self.conversation.kind, ConversationKind::Group(_))
    }

    fn group(&mut self) -> Option<&mut Group> {
        match &mut self.conversation.kind {
            ConversationKind::Group(group) => Some(group),
            _ => None,
        }
    }

    fn recount(&mut self) {
        let members = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        if let Some(group) = self.group() {
            group.member_count = members;
        }
    }

    /// To be called after each change of members or their rights.
    fn members_changed(&mut self, stamp: u64) {
        self.recount();
        self.conversation.members_version = MembersVersion::new(self.conversation.members_version.get() + 1);
        self.stamp = stamp;
    }
}
