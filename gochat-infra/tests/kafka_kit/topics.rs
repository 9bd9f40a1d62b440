//! Topics are made once, and what is there is not mistaken.

use gochat_infra::kafka::{KafkaError, TopicAdmin};

use super::{Servers, gateway};

pub(crate) async fn made_once_and_checked(servers: &'static Servers) {
    let bench = servers.bench().await;
    let (a, b) = (bench.admin(), bench.admin());
    let (first, second) = tokio::join!(a.ensure_shared(), b.ensure_shared());
    first.expect("they are there");
    second.expect("they are there");
    let mut other = bench.config.clone();
    other.upstream_partitions = 5;
    let refused = TopicAdmin::new(&other, &bench.log).expect("an admin").ensure_shared().await;
    let e = refused.expect_err("four are there");
    assert!(matches!(e, KafkaError::Partitions { wanted: 5, found: 4, .. }), "{e}");
    assert!(e.to_string().contains("kafka.upstream_partitions says 5"), "{e}");
    let gateway = gateway("gw");
    for _ in 0..2 {
        a.ensure_downstream(&gateway).await.expect("made");
    }
    // The second time it was known to be there; no other topic is a gateway's, nor one of another prefix.
    assert_eq!(b.downstream_gateways().await.expect("listed"), std::slice::from_ref(&gateway));
    for _ in 0..2 {
        a.delete_downstream(&gateway).await.expect("gone");
    }
}
