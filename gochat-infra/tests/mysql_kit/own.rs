//! What this adapter promises beyond the ports.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gochat_core::model::{MessageId, Seq};
use gochat_core::ports::{Appended, ConversationStore, ErrorKind, MessageStore, PageFrom, Retry, SyncCursor};
use gochat_infra::mysql::MySqlOptions;
use mysql_async::prelude::Queryable;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Servers, limit, message, open, pairs, raw, user_id};

pub(crate) async fn a_row_that_rots_is_not_passed_on(servers: &'static Servers) {
    let schema = servers.schema().await;
    let mut options = servers.options(&schema.name);
    options.replicas.clear();
    let store = open(options).await;
    let [id] = pairs(&store, 1).await[..] else { panic!("one conversation") };
    let batch: Vec<_> = (1..=3).map(|seq| message(id, seq)).collect();
    store.append(&batch).await.expect("stored");
    let rotten = batch[1].message.id;
    let mut conn = raw(&servers.url(&schema.name)).await;
    let change = format!("UPDATE messages SET content = 'text 9' WHERE id = {rotten}");
    conn.query_drop(change).await.expect("changed");

    let whole = store.page(id, PageFrom::After(Seq::ZERO), limit(10)).await.expect_err("corrupt");
    assert_eq!((whole.kind(), whole.retry()), (ErrorKind::Corrupt, Retry::Never));
    let cause = std::error::Error::source(&whole).map(ToString::to_string).unwrap_or_default();
    assert!(cause.contains(&rotten.to_string()), "names the message: {cause}");
    let first = store.page(id, PageFrom::After(Seq::ZERO), limit(1)).await.expect("a page");
    assert_eq!(first[0], *batch[0].message);

    let gone = format!("DELETE FROM messages WHERE id = {rotten}");
    conn.query_drop(gone).await.expect("removed");
    let hole = store.page(id, PageFrom::After(Seq::ZERO), limit(10)).await.expect_err("corrupt");
    assert_eq!(hole.kind(), ErrorKind::Corrupt);
    let by_id = MessageStore::by_ids(&store, &[rotten, MessageId::new(7).expect("in range")]).await;
    assert_eq!(by_id.expect("answers"), [None, None]);
}

/// A change takes its number, and commits after one with a later number: a cursor must not get between them.
pub(crate) async fn a_change_in_flight_is_waited_for(servers: &'static Servers) {
    let schema = servers.schema().await;
    let store = open(servers.options(&schema.name)).await;
    let [slow, quick] = pairs(&store, 2).await[..] else { panic!("two conversations") };
    let me = user_id(10);
    let start = store.changes(me, SyncCursor::START, limit(100)).await.expect("answers").cursor;

    // What an append does, held before its commit.
    let mut conn = raw(&servers.url(&schema.name)).await;
    conn.query_drop("START TRANSACTION").await.expect("begun");
    let lock = format!("SELECT id FROM conversations WHERE id = {} FOR UPDATE", slow.get());
    conn.query_drop(lock).await.expect("locked");
    conn.query_drop("INSERT INTO ticks () VALUES ()").await.expect("a number");
    let number = conn.last_insert_id().expect("a number") << 18;
    let change = format!("UPDATE conversations SET changed = {number} WHERE id = {}", slow.get());
    conn.query_drop(change).await.expect("changed");

    let later = store.append(&[message(quick, 1)]).await.expect("stored");
    assert_eq!(later, [Appended::Stored]);
    let (page, ()) = tokio::join!(store.changes(me, start, limit(100)), async {
        // Long enough for a reader that does not wait to be wrong; one that does wait is right however long this is.
        tokio::time::sleep(Duration::from_millis(300)).await;
        conn.query_drop("COMMIT").await.expect("committed");
    });
    let page = page.expect("answers");
    let ids: Vec<_> = page.conversations.iter().map(|entry| entry.conversation.id).collect();
    assert_eq!(ids, [slow, quick], "in order of their numbers");
}

/// Round trips are what a batch costs: as many for one message as for hundreds in many conversations.
pub(crate) async fn round_trips_do_not_grow_with_the_batch(servers: &'static Servers) {
    let schema = servers.schema().await;
    let mut options = servers.options(&schema.name);
    options.replicas.clear();
    options.connections = 1;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let near = listener.local_addr().expect("an address").port();
    let (head, far) = options.primary.rsplit_once(':').expect("a port");
    let (far, name) = far.split_once('/').expect("a database");
    let far: u16 = far.parse().expect("a port");
    options.primary = format!("{head}:{near}/{name}");
    let trips = AtomicU64::new(0);
    let costs = tokio::select! {
        () = count_trips(&listener, far, &trips) => panic!("the connection ended"),
        costs = costs(options, &trips) => costs,
    };
    // Each size twice: the first time its statements are prepared.
    let [_, one, _, many] = costs[..] else { panic!("four batches") };
    assert_eq!(one, many, "of {costs:?}");
    assert!(one <= 5, "{costs:?}");
}

async fn costs(options: MySqlOptions, trips: &AtomicU64) -> Vec<u64> {
    let store = open(options).await;
    let conversations = pairs(&store, 40).await;
    let (few, all) = (&conversations[..1], &conversations[1..]);
    let mut costs = Vec::new();
    for (ids, seqs) in [(few, 1..=1), (few, 2..=2), (all, 1..=10), (all, 11..=20)] {
        let batch: Vec<_> = ids.iter().flat_map(|id| seqs.clone().map(|seq| message(*id, seq))).collect();
        let before = trips.load(Ordering::Relaxed);
        assert!(store.append(&batch).await.expect("stored").iter().all(|o| *o == Appended::Stored));
        costs.push(trips.load(Ordering::Relaxed) - before);
    }
    costs
}

/// Stands between a client and a server on `far`, and counts how often the server answers.
async fn count_trips(listener: &TcpListener, far: u16, trips: &AtomicU64) {
    let (mut client, _) = listener.accept().await.expect("a client");
    let mut server = TcpStream::connect(("127.0.0.1", far)).await.expect("the server");
    let (mut up, mut down) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let mut asked = false;
    loop {
        tokio::select! {
            n = client.read(&mut up) => match n {
                Ok(n) if n > 0 => {
                    asked = true;
                    server.write_all(&up[..n]).await.expect("passed on");
                }
                _ => return,
            },
            n = server.read(&mut down) => match n {
                Ok(n) if n > 0 => {
                    trips.fetch_add(u64::from(std::mem::take(&mut asked)), Ordering::Relaxed);
                    client.write_all(&down[..n]).await.expect("passed on");
                }
                _ => return,
            },
        }
    }
}
