//! Passwords and tokens are in no log, of neither side, whatever happens.

use std::fmt;
use std::sync::{Arc, Mutex};

use gochat_core::service::{ProfileChange, Registration, Secret};
use gochat_core::testing::TestKit;
use gochat_core::testing::faults::{Faults, When};
use gochat_core::{Settings, usecase};
use gochat_infra::grpc::channel::{Channel, ChannelConfig};
use gochat_infra::grpc::logic::LogicClient;
use slog::{Drain, KV as _, Logger, Never, OwnedKVList, Record, o};

use crate::house::PASSWORD;
use crate::line::Line;

/// Everything that is logged, at any level.
#[derive(Clone, Default)]
struct Pages(Arc<Mutex<String>>);

impl Drain for Pages {
    type Ok = ();
    type Err = Never;

    fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<(), Never> {
        struct Into<'a>(&'a mut String);
        impl slog::Serializer for Into<'_> {
            fn emit_arguments(&mut self, key: slog::Key, value: &fmt::Arguments<'_>) -> slog::Result {
                self.0.push_str(&format!(" {key}={value}"));
                Ok(())
            }
        }
        let mut pages = self.0.lock().expect("no panic");
        pages.push_str(&record.msg().to_string());
        record.kv().serialize(record, &mut Into(&mut pages)).expect("into a string");
        values.serialize(record, &mut Into(&mut pages)).expect("into a string");
        pages.push('\n');
        Ok(())
    }
}

#[tokio::test]
async fn no_secret_is_logged_whether_a_call_succeeds_is_refused_or_fails() {
    let pages = Pages::default();
    let log = Logger::root(pages.clone().fuse(), o!());
    let (kit, faults) = (TestKit::new(), Faults::new());
    let ports = faults.wrap(&kit.ports);
    let services = usecase::services(&ports, Arc::new(Settings::default()), &log);
    let line = Line::serve_with(&services, &log);
    let channel = Channel::fixed(vec![line.address.clone()], ChannelConfig::default(), &log);
    let remote = LogicClient::new(channel).services();
    remote.accounts.register(Registration::new("alice", PASSWORD)).await.expect("a free name");
    drop(remote.accounts.register(Registration::new("alice", PASSWORD)).await.expect_err("taken"));
    drop(remote.accounts.login("alice", "wrong horse").await.expect_err("wrong"));
    let login = remote.accounts.login("alice", PASSWORD).await.expect("the right password");
    let next = remote.accounts.refresh(&login.refresh_token).await.expect("a fresh token");
    let caller = remote.accounts.authenticate(&next.access_token).await.expect("a good token");
    let secrets = (Secret(PASSWORD.to_owned()), Secret("another horse".to_owned()));
    let change = ProfileChange { password: Some(secrets), ..ProfileChange::default() };
    for call in 0..4 {
        faults.reset();
        faults.fail(call, When::Before);
        drop(remote.profiles.update(&caller, change.clone()).await);
        faults.reset();
        faults.fail(call, When::Before);
        drop(remote.accounts.login("alice", PASSWORD).await);
    }
    faults.reset();
    drop(remote.accounts.logout(&next.access_token).await);
    let pages = pages.0.lock().expect("no panic");
    for (message, call) in [
        ("a call failed", "call=accounts.login"),
        ("a call failed", "call=profiles.update"),
        ("a call was refused", "call=accounts.login"),
    ] {
        assert!(
            pages.lines().any(|l| l.starts_with(message) && l.contains(call)),
            "{message} {call}: {pages}"
        );
    }
    let (access, refresh) = (&login.access_token, &login.refresh_token);
    for secret in ["horse", access, refresh, &next.access_token, &next.refresh_token] {
        assert!(!pages.contains(secret), "{secret} in {pages}");
    }
}
