//! What a transfer refuses.

use super::*;

pub(crate) async fn a_folder_in_use_or_missing_is_refused(servers: &'static Servers) {
    let (_schema, url) = bare(servers).await;
    let folder = tempfile::tempdir().expect("a folder");
    let missing = to(&folder.path().join("none"), &url).await.expect_err("missing");
    assert!(matches!(missing, TransferError::Folder(sqlite::OpenError::Missing { .. })), "{missing:?}");
    assert!(!folder.path().join("none").exists(), "and not made");
    let store = sqlite(folder.path());
    let busy = to(folder.path(), &url).await.expect_err("in use");
    assert!(matches!(busy, TransferError::Folder(sqlite::OpenError::InUse { .. })), "{busy:?}");
    store.close().await;
    // An empty one is a whole one, and the world comes along.
    to(folder.path(), &url).await.expect("transferred");
    let again = to(folder.path(), &url).await.expect("nothing to do");
    assert!(again.earlier);
    let heads = mysql(&url).await.heads(&[ConversationId::WORLD]).await;
    assert_eq!(heads.expect("answers"), [Some(Seq::ZERO)]);
    file(folder.path()).execute_batch("PRAGMA user_version = 1").expect("set");
    let old = to(folder.path(), &url).await.expect_err("an older schema");
    assert!(matches!(old, TransferError::Folder(sqlite::OpenError::Behind { found: 1, .. })), "{old:?}");
}

pub(crate) async fn a_database_with_something_else_in_it_is_refused(servers: &'static Servers) {
    let (folder, facts) = filled().await;
    let (_schema, url) = bare(servers).await;
    let mut conn = raw(&url).await;
    conn.query_drop("CREATE TABLE theirs (n INT)").await.expect("made");
    let refused = to(folder.path(), &url).await.expect_err("another program's");
    assert!(matches!(&refused, TransferError::Taken { table } if table == "theirs"), "{refused:?}");
    let tables: Vec<String> = conn.query("SHOW TABLES").await.expect("answers");
    assert_eq!(tables, ["theirs"], "nothing is made there");

    conn.query_drop("DROP TABLE theirs").await.expect("dropped");
    MySqlStore::migrate(&url).await.expect("migrated");
    crate::mysql_kit::pairs(&mysql(&url).await, 1).await;
    let refused = to(folder.path(), &url).await.expect_err("it is in use");
    assert!(matches!(refused, TransferError::Taken { .. }), "{refused:?}");
    let users: Option<u64> = conn.query_first("SELECT COUNT(*) FROM users").await.expect("answers");
    assert_eq!(users, Some(2), "and stays as it is");
    drop(facts);
    let _conn = conn;

    // While another one is at it.
    let (_schema, url) = bare(servers).await;
    let mut other = Other::start(folder.path(), &url);
    other.lines.next().expect("it goes on").expect("a line");
    let second = tempfile::tempdir().expect("a folder");
    sqlite(second.path()).close().await;
    let busy = to(second.path(), &url).await.expect_err("another one is at it");
    assert!(matches!(busy, TransferError::Busy), "{busy:?}");
    other.kill();
    let refused = to(second.path(), &url).await.expect_err("another folder's");
    assert!(matches!(refused, TransferError::Other), "{refused:?}");
}

pub(crate) async fn a_folder_that_was_used_in_between_is_another_one(servers: &'static Servers) {
    let (folder, facts) = filled().await;
    let (_schema, url) = bare(servers).await;
    assert!(Other::start(folder.path(), &url).kill_after(8));
    let store = sqlite(folder.path());
    // A change that no counter tells of.
    store.hide(facts.users[0], facts.conversations[1]).await.expect("hidden");
    store.close().await;
    let refused = to(folder.path(), &url).await.expect_err("it has changed");
    assert!(matches!(refused, TransferError::Other), "{refused:?}");
}
