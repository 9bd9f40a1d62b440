//! A group and its members with the faces that its page shows.

use super::Groups;
use crate::Error;
use crate::model::{
    Caller, ConversationEntry, ConversationId, ConversationKind, Group, Member, PageLimit, UserId,
};
use crate::service::{GroupDetail, MemberPage, MemberView};

/// Members that a group's page begins with.
const FIRST_MEMBERS: u32 = 200;

impl Groups {
    pub(super) async fn detail(&self, caller: &Caller, id: ConversationId) -> Result<GroupDetail, Error> {
        let (group, entry) = self.group(caller, id).await?;
        let members = self.member_page(id, None, FIRST_MEMBERS, group.member_count).await?;
        Ok(GroupDetail { group, conversation: self.cx.conversation_view(entry).await?, members })
    }

    /// A group, and its conversation as a member sees it.
    pub(super) async fn group(
        &self,
        caller: &Caller,
        id: ConversationId,
    ) -> Result<(Group, ConversationEntry), Error> {
        let entry = self.cx.entry(caller.user, id).await?.ok_or(Error::GroupNotFound)?;
        let ConversationKind::Group(group) = entry.conversation.kind.clone() else {
            return Err(Error::GroupNotFound);
        };
        Ok((group, entry))
    }

    /// After whom a page begins that has so many before it; nothing when the group of `total` members ends before. Costs
    /// the ids of those passed over, never their faces.
    pub(super) async fn page_start(
        &self,
        id: ConversationId,
        skipped: u64,
        total: u32,
    ) -> Result<Option<Option<UserId>>, Error> {
        let Some(skipped) = u32::try_from(skipped).ok().filter(|skipped| *skipped < total) else {
            return Ok(None);
        };
        // Nobody is passed over on the first page.
        let Ok(limit) = PageLimit::new(skipped, skipped) else { return Ok(Some(None)) };
        let passed = self.cx.ports.directory.member_ids(id, None, limit).await?;
        // Fewer than the group had a moment ago: some have left, and the page is behind the end.
        let all_there = u64::try_from(passed.len()).is_ok_and(|n| n == u64::from(skipped));
        Ok(passed.last().copied().filter(|_| all_there).map(Some))
    }

    pub(super) async fn member_page(
        &self,
        id: ConversationId,
        after: Option<UserId>,
        size: u32,
        total: u32,
    ) -> Result<MemberPage, Error> {
        // One more than wanted tells whether there are more.
        let asked = size.saturating_add(1);
        let limit = PageLimit::new(asked, asked).expect("at least 1");
        let mut members = self.cx.ports.groups.members(id, after, limit).await?;
        let wanted = usize::try_from(size).unwrap_or(usize::MAX);
        let has_more = members.len() > wanted;
        members.truncate(wanted);
        Ok(MemberPage { members: self.member_views(members).await?, size, total, has_more })
    }

    pub(super) async fn member_views(&self, members: Vec<Member>) -> Result<Vec<MemberView>, Error> {
        if members.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<UserId> = members.iter().map(|m| m.user).collect();
        let users = self.cx.ports.users.by_ids(&ids).await?;
        let online = self.cx.ports.sessions.online(&ids).await?;
        let faces = users.into_iter().zip(online);
        Ok(members
            .into_iter()
            .zip(faces)
            .map(|(member, (user, online))| MemberView { member, user, online })
            .collect())
    }
}
