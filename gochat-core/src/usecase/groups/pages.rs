//! A group and its members with the faces that its page shows.

use super::Groups;
use crate::Error;
use crate::model::{Caller, ConversationId, ConversationKind, Member, PageLimit, UserId};
use crate::service::{GroupDetail, MemberPage, MemberView};

/// Members that a group's page begins with.
const FIRST_MEMBERS: u32 = 200;

impl Groups {
    pub(super) async fn detail(&self, caller: &Caller, id: ConversationId) -> Result<GroupDetail, Error> {
        let entry = self.cx.entry(caller.user, id).await?.ok_or(Error::GroupNotFound)?;
        let ConversationKind::Group(group) = entry.conversation.kind.clone() else {
            return Err(Error::GroupNotFound);
        };
        let members = self.member_page(id, None, FIRST_MEMBERS).await?;
        Ok(GroupDetail { group, conversation: self.cx.conversation_view(entry).await?, members })
    }

    pub(super) async fn member_page(
        &self,
        id: ConversationId,
        after: Option<UserId>,
        size: u32,
    ) -> Result<MemberPage, Error> {
        // One more than wanted tells whether there are more.
        let asked = size.saturating_add(1);
        let limit = PageLimit::new(asked, asked).expect("at least 1");
        let mut members = self.cx.ports.groups.members(id, after, limit).await?;
        let wanted = usize::try_from(size).unwrap_or(usize::MAX);
        let has_more = members.len() > wanted;
        members.truncate(wanted);
        Ok(MemberPage { members: self.member_views(members).await?, has_more })
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
