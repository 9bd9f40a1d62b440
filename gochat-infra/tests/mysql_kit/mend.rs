//! Rows of the primary that have rotted. A schema of the primary stands in for a replica that is behind by a message, so that the
//! primary is asked, and has what came before.

use gochat_core::model::{ConversationId, NewMessage, Seq};
use gochat_core::ports::{ErrorKind, MessageStore, PageFrom};
use gochat_infra::mysql::MySqlStore;
use mysql_async::Conn;
use mysql_async::prelude::Queryable;

use super::{Schema, Servers, at, limit, message, open, pairs, raw, user_id};

const START: PageFrom = PageFrom::After(Seq::ZERO);

struct Case {
    store: MySqlStore,
    conversation: ConversationId,
    stored: Vec<NewMessage>,
    primary: Conn,
    replica: Conn,
    _schemas: [Schema; 2],
}

impl Case {
    /// Four messages, of which the replica has three.
    async fn of(servers: &'static Servers) -> Self {
        let (schema, copy) = (servers.schema().await, servers.schema().await);
        let mut options = servers.options(&schema.name);
        options.replicas = vec![servers.url(&copy.name)];
        let store = open(options).await;
        let [conversation] = pairs(&store, 1).await[..] else { panic!("one conversation") };
        let stored: Vec<_> = (1..=4).map(|seq| message(conversation, seq)).collect();
        store.append(&stored[..3]).await.expect("stored");
        let (primary, mut replica) =
            (raw(&servers.url(&schema.name)).await, raw(&servers.url(&copy.name)).await);
        for table in ["conversations", "messages"] {
            let copy = format!("REPLACE INTO {table} SELECT * FROM {}.{table}", schema.name);
            replica.query_drop(copy).await.expect("copied");
        }
        store.append(&stored[3..]).await.expect("stored");
        Self { store, conversation, stored, primary, replica, _schemas: [schema, copy] }
    }
}

pub(crate) async fn a_rotten_row_is_mended_from_a_replica(servers: &'static Servers) {
    let mut case = Case::of(servers).await;
    for rot in ["content = 'Text 2'", "sender = sender + 1", "checksum = checksum + 1", "client = 'c%'"] {
        let rot = format!("UPDATE messages SET {rot} WHERE id = {}", case.stored[1].message.id);
        case.primary.query_drop(rot).await.expect("changed");
        let page = case.store.page(case.conversation, START, limit(10)).await.expect("mended");
        assert!(page.iter().zip(&case.stored).all(|(read, stored)| *read == *stored.message), "{page:?}");
        assert_eq!(page.len(), 4);
    }
    let stats = case.store.stats();
    assert_eq!((stats.mended, stats.replica_pages), (4, 0), "the primary was asked");
    let content: Option<String> =
        case.primary.query_first("SELECT content FROM messages WHERE seq = 2").await.expect("answers");
    assert_eq!(content.as_deref(), Some("text 2"));
}

pub(crate) async fn a_copy_that_is_older_or_rotten_mends_nothing(servers: &'static Servers) {
    let mut case = Case::of(servers).await;
    let (recalled, rotten) = (case.stored[1].message.id, case.stored[2].message.id);
    // The replica has not heard of the recall.
    case.store.recall(recalled, user_id(10), at(99)).await.expect("recalled");
    let rot = format!("UPDATE messages SET sent_at = sent_at + 1 WHERE id = {recalled}");
    case.primary.query_drop(rot).await.expect("changed");
    let refused = case.store.page(case.conversation, START, limit(10)).await.expect_err("rotten");
    assert_eq!(refused.kind(), ErrorKind::Corrupt);
    let undone = format!("SELECT COUNT(*) FROM messages WHERE id = {recalled} AND recalled_at IS NULL");
    assert_eq!(
        case.primary.query_first::<u64, _>(undone).await.expect("answers"),
        Some(0),
        "it stays recalled"
    );

    let rot = format!("UPDATE messages SET content = 'text 9' WHERE id = {rotten}");
    for server in [&mut case.primary, &mut case.replica] {
        server.query_drop(&*rot).await.expect("changed");
    }
    let after = PageFrom::After(Seq::new(2));
    let refused = case.store.page(case.conversation, after, limit(10)).await.expect_err("rotten");
    assert_eq!(refused.kind(), ErrorKind::Corrupt);
    assert_eq!(case.store.stats().mended, 0);
}
