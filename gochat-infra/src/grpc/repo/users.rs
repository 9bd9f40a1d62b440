//! Accounts.

use std::sync::Arc;

use async_trait::async_trait;
use gochat_core::model::{PageLimit, PasswordHash, User, UserId, UsernameKey};
use gochat_core::ports::{NewUser, Result, UserPatch, UserStore};
use gochat_proto::pb::repo::v1 as pb;
use gochat_proto::pb::repo::v1::user_service_client::UserServiceClient;
use gochat_proto::pb::repo::v1::user_service_server::UserService;
use tonic::{Request, Response, Status};

use super::convert::{all, limit};
use super::passwords::{hash, hash_pb};
use super::{RepoClient, Served, call, read, write};
use crate::wire::{self, Malformed, Wire};

type Answer<T> = std::result::Result<Response<T>, Status>;

fn user_pb(user: Option<Arc<User>>) -> Option<gochat_proto::pb::types::v1::User> {
    user.map(|user| user.to_pb())
}

fn shared(
    user: Option<gochat_proto::pb::types::v1::User>,
) -> std::result::Result<Option<Arc<User>>, Malformed> {
    Ok(wire::optional(user)?.map(Arc::new))
}

#[async_trait]
impl UserService for Served<dyn UserStore> {
    async fn create_user(&self, request: Request<pb::CreateUserRequest>) -> Answer<pb::CreateUserResponse> {
        let pb = request.into_inner();
        let new = NewUser {
            user: wire::nested(pb.user, "user")?,
            password: pb.password.map(hash),
            external: pb.external.map(Into::into),
        };
        self.port.create(&new).await.map_err(|e| self.failed(e))?;
        Ok(Response::new(pb::CreateUserResponse {}))
    }

    async fn get_users(&self, request: Request<pb::GetUsersRequest>) -> Answer<pb::GetUsersResponse> {
        let ids = wire::ids(&request.into_inner().ids, "ids")?;
        let users = self.port.by_ids(&ids).await.map_err(|e| self.failed(e))?;
        let users = users.into_iter().map(|user| pb::UserSlot { user: user_pb(user) }).collect();
        Ok(Response::new(pb::GetUsersResponse { users }))
    }

    async fn get_user_by_name(
        &self,
        request: Request<pb::GetUserByNameRequest>,
    ) -> Answer<pb::GetUserByNameResponse> {
        // Folding what is folded changes nothing.
        let key = UsernameKey::of(&request.into_inner().name).ok_or(Malformed::new("name"))?;
        let user = self.port.by_name(&key).await.map_err(|e| self.failed(e))?;
        Ok(Response::new(pb::GetUserByNameResponse { user: user_pb(user) }))
    }

    async fn get_user_by_external(
        &self,
        request: Request<pb::GetUserByExternalRequest>,
    ) -> Answer<pb::GetUserByExternalResponse> {
        let user = self.port.by_external(&request.into_inner().external).await.map_err(|e| self.failed(e))?;
        Ok(Response::new(pb::GetUserByExternalResponse { user: user_pb(user) }))
    }

    async fn get_password(
        &self,
        request: Request<pb::GetPasswordRequest>,
    ) -> Answer<pb::GetPasswordResponse> {
        let user = wire::id(request.into_inner().user_id, "user_id")?;
        let password = self.port.password(user).await.map_err(|e| self.failed(e))?;
        Ok(Response::new(pb::GetPasswordResponse { password: password.as_ref().map(hash_pb) }))
    }

    async fn update_user(&self, request: Request<pb::UpdateUserRequest>) -> Answer<pb::UpdateUserResponse> {
        let pb = request.into_inner();
        let patch = UserPatch {
            nickname: pb.nickname.map(|patch| patch.nickname.map(Into::into)),
            avatar: pb.avatar.map(Into::into),
            password: pb.password.map(hash),
        };
        let user = wire::id(pb.user_id, "user_id")?;
        let user = self.port.update(user, &patch).await.map_err(|e| self.failed(e))?;
        Ok(Response::new(pb::UpdateUserResponse { user: user_pb(Some(user)) }))
    }

    async fn search_users(
        &self,
        request: Request<pb::SearchUsersRequest>,
    ) -> Answer<pb::SearchUsersResponse> {
        let pb = request.into_inner();
        let (viewer, limit) = (wire::id(pb.viewer_id, "viewer_id")?, limit(pb.limit)?);
        let users = self.port.search(&pb.prefix, viewer, limit).await.map_err(|e| self.failed(e))?;
        Ok(Response::new(pb::SearchUsersResponse { users: users.iter().map(|user| user.to_pb()).collect() }))
    }
}

#[async_trait]
impl UserStore for RepoClient {
    async fn create(&self, new: &NewUser) -> Result<()> {
        let operation = write("users.create");
        let request = || pb::CreateUserRequest {
            user: Some(new.user.to_pb()),
            password: new.password.as_ref().map(hash_pb),
            external: new.external.as_deref().map(str::to_owned),
        };
        let _: pb::CreateUserResponse = call!(self, operation, UserServiceClient.create_user, request())?;
        Ok(())
    }

    async fn by_ids(&self, ids: &[UserId]) -> Result<Vec<Option<Arc<User>>>> {
        let operation = read("users.by_ids");
        let request = || pb::GetUsersRequest { ids: wire::numbers(ids) };
        let answer = call!(self, operation, UserServiceClient.get_users, request())?;
        operation.by_position(answer.users, ids.len(), |slot| shared(slot.user))
    }

    async fn by_name(&self, key: &UsernameKey) -> Result<Option<Arc<User>>> {
        let operation = read("users.by_name");
        let request = || pb::GetUserByNameRequest { name: key.as_str().to_owned() };
        let answer = call!(self, operation, UserServiceClient.get_user_by_name, request())?;
        operation.read(shared(answer.user))
    }

    async fn by_external(&self, external: &str) -> Result<Option<Arc<User>>> {
        let operation = read("users.by_external");
        let request = || pb::GetUserByExternalRequest { external: external.to_owned() };
        let answer = call!(self, operation, UserServiceClient.get_user_by_external, request())?;
        operation.read(shared(answer.user))
    }

    async fn password(&self, user: UserId) -> Result<Option<PasswordHash>> {
        let operation = read("users.password");
        let request = || pb::GetPasswordRequest { user_id: user.get() };
        let answer = call!(self, operation, UserServiceClient.get_password, request())?;
        Ok(answer.password.map(hash))
    }

    async fn update(&self, user: UserId, patch: &UserPatch) -> Result<Arc<User>> {
        let operation = write("users.update");
        let request = || pb::UpdateUserRequest {
            user_id: user.get(),
            nickname: patch
                .nickname
                .as_ref()
                .map(|nickname| pb::NicknamePatch { nickname: nickname.as_deref().map(str::to_owned) }),
            avatar: patch.avatar.as_deref().map(str::to_owned),
            password: patch.password.as_ref().map(hash_pb),
        };
        let answer = call!(self, operation, UserServiceClient.update_user, request())?;
        operation.read(wire::nested(answer.user, "user").map(Arc::new))
    }

    async fn search(&self, prefix: &str, viewer: UserId, limit: PageLimit) -> Result<Vec<Arc<User>>> {
        let operation = read("users.search");
        let request = || pb::SearchUsersRequest {
            prefix: prefix.to_owned(),
            viewer_id: viewer.get(),
            limit: limit.get(),
        };
        let answer = call!(self, operation, UserServiceClient.search_users, request())?;
        operation.read(all(answer.users, |user| User::from_pb(user).map(Arc::new)))
    }
}
