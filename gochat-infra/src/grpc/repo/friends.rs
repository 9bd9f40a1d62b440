//! Friendships.

use std::sync::Arc;

use async_trait::async_trait;
use gochat_core::model::{Note, Timestamp, UserId};
use gochat_core::ports::{Befriend, Befriended, FriendStore, Removed, Result};
use gochat_proto::pb::repo::v1 as pb;
use gochat_proto::pb::repo::v1::friend_service_client::FriendServiceClient;
use gochat_proto::pb::repo::v1::friend_service_server::FriendService;
use tonic::{Request, Response, Status};

use super::outbox::noted;
use super::{RepoClient, Served, call, read, write};
use crate::wire::{self, Malformed};

type Answer<T> = std::result::Result<Response<T>, Status>;

#[async_trait]
impl FriendService for Served<dyn FriendStore> {
    async fn befriend(&self, request: Request<pb::BefriendRequest>) -> Answer<pb::BefriendResponse> {
        let pb = request.into_inner();
        let new = Befriend {
            users: [wire::id(pb.user_a_id, "user_a_id")?, wire::id(pb.user_b_id, "user_b_id")?],
            conversation: wire::id(pb.conversation_id, "conversation_id")?,
            at: Timestamp::from_millis(pb.at_ms),
        };
        let port = noted(&self.port, pb.note, |port, note| port.noted(note))?;
        let found = port.befriend(&new).await.map_err(|e| self.failed(e))?;
        Ok(Response::new(pb::BefriendResponse {
            conversation_id: found.conversation.get(),
            new_friends: found.new_friends,
            new_conversation: found.new_conversation,
        }))
    }

    async fn unfriend(&self, request: Request<pb::UnfriendRequest>) -> Answer<pb::UnfriendResponse> {
        let pb = request.into_inner();
        let (a, b) = (wire::id(pb.user_a_id, "user_a_id")?, wire::id(pb.user_b_id, "user_b_id")?);
        let port = noted(&self.port, pb.note, |port, note| port.noted(note))?;
        let removed = port.unfriend(a, b).await.map_err(|e| self.failed(e))?;
        Ok(Response::new(pb::UnfriendResponse { was_there: removed == Removed::Gone }))
    }

    async fn list_friends(
        &self,
        request: Request<pb::ListFriendsRequest>,
    ) -> Answer<pb::ListFriendsResponse> {
        let users = wire::ids(&request.into_inner().user_ids, "user_ids")?;
        let friends = self.port.friends(&users).await.map_err(|e| self.failed(e))?;
        let friends = friends.iter().map(|ids| pb::FriendIds { ids: wire::numbers(ids) }).collect();
        Ok(Response::new(pb::ListFriendsResponse { friends }))
    }
}

#[async_trait]
impl FriendStore for RepoClient {
    async fn befriend(&self, new: &Befriend) -> Result<Befriended> {
        let operation = write("friends.befriend");
        let request = || pb::BefriendRequest {
            user_a_id: new.users[0].get(),
            user_b_id: new.users[1].get(),
            conversation_id: new.conversation.get(),
            at_ms: new.at.as_millis(),
            note: self.note(),
        };
        let answer = call!(self, operation, FriendServiceClient.befriend, request())?;
        let read = || {
            Ok::<_, Malformed>(Befriended {
                conversation: wire::id(answer.conversation_id, "conversation_id")?,
                new_friends: answer.new_friends,
                new_conversation: answer.new_conversation,
            })
        };
        operation.read(read())
    }

    async fn unfriend(&self, a: UserId, b: UserId) -> Result<Removed> {
        let operation = write("friends.unfriend");
        let request = || pb::UnfriendRequest { user_a_id: a.get(), user_b_id: b.get(), note: self.note() };
        let answer = call!(self, operation, FriendServiceClient.unfriend, request())?;
        Ok(if answer.was_there { Removed::Gone } else { Removed::Absent })
    }

    async fn friends(&self, users: &[UserId]) -> Result<Vec<Vec<UserId>>> {
        let operation = read("friends.friends");
        let request = || pb::ListFriendsRequest { user_ids: wire::numbers(users) };
        let answer = call!(self, operation, FriendServiceClient.list_friends, request())?;
        operation.by_position(answer.friends, users.len(), |list| wire::ids(&list.ids, "friends"))
    }

    fn noted(&self, note: &Note) -> Option<Arc<dyn FriendStore>> {
        Some(self.with_note(note))
    }
}
