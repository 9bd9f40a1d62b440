//! etcd dies, comes back, loses everything, or was never there.

use gochat_core::ports::IdGenerator;
use gochat_infra::etcd::{ConfigWatch, Discovery, EtcdError, EtcdUser, Registration};

use super::nodes::{options, take};
use super::*;

pub(crate) async fn everything_goes_on_and_mends_when_etcd_is_killed(_: &'static Servers) {
    Box::pin(killed(false)).await;
}

pub(crate) async fn everything_mends_when_etcd_has_lost_its_data(_: &'static Servers) {
    Box::pin(killed(true)).await;
}

async fn killed(without_data: bool) {
    let (mut server, ours) = (Own::start().await, supervisor());
    let mut config = config(&server.endpoints());
    // Calls to one that is away end soon.
    config.timeout = Duration::from_millis(300);
    let etcd = Etcd::connect(config.clone()).await.expect("etcd answers");
    let key = format!("{}/config/im-logic", config.prefix);
    let mut raw = Client::connect(server.endpoints(), None).await.expect("etcd answers");
    raw.put(&*key, "before", None).await.expect("written");

    let there = instance("10.0.0.1:7000");
    let registration =
        Registration::register(etcd.clone(), &service(), &id("a"), &there, &ours, &log()).await;
    let mut listed = registration.expect("registered").listed();
    let mut seen = Discovery::new(etcd.clone(), &ours, &log()).watch(&service());
    let mut text = ConfigWatch::start(etcd.clone(), &service(), &ours, &log()).await.expect("read").text();
    let ids = take(&etcd, options(0..4), &ours).await.expect("a number");
    let mut state = ids.state();
    until(&mut seen, |all| all.len() == 1).await;

    server.kill();
    until(&mut listed, |listed| !listed).await;
    until(&mut state, |s| !s.held).await;
    // What was known stays, and identifiers are made of what is reserved.
    assert_eq!(seen.borrow().len(), 1);
    assert_eq!(text.borrow().as_deref(), Some("before"));
    assert!(ids.ready().is_err());
    let before = ids.next_id();

    server.restart(without_data).await;
    let mut raw = Client::connect(server.endpoints(), None).await.expect("etcd answers");
    raw.put(&*key, "after", None).await.expect("written");
    until(&mut text, |t| t.as_deref() == Some("after")).await;
    until(&mut listed, |listed| *listed).await;
    until(&mut state, |s| s.held).await;
    assert!(ids.next_id() > before && ids.ready().is_ok());
    Registration::register(etcd, &service(), &id("b"), &there, &ours, &log()).await.expect("registered");
    until(&mut seen, |all| all.len() == 2).await;
    let held = keys(&mut raw, &format!("{}/nodes/", config.prefix)).await;
    assert_eq!(held, [format!("{}/nodes/{}", config.prefix, ids.node())]);
    stop(&ours).await;
}

pub(crate) async fn nobody_there_is_told(_: &'static Servers) {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let mut config = config(&[format!("http://{free}")]);
    config.timeout = Duration::from_millis(200);
    let e = Etcd::connect(config).await.expect_err("nobody is there");
    let said = format!("etcd http://{free}: no answer to read within 200ms; check the endpoints");
    assert!(e.to_string().starts_with(&said), "{e}");
    assert!(matches!(e, EtcdError::Away { .. }));
}

pub(crate) async fn users_are_asked_for(_: &'static Servers) {
    let server = Own::start().await;
    let mut raw = Client::connect(server.endpoints(), None).await.expect("etcd answers");
    raw.user_add("root", "s3cret", None).await.expect("added");
    raw.role_add("root").await.expect("added");
    raw.user_grant_role("root", "root").await.expect("granted");
    raw.auth_enable().await.expect("enabled");

    let mut config = config(&server.endpoints());
    let nobody = Etcd::connect(config.clone()).await.expect_err("a user is needed");
    config.user = Some(EtcdUser { name: "root".into(), password: "wrong".into() });
    let wrong = Etcd::connect(config.clone()).await.expect_err("the password is wrong");
    for e in [nobody, wrong] {
        assert!(matches!(e, EtcdError::Denied { .. }), "{e:?}");
        assert!(
            e.to_string().contains("check user and password") && !format!("{e:?}").contains("wrong"),
            "{e}"
        );
    }
    config.user = Some(EtcdUser { name: "root".into(), password: "s3cret".into() });
    let (etcd, ours) = (Etcd::connect(config).await.expect("welcome"), supervisor());
    let there = instance("10.0.0.1:7000");
    let mut seen = Discovery::new(etcd.clone(), &ours, &log()).watch(&service());
    Registration::register(etcd, &service(), &id("a"), &there, &ours, &log()).await.expect("registered");
    until(&mut seen, |all| all.len() == 1).await;
    stop(&ours).await;
}
