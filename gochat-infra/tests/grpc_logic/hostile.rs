//! Requests that no client of ours would make: each is refused for what it is, and the server goes on.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use gochat_core::service::{Registration, Services};
use gochat_core::testing::{Seeded, TestKit};
use gochat_core::{Settings, usecase};
use gochat_infra::grpc::channel::{Channel, ChannelConfig};
use gochat_infra::grpc::logic::LogicClient;
use gochat_infra::wire::Wire as _;
use gochat_proto::pb::logic::v1::change_member_request::Change;
use gochat_proto::pb::logic::v1::get_history_request::Query as History;
use gochat_proto::pb::logic::v1::list_members_request::Query as Members;
use gochat_proto::pb::logic::v1::*;
use gochat_proto::pb::types::v1::Caller;
use prost::Message;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Code, Request, Status};

use crate::house::{PASSWORD, quiet};
use crate::line::Line;

/// Every rpc there is.
const RPCS: [(&str, &[&str]); 7] = [
    ("AccountsService", &["Register", "Login", "EnterAsGuest", "Refresh", "Logout", "Authenticate", "Adopt"]),
    ("ProfilesService", &["GetUsers", "FindUser", "SearchUsers", "UpdateProfile"]),
    ("FriendsService", &["Befriend", "Unfriend", "ListFriends", "ListFriendsOnline"]),
    (
        "ConversationsService",
        &[
            "ListConversations",
            "OpenSingle",
            "GetConversation",
            "MarkConversationRead",
            "HideConversation",
            "Sync",
        ],
    ),
    ("MessagesService", &["GetHistory", "GetMessage", "RecallMessage", "MarkMessageRead"]),
    (
        "GroupsService",
        &[
            "CreateGroup",
            "GetGroup",
            "ListMembers",
            "UpdateGroup",
            "DissolveGroup",
            "AddMembers",
            "RemoveMember",
            "ChangeMember",
        ],
    ),
    ("PresencesService", &["OpenSession", "CloseSession", "NotifyTyping"]),
];

fn paths() -> impl Iterator<Item = String> {
    RPCS.iter()
        .flat_map(|(service, rpcs)| rpcs.iter().map(move |rpc| format!("/gochat.logic.v1.{service}/{rpc}")))
}

/// Bytes as they are.
#[derive(Clone, Copy)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, bytes: Bytes, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put(bytes);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

struct Target {
    line: Line,
    remote: Services,
    alice: Caller,
    user_id: u64,
}

impl Target {
    async fn new() -> Self {
        let kit = TestKit::new();
        let line = Line::serve(&usecase::services(&kit.ports, Arc::new(Settings::default()), &quiet()));
        let remote = LogicClient::new(line.channel()).services();
        remote.accounts.register(Registration::new("alice", PASSWORD)).await.expect("a free name");
        let login = remote.accounts.login("alice", PASSWORD).await.expect("the right password");
        let caller = remote.accounts.authenticate(&login.access_token).await.expect("a good token");
        Self { line, remote, alice: caller.to_pb(), user_id: caller.user.get() }
    }

    async fn raw(&self, path: &str, bytes: impl Into<Bytes>) -> Result<Bytes, Status> {
        let mut client = tonic::client::Grpc::new(self.line.channel());
        client.ready().await.expect("always");
        let path = path.parse().expect("a path");
        client.unary(Request::new(bytes.into()), path, Raw).await.map(tonic::Response::into_inner)
    }

    async fn ask(&self, rpc: &str, message: impl Message) -> Result<Bytes, Status> {
        let path = paths().find(|p| p.ends_with(&format!("/{rpc}"))).expect("a known rpc");
        self.raw(&path, message.encode_to_vec()).await
    }

    /// The message of the refusal as malformed.
    #[track_caller]
    fn refused(rpc: &str, answer: Result<Bytes, Status>) -> String {
        let status = answer.expect_err(rpc);
        assert_eq!(status.code(), Code::InvalidArgument, "{rpc}: {status:?}");
        status.message().to_owned()
    }

