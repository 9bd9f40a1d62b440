//! Connections that die, pools that are full, transactions that meet.

use gochat_core::model::Seq;
use gochat_core::ports::{Appended, ErrorKind, MessageStore, PageFrom, Retry};
use mysql_async::prelude::Queryable;

use super::{Servers, limit, message, open, pairs, raw};

pub(crate) async fn killed_connections_are_replaced(servers: &'static Servers) {
    let schema = servers.schema().await;
    let mut options = servers.options(&schema.name);
    options.replicas.clear();
    let store = open(options).await;
    let [id] = pairs(&store, 1).await[..] else { panic!("one conversation") };
    let mut conn = raw(&servers.url("")).await;
    for seq in 1..=3 {
        let sessions = format!("SELECT id FROM information_schema.processlist WHERE db = '{}'", schema.name);
        let sessions: Vec<u64> = conn.query(sessions).await.expect("answers");
        assert!(!sessions.is_empty());
        for session in sessions {
            // Some may have ended by themselves.
            let _ = conn.query_drop(format!("KILL {session}")).await;
        }
        // One that was killed in between is begun anew, and no caller hears of it.
        assert_eq!(store.append(&[message(id, seq)]).await.expect("stored"), [Appended::Stored]);
        let page = store.page(id, PageFrom::After(Seq::ZERO), limit(10)).await.expect("a page");
        assert_eq!(page.len() as u64, seq);
    }
}

pub(crate) async fn a_full_pool_refuses(servers: &'static Servers) {
    let schema = servers.schema().await;
    let mut options = servers.options(&schema.name);
    options.replicas.clear();
    (options.connections, options.waiting) = (1, 1);
    let store = open(options).await;
    let [id] = pairs(&store, 1).await[..] else { panic!("one conversation") };
    let mut conn = raw(&servers.url(&schema.name)).await;
    conn.query_drop("START TRANSACTION").await.expect("begun");
    let lock = format!("SELECT id FROM conversations WHERE id = {} FOR UPDATE", id.get());
    conn.query_drop(lock).await.expect("locked");
    let (held, waiting) = ([message(id, 1)], [message(id, 1)]);
    let (first, second, ()) = tokio::join!(store.append(&held), store.append(&waiting), async {
        // Polled third: the first has the connection, the second waits for it.
        let refused = store.append(&[message(id, 1)]).await.expect_err("full");
        assert_eq!((refused.kind(), refused.retry()), (ErrorKind::Overloaded, Retry::Safe));
        conn.query_drop("COMMIT").await.expect("released");
    });
    assert_eq!(first.expect("stored"), [Appended::Stored]);
    let repeated = Appended::Repeated(Box::new((*held[0].message).clone()));
    assert_eq!(second.expect("answered"), [repeated]);
}

/// Batches over the same conversations in every order, with readers of changes among them: nobody is refused.
pub(crate) async fn those_who_meet_begin_again(servers: &'static Servers) {
    use gochat_core::ports::{ConversationStore, SyncCursor};

    let schema = servers.schema().await;
    let store = open(servers.options(&schema.name)).await;
    let ids = pairs(&store, 4).await;
    let writers = (0..8_usize).map(|writer| {
        let (store, mut order) = (store.clone(), ids.clone());
        order.rotate_left(writer % 4);
        if writer >= 4 {
            order.reverse();
        }
        async move {
            for seq in 1..=6 {
                let batch: Vec<_> = order.iter().map(|id| message(*id, seq)).collect();
                for outcome in store.append(&batch).await.expect("answered") {
                    assert!(matches!(outcome, Appended::Stored | Appended::Repeated(_)), "{outcome:?}");
                }
                store.changes(super::user_id(10), SyncCursor::START, limit(100)).await.expect("answered");
                store.mark_read(super::user_id(10), order[0], None).await.expect("marked");
            }
        }
    });
    futures_util::future::join_all(writers).await;
    assert_eq!(store.heads(&ids).await.expect("answers"), [Some(Seq::new(6)); 4]);
}
