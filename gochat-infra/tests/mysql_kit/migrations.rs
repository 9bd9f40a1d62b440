//! The schema: made once, whoever makes it, and never mistaken.

use gochat_infra::mysql::{MySqlOptions, MySqlStore, OpenError};
use mysql_async::prelude::Queryable;

use super::{Servers, open, raw};

pub(crate) async fn several_instances_migrate_at_once(servers: &'static Servers) {
    let schema = servers.bare().await;
    let url = servers.url(&schema.name);
    let log = slog::Logger::root(slog::Discard, slog::o!());
    let early = MySqlStore::open(MySqlOptions::new(&url), log).await.expect_err("there are no tables");
    assert!(matches!(early, OpenError::Behind { found: 0, .. }), "{early:?}");
    let (a, b, c, d) = tokio::join!(
        MySqlStore::migrate(&url),
        MySqlStore::migrate(&url),
        MySqlStore::migrate(&url),
        MySqlStore::migrate(&url)
    );
    let reached = a.expect("migrated");
    for other in [b, c, d] {
        assert_eq!(other.expect("migrated"), reached);
    }
    open(MySqlOptions::new(&url)).await.close().await;
}

pub(crate) async fn a_schema_that_is_not_ours_is_refused(servers: &'static Servers) {
    let schema = servers.bare().await;
    let url = servers.url(&schema.name);
    MySqlStore::migrate(&url).await.expect("migrated");
    let mut conn = raw(&url).await;
    for (change, undo) in [
        ("UPDATE migrations SET checksum = checksum ^ 1", "UPDATE migrations SET checksum = checksum ^ 1"),
        ("INSERT INTO migrations VALUES (1000, 0)", "DELETE FROM migrations WHERE number = 1000"),
    ] {
        conn.query_drop(change).await.expect("changed");
        let log = slog::Logger::root(slog::Discard, slog::o!());
        let opened = MySqlStore::open(MySqlOptions::new(&url), log).await.expect_err("refused");
        let migrated = MySqlStore::migrate(&url).await.expect_err("refused");
        for refused in [opened, migrated] {
            assert!(
                matches!(refused, OpenError::Drift { number: 1 } | OpenError::Newer { found: 1_000, .. }),
                "{refused:?}"
            );
        }
        conn.query_drop(undo).await.expect("undone");
    }
    // A step that was cut short is begun anew.
    conn.query_drop("DELETE FROM migrations; DROP TABLE messages").await.expect("cut short");
    MySqlStore::migrate(&url).await.expect("migrated");
    open(MySqlOptions::new(&url)).await.close().await;
}
