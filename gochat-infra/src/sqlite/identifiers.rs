//! Which identifiers are in use.

use gochat_core::ports::Result;

use super::SqliteStore;
use super::rows;
use super::statements::{Prepare, statements};

statements! {
    // One look at the end of each table.
    NEWEST = "SELECT max((SELECT coalesce(max(id), 0) FROM messages), (SELECT coalesce(max(id), 0) FROM users), \
              (SELECT coalesce(max(id), 0) FROM conversations), (SELECT coalesce(max(id), 0) FROM logins))";
}

impl SqliteStore {
    /// The largest identifier of anything that is stored; 1 when only the world channel is. A generator of identifiers
    /// goes on behind it after a restart, whatever the clock says by then.
    ///
    /// # Errors
    /// As any read.
    pub async fn newest_id(&self) -> Result<u64> {
        self.read("sqlite.newest_id", |conn| {
            let newest = conn.stmt(NEWEST)?.query_one([], |row| Ok(rows::number(row, 0)))??;
            Ok(newest)
        })
        .await
    }
}
