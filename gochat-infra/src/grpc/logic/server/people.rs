//! Profiles and friends.

use gochat_core::service::{ProfileChange, Secret};
use gochat_proto::pb::logic::v1::friends_service_server::FriendsService;
use gochat_proto::pb::logic::v1::profiles_service_server::ProfilesService;
use gochat_proto::pb::logic::v1::*;
use tonic::{Request, async_trait};

use super::{Answer, Server, caller, given};
use crate::grpc::logic::LOOKUP_MAX;
use crate::wire::{Malformed, Wire as _, id, ids};

#[async_trait]
impl ProfilesService for Server {
    async fn get_users(&self, request: Request<GetUsersRequest>) -> Answer<GetUsersResponse> {
        let GetUsersRequest { user_ids } = request.into_inner();
        if user_ids.len() > LOOKUP_MAX {
            return given(Err(Malformed::new("user_ids")));
        }
        let users = self.services.profiles.by_ids(&given(ids(&user_ids, "user_ids"))?).await;
        self.answer("profiles.by_ids", users, |users| GetUsersResponse {
            users: users.into_iter().map(|user| FoundUser { user: user.map(|user| user.to_pb()) }).collect(),
        })
    }

    async fn find_user(&self, request: Request<FindUserRequest>) -> Answer<FindUserResponse> {
        let FindUserRequest { name } = request.into_inner();
        let user = self.services.profiles.by_name(&name).await;
        self.answer("profiles.by_name", user, |user| FindUserResponse { user: Some(user.to_pb()) })
    }

    async fn search_users(&self, request: Request<SearchUsersRequest>) -> Answer<SearchUsersResponse> {
        let SearchUsersRequest { caller: by, query, limit } = request.into_inner();
        let users = self.services.profiles.search(&caller(by)?, &query, limit).await;
        self.answer("profiles.search", users, |users| SearchUsersResponse {
            users: users.iter().map(|user| user.to_pb()).collect(),
        })
    }

    async fn update_profile(&self, request: Request<UpdateProfileRequest>) -> Answer<UpdateProfileResponse> {
        let UpdateProfileRequest { caller: by, nickname, avatar, password } = request.into_inner();
        let password = password.map(|p| (Secret(p.old_password), Secret(p.new_password)));
        let change = ProfileChange { nickname, avatar, password };
        let user = self.services.profiles.update(&caller(by)?, change).await;
        self.answer("profiles.update", user, |user| UpdateProfileResponse { user: Some(user.to_pb()) })
    }
}

#[async_trait]
impl FriendsService for Server {
    async fn befriend(&self, request: Request<BefriendRequest>) -> Answer<BefriendResponse> {
        let BefriendRequest { caller: by, user_id } = request.into_inner();
        let made = self.services.friends.befriend(&caller(by)?, given(id(user_id, "user_id"))?).await;
        self.answer("friends.befriend", made, |made| BefriendResponse {
            conversation_id: made.conversation.get(),
            is_new: made.new,
        })
    }

    async fn unfriend(&self, request: Request<UnfriendRequest>) -> Answer<UnfriendResponse> {
        let UnfriendRequest { caller: by, user_id } = request.into_inner();
        let done = self.services.friends.unfriend(&caller(by)?, given(id(user_id, "user_id"))?).await;
        self.answer("friends.unfriend", done, |()| UnfriendResponse {})
    }

    async fn list_friends(&self, request: Request<ListFriendsRequest>) -> Answer<ListFriendsResponse> {
        let ListFriendsRequest { caller: by } = request.into_inner();
        let friends = self.services.friends.list(&caller(by)?).await;
        self.answer("friends.list", friends, |friends| ListFriendsResponse {
            friends: friends
                .iter()
                .map(|(user, online)| Friend { user: Some(user.to_pb()), online: *online })
                .collect(),
        })
    }

    async fn list_friends_online(
        &self,
        request: Request<ListFriendsOnlineRequest>,
    ) -> Answer<ListFriendsOnlineResponse> {
        let ListFriendsOnlineRequest { caller: by } = request.into_inner();
        let friends = self.services.friends.online(&caller(by)?).await;
        self.answer("friends.online", friends, |friends| ListFriendsOnlineResponse {
            friends: friends
                .into_iter()
                .map(|(user, online)| FriendOnline { user_id: user.get(), online })
                .collect(),
        })
    }
}
