//! Who is in which conversation.

use async_trait::async_trait;
use gochat_core::model::{
    Access, AccessKind, ConversationId, Member, MembersVersion, Membership, PageLimit, Timestamp, UserId,
};
use gochat_core::ports::{Directory, Freshness, Result};
use gochat_proto::pb::repo::v1 as pb;
use gochat_proto::pb::repo::v1::directory_service_client::DirectoryServiceClient;
use gochat_proto::pb::repo::v1::directory_service_server::DirectoryService;
use tonic::{Request, Response, Status};

use super::convert::{all, limit};
use super::{RepoClient, Served, call, read};
use crate::wire::{self, Malformed, Wire};

type Answer<T> = std::result::Result<Response<T>, Status>;

fn access_pb(access: &Access) -> pb::Access {
    let kind = match access.kind {
        AccessKind::Single => pb::AccessKind::Single,
        AccessKind::Group => pb::AccessKind::Group,
        AccessKind::World => pb::AccessKind::World,
    };
    pb::Access {
        kind: kind.into(),
        member: access.member.map(|m| pb::Standing {
            role: wire::role_number(Some(m.role)),
            muted_until_ms: m.muted_until.map(Timestamp::as_millis),
        }),
        members_version: access.version.get(),
        members: access.members.as_ref().map(|members| pb::MemberIds { ids: wire::numbers(members) }),
    }
}

fn access(pb: pb::Access) -> std::result::Result<Access, Malformed> {
    let kind = match pb::AccessKind::try_from(pb.kind) {
        Ok(pb::AccessKind::Single) => AccessKind::Single,
        Ok(pb::AccessKind::Group) => AccessKind::Group,
        Ok(pb::AccessKind::World) => AccessKind::World,
        Ok(pb::AccessKind::Unspecified) | Err(_) => return Err(Malformed::new("access.kind")),
    };
    let member = pb.member.map(|m| {
        Ok(Membership {
            role: wire::role(m.role, "access.member.role")?,
            muted_until: m.muted_until_ms.map(Timestamp::from_millis),
        })
    });
    let members = pb.members.map(|members| wire::ids(&members.ids, "access.members"));
    Ok(Access {
        kind,
        member: member.transpose()?,
        version: MembersVersion::new(pb.members_version),
        members: members.transpose()?.map(Into::into),
    })
}

#[async_trait]
impl DirectoryService for Served<dyn Directory> {
    async fn get_access(&self, request: Request<pb::GetAccessRequest>) -> Answer<pb::GetAccessResponse> {
        let pb = request.into_inner();
        let asked = all(pb.asked, |q| {
            let conversation = wire::id(q.conversation_id, "asked.conversation_id")?;
            Ok::<_, Malformed>((conversation, wire::id(q.user_id, "asked.user_id")?))
        })?;
        let freshness = match pb::Freshness::try_from(pb.freshness) {
            Ok(pb::Freshness::Cached) => Freshness::Cached,
            Ok(pb::Freshness::Fresh) => Freshness::Fresh,
            Ok(pb::Freshness::Unspecified) | Err(_) => return Err(Malformed::new("freshness").into()),
        };
        let found = self.port.access(&asked, pb.members_max, freshness).await.map_err(|e| self.failed(e))?;
        let slot = |a: &Option<Access>| pb::AccessSlot { access: a.as_ref().map(access_pb) };
        Ok(Response::new(pb::GetAccessResponse { access: found.iter().map(slot).collect() }))
    }

    async fn list_member_ids(
        &self,
        request: Request<pb::ListMemberIdsRequest>,
    ) -> Answer<pb::ListMemberIdsResponse> {
        let pb = request.into_inner();
        let conversation = wire::id(pb.conversation_id, "conversation_id")?;
        let (after, limit) = (wire::optional_id(pb.after_id, "after_id")?, limit(pb.limit)?);
        let ids = self.port.member_ids(conversation, after, limit).await.map_err(|e| self.failed(e))?;
        Ok(Response::new(pb::ListMemberIdsResponse { ids: wire::numbers(&ids) }))
    }

    async fn get_members(&self, request: Request<pb::GetMembersRequest>) -> Answer<pb::GetMembersResponse> {
        let pb = request.into_inner();
        let conversation = wire::id(pb.conversation_id, "conversation_id")?;
        let users = wire::ids(&pb.user_ids, "user_ids")?;
        let found = self.port.members(conversation, &users).await.map_err(|e| self.failed(e))?;
        let slot = |m: &Option<Member>| pb::MemberSlot { member: m.as_ref().map(Wire::to_pb) };
        Ok(Response::new(pb::GetMembersResponse { members: found.iter().map(slot).collect() }))
    }

    async fn list_small_groups(
        &self,
        request: Request<pb::ListSmallGroupsRequest>,
    ) -> Answer<pb::ListSmallGroupsResponse> {
        let pb = request.into_inner();
        let users = wire::ids(&pb.user_ids, "user_ids")?;
        let found = self.port.small_groups(&users, pb.members_max).await.map_err(|e| self.failed(e))?;
        let groups = found.iter().map(|ids| pb::GroupIds { ids: wire::numbers(ids) }).collect();
        Ok(Response::new(pb::ListSmallGroupsResponse { groups }))
    }
}

#[async_trait]
impl Directory for RepoClient {
    async fn access(
        &self,
        asked: &[(ConversationId, UserId)],
        members_max: u32,
        freshness: Freshness,
    ) -> Result<Vec<Option<Access>>> {
        let operation = read("directory.access");
        let question = |(conversation, user): &(ConversationId, UserId)| pb::AccessQuestion {
            conversation_id: conversation.get(),
            user_id: user.get(),
        };
        let freshness = match freshness {
            Freshness::Cached => pb::Freshness::Cached,
            Freshness::Fresh => pb::Freshness::Fresh,
        };
        let request = || pb::GetAccessRequest {
            asked: asked.iter().map(question).collect(),
            members_max,
            freshness: freshness.into(),
        };
        let answer = call!(self, operation, DirectoryServiceClient.get_access, request())?;
        operation.by_position(answer.access, asked.len(), |slot| slot.access.map(access).transpose())
    }

    async fn member_ids(
        &self,
        conversation: ConversationId,
        after: Option<UserId>,
        limit: PageLimit,
    ) -> Result<Vec<UserId>> {
        let operation = read("directory.member_ids");
        let request = || pb::ListMemberIdsRequest {
            conversation_id: conversation.get(),
            after_id: wire::number(after),
            limit: limit.get(),
        };
        let answer = call!(self, operation, DirectoryServiceClient.list_member_ids, request())?;
        operation.read(wire::ids(&answer.ids, "ids"))
    }

    async fn members(&self, conversation: ConversationId, users: &[UserId]) -> Result<Vec<Option<Member>>> {
        let operation = read("directory.members");
        let request =
            || pb::GetMembersRequest { conversation_id: conversation.get(), user_ids: wire::numbers(users) };
        let answer = call!(self, operation, DirectoryServiceClient.get_members, request())?;
        operation.by_position(answer.members, users.len(), |slot| wire::optional(slot.member))
    }

    async fn small_groups(&self, users: &[UserId], members_max: u32) -> Result<Vec<Vec<ConversationId>>> {
        let operation = read("directory.small_groups");
        let request = || pb::ListSmallGroupsRequest { user_ids: wire::numbers(users), members_max };
        let answer = call!(self, operation, DirectoryServiceClient.list_small_groups, request())?;
        operation.by_position(answer.groups, users.len(), |list| wire::ids(&list.ids, "groups"))
    }
}
