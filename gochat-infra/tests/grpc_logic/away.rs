//! What only a network can do: an instance is away, is silent, or talks nonsense.

use std::sync::Arc;
use std::time::Duration;

use gochat_core::error::Code;
use gochat_core::ports::{ErrorKind, Retry};
use gochat_core::service::{Registration, Services};
use gochat_core::testing::TestKit;
use gochat_core::{Error, Settings, usecase};
use gochat_infra::grpc::channel::{Channel, ChannelConfig};
use gochat_infra::grpc::logic::LogicClient;
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::house::{PASSWORD, quiet};
use crate::line::Line;

fn local() -> Services {
    usecase::services(&TestKit::new().ports, Arc::new(Settings::default()), &quiet())
}

fn client(addresses: &[&str], deadline: Duration) -> Services {
    let mut config = ChannelConfig::default();
    config.deadline = deadline;
    let addresses = addresses.iter().map(ToString::to_string).collect();
    LogicClient::new(Channel::fixed(addresses, config, &quiet())).services()
}

/// An address where nobody is.
async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    listener.local_addr().expect("an address").to_string()
}

fn port<T: std::fmt::Debug>(result: Result<T, Error>) -> (ErrorKind, Retry, &'static str, Code) {
    match result {
        Err(error) => {
            let code = error.code();
            let Error::Port(e) = error else { panic!("not of a port: {error:?}") };
            (e.kind(), e.retry(), e.operation(), code)
        }
        Ok(value) => panic!("succeeded: {value:?}"),
    }
}

#[tokio::test]
async fn what_never_arrived_may_be_asked_again() {
    let remote = client(&[&nobody().await], Duration::from_secs(30));
    let registered = remote.accounts.register(Registration::new("alice", PASSWORD)).await;
    let want = (ErrorKind::Unavailable, Retry::Safe, "accounts.register", Code::Unavailable);
    assert_eq!(port(registered), want);
    let want = (ErrorKind::Unavailable, Retry::Safe, "accounts.authenticate", Code::Unavailable);
    assert_eq!(port(remote.accounts.authenticate("t").await), want);
    let none = client(&[], Duration::from_secs(30));
    assert_eq!(port(none.accounts.authenticate("t").await), want);
}

#[tokio::test]
async fn another_instance_answers_for_one_that_is_away() {
    let line = Line::serve(&local());
    let remote = client(&[&nobody().await, &line.address], Duration::from_secs(30));
    for name in ["alice", "bobby", "carla", "doris"] {
        remote.accounts.register(Registration::new(name, PASSWORD)).await.expect("answered");
    }
}

#[tokio::test]
async fn the_silence_of_an_instance_has_an_end() {
    // The kernel takes the connection; nobody reads it.
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = silent.local_addr().expect("an address").to_string();
    let remote = client(&[&address], Duration::from_millis(200));
    let begun = Instant::now();
    let login = remote.accounts.login("alice", PASSWORD).await;
    let want = (ErrorKind::Timeout, Retry::Ambiguous, "accounts.login", Code::Timeout);
    assert_eq!(port(login), want);
    let read = remote.accounts.authenticate("t").await;
    assert_eq!(port(read), (ErrorKind::Timeout, Retry::Safe, "accounts.authenticate", Code::Timeout));
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn one_that_stops_lets_its_calls_end_and_is_then_away() {
    let line = Line::serve(&local());
    let remote = LogicClient::new(line.channel()).services();
    remote.accounts.register(Registration::new("alice", PASSWORD)).await.expect("answered");
    let _shutdown = line.supervisor.shutdown(Duration::from_secs(30)).await;
    let (kind, retry, ..) = port(remote.accounts.authenticate("t").await);
    assert_eq!((kind, retry), (ErrorKind::Unavailable, Retry::Safe));
}

#[tokio::test]
async fn a_login_that_ended_at_one_gateway_is_refused_at_every_other() {
    let line = Line::serve(&local());
    let [one, other] = [(); 2].map(|()| LogicClient::new(line.channel()).services());
    one.accounts.register(Registration::new("alice", PASSWORD)).await.expect("a free name");
    let login = one.accounts.login("alice", PASSWORD).await.expect("the right password");
    for gateway in [&one, &other, &one, &other] {
        gateway.accounts.authenticate(&login.access_token).await.expect("a good token");
    }
    one.accounts.logout(&login.access_token).await.expect("always");
    for gateway in [&other, &one] {
        let refused = gateway.accounts.authenticate(&login.access_token).await;
        assert!(matches!(refused, Err(Error::Unauthenticated)), "{refused:?}");
    }
}
