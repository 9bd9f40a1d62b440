//! Settings that change while services run.

use gochat_infra::etcd::ConfigWatch;

use super::*;

pub(crate) async fn settings_are_followed(servers: &'static Servers) {
    let (etcd, ours, mut raw) = (servers.etcd().await, supervisor(), servers.raw().await);
    let key = format!("{}/config/im-logic", etcd.config().prefix);
    raw.put(&*key, "[log]\nlevel = \"debug\"\n", None).await.expect("written");
    let watch = ConfigWatch::start(etcd.clone(), &service(), &ours, &log()).await.expect("read");
    assert_eq!(watch.key(), key);
    let mut text = watch.text();
    assert_eq!(text.borrow().as_deref(), Some("[log]\nlevel = \"debug\"\n"));

    raw.put(&*key, "a", None).await.expect("written");
    until(&mut text, |t| t.as_deref() == Some("a")).await;
    // What can't be a text changes nothing, and what comes after it does.
    raw.put(&*key, b"\xff\xfe".to_vec(), None).await.expect("written");
    raw.put(&*key, vec![b'x'; (256 << 10) + 1], None).await.expect("written");
    raw.put(format!("{key}-2"), "of somebody else", None).await.expect("written");
    raw.put(&*key, "b", None).await.expect("written");
    text.changed().await.expect("followed");
    assert_eq!(text.borrow_and_update().as_deref(), Some("b"));
    raw.delete(&*key, None).await.expect("deleted");
    until(&mut text, Option::is_none).await;
    stop(&ours).await;
}
