//! Who is in which conversation. Never from a cache.

use std::ops::Bound;

use async_trait::async_trait;

use super::{Memory, Place, Room, count};
use crate::model::{
    Access, AccessKind, ConversationId, ConversationKind, Member, Membership, PageLimit, UserId,
};
use crate::ports::{Directory, Freshness, Result};

#[async_trait]
impl Directory for Memory {
    async fn access(
        &self,
        asked: &[(ConversationId, UserId)],
        members_max: u32,
        _freshness: Freshness,
    ) -> Result<Vec<Option<Access>>> {
        let state = self.lock();
        Ok(asked
            .iter()
            .map(|(conversation, user)| Some(state.rooms.get(conversation)?.access(*user, members_max)))
            .collect())
    }

    async fn member_ids(
        &self,
        conversation: ConversationId,
        after: Option<UserId>,
        limit: PageLimit,
    ) -> Result<Vec<UserId>> {
        let state = self.lock();
        let room = state.rooms.get(&conversation);
        Ok(room.map(|room| room.members(after, limit).map(|m| m.user).collect()).unwrap_or_default())
    }

    async fn members(&self, conversation: ConversationId, users: &[UserId]) -> Result<Vec<Option<Member>>> {
        let state = self.lock();
        let room = state.rooms.get(&conversation);
        Ok(users.iter().map(|user| Some(room?.places.get(user)?.member.clone())).collect())
    }

    async fn small_groups(&self, users: &[UserId], members_max: u32) -> Result<Vec<Vec<ConversationId>>> {
        let state = self.lock();
        let small = |room: &&Room| room.is_group() && room.fits(members_max);
        Ok(users
            .iter()
            .map(|user| {
                let theirs = state.rooms.values().filter(|room| room.places.contains_key(user));
                theirs.filter(small).map(|room| room.conversation.id).collect()
            })
            .collect())
    }
}

impl Room {
    fn access(&self, user: UserId, members_max: u32) -> Access {
        let kind = match self.conversation.kind {
            ConversationKind::Single(_) => AccessKind::Single,
            ConversationKind::Group(_) => AccessKind::Group,
            ConversationKind::World => AccessKind::World,
        };
        let named = kind != AccessKind::World && self.fits(members_max);
        Access {
            kind,
            member: self.places.get(&user).map(|Place { member, .. }| Membership {
                role: member.role,
                muted_until: member.muted_until,
            }),
            version: self.conversation.members_version,
            members: named.then(|| self.places.keys().copied().collect()),
        }
    }

    fn fits(&self, members_max: u32) -> bool {
        u32::try_from(self.places.len()).is_ok_and(|n| n <= members_max)
    }

    /// Members above `after`, ascending by id.
    pub(super) fn members(
        &self,
        after: Option<UserId>,
        limit: PageLimit,
    ) -> impl Iterator<Item = &Member> + '_ {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.places.range((from, Bound::Unbounded)).map(|(_, place)| &place.member).take(count(limit))
    }
}
