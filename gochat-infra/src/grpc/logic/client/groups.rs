//! Groups.

use async_trait::async_trait;
use gochat_core::Error;
use gochat_core::model::{Caller, ConversationId, UserId};
use gochat_core::ports::{ErrorKind, Retry, StoreError};
use gochat_core::service::{
    GroupChange, GroupCreation, GroupDetail, Groups, MemberChange, MemberPage, MemberQuery, MemberView,
    Result,
};
use gochat_proto::pb::logic::v1::groups_service_client::GroupsServiceClient;
use gochat_proto::pb::logic::v1::{
    AddMembersRequest, ChangeMemberRequest, CreateGroupRequest, DissolveGroupRequest, GetGroupRequest,
    ListMembersRequest, RemoveMemberRequest, UpdateGroupRequest,
};

use super::{LogicClient, ask, by};
use crate::grpc::logic::convert::{to_change, to_members};
use crate::wire::{nested, numbers};

#[async_trait]
impl Groups for LogicClient {
    async fn create(&self, caller: &Caller, new: GroupCreation) -> Result<GroupDetail> {
        let request = CreateGroupRequest {
            caller: by(caller),
            name: new.name,
            member_ids: numbers(&new.members),
            avatar: new.avatar,
            description: new.description,
        };
        ask!(self, "groups.create", Write, GroupsServiceClient.create_group, request, |a| {
            nested(a.detail, "detail")
        })
    }

    async fn get(&self, caller: &Caller, id: ConversationId) -> Result<GroupDetail> {
        let request = GetGroupRequest { caller: by(caller), group_id: id.get() };
        ask!(self, "groups.get", Read, GroupsServiceClient.get_group, request, |a| nested(a.detail, "detail"))
    }

    async fn members(&self, caller: &Caller, id: ConversationId, query: MemberQuery) -> Result<MemberPage> {
        let query = Some(to_members(query));
        let request = ListMembersRequest { caller: by(caller), group_id: id.get(), query };
        ask!(self, "groups.members", Read, GroupsServiceClient.list_members, request, |a| {
            nested(a.page, "page")
        })
    }

    async fn update(&self, caller: &Caller, id: ConversationId, change: GroupChange) -> Result<GroupDetail> {
        let GroupChange { name, avatar, description } = change;
        let request =
            UpdateGroupRequest { caller: by(caller), group_id: id.get(), name, avatar, description };
        ask!(self, "groups.update", Write, GroupsServiceClient.update_group, request, |a| {
            nested(a.detail, "detail")
        })
    }

    async fn dissolve(&self, caller: &Caller, id: ConversationId) -> Result<()> {
        let request = DissolveGroupRequest { caller: by(caller), group_id: id.get() };
        ask!(self, "groups.dissolve", Write, GroupsServiceClient.dissolve_group, request, |_| Ok(()))
    }

    async fn add(&self, caller: &Caller, id: ConversationId, users: &[UserId]) -> Result<GroupDetail> {
        let request = AddMembersRequest { caller: by(caller), group_id: id.get(), user_ids: numbers(users) };
        ask!(self, "groups.add", Write, GroupsServiceClient.add_members, request, |a| {
            nested(a.detail, "detail")
        })
    }

    async fn remove(&self, caller: &Caller, id: ConversationId, user: UserId) -> Result<()> {
        let request = RemoveMemberRequest { caller: by(caller), group_id: id.get(), user_id: user.get() };
        ask!(self, "groups.remove", Write, GroupsServiceClient.remove_member, request, |_| Ok(()))
    }

    async fn change_member(
        &self,
        caller: &Caller,
        id: ConversationId,
        user: UserId,
        change: MemberChange,
    ) -> Result<MemberView> {
        let operation = "groups.change_member";
        let Some(change) = to_change(change) else {
            let unsupported = StoreError::new(ErrorKind::Unsupported, Retry::Never, operation);
            return Err(Error::Port(unsupported));
        };
        let request = ChangeMemberRequest {
            caller: by(caller),
            group_id: id.get(),
            user_id: user.get(),
            change: Some(change),
        };
        ask!(self, "groups.change_member", Write, GroupsServiceClient.change_member, request, |a| {
            nested(a.member, "member")
        })
    }
}