    async fn goes_on(&self) {
        self.remote.accounts.login("alice", PASSWORD).await.expect("still there");
    }
}

/// Ids that are none.
const NO_IDS: [u64; 3] = [0, 1 << 63, u64::MAX];

#[tokio::test]
async fn every_rpc_refuses_an_empty_request_as_the_input_of_its_caller() {
    let target = Target::new().await;
    for path in paths() {
        let rpc = path.rsplit('/').next().expect("a last part");
        match (rpc, target.raw(&path, Bytes::new()).await) {
            // Whatever the token is; whatever the name is, for a guest; nobody is asked for.
            ("Logout" | "EnterAsGuest" | "GetUsers", answer) => drop(answer.expect(rpc)),
            ("Login" | "Refresh" | "Authenticate", answer) => {
                assert_eq!(answer.expect_err(rpc).code(), Code::Unauthenticated, "{rpc}");
            }
            ("FindUser", answer) => assert_eq!(answer.expect_err(rpc).code(), Code::NotFound),
            (rpc, answer) => drop(Target::refused(rpc, answer)),
        }
    }
    target.goes_on().await;
}

#[tokio::test]
async fn callers_without_a_good_id_are_refused() {
    let target = Target::new().await;
    for bad in NO_IDS {
        for (caller, field) in [
            (Caller { user_id: bad, ..target.alice }, "malformed caller.user_id"),
            (Caller { login_id: bad, ..target.alice }, "malformed caller.login_id"),
            (Caller { session_id: bad | 1 << 63, ..target.alice }, "malformed caller.session_id"),
        ] {
            let answer = target.ask("ListFriends", ListFriendsRequest { caller: Some(caller) }).await;
            assert_eq!(Target::refused("ListFriends", answer), field);
        }
    }
    let answer = target.ask("ListFriends", ListFriendsRequest { caller: None }).await;
    assert_eq!(Target::refused("ListFriends", answer), "malformed caller");
}

#[tokio::test]
async fn ids_that_are_none_are_refused_by_name() {
    let target = Target::new().await;
    let caller = Some(target.alice);
    macro_rules! refuses {
        ($rpc:literal, $request:expr, $field:literal) => {
            let answer = target.ask($rpc, $request).await;
            assert_eq!(Target::refused($rpc, answer), concat!("malformed ", $field));
        };
    }
    for bad in NO_IDS {
        let good = target.user_id;
        refuses!("GetUsers", GetUsersRequest { user_ids: vec![good, bad] }, "user_ids");
        refuses!("Befriend", BefriendRequest { caller, user_id: bad }, "user_id");
        refuses!("Unfriend", UnfriendRequest { caller, user_id: bad }, "user_id");
        refuses!("OpenSingle", OpenSingleRequest { caller, user_id: bad }, "user_id");
        refuses!(
            "GetConversation",
            GetConversationRequest { caller, conversation_id: bad },
            "conversation_id"
        );
        let read = MarkConversationReadRequest { caller, conversation_id: bad, seq: None };
        refuses!("MarkConversationRead", read, "conversation_id");
        refuses!(
            "HideConversation",
            HideConversationRequest { caller, conversation_id: bad },
            "conversation_id"
        );
        let query = Some(History::Page(HistoryByPage { page: 1, size: None }));
        refuses!("GetHistory", GetHistoryRequest { caller, conversation_id: bad, query }, "conversation_id");
        refuses!("GetMessage", GetMessageRequest { caller, message_id: bad }, "message_id");
        refuses!("RecallMessage", RecallMessageRequest { caller, message_id: bad }, "message_id");
        refuses!("MarkMessageRead", MarkMessageReadRequest { caller, message_id: bad }, "message_id");
        let new = CreateGroupRequest { caller, member_ids: vec![bad], ..Default::default() };
        refuses!("CreateGroup", new, "member_ids");
        refuses!("GetGroup", GetGroupRequest { caller, group_id: bad }, "group_id");
        let query = Some(Members::Page(MembersByPage { page: 1, size: None }));
        refuses!("ListMembers", ListMembersRequest { caller, group_id: bad, query }, "group_id");
        let change = UpdateGroupRequest { caller, group_id: bad, ..Default::default() };
        refuses!("UpdateGroup", change, "group_id");
        refuses!("DissolveGroup", DissolveGroupRequest { caller, group_id: bad }, "group_id");
        let add = AddMembersRequest { caller, group_id: 9, user_ids: vec![bad] };
        refuses!("AddMembers", add, "user_ids");
        refuses!("RemoveMember", RemoveMemberRequest { caller, group_id: 9, user_id: bad }, "user_id");
        let change = Some(Change::Owner(Ownership {}));
        refuses!(
            "ChangeMember",
            ChangeMemberRequest { caller, group_id: 9, user_id: bad, change },
            "user_id"
        );
        let open = OpenSessionRequest { caller, session_id: bad, gateway: "g".to_owned() };
        refuses!("OpenSession", open, "session_id");
        refuses!("CloseSession", CloseSessionRequest { caller, session_id: bad }, "session_id");
        let typing = NotifyTypingRequest { caller, conversation_id: bad, typing: true };
        refuses!("NotifyTyping", typing, "conversation_id");
    }
    target.goes_on().await;
}

