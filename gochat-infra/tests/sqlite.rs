//! What SQLite storage promises beyond the ports: whom it opens for, what it does when the disk is full or lies.
#![cfg(feature = "sqlite")]

mod sqlite_kit;

use std::fs;
use std::future::Future;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use gochat_core::model::{ConversationId, Message, MessageId, Seq};
use gochat_core::ports::{
    Appended, ConversationStore, ErrorKind, LoginStore, MessageStore, PageFrom, Retry, UserStore,
};
use gochat_infra::sqlite::{OpenError, SqliteOptions, SqliteStore};
use sqlite_kit::{at, conversation_id, limit, message, messages, new_user, open, pair, try_open, user_id};
use tempfile::TempDir;

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("gochat.db");
    (folder, file)
}

#[tokio::test]
async fn a_folder_is_made_and_belongs_to_one_store_at_a_time() {
    let (parent, _) = folder();
    let folder = parent.path().join("made/by/us");
    let store = open(&folder);
    let second = try_open(&folder, SqliteOptions::default());
    assert!(matches!(second, Err(OpenError::InUse { .. })), "{second:?}");
    // Another folder is another matter.
    let other = open(&parent.path().join("other"));
    pair(&store).await;
    assert!(ConversationStore::by_ids(&other, &[conversation_id(12)]).await.expect("answers")[0].is_none());
    store.close().await;
    let again = open(&folder);
    assert!(ConversationStore::by_ids(&again, &[conversation_id(12)]).await.expect("answers")[0].is_some());
}

#[test]
fn a_folder_that_can_not_be_is_named() {
    let (parent, _) = folder();
    let in_the_way = parent.path().join("file");
    fs::write(&in_the_way, "x").expect("written");
    let refused = try_open(&in_the_way, SqliteOptions::default());
    assert!(
        matches!(&refused, Err(OpenError::Folder { folder, .. }) if *folder == in_the_way),
        "{refused:?}"
    );
}

