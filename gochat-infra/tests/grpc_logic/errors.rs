//! Every error comes back as it was, over a real connection.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use gochat_core::error::{Fault, FieldError};
use gochat_core::model::{Caller, LoginGrant, User, UserId};
use gochat_core::ports::{ErrorKind, Retry, StoreError};
use gochat_core::service::{Accounts, Registration, Result};
use gochat_core::testing::TestKit;
use gochat_core::{Error, Settings, usecase};
use parking_lot::Mutex;

use crate::house::quiet;
use crate::line::connect;

/// Accounts that fail as told.
#[derive(Debug, Default)]
struct Failing(Mutex<Option<Error>>);

impl Failing {
    fn fail<T>(&self) -> Result<T> {
        Err(self.0.lock().take().expect("an error to fail with"))
    }
}

#[async_trait]
impl Accounts for Failing {
    async fn register(&self, _: Registration) -> Result<Arc<User>> {
        self.fail()
    }
    async fn login(&self, _: &str, _: &str) -> Result<LoginGrant> {
        panic!("a bug")
    }
    async fn guest(&self, _: &str) -> Result<LoginGrant> {
        self.fail()
    }
    async fn refresh(&self, _: &str) -> Result<LoginGrant> {
        self.fail()
    }
    async fn logout(&self, _: &str) -> Result<()> {
        self.fail()
    }
    async fn authenticate(&self, _: &str) -> Result<Caller> {
        self.fail()
    }
    async fn adopt(&self, _: &str, _: &str) -> Result<LoginGrant> {
        self.fail()
    }
}

fn errors() -> Vec<Error> {
    let fields = [
        ("username", Fault::Missing),
        ("password", Fault::TooShort { min: 6 }),
        ("content", Fault::TooLong { max: usize::MAX }),
        ("q", Fault::Malformed),
        ("guestName", Fault::Reserved),
        ("role", Fault::Unknown),
        ("page", Fault::Contradictory),
        ("friendId", Fault::Oneself),
        ("password", Fault::WrongPassword),
    ];
    let users = (1..=3_000).map(|n| UserId::new(n << 40).expect("in range")).collect();
    let mut errors = vec![
        Error::Validation(fields.map(|(field, fault)| FieldError { field, fault }).to_vec()),
        Error::Unauthenticated,
        Error::TokenExpired,
        Error::BadCredentials,
        Error::Forbidden,
        Error::GuestForbidden,
        Error::NotAMember,
        Error::Blocked,
        Error::Muted,
        Error::UserNotFound(Vec::new()),
        Error::UserNotFound(users),
        Error::ConversationNotFound,
        Error::MessageNotFound,
        Error::GroupNotFound,
        Error::UsernameTaken,
        Error::Conflict("the members of the group keep changing, try again"),
        Error::RecallExpired,
        Error::RateLimited(Duration::from_millis(86_400_001)),
    ];
    for kind in [
        ErrorKind::NotFound,
        ErrorKind::Conflict,
        ErrorKind::Precondition,
        ErrorKind::TooLarge,
        ErrorKind::Overloaded,
        ErrorKind::Unavailable,
        ErrorKind::Full,
        ErrorKind::Timeout,
        ErrorKind::Corrupt,
        ErrorKind::Unsupported,
        ErrorKind::Closed,
        ErrorKind::Internal,
    ] {
        for retry in [Retry::Never, Retry::Safe, Retry::Ambiguous] {
            errors.push(Error::Port(StoreError::new(kind, retry, "users.create")));
        }
    }
    errors
}

/// All of an error but the cause of a port's, which stays where it was.
fn shown(error: &Error) -> String {
    match error {
        Error::Port(e) => format!("{e} {:?} {:?}", e.kind(), e.retry()),
        error => format!("{error:?} {error}"),
    }
}

#[tokio::test]
async fn errors_come_back_as_they_were_and_a_panic_is_a_fault_of_the_server() {
    let failing = Arc::new(Failing::default());
    let kit = TestKit::new();
    let mut services = usecase::services(&kit.ports, Arc::new(Settings::default()), &quiet());
    services.accounts = failing.clone();
    let (remote, _line) = connect(services);
    for (want, sent) in errors().into_iter().zip(errors()) {
        *failing.0.lock() = Some(sent);
        let got = remote.accounts.register(Registration::new("a", "b")).await.expect_err("fails");
        assert_eq!((shown(&got), got.code()), (shown(&want), want.code()));
        assert!(failing.0.lock().is_none(), "asked once, and not more");
    }
    let Err(Error::Port(fault)) = remote.accounts.login("a", "b").await else { panic!("another error") };
    assert_eq!((fault.kind(), fault.retry()), (ErrorKind::Internal, Retry::Ambiguous));
    // The connection outlives it.
    *failing.0.lock() = Some(Error::Muted);
    assert!(matches!(remote.accounts.logout("t").await, Err(Error::Muted)));
}