#[tokio::test]
async fn parts_that_are_missing_or_out_of_bounds_are_refused_by_name() {
    let target = Target::new().await;
    let caller = Some(target.alice);
    macro_rules! refuses {
        ($rpc:literal, $request:expr, $field:literal) => {
            let answer = target.ask($rpc, $request).await;
            assert_eq!(Target::refused($rpc, answer), concat!("malformed ", $field));
        };
    }
    let history = |query| GetHistoryRequest { caller, conversation_id: 1, query };
    let by_seq = |seq| HistoryBySeq { seq, limit: None };
    refuses!("GetHistory", history(None), "query");
    refuses!("GetHistory", history(Some(History::After(by_seq(u64::MAX)))), "after.seq");
    refuses!("GetHistory", history(Some(History::Before(by_seq(1 << 63)))), "before.seq");
    let read = MarkConversationReadRequest { caller, conversation_id: 1, seq: Some(u64::MAX) };
    refuses!("MarkConversationRead", read, "seq");
    let members = |query| ListMembersRequest { caller, group_id: 9, query };
    refuses!("ListMembers", members(None), "query");
    let after = MembersAfter { user_id: u64::MAX, limit: None };
    refuses!("ListMembers", members(Some(Members::After(after))), "after.user_id");
    let change = |change| ChangeMemberRequest { caller, group_id: 9, user_id: 9, change };
    refuses!("ChangeMember", change(None), "change");
    for role in [99, -1, i32::MIN] {
        let rights = Change::Rights(MemberRights { role, mute: None });
        refuses!("ChangeMember", change(Some(rights)), "rights.role");
    }
    for gateway in [String::new(), "a.b".to_owned(), "x".repeat(65), "名".to_owned()] {
        refuses!("OpenSession", OpenSessionRequest { caller, session_id: 9, gateway }, "gateway");
    }
    let many = GetUsersRequest { user_ids: vec![target.user_id; 1_001] };
    refuses!("GetUsers", many, "user_ids");
    target.goes_on().await;
}

#[tokio::test]
async fn a_client_looks_up_more_users_than_one_call_takes() {
    let target = Target::new().await;
    let alice = target.remote.profiles.by_name("alice").await.expect("registered");
    let users = target.remote.profiles.by_ids(&vec![alice.id; 2_345]).await.expect("in several calls");
    assert_eq!(users.len(), 2_345);
    assert!(users.iter().all(|user| user.as_deref() == Some(&*alice)));
}

