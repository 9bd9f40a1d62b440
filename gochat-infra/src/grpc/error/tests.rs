use std::collections::HashSet;
use std::time::Duration;

use gochat_core::error::{Code as ContractCode, Fault, FieldError};
use gochat_core::model::UserId;

use super::table::{KINDS, RETRIES};
use super::*;

fn back(error: &Error) -> Error {
    // As it arrives: through the headers of an answer.
    let mut headers = http::HeaderMap::new();
    status(error).add_header(&mut headers).expect("fits headers");
    let arrived = Status::from_header_map(&headers).expect("a status");
    super::error(arrived, "here.asked", Effect::Write)
}

#[test]
fn store_errors_come_back_as_they_were() {
    let mut seen = HashSet::new();
    for (kind, name, _) in KINDS {
        assert!(seen.insert(kind), "{name} twice");
        for (retry, _) in RETRIES {
            let sent = StoreError::new(kind, retry, "messages.append").because("secret cause");
            let status = store_status(&sent);
            assert!(!format!("{status:?} {status}").contains("secret"));
            let got = store_error(status, "here.asked", Effect::Read);
            assert_eq!((got.kind(), got.retry(), got.operation()), (kind, retry, "messages.append"));
        }
    }
}

#[test]
fn errors_of_use_cases_come_back_as_they_were() {
    let users = [5, 7].map(|n| UserId::new(n).expect("in range")).to_vec();
    let faults = [
        Fault::Missing,
        Fault::TooShort { min: 3 },
        Fault::TooLong { max: 72 },
        Fault::Malformed,
        Fault::Reserved,
        Fault::Unknown,
        Fault::Contradictory,
        Fault::Oneself,
        Fault::WrongPassword,
    ];
    let fields = faults.map(|fault| FieldError { field: "newPassword", fault }).to_vec();
    let errors = [
        Error::Validation(fields),
        Error::Unauthenticated,
        Error::TokenExpired,
        Error::BadCredentials,
        Error::Forbidden,
        Error::GuestForbidden,
        Error::NotAMember,
        Error::Blocked,
        Error::Muted,
        Error::UserNotFound(users),
        Error::UserNotFound(Vec::new()),
        Error::ConversationNotFound,
        Error::MessageNotFound,
        Error::GroupNotFound,
        Error::UsernameTaken,
        Error::Conflict("make another member the owner before leaving"),
        Error::RecallExpired,
        Error::RateLimited(Duration::from_millis(1_500)),
        Error::Port(StoreError::new(ErrorKind::Full, Retry::Safe, "users.create")),
    ];
    for error in errors {
        let got = back(&error);
        let text = |e: &Error| match e {
            // Its source says where it was.
            Error::Port(e) => format!("{e} {:?} {:?}", e.kind(), e.retry()),
            e => format!("{e:?}"),
        };
        assert_eq!(text(&got), text(&error));
        assert_eq!(got.code(), error.code());
    }
}

#[test]
fn waits_are_never_shortened() {
    let Error::RateLimited(wait) = back(&Error::RateLimited(Duration::from_nanos(1_000_001))) else {
        panic!("another error")
    };
    assert_eq!(wait, Duration::from_millis(2));
}

#[test]
fn every_contract_code_has_a_grpc_code_that_is_an_error() {
    for code in ContractCode::ALL {
        assert_ne!(grpc_code(code), Code::Ok, "{code}");
        let internal = code == ContractCode::Internal;
        assert_eq!(grpc_code(code) == Code::Internal, internal, "{code}");
    }
}

#[test]
fn strange_statuses_mean_what_can_be_known() {
    use Effect::{Read, Write};
    let read = |code| store_error(Status::new(code, "x"), "a.b", Read);
    let write = |code| store_error(Status::new(code, "x"), "a.b", Write);
    for (code, kind, of_read, of_write) in [
        (Code::Unavailable, ErrorKind::Unavailable, Retry::Safe, Retry::Ambiguous),
        (Code::Cancelled, ErrorKind::Unavailable, Retry::Safe, Retry::Ambiguous),
        (Code::DeadlineExceeded, ErrorKind::Timeout, Retry::Safe, Retry::Ambiguous),
        (Code::ResourceExhausted, ErrorKind::Overloaded, Retry::Safe, Retry::Safe),
        (Code::OutOfRange, ErrorKind::TooLarge, Retry::Never, Retry::Never),
        (Code::Unimplemented, ErrorKind::Unsupported, Retry::Never, Retry::Never),
        (Code::InvalidArgument, ErrorKind::Internal, Retry::Never, Retry::Never),
        (Code::Internal, ErrorKind::Internal, Retry::Never, Retry::Ambiguous),
        (Code::Unknown, ErrorKind::Internal, Retry::Never, Retry::Ambiguous),
    ] {
        assert_eq!((read(code).kind(), read(code).retry()), (kind, of_read), "{code:?}");
        assert_eq!((write(code).kind(), write(code).retry()), (kind, of_write), "{code:?}");
        assert_eq!(read(code).operation(), "a.b");
    }
    // As tonic says it when the time is over.
    let late = store_error(Status::cancelled("Timeout expired"), "a.b", Write);
    assert_eq!((late.kind(), late.retry()), (ErrorKind::Timeout, Retry::Ambiguous));
}

#[test]
fn what_never_left_may_be_repeated() {
    let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
    let status = Status::from_error(Box::new(ConnectError(refused.into())));
    assert!(never_sent(&status));
    let error = store_error(status, "messages.append", Effect::Write);
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::Safe));
    // Broken off half way: nobody knows.
    let broken = std::io::Error::from(std::io::ErrorKind::BrokenPipe);
    let error = store_error(Status::from_error(broken.into()), "messages.append", Effect::Write);
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::Ambiguous));
}

#[test]
fn hostile_details_are_foreign() {
    for details in [&b"\xff\xff\xff"[..], b"\x0a\x03foo", b""] {
        let status = Status::with_details(Code::Unavailable, "x", details.to_vec().into());
        let error = store_error(status, "a.b", Effect::Write);
        assert_eq!((error.kind(), error.operation()), (ErrorKind::Unavailable, "a.b"));
    }
    // A long name is not kept.
    let detail = ErrorDetail {
        code: "internal".into(),
        retry: "never".into(),
        operation: "x".repeat(1_000),
        ..ErrorDetail::default()
    };
    let status = Status::with_details(Code::Internal, "x", detail.encode_to_vec().into());
    assert_eq!(store_error(status, "a.b", Effect::Write).operation(), "a.b");
}