#[test]
fn files_of_others_are_left_as_they_are() {
    let (dir, file) = folder();
    fs::write(&file, "this is a diary, and longer than the header of a database would be: ".repeat(20))
        .expect("written");
    let refused = try_open(dir.path(), SqliteOptions::default());
    assert!(matches!(refused, Err(OpenError::Foreign { .. })), "{refused:?}");
    assert!(fs::read_to_string(&file).expect("still text").starts_with("this is a diary"));

    let (dir, file) = folder();
    let theirs = rusqlite::Connection::open(file).expect("opened");
    theirs.execute_batch("CREATE TABLE theirs (x); PRAGMA application_id = 1").expect("made");
    let refused = try_open(dir.path(), SqliteOptions::default());
    assert!(matches!(refused, Err(OpenError::Foreign { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_newer_schema_is_refused_with_both_numbers() {
    let (dir, file) = folder();
    open(dir.path()).close().await;
    let conn = rusqlite::Connection::open(file).expect("opened");
    conn.pragma_update(None, "user_version", 1_000).expect("set");
    drop(conn);
    match try_open(dir.path(), SqliteOptions::default()) {
        Err(e @ OpenError::Newer { found: 1_000, .. }) => {
            assert!(e.to_string().contains("schema 1000"), "{e}")
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_closed_store_says_so_and_has_lost_nothing() {
    let (dir, _) = folder();
    let store = open(dir.path());
    let conversation = pair(&store).await;
    let batch = messages(conversation, 1..=100);
    // What was asked before the end is done.
    let (stored, ()) = tokio::join!(store.append(&batch), store.close());
    assert!(stored.expect("stored").iter().all(|o| *o == Appended::Stored));
    let late = store.append(&batch).await.expect_err("closed");
    assert_eq!((late.kind(), late.retry()), (ErrorKind::Closed, Retry::Safe));
    let late = MessageStore::by_ids(&store, &[]).await.expect_err("closed");
    assert_eq!(late.kind(), ErrorKind::Closed);
    store.close().await;
    let wal = fs::metadata(dir.path().join("gochat.db-wal")).map_or(0, |m| m.len());
    assert_eq!(wal, 0, "closing empties the log");
    assert_eq!(open(dir.path()).heads(&[conversation]).await.expect("answers"), [Some(Seq::new(100))]);
}

#[tokio::test]
async fn a_full_disk_refuses_loses_nothing_and_is_forgotten_when_there_is_room() {
    let (dir, _) = folder();
    let mut options = SqliteOptions::default();
    options.size_max = Some(1 << 20);
    let store = try_open(dir.path(), options).expect("opened");
    let conversation = pair(&store).await;
    let mut next = 1;
    let refused = loop {
        match store.append(&messages(conversation, next..next + 50)).await {
            Ok(outcome) => {
                assert!(outcome.iter().all(|o| *o == Appended::Stored));
                next += 50;
                assert!(next < 100_000, "it never gets full");
            }
            Err(e) => break e,
        }
    };
    assert_eq!((refused.kind(), refused.retry()), (ErrorKind::Full, Retry::Safe), "{refused:?}");
    assert!(next > 1_000, "some fit: {next}");
    // Reading goes on, and what was acknowledged is all there is.
    let page = store.page(conversation, PageFrom::After(Seq::ZERO), limit(1_000_000)).await.expect("a page");
    assert_eq!(page.len() as u64, next - 1);
    assert_eq!(store.heads(&[conversation]).await.expect("answers"), [Some(Seq::new(next - 1))]);
    // Callers that come together are all told.
    let (a, b) = (messages(conversation, next..next + 50), messages(conversation, next..next + 50));
    let (a, b) = tokio::join!(store.append(&a), store.append(&b));
    assert_eq!([a, b].map(|e| e.expect_err("full").kind()), [ErrorKind::Full; 2]);

    store.set_size_max(1 << 30).await.expect("set");
    let outcome = store.append(&messages(conversation, next..next + 50)).await.expect("there is room");
    assert!(outcome.iter().all(|o| *o == Appended::Stored));
}

#[tokio::test]
async fn a_row_that_rots_is_not_passed_on() {
    let (dir, file) = folder();
    let store = open(dir.path());
    let conversation = pair(&store).await;
    store.append(&messages(conversation, 1..=3)).await.expect("stored");
    store.close().await;
    let conn = rusqlite::Connection::open(file).expect("opened");
    let id = message(conversation, 2).message.id;
    let changed =
        conn.execute("UPDATE messages SET content = 'text 9' WHERE id = ?1", [id.get().cast_signed()]);
    assert_eq!(changed, Ok(1));
    drop(conn);

    let store = open(dir.path());
    let whole = store.page(conversation, PageFrom::After(Seq::ZERO), limit(10)).await.expect_err("corrupt");
    assert_eq!((whole.kind(), whole.retry()), (ErrorKind::Corrupt, Retry::Never));
    let cause = std::error::Error::source(&whole).map(ToString::to_string).unwrap_or_default();
    assert!(cause.contains(&id.to_string()), "names the message: {cause}");
    assert!(MessageStore::by_ids(&store, &[id]).await.is_err());
    // The others are as good as before.
    let first = store.page(conversation, PageFrom::After(Seq::ZERO), limit(1)).await.expect("a page");
    assert_eq!(first[0], *message(conversation, 1).message);
}

/// The newest messages are found in another way than the older ones, and become older in batches of any size.
#[tokio::test]
async fn pages_are_whole_wherever_they_begin() {
    let (dir, _) = folder();
    let store = open(dir.path());
    let conversation = pair(&store).await;
    let mut head = 0;
    for size in [1, 1, 29, 1, 1, 32, 33, 2, 31, 100, 5, 27, 1] {
        store.append(&messages(conversation, head + 1..=head + size)).await.expect("stored");
        head += size;
        check_pages(&store, conversation, head, 7).await;
    }
    store.close().await;
    let store = open(dir.path());
    check_pages(&store, conversation, head, 1).await;
    store.append(&messages(conversation, head + 1..=head + 20)).await.expect("stored");
    check_pages(&store, conversation, head + 20, 1).await;
}

async fn check_pages(store: &SqliteStore, conversation: ConversationId, head: u64, step: usize) {
    let all: Vec<_> = (1..=head).map(|seq| Message::clone(&message(conversation, seq).message)).collect();
    for from in (0..=head + 2).step_by(step) {
        for size in [1_usize, 31, 1_000] {
            let start = usize::try_from(from.min(head)).expect("fits");
            let after = PageFrom::After(Seq::new(from));
            let page = store.page(conversation, after, limit(size as u32)).await.expect("a page");
            assert_eq!(page, all[start..(start + size).min(all.len())], "{size} after {from} of {head}");
            let end = usize::try_from(from.saturating_sub(1).min(head)).expect("fits");
            let before = PageFrom::Before(Seq::new(from));
            let page = store.page(conversation, before, limit(size as u32)).await.expect("a page");
            assert_eq!(page, all[end.saturating_sub(size)..end], "{size} before {from} of {head}");
        }
    }
}

#[tokio::test]
async fn a_hole_is_not_passed_on() {
    for lost in ["places WHERE (place & 0xff) = 20", "messages WHERE content = 'text 20'"] {
        let (dir, file) = folder();
        let store = open(dir.path());
        let conversation = pair(&store).await;
        store.append(&messages(conversation, 1..=40)).await.expect("stored");
        store.close().await;
        let conn = rusqlite::Connection::open(file).expect("opened");
        assert_eq!(conn.execute(&format!("DELETE FROM {lost}"), []), Ok(1), "{lost}");
        drop(conn);
        let store = open(dir.path());
        let page = store.page(conversation, PageFrom::After(Seq::new(10)), limit(20)).await;
        assert_eq!(page.expect_err("a hole").kind(), ErrorKind::Corrupt, "{lost}");
        store.page(conversation, PageFrom::After(Seq::new(20)), limit(20)).await.expect("whole");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_answered_is_in_every_later_read() {
    let (dir, _) = folder();
    let store = open(dir.path());
    let conversation = pair(&store).await;
    let (reader, ids) = (store.clone(), [conversation]);
    for seq in 1..=300 {
        store.append(&messages(conversation, seq..=seq)).await.expect("stored");
        let id = message(conversation, seq).message.id;
        let (heads, found, entries) = tokio::join!(
            reader.heads(&ids),
            MessageStore::by_ids(&reader, std::slice::from_ref(&id)),
            reader.entries(user_id(10), &ids),
        );
        assert_eq!(heads.expect("answers"), [Some(Seq::new(seq))]);
        assert!(found.expect("answers")[0].is_some());
        let entry = entries.expect("answers").remove(0).expect("a member");
        assert_eq!(entry.last_message.map(|m| m.id), Some(id));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_writers_share_commits() {
    let (dir, _) = folder();
    let store = open(dir.path());
    let before = store.stats();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..500 {
        let store = store.clone();
        tasks.spawn(async move { UserStore::create(&store, &new_user(100 + n)).await });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("no panic").expect("stored");
    }
    let after = store.stats();
    assert_eq!(after.writes - before.writes, 500);
    assert!(after.commits - before.commits < 250, "{after:?}");
    assert_eq!((after.writes_waiting, after.reads_waiting), (0, 0));
}

#[tokio::test]
async fn the_log_stays_short_while_writing_goes_on() {
    const PAGES: u64 = 64;
    let (dir, file) = folder();
    let mut options = SqliteOptions::default();
    options.log_pages = PAGES as u32;
    let store = try_open(dir.path(), options).expect("opened");
    let conversation = pair(&store).await;
    // Each batch is some ten pages.
    for batch in 0..300 {
        store.append(&messages(conversation, batch * 100 + 1..=batch * 100 + 100)).await.expect("stored");
    }
    let size = |file: &std::path::Path| fs::metadata(file).expect("there").len();
    let (log, database) = (size(&dir.path().join("gochat.db-wal")), size(&file));
    assert!(log <= 6 * PAGES * 4096, "{log} bytes of log");
    assert!(database > 1 << 20, "{database} bytes of database");
    store.close().await;
}

#[tokio::test]
async fn the_log_does_not_grow_with_messages_and_holds_them_after_a_crash() {
    let (dir, file) = folder();
    let log = dir.path().join("gochat.db-wal");
    let store = open(dir.path());
    let conversation = pair(&store).await;
    let size = || fs::metadata(&log).expect("there").len();
    let reserved = 32 + 2 * u64::from(SqliteOptions::default().log_pages) * (24 + 4096);
    assert_eq!(size(), reserved);
    for seq in 1..=50 {
        store.append(&[message(conversation, seq)]).await.expect("stored");
    }
    assert_eq!(size(), reserved);
    // As a machine that lost its power leaves them.
    let after = tempfile::tempdir().expect("a folder");
    for file in [&file, &log] {
        fs::copy(file, after.path().join(file.file_name().expect("a name"))).expect("copied");
    }
    let again = open(after.path());
    let page = again.page(conversation, PageFrom::After(Seq::ZERO), limit(100)).await.expect("read");
    assert_eq!(page.len(), 50);
    again.append(&[message(conversation, 51)]).await.expect("stored");
    again.close().await;
    assert!(!after.path().join("gochat.db-wal").exists(), "a log that is empty leaves nothing");
    store.close().await;
}

#[tokio::test]
async fn the_newest_identifier_is_that_of_whatever_is_newest() {
    let (dir, _) = folder();
    let store = open(dir.path());
    assert_eq!(store.newest_id().await.expect("read"), 1, "the world channel");
    let conversation = pair(&store).await;
    assert_eq!(store.newest_id().await.expect("read"), 12, "a conversation");
    let new = message(conversation, 1);
    store.append(std::slice::from_ref(&new)).await.expect("stored");
    assert_eq!(store.newest_id().await.expect("read"), new.message.id.get());
    let later = new.message.id.get() + 1;
    UserStore::create(&store, &new_user(later)).await.expect("stored");
    assert_eq!(store.newest_id().await.expect("read"), later, "a user");
    let login = gochat_core::ports::NewLogin {
        id: gochat_core::model::LoginId::new(later + 1).expect("in range"),
        user: user_id(10),
        refresh: [1; 32],
        at: at(0),
        expires_at: at(1_000),
    };
    LoginStore::create(&store, &login).await.expect("stored");
    assert_eq!(store.newest_id().await.expect("read"), later + 1, "a login");
}

#[tokio::test]
async fn logins_that_are_over_are_cleared_away() {
    let (dir, file) = folder();
    let store = open(dir.path());
    for n in 0..20_u8 {
        let login = gochat_core::ports::NewLogin {
            id: gochat_core::model::LoginId::new(100 + u64::from(n)).expect("in range"),
            user: user_id(10),
            refresh: [n; 32],
            at: at(i64::from(n) * 1_000),
            expires_at: at(i64::from(n) * 1_000 + 2_500),
        };
        LoginStore::create(&store, &login).await.expect("stored");
        assert_eq!(store.active(&[login.id]).await.expect("answers"), [true]);
    }
    store.close().await;
    let conn = rusqlite::Connection::open(file).expect("opened");
    for table in ["logins", "refresh_tokens"] {
        let rows: u32 =
            conn.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).expect("counted");
        assert!((1..=4).contains(&rows), "{table}: {rows}");
    }
}

/// The simplest executor there is.
fn block_on<T>(work: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut work = pin!(work);
    loop {
        match work.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(done) => return done,
            Poll::Pending => thread::park(),
        }
    }
}

#[test]
fn no_runtime_is_needed() {
    let (dir, _) = folder();
    let store = open(dir.path());
    block_on(async {
        let conversation = pair(&store).await;
        store.append(&messages(conversation, 1..=3)).await.expect("stored");
        let missing = MessageId::new(1).expect("in range");
        assert_eq!(MessageStore::by_ids(&store, &[missing]).await.expect("answers"), [None]);
        store.close().await;
    });
}