#[tokio::test]
async fn texts_of_a_megabyte_are_the_fault_of_their_sender() {
    let target = Target::new().await;
    let caller = Some(target.alice);
    let long = || "界".repeat(350_000);
    let malformed = [
        (
            "Register",
            target
                .ask("Register", RegisterRequest { username: long(), password: long(), avatar: long() })
                .await,
        ),
        ("EnterAsGuest", target.ask("EnterAsGuest", EnterAsGuestRequest { name: long() }).await),
        ("Adopt", target.ask("Adopt", AdoptRequest { external_id: long(), name: long() }).await),
        (
            "SearchUsers",
            target.ask("SearchUsers", SearchUsersRequest { caller, query: long(), limit: None }).await,
        ),
        (
            "UpdateProfile",
            target
                .ask(
                    "UpdateProfile",
                    UpdateProfileRequest {
                        caller,
                        nickname: Some(long()),
                        avatar: Some(long()),
                        password: Some(PasswordChange { old_password: long(), new_password: long() }),
                    },
                )
                .await,
        ),
        (
            "CreateGroup",
            target
                .ask(
                    "CreateGroup",
                    CreateGroupRequest {
                        caller,
                        name: long(),
                        avatar: long(),
                        description: long(),
                        member_ids: Vec::new(),
                    },
                )
                .await,
        ),
        (
            "OpenSession",
            target.ask("OpenSession", OpenSessionRequest { caller, session_id: 9, gateway: long() }).await,
        ),
    ];
    for (rpc, answer) in malformed {
        drop(Target::refused(rpc, answer));
    }
    for (rpc, answer) in [
        ("Login", target.ask("Login", LoginRequest { username: long(), password: long() }).await),
        ("Refresh", target.ask("Refresh", RefreshRequest { refresh_token: long() }).await),
        ("Authenticate", target.ask("Authenticate", AuthenticateRequest { access_token: long() }).await),
    ] {
        assert_eq!(answer.expect_err(rpc).code(), Code::Unauthenticated, "{rpc}");
    }
    target.ask("Logout", LogoutRequest { access_token: long() }).await.expect("whatever the token");
    let found = target.ask("FindUser", FindUserRequest { name: long() }).await;
    assert_eq!(found.expect_err("nobody").code(), Code::NotFound);
    target.goes_on().await;
}

#[tokio::test]
async fn a_message_beyond_the_largest_is_refused_on_either_side() {
    let target = Target::new().await;
    let mut config = ChannelConfig::default();
    config.message_max = 1_000;
    config.deadline = Duration::from_secs(60);
    let narrow = Channel::fixed(vec![target.line.address.clone()], config, &quiet());
    let narrow = LogicClient::new(narrow).services();
    let ids = vec![gochat_core::model::UserId::new(target.user_id).expect("an id"); 100];
    let received = narrow.profiles.by_ids(&ids).await.expect_err("too large");
    assert_eq!(received.code().as_str(), "TOO_LARGE", "{received:?}");
    let sent =
        target.remote.accounts.authenticate(&"x".repeat(33 * 1024 * 1024)).await.expect_err("too large");
    assert_eq!(sent.code().as_str(), "TOO_LARGE", "{sent:?}");
    target.goes_on().await;
}

#[tokio::test]
async fn bytes_of_chance_break_nothing() {
    let target = Target::new().await;
    let mut chance = Seeded::new(7);
    for path in paths() {
        for _ in 0..60 {
            let length = chance.below(64);
            let bytes: Vec<u8> = (0..length).map(|_| chance.below(256) as u8).collect();
            let Err(status) = target.raw(&path, bytes.clone()).await else { continue };
            match status.code() {
                // Not protobuf at all: gRPC itself answers so, before any service is asked.
                Code::Internal => {
                    assert!(
                        status.message().starts_with("failed to decode Protobuf message"),
                        "{path} {bytes:?} {status:?}"
                    );
                }
                Code::InvalidArgument | Code::Unauthenticated | Code::NotFound => {}
                _ => panic!("{path} {bytes:?} {status:?}"),
            }
        }
    }
    target.goes_on().await;
}
