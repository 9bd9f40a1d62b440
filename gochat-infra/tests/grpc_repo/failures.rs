//! What a caller learns when something is away, late or broken.

use std::sync::Arc;

use gochat_core::model::{ConversationId, MessageId, UserId};
use gochat_core::ports::{ErrorKind, MessageStore, Retry, StoreError, UserStore};
use gochat_core::testing::faults::{Faults, When};
use gochat_core::testing::{Memory, TestKit};
use gochat_infra::grpc::channel::Channel;
use gochat_infra::grpc::repo::{RepoClient, RepoPorts};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::kit::{Gate, Served, client_of, config, impatient, log, message, ports};

#[track_caller]
fn assert_failed<T: std::fmt::Debug>(
    result: Result<T, StoreError>,
    kind: ErrorKind,
    retry: Retry,
    operation: &str,
) {
    let error = result.expect_err("it failed");
    assert_eq!((error.kind(), error.retry(), error.operation()), (kind, retry, operation), "{error:?}");
}

#[tokio::test]
async fn a_server_that_is_gone_did_nothing() {
    let served = Served::start(ports(&Arc::new(Memory::new()))).await;
    let client = served.client();
    assert_eq!(client.heads(&[ConversationId::WORLD]).await.expect("answers").len(), 1);
    assert!(served.stop().await, "it stopped in time");
    // Connecting is refused: the call never left.
    let heads = client.heads(&[ConversationId::WORLD]).await;
    assert_failed(heads, ErrorKind::Unavailable, Retry::Safe, "messages.heads");
    let append = client.append(&[message(1, "x")]).await;
    assert_failed(append, ErrorKind::Unavailable, Retry::Safe, "messages.append");
}

/// Takes calls and hangs up; tells how many connections came.
async fn hangs_up() -> (std::net::SocketAddr, Arc<std::sync::atomic::AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let count = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = count.clone();
    let accept = async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            // Enough that the call is on its way: the preface and settings are shorter.
            let mut bytes = [0; 200];
            let _ = stream.read_exact(&mut bytes).await;
        }
    };
    tokio::task::spawn_local(accept);
    (address, count)
}

#[tokio::test(flavor = "current_thread")]
async fn a_write_that_broke_off_may_have_happened_and_is_made_once() {
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            let (address, connections) = hangs_up().await;
            let client = client_of(address, config());
            let append = client.append(&[message(1, &"x".repeat(1_000))]).await;
            assert_failed(append, ErrorKind::Unavailable, Retry::Ambiguous, "messages.append");
            assert_eq!(connections.load(std::sync::atomic::Ordering::SeqCst), 1);
            let heads = client.heads(&[ConversationId::WORLD; 200]).await;
            assert_failed(heads, ErrorKind::Unavailable, Retry::Safe, "messages.heads");
            assert_eq!(connections.load(std::sync::atomic::Ordering::SeqCst), 3, "a read is made twice");
        })
        .await;
}

#[tokio::test]
async fn what_takes_too_long_is_ended_at_both_ends() {
    let gate = Gate::new();
    let served = Served::start(gate.ports()).await;
    let client = served.client_with(impatient());
    let append = client.append(&[message(1, "x")]).await;
    assert_failed(append, ErrorKind::Timeout, Retry::Ambiguous, "messages.append");
    // The server gave it up, too.
    gate.dropped.acquire().await.expect("never closed").forget();
    let heads = client.heads(&[ConversationId::WORLD]).await;
    assert_failed(heads, ErrorKind::Timeout, Retry::Safe, "messages.heads");
    gate.dropped.acquire().await.expect("never closed").forget();
    // It was told how long it had.
    assert!(gate.allowed().iter().all(|left| *left <= impatient().deadline), "{:?}", gate.allowed());
    assert_eq!(gate.allowed().len(), 2);
}

#[tokio::test]
async fn a_stubborn_caller_does_not_stay_longer_than_the_server_allows() {
    let gate = Gate::new();
    let mut bounds = gochat_infra::grpc::serve::ServeConfig::default();
    bounds.deadline_max = impatient().deadline;
    let served = Served::start_with(gate.ports(), &bounds).await;
    let append = served.client().append(&[message(1, "x")]).await;
    assert_failed(append, ErrorKind::Timeout, Retry::Ambiguous, "messages.append");
}

#[tokio::test]
async fn errors_of_the_store_come_through_as_they_were() {
    let faults = Faults::new();
    let kit = TestKit::new();
    let wrapped = faults.wrap(&kit.ports);
    let ports = RepoPorts {
        users: wrapped.users,
        friends: wrapped.friends,
        logins: wrapped.logins,
        conversations: wrapped.conversations,
        directory: wrapped.directory,
        groups: wrapped.groups,
        messages: wrapped.messages,
        hasher: wrapped.hasher,
        ..ports(&Arc::new(Memory::new()))
    };
    let served = Served::start(ports).await;
    let client = served.client();
    let user = UserId::new(9).expect("in range");
    faults.fail(0, When::After);
    let lost = client.append(&[message(1, "x")]).await;
    assert_failed(lost, ErrorKind::Timeout, Retry::Ambiguous, "messages.append");
    faults.reset();
    faults.fail(0, When::Before);
    // A write that the server says did not happen is the caller's to repeat.
    let write =
        client.recall(MessageId::new(5).expect("in range"), user, gochat_core::model::Timestamp::default());
    assert_failed(write.await, ErrorKind::Unavailable, Retry::Safe, "messages.recall");
    assert_eq!(faults.calls().len(), 1);
    faults.reset();
    faults.fail(0, When::Before);
    // A read is made again.
    assert_eq!(client.password(user).await.expect("the second time"), None);
    assert_eq!(faults.calls(), ["users.password", "users.password"]);
    faults.fail_all("users.password");
    assert_failed(client.password(user).await, ErrorKind::Unavailable, Retry::Safe, "users.password");
}

#[tokio::test]
async fn a_panic_fails_its_own_call_alone() {
    let gate = Gate::new();
    let served = Served::start(gate.ports()).await;
    let client = served.client();
    let batch = [message(1, "x")];
    let other = client.append(&batch);
    let broken = async {
        gate.wait(1).await;
        let broken = MessageStore::by_ids(&client, &[MessageId::new(5).expect("in range")]).await;
        gate.go.add_permits(1);
        broken
    };
    let (other, broken) = tokio::join!(other, broken);
    assert_eq!(other.expect("it is not concerned").len(), 1);
    assert_failed(broken, ErrorKind::Internal, Retry::Never, "messages.by_ids");
}

#[tokio::test]
async fn calls_go_where_instances_are() {
    let memory = Arc::new(Memory::new());
    let (a, b) = (Served::start(ports(&memory)).await, Served::start(ports(&memory)).await);
    let (list, listed) = watch::channel(vec![a.address.to_string()]);
    let client = RepoClient::new(Channel::watched(listed, config(), &log()));
    let works = async || client.by_external("nobody").await.is_ok();
    assert!(works().await);
    // A second one is listed, and the first one dies before it goes from the list: no call fails.
    list.send_replace(vec![a.address.to_string(), b.address.to_string()]);
    for _ in 0..4 {
        assert!(works().await);
    }
    assert!(a.stop().await);
    for _ in 0..8 {
        assert!(works().await);
    }
    list.send_replace(vec![b.address.to_string()]);
    assert!(works().await);
    list.send_replace(Vec::new());
    assert_failed(
        client.by_external("nobody").await,
        ErrorKind::Unavailable,
        Retry::Safe,
        "users.by_external",
    );
}
