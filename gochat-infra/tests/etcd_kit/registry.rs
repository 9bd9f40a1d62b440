//! Who is there, while etcd is.

use gochat_infra::etcd::{Discovery, Registration};

use super::*;

pub(crate) async fn who_registers_is_found_until_it_stops(servers: &'static Servers) {
    let (etcd, ours, theirs) = (servers.etcd().await, supervisor(), supervisor());
    let discovery = Discovery::new(etcd.clone(), &ours, &log());
    let mut seen = discovery.watch(&service());
    seen.changed().await.expect("followed");
    assert!(seen.borrow().is_empty());

    let there = instance("10.0.0.1:7000");
    let registration = Registration::register(etcd, &service(), &id("a"), &there, &theirs, &log()).await;
    let listed = registration.expect("registered").listed();
    until(&mut seen, |all| all.get(&id("a")) == Some(&there)).await;
    assert!(*listed.borrow());

    // Asked to stop, and not yet stopping: the entry goes before anything is drained.
    theirs.stop();
    until(&mut seen, |all| all.is_empty()).await;
    assert!(!*listed.borrow());
    stop(&theirs).await;
    stop(&ours).await;
}

pub(crate) async fn who_dies_is_gone_with_its_lease(servers: &'static Servers) {
    let (etcd, ours) = (servers.etcd().await, supervisor());
    let mut seen = Discovery::new(etcd.clone(), &ours, &log()).watch(&service());
    let config = etcd.config().clone();
    // A process of its own, as far as etcd can tell: with its runtime all its tasks end, and nothing is taken back.
    let dies = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let (etcd, theirs) = (Etcd::connect(config).await.expect("etcd answers"), supervisor());
            let there = instance("10.0.0.1:7000");
            Registration::register(etcd, &service(), &id("a"), &there, &theirs, &log())
                .await
                .expect("registered");
        });
    });
    until(&mut seen, |all| all.len() == 1).await;
    dies.join().expect("no panic");
    until(&mut seen, |all| all.is_empty()).await;
    stop(&ours).await;
}

pub(crate) async fn a_lost_entry_comes_back(servers: &'static Servers) {
    let (etcd, ours, mut raw) = (servers.etcd().await, supervisor(), servers.raw().await);
    let mut seen = Discovery::new(etcd.clone(), &ours, &log()).watch(&service());
    let there = instance("10.0.0.1:7000");
    let key = format!("{}/services/im-logic/a", etcd.config().prefix);
    Registration::register(etcd, &service(), &id("a"), &there, &ours, &log()).await.expect("registered");
    until(&mut seen, |all| all.len() == 1).await;

    raw.delete(&*key, None).await.expect("deleted");
    until(&mut seen, |all| all.is_empty()).await;
    until(&mut seen, |all| all.len() == 1).await;

    let lease = raw.get(&*key, None).await.expect("read").kvs()[0].lease();
    raw.lease_client().revoke(lease).await.expect("revoked");
    until(&mut seen, |all| all.is_empty()).await;
    until(&mut seen, |all| all.len() == 1).await;
    stop(&ours).await;
}

pub(crate) async fn addresses_are_sorted_and_rubbish_is_left_out(servers: &'static Servers) {
    let (etcd, ours, mut raw) = (servers.etcd().await, supervisor(), servers.raw().await);
    let mut addresses = Discovery::new(etcd.clone(), &ours, &log()).addresses(&service());
    let prefix = format!("{}/services/im-logic", etcd.config().prefix);
    for (key, value) in [("bad", "{}"), ("a/b", "{}"), ("worse", "\u{1}"), ("", "x")] {
        raw.put(format!("{prefix}/{key}"), value, None).await.expect("written");
    }
    // Of another service, whose name begins the same.
    raw.put(format!("{prefix}-2/a"), r#"{"address":"z:1","version":"1","started_at":1}"#, None)
        .await
        .expect("written");
    for (name, address) in [("a", "b.example:7000"), ("b", "a.example:7000"), ("c", "b.example:7000")] {
        let there = instance(address);
        Registration::register(etcd.clone(), &service(), &id(name), &there, &ours, &log())
            .await
            .expect("registered");
    }
    until(&mut addresses, |all| *all == ["a.example:7000", "b.example:7000"]).await;
    // One that turns bad is no longer there.
    raw.put(format!("{prefix}/b"), "broken", None).await.expect("written");
    until(&mut addresses, |all| *all == ["b.example:7000"]).await;
    stop(&ours).await;
}

pub(crate) async fn compaction_loses_nothing(servers: &'static Servers) {
    let (etcd, ours, mut raw) = (servers.etcd().await, supervisor(), servers.raw().await);
    let discovery = Discovery::new(etcd.clone(), &ours, &log());
    let mut seen = discovery.watch(&service());
    let key = format!("{}/services/im-logic/a", etcd.config().prefix);
    for n in 1..=20 {
        let value = format!(r#"{{"address":"a:{n}","version":"1","started_at":1}}"#);
        let revision =
            raw.put(&*key, value, None).await.expect("written").header().expect("a header").revision();
        raw.compact(revision, None).await.expect("compacted");
    }
    until(&mut seen, |all| all.get(&id("a")).is_some_and(|i| i.address == "a:20")).await;
    // Who begins after it sees the same.
    until(&mut discovery.addresses(&service()), |all| *all == ["a:20"]).await;
    stop(&ours).await;
}
