//! Node numbers, and that no identifier is made twice.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use gochat_core::ports::IdGenerator;
use gochat_infra::etcd::{EtcdError, NodeIds, NodeOptions};
use gochat_infra::runtime::SystemClock;

use super::*;

pub(crate) fn options(nodes: std::ops::Range<u16>) -> NodeOptions {
    let mut options = NodeOptions::new("test");
    options.nodes = nodes;
    options
}

pub(crate) async fn take(
    etcd: &Etcd,
    options: NodeOptions,
    under: &Supervisor,
) -> Result<NodeIds, EtcdError> {
    NodeIds::start(etcd.clone(), options, Arc::new(SystemClock), under, &log()).await
}

fn make(ids: &NodeIds, n: usize) -> Vec<u64> {
    (0..n).map(|_| ids.next_id()).collect()
}

/// Takes a number away from its holder: the lease ends, and somebody else has the key.
async fn rob(raw: &mut Client, prefix: &str, node: u16) {
    let key = format!("{prefix}/nodes/{node}");
    let lease = raw.get(&*key, None).await.expect("read").kvs()[0].lease();
    raw.put(&*key, "somebody else", None).await.expect("written");
    raw.lease_client().revoke(lease).await.expect("revoked");
}

pub(crate) async fn two_race_for_the_last_number(servers: &'static Servers) {
    let (etcd, one, other) = (servers.etcd().await, supervisor(), supervisor());
    let (a, b) = tokio::join!(take(&etcd, options(0..1), &one), take(&etcd, options(0..1), &other));
    let (won, lost) = match (a, b) {
        (Ok(won), Err(lost)) | (Err(lost), Ok(won)) => (won, lost),
        both => panic!("one of them has it: {both:?}"),
    };
    assert_eq!(won.node(), 0);
    assert!(matches!(lost, EtcdError::NoNode { held: 1, nodes: 1, .. }), "{lost:?}");
    assert!(lost.to_string().contains("1 of 1 are held below /gochat-test/"), "{lost}");
    stop(&one).await;
    stop(&other).await;
}

pub(crate) async fn many_at_once_never_make_the_same(servers: &'static Servers) {
    let (etcd, ours) = (servers.etcd().await, supervisor());
    let all = (0..8).map(|_| take(&etcd, options(0..10), &ours));
    let all = futures_util::future::try_join_all(all).await.expect("there are enough");
    let numbers: HashSet<_> = all.iter().map(NodeIds::node).collect();
    assert_eq!(numbers.len(), 8);
    let made: HashSet<_> = all.iter().flat_map(|ids| make(ids, 5_000)).collect();
    assert_eq!(made.len(), 40_000);
    stop(&ours).await;
}

pub(crate) async fn a_lost_number_is_replaced(servers: &'static Servers) {
    let (etcd, ours, mut raw) = (servers.etcd().await, supervisor(), servers.raw().await);
    let ids = take(&etcd, options(0..8), &ours).await.expect("a number");
    let first = ids.node();
    let before = make(&ids, 5_000);
    let mut state = ids.state();
    rob(&mut raw, &etcd.config().prefix, first).await;
    until(&mut state, |s| s.node != first).await;
    let after = make(&ids, 5_000);
    assert!(after[0] > before[4_999], "identifiers of one process grow");
    assert!(after.is_sorted() && ids.ready().is_ok());
    let key = format!("{}/nodes/{}", etcd.config().prefix, ids.node());
    assert_eq!(raw.get(key, None).await.expect("read").kvs()[0].value(), b"test");
    stop(&ours).await;
}

pub(crate) async fn whoever_cannot_reserve_stops_and_the_next_begins_after_it(servers: &'static Servers) {
    let (etcd, one, other, mut raw) = (servers.etcd().await, supervisor(), supervisor(), servers.raw().await);
    let mut impatient = options(0..1);
    impatient.patience = Duration::ZERO;
    let first = take(&etcd, impatient, &one).await.expect("a number");
    let prefix = etcd.config().prefix.clone();
    rob(&mut raw, &prefix, 0).await;
    one.stopping().cancelled().await;
    assert!(first.ready().is_err());
    // What it drains with is its own, whoever has the number now.
    raw.delete(format!("{prefix}/nodes/0"), None).await.expect("deleted");
    let second = take(&etcd, options(0..1), &other).await.expect("the same number");
    assert_eq!((first.node(), second.node()), (0, 0));
    let theirs = make(&second, 10_000);
    let ours = make(&first, 10_000);
    assert!(ours.is_sorted() && ours[9_999] < theirs[0], "below the mark, and from the mark on");
    stop(&one).await;
    stop(&other).await;
}

pub(crate) async fn a_mark_ahead_is_passed_or_left_alone(servers: &'static Servers) {
    let (etcd, ours, mut raw) = (servers.etcd().await, supervisor(), servers.raw().await);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
    let mark = |number: u16| format!("{}/node-marks/{number}", etcd.config().prefix);
    // Somebody's clock was a minute ahead, somebody else's a year, and one was written by hand.
    let minute = now + 60_000;
    raw.put(mark(0), format!("{minute:020}"), None).await.expect("written");
    raw.put(mark(1), format!("{:020}", now + 31_536_000_000), None).await.expect("written");
    raw.put(mark(2), "soon", None).await.expect("written");
    let ids = take(&etcd, options(0..3), &ours).await.expect("one can be taken");
    assert_eq!(ids.node(), 0);
    let ms = u128::from(ids.next_id() >> 22) + 1_767_225_600_000;
    assert!(ms >= minute, "{ms} is before {minute}");
    assert!(matches!(
        take(&etcd, options(0..3), &ours).await,
        Err(EtcdError::NoNode { held: 1, nodes: 3, .. })
    ));
    stop(&ours).await;
}

pub(crate) async fn a_number_is_given_back_and_taken_again(servers: &'static Servers) {
    let etcd = servers.etcd().await;
    let mut last = 0;
    for _ in 0..3 {
        let ours = supervisor();
        let ids = take(&etcd, options(5..6), &ours).await.expect("it was given back");
        let made = make(&ids, 10_000);
        assert!(made[0] > last, "a new owner begins after the one before");
        last = made[9_999];
        stop(&ours).await;
    }
    let mut raw = servers.raw().await;
    let prefix = &etcd.config().prefix;
    assert!(keys(&mut raw, &format!("{prefix}/nodes/")).await.is_empty());
    assert_eq!(keys(&mut raw, &format!("{prefix}/node-marks/")).await.len(), 1);
}
