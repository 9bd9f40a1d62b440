//! Calls that no client of ours would make.

use gochat_core::testing::Memory;
use gochat_proto::pb::repo::v1 as pb;
use gochat_proto::pb::repo::v1::directory_service_client::DirectoryServiceClient;
use gochat_proto::pb::repo::v1::login_service_client::LoginServiceClient;
use gochat_proto::pb::repo::v1::message_service_client::MessageServiceClient;
use gochat_proto::pb::repo::v1::password_service_client::PasswordServiceClient;
use gochat_proto::pb::repo::v1::user_service_client::UserServiceClient;
use std::sync::Arc;
use tonic::{Code, Status};

use crate::kit::{Served, ports};

#[track_caller]
fn assert_refused<T: std::fmt::Debug>(answer: Result<tonic::Response<T>, Status>, part: &str) {
    let status = answer.expect_err("it is refused");
    assert_eq!((status.code(), status.message()), (Code::InvalidArgument, part));
}

#[tokio::test]
async fn nonsense_is_refused_by_name() {
    let served = Served::start(ports(&Arc::new(Memory::new()))).await;
    let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{}", served.address));
    let channel = endpoint.expect("an address").connect_lazy();
    let mut messages = MessageServiceClient::new(channel.clone());
    let append = pb::AppendMessagesRequest { messages: vec![pb::NewMessage::default()] };
    assert_refused(messages.append_messages(append).await, "malformed message");
    let page = pb::ListMessagesRequest { conversation_id: 1, from: None, limit: 1 };
    assert_refused(messages.list_messages(page).await, "malformed from");
    let from = Some(pb::list_messages_request::From::AfterSeq(0));
    let page = pb::ListMessagesRequest { conversation_id: 1, from, limit: 0 };
    assert_refused(messages.list_messages(page).await, "malformed limit");
    let heads = pb::GetHeadsRequest { conversation_ids: vec![1, 1 << 63] };
    assert_refused(messages.get_heads(heads).await, "malformed conversation_ids");
    let mut logins = LoginServiceClient::new(channel.clone());
    let short = Some(pb::RefreshDigest { digest: vec![0; 31] });
    let login = pb::CreateLoginRequest { login_id: 1, user_id: 1, refresh: short, ..Default::default() };
    assert_refused(logins.create_login(login).await, "malformed refresh");
    let mut users = UserServiceClient::new(channel.clone());
    assert_refused(users.create_user(pb::CreateUserRequest::default()).await, "malformed user");
    let name = pb::GetUserByNameRequest { name: "x".repeat(5_000) };
    assert_refused(users.get_user_by_name(name).await, "malformed name");
    let mut directory = DirectoryServiceClient::new(channel.clone());
    let access = pb::GetAccessRequest { asked: Vec::new(), members_max: 1, freshness: 7 };
    assert_refused(directory.get_access(access).await, "malformed freshness");
    let mut passwords = PasswordServiceClient::new(channel);
    let password = Some(pb::PasswordText { text: "12345".into() });
    assert_refused(passwords.hash_password(pb::HashPasswordRequest { password }).await, "malformed password");
}
