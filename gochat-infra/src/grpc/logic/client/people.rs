//! Profiles and friends.

use std::sync::Arc;

use async_trait::async_trait;
use gochat_core::model::{Caller, User, UserId};
use gochat_core::service::{self, Friends, NewFriend, ProfileChange, Profiles};
use gochat_proto::pb::logic::v1::friends_service_client::FriendsServiceClient;
use gochat_proto::pb::logic::v1::profiles_service_client::ProfilesServiceClient;
use gochat_proto::pb::logic::v1::*;

use super::{LogicClient, ask, by};
use crate::grpc::logic::LOOKUP_MAX;
use crate::grpc::logic::convert::{optional_user, user};
use crate::wire::{Malformed, id, numbers};

/// One user, or none, for each id.
fn by_position(ids: &[UserId], answer: GetUsersResponse) -> Result<Vec<Option<Arc<User>>>, Malformed> {
    if answer.users.len() != ids.len() {
        return Err(Malformed::new("users"));
    }
    answer.users.into_iter().map(|found| optional_user(found.user)).collect()
}

#[async_trait]
impl Profiles for LogicClient {
    async fn by_ids(&self, ids: &[UserId]) -> service::Result<Vec<Option<Arc<User>>>> {
        let mut users = Vec::with_capacity(ids.len());
        for ids in ids.chunks(LOOKUP_MAX) {
            let request = GetUsersRequest { user_ids: numbers(ids) };
            let found = ask!(self, "profiles.by_ids", Read, ProfilesServiceClient.get_users, request, |a| {
                by_position(ids, a)
            });
            users.append(&mut found?);
        }
        Ok(users)
    }

    async fn by_name(&self, name: &str) -> service::Result<Arc<User>> {
        let request = FindUserRequest { name: name.to_owned() };
        ask!(self, "profiles.by_name", Read, ProfilesServiceClient.find_user, request, |a| user(a.user))
    }

    async fn search(
        &self,
        caller: &Caller,
        query: &str,
        limit: Option<u32>,
    ) -> service::Result<Vec<Arc<User>>> {
        let request = SearchUsersRequest { caller: by(caller), query: query.to_owned(), limit };
        ask!(self, "profiles.search", Read, ProfilesServiceClient.search_users, request, |a| {
            a.users.into_iter().map(|found| user(Some(found))).collect()
        })
    }

    async fn update(&self, caller: &Caller, change: ProfileChange) -> service::Result<Arc<User>> {
        let password =
            change.password.map(|(old, new)| PasswordChange { old_password: old.0, new_password: new.0 });
        let ProfileChange { nickname, avatar, .. } = change;
        let request = UpdateProfileRequest { caller: by(caller), nickname, avatar, password };
        ask!(self, "profiles.update", Write, ProfilesServiceClient.update_profile, request, |a| user(a.user))
    }
}

#[async_trait]
impl Friends for LogicClient {
    async fn befriend(&self, caller: &Caller, other: UserId) -> service::Result<NewFriend> {
        let request = BefriendRequest { caller: by(caller), user_id: other.get() };
        // The second time they are no new friends.
        ask!(self, "friends.befriend", Write, FriendsServiceClient.befriend, request, |a| {
            Ok(NewFriend { conversation: id(a.conversation_id, "conversation_id")?, new: a.is_new })
        })
    }

    async fn unfriend(&self, caller: &Caller, other: UserId) -> service::Result<()> {
        let request = UnfriendRequest { caller: by(caller), user_id: other.get() };
        ask!(self, "friends.unfriend", Write, FriendsServiceClient.unfriend, request, |_| Ok(()))
    }

    async fn list(&self, caller: &Caller) -> service::Result<Vec<(Arc<User>, bool)>> {
        let request = ListFriendsRequest { caller: by(caller) };
        ask!(self, "friends.list", Read, FriendsServiceClient.list_friends, request, |a| {
            a.friends.into_iter().map(|friend| Ok((user(friend.user)?, friend.online))).collect()
        })
    }

    async fn online(&self, caller: &Caller) -> service::Result<Vec<(UserId, bool)>> {
        let request = ListFriendsOnlineRequest { caller: by(caller) };
        ask!(self, "friends.online", Read, FriendsServiceClient.list_friends_online, request, |a| {
            a.friends.into_iter().map(|friend| Ok((id(friend.user_id, "user_id")?, friend.online))).collect()
        })
    }
}
