//! Groups and their members.

use std::sync::Arc;

use async_trait::async_trait;
use gochat_core::model::{
    Conversation, ConversationId, Member, MembersVersion, Note, PageLimit, Timestamp, UserId,
};
use gochat_core::ports::{AddMembersWrite, GroupPatch, GroupStore, MemberPatch, NewGroup, Result};
use gochat_proto::pb::repo::v1 as pb;
use gochat_proto::pb::repo::v1::group_service_client::GroupServiceClient;
use gochat_proto::pb::repo::v1::group_service_server::GroupService;
use tonic::{Request, Response, Status};

use super::convert::{all, limit, pbs};
use super::outbox::noted;
use super::{RepoClient, Served, call, read, write};
use crate::wire::{self, Wire};

type Answer<T> = std::result::Result<Response<T>, Status>;

#[async_trait]
impl GroupService for Served<dyn GroupStore> {
    async fn create_group(
        &self,
        request: Request<pb::CreateGroupRequest>,
    ) -> Answer<pb::CreateGroupResponse> {
        let pb = request.into_inner();
        let new = NewGroup {
            id: wire::id(pb.conversation_id, "conversation_id")?,
            name: pb.name.into(),
            avatar: pb.avatar.into(),
            description: pb.description.into(),
            owner: wire::id(pb.owner_id, "owner_id")?,
            members: wire::ids(&pb.member_ids, "member_ids")?,
            at: Timestamp::from_millis(pb.at_ms),
        };
        let port = noted(&self.port, pb.note, |port, note| port.noted(note))?;
        let group = port.create(&new).await.map_err(|e| self.failed(e))?;
        Ok(Response::new(pb::CreateGroupResponse { conversation: Some(group.to_pb()) }))
    }

    async fn update_group(
        &self,
        request: Request<pb::UpdateGroupRequest>,
    ) -> Answer<pb::UpdateGroupResponse> {
        let pb = request.into_inner();
        let group = wire::id(pb.conversation_id, "conversation_id")?;
        let patch = GroupPatch {
            name: pb.name.map(Into::into),
            avatar: pb.avatar.map(Into::into),
            description: pb.description.map(Into::into),
        };
        let port = noted(&self.port, pb.note, |port, note| port.noted(note))?;
        let group = port.update(group, &patch).await.map_err(|e| self.failed(e))?;
        Ok(Response::new(pb::UpdateGroupResponse { conversation: Some(group.to_pb()) }))
    }

    async fn dissolve_group(
        &self,
        request: Request<pb::DissolveGroupRequest>,
    ) -> Answer<pb::DissolveGroupResponse> {
        let pb = request.into_inner();
        let group = wire::id(pb.conversation_id, "conversation_id")?;
        let (expect, at) = (MembersVersion::new(pb.expect_version), Timestamp::from_millis(pb.at_ms));
        let port = noted(&self.port, pb.note, |port, note| port.noted(note))?;
        port.dissolve(group, expect, at).await.map_err(|e| self.failed(e))?;
        Ok(Response::new(pb::DissolveGroupResponse {}))
    }

    async fn add_members(&self, request: Request<pb::AddMembersRequest>) -> Answer<pb::AddMembersResponse> {
        let pb = request.into_inner();
        let group = wire::id(pb.conversation_id, "conversation_id")?;
        let add = AddMembersWrite {
            users: wire::ids(&pb.user_ids, "user_ids")?,
            max: pb.max,
            expect: MembersVersion::new(pb.expect_version),
            at: Timestamp::from_millis(pb.at_ms),
        };
        let port = noted(&self.port, pb.note, |port, note| port.noted(note))?;
        let added = port.add(group, &add).await.map_err(|e| self.failed(e))?;
        Ok(Response::new(pb::AddMembersResponse { added_ids: wire::numbers(&added) }))
    }

    async fn remove_member(
        &self,
        request: Request<pb::RemoveMemberRequest>,
    ) -> Answer<pb::RemoveMemberResponse> {
        let pb = request.into_inner();
        let group = wire::id(pb.conversation_id, "conversation_id")?;
        let user = wire::id(pb.user_id, "user_id")?;
        let (expect, at) = (MembersVersion::new(pb.expect_version), Timestamp::from_millis(pb.at_ms));
        let port = noted(&self.port, pb.note, |port, note| port.noted(note))?;
        port.remove(group, user, expect, at).await.map_err(|e| self.failed(e))?;
        Ok(Response::new(pb::RemoveMemberResponse {}))
    }

    async fn change_member(
        &self,
        request: Request<pb::ChangeMemberRequest>,
    ) -> Answer<pb::ChangeMemberResponse> {
        let pb = request.into_inner();
        let group = wire::id(pb.conversation_id, "conversation_id")?;
        let user = wire::id(pb.user_id, "user_id")?;
        let patch = MemberPatch {
            role: wire::optional_role(pb.role, "role")?,
            muted_until: pb.mute.map(|mute| mute.until_ms.map(Timestamp::from_millis)),
        };
        let expect = MembersVersion::new(pb.expect_version);
        let port = noted(&self.port, pb.note, |port, note| port.noted(note))?;
        let member = port.change_member(group, user, &patch, expect).await.map_err(|e| self.failed(e))?;
        Ok(Response::new(pb::ChangeMemberResponse { member: Some(member.to_pb()) }))
    }

