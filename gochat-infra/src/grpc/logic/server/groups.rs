//! Groups.

use gochat_core::service::{GroupChange, GroupCreation};
use gochat_proto::pb::logic::v1::groups_service_server::GroupsService;
use gochat_proto::pb::logic::v1::*;
use tonic::{Request, async_trait};

use super::{Answer, Server, caller, given};
use crate::grpc::logic::convert::{change, members};
use crate::wire::{Wire as _, id, ids};

#[async_trait]
impl GroupsService for Server {
    async fn create_group(&self, request: Request<CreateGroupRequest>) -> Answer<CreateGroupResponse> {
        let CreateGroupRequest { caller: by, name, member_ids, avatar, description } = request.into_inner();
        let members = given(ids(&member_ids, "member_ids"))?;
        let new = GroupCreation { name, members, avatar, description };
        let detail = self.services.groups.create(&caller(by)?, new).await;
        self.answer("groups.create", detail, |detail| CreateGroupResponse { detail: Some(detail.to_pb()) })
    }

    async fn get_group(&self, request: Request<GetGroupRequest>) -> Answer<GetGroupResponse> {
        let GetGroupRequest { caller: by, group_id } = request.into_inner();
        let detail = self.services.groups.get(&caller(by)?, given(id(group_id, "group_id"))?).await;
        self.answer("groups.get", detail, |detail| GetGroupResponse { detail: Some(detail.to_pb()) })
    }

    async fn list_members(&self, request: Request<ListMembersRequest>) -> Answer<ListMembersResponse> {
        let ListMembersRequest { caller: by, group_id, query } = request.into_inner();
        let (id, query) = (given(id(group_id, "group_id"))?, given(members(query))?);
        let page = self.services.groups.members(&caller(by)?, id, query).await;
        self.answer("groups.members", page, |page| ListMembersResponse { page: Some(page.to_pb()) })
    }

    async fn update_group(&self, request: Request<UpdateGroupRequest>) -> Answer<UpdateGroupResponse> {
        let UpdateGroupRequest { caller: by, group_id, name, avatar, description } = request.into_inner();
        let change = GroupChange { name, avatar, description };
        let id = given(id(group_id, "group_id"))?;
        let detail = self.services.groups.update(&caller(by)?, id, change).await;
        self.answer("groups.update", detail, |detail| UpdateGroupResponse { detail: Some(detail.to_pb()) })
    }

    async fn dissolve_group(&self, request: Request<DissolveGroupRequest>) -> Answer<DissolveGroupResponse> {
        let DissolveGroupRequest { caller: by, group_id } = request.into_inner();
        let done = self.services.groups.dissolve(&caller(by)?, given(id(group_id, "group_id"))?).await;
        self.answer("groups.dissolve", done, |()| DissolveGroupResponse {})
    }

    async fn add_members(&self, request: Request<AddMembersRequest>) -> Answer<AddMembersResponse> {
        let AddMembersRequest { caller: by, group_id, user_ids } = request.into_inner();
        let (id, users) = (given(id(group_id, "group_id"))?, given(ids(&user_ids, "user_ids"))?);
        let detail = self.services.groups.add(&caller(by)?, id, &users).await;
        self.answer("groups.add", detail, |detail| AddMembersResponse { detail: Some(detail.to_pb()) })
    }

    async fn remove_member(&self, request: Request<RemoveMemberRequest>) -> Answer<RemoveMemberResponse> {
        let RemoveMemberRequest { caller: by, group_id, user_id } = request.into_inner();
        let (group, user) = (given(id(group_id, "group_id"))?, given(id(user_id, "user_id"))?);
        let done = self.services.groups.remove(&caller(by)?, group, user).await;
        self.answer("groups.remove", done, |()| RemoveMemberResponse {})
    }

    async fn change_member(&self, request: Request<ChangeMemberRequest>) -> Answer<ChangeMemberResponse> {
        let ChangeMemberRequest { caller: by, group_id, user_id, change: what } = request.into_inner();
        let (group, user) = (given(id(group_id, "group_id"))?, given(id(user_id, "user_id"))?);
        let change = given(change(what))?;
        let member = self.services.groups.change_member(&caller(by)?, group, user, change).await;
        self.answer("groups.change_member", member, |member| ChangeMemberResponse {
            member: Some(member.to_pb()),
        })
    }
}
