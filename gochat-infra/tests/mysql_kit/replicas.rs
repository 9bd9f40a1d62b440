//! Who answers history: a replica that has all, else the primary. Schemas of the primary stand in for replicas that lag.

use gochat_core::model::Seq;
use gochat_core::ports::{MessageStore, PageFrom};
use mysql_async::prelude::Queryable;

use super::{Servers, at, limit, message, open, pairs, raw, user_id};

const START: PageFrom = PageFrom::After(Seq::ZERO);

pub(crate) async fn a_replica_answers_history(servers: &'static Servers) {
    let schema = servers.schema().await;
    // Without a real one, the primary is as good as a replica that never lags.
    let replica = servers.replica_url(&schema.name).unwrap_or_else(|| servers.url(&schema.name));
    let mut options = servers.options(&schema.name);
    options.replicas = vec![replica];
    let store = open(options).await;
    let [id] = pairs(&store, 1).await[..] else { panic!("one conversation") };
    let batch: Vec<_> = (1..=20).map(|seq| message(id, seq)).collect();
    store.append(&batch).await.expect("stored");
    // However far it is, the answer is whole; and some time it is the replica's.
    while store.stats().replica_pages < 3 {
        let page = store.page(id, START, limit(100)).await.expect("a page");
        assert_eq!(page.len(), 20);
    }
}

pub(crate) async fn a_replica_that_is_behind_is_not_believed(servers: &'static Servers) {
    let (schema, lagging) = (servers.schema().await, servers.schema().await);
    let mut options = servers.options(&schema.name);
    options.replicas = vec![servers.url(&lagging.name)];
    let store = open(options).await;
    let [id] = pairs(&store, 1).await[..] else { panic!("one conversation") };
    let batch: Vec<_> = (1..=5).map(|seq| message(id, seq)).collect();
    store.append(&batch).await.expect("stored");
    let page = store.page(id, START, limit(100)).await.expect("a page");
    assert_eq!((page.len(), store.stats().replica_pages), (5, 0), "it has no such conversation yet");

    // It catches up, and is asked.
    let mut conn = raw(&servers.url(&lagging.name)).await;
    for table in ["conversations", "messages"] {
        let copy = format!("REPLACE INTO {table} SELECT * FROM {}.{table}", schema.name);
        conn.query_drop(copy).await.expect("copied");
    }
    assert_eq!(store.page(id, START, limit(100)).await.expect("a page"), page);
    assert_eq!(store.stats().replica_pages, 1);

    // A recall that it has not heard of; then a message.
    store.recall(batch[1].message.id, user_id(10), at(99)).await.expect("recalled");
    let after = store.page(id, START, limit(100)).await.expect("a page");
    assert!(after[1].recalled.is_some() && after[1].body.content.is_empty());
    store.append(&[message(id, 6)]).await.expect("stored");
    assert_eq!(store.page(id, PageFrom::After(Seq::new(5)), limit(100)).await.expect("a page").len(), 1);
    assert_eq!(store.stats().replica_pages, 1);
    assert_eq!(store.stats().replica_behind, 3);
}

pub(crate) async fn a_dead_replica_costs_nothing(servers: &'static Servers) {
    let schema = servers.schema().await;
    let mut options = servers.options(&schema.name);
    // The discard port: nobody listens.
    options.replicas = vec!["mysql://nobody:nothing@127.0.0.1:9/none".to_owned()];
    let store = open(options).await;
    let [id] = pairs(&store, 1).await[..] else { panic!("one conversation") };
    store.append(&[message(id, 1)]).await.expect("stored");
    for _ in 0..5 {
        assert_eq!(store.page(id, START, limit(10)).await.expect("a page").len(), 1);
    }
    let failures = store.stats().replica_failures;
    assert!((1..5).contains(&failures), "it is left alone for a while: {failures}");
    let health = store.health().await;
    assert_eq!((health.primary, health.replicas), (true, vec![false]));
}