    async fn transfer_group(
        &self,
        request: Request<pb::TransferGroupRequest>,
    ) -> Answer<pb::TransferGroupResponse> {
        let pb = request.into_inner();
        let group = wire::id(pb.conversation_id, "conversation_id")?;
        let (from, to) = (wire::id(pb.from_id, "from_id")?, wire::id(pb.to_id, "to_id")?);
        let expect = MembersVersion::new(pb.expect_version);
        let port = noted(&self.port, pb.note, |port, note| port.noted(note))?;
        port.transfer(group, from, to, expect).await.map_err(|e| self.failed(e))?;
        Ok(Response::new(pb::TransferGroupResponse {}))
    }

    async fn list_members(
        &self,
        request: Request<pb::ListMembersRequest>,
    ) -> Answer<pb::ListMembersResponse> {
        let pb = request.into_inner();
        let group = wire::id(pb.conversation_id, "conversation_id")?;
        let (after, limit) = (wire::optional_id(pb.after_id, "after_id")?, limit(pb.limit)?);
        let members = self.port.members(group, after, limit).await.map_err(|e| self.failed(e))?;
        Ok(Response::new(pb::ListMembersResponse { members: pbs(&members) }))
    }
}

#[async_trait]
impl GroupStore for RepoClient {
    async fn create(&self, new: &NewGroup) -> Result<Conversation> {
        let operation = write("groups.create");
        let request = || pb::CreateGroupRequest {
            conversation_id: new.id.get(),
            name: new.name.to_string(),
            avatar: new.avatar.to_string(),
            description: new.description.to_string(),
            owner_id: new.owner.get(),
            member_ids: wire::numbers(&new.members),
            at_ms: new.at.as_millis(),
            note: self.note(),
        };
        let answer = call!(self, operation, GroupServiceClient.create_group, request())?;
        operation.read(wire::nested(answer.conversation, "conversation"))
    }

    async fn update(&self, group: ConversationId, patch: &GroupPatch) -> Result<Conversation> {
        let operation = write("groups.update");
        let request = || pb::UpdateGroupRequest {
            conversation_id: group.get(),
            name: patch.name.as_deref().map(str::to_owned),
            avatar: patch.avatar.as_deref().map(str::to_owned),
            description: patch.description.as_deref().map(str::to_owned),
            note: self.note(),
        };
        let answer = call!(self, operation, GroupServiceClient.update_group, request())?;
        operation.read(wire::nested(answer.conversation, "conversation"))
    }

    async fn dissolve(&self, group: ConversationId, expect: MembersVersion, at: Timestamp) -> Result<()> {
        let operation = write("groups.dissolve");
        let request = || pb::DissolveGroupRequest {
            conversation_id: group.get(),
            expect_version: expect.get(),
            at_ms: at.as_millis(),
            note: self.note(),
        };
        let _: pb::DissolveGroupResponse =
            call!(self, operation, GroupServiceClient.dissolve_group, request())?;
        Ok(())
    }

    async fn add(&self, group: ConversationId, add: &AddMembersWrite) -> Result<Vec<UserId>> {
        let operation = write("groups.add");
        let request = || pb::AddMembersRequest {
            conversation_id: group.get(),
            user_ids: wire::numbers(&add.users),
            max: add.max,
            expect_version: add.expect.get(),
            at_ms: add.at.as_millis(),
            note: self.note(),
        };
        let answer = call!(self, operation, GroupServiceClient.add_members, request())?;
        operation.read(wire::ids(&answer.added_ids, "added_ids"))
    }

    async fn remove(
        &self,
        group: ConversationId,
        user: UserId,
        expect: MembersVersion,
        at: Timestamp,
    ) -> Result<()> {
        let operation = write("groups.remove");
        let request = || pb::RemoveMemberRequest {
            conversation_id: group.get(),
            user_id: user.get(),
            expect_version: expect.get(),
            at_ms: at.as_millis(),
            note: self.note(),
        };
        let _: pb::RemoveMemberResponse =
            call!(self, operation, GroupServiceClient.remove_member, request())?;
        Ok(())
    }

    async fn change_member(
        &self,
        group: ConversationId,
        user: UserId,
        patch: &MemberPatch,
        expect: MembersVersion,
    ) -> Result<Member> {
        let operation = write("groups.change_member");
        let request = || pb::ChangeMemberRequest {
            conversation_id: group.get(),
            user_id: user.get(),
            role: wire::role_number(patch.role),
            mute: patch.muted_until.map(|until| pb::MutePatch { until_ms: until.map(Timestamp::as_millis) }),
            expect_version: expect.get(),
            note: self.note(),
        };
        let answer = call!(self, operation, GroupServiceClient.change_member, request())?;
        operation.read(wire::nested(answer.member, "member"))
    }

    async fn transfer(
        &self,
        group: ConversationId,
        from: UserId,
        to: UserId,
        expect: MembersVersion,
    ) -> Result<()> {
        let operation = write("groups.transfer");
        let request = || pb::TransferGroupRequest {
            conversation_id: group.get(),
            from_id: from.get(),
            to_id: to.get(),
            expect_version: expect.get(),
            note: self.note(),
        };
        let _: pb::TransferGroupResponse =
            call!(self, operation, GroupServiceClient.transfer_group, request())?;
        Ok(())
    }

    async fn members(
        &self,
        group: ConversationId,
        after: Option<UserId>,
        limit: PageLimit,
    ) -> Result<Vec<Member>> {
        let operation = read("groups.members");
        let request = || pb::ListMembersRequest {
            conversation_id: group.get(),
            after_id: wire::number(after),
            limit: limit.get(),
        };
        let answer = call!(self, operation, GroupServiceClient.list_members, request())?;
        operation.read(all(answer.members, Wire::from_pb))
    }

    fn noted(&self, note: &Note) -> Option<Arc<dyn GroupStore>> {
        Some(self.with_note(note))
    }
}
