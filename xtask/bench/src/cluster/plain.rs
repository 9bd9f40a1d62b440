//! The plain client: one connection that puts the same rows into the same MySQL, in batches of our size, and does nothing
//! else.

use std::time::{Duration, Instant};

use anyhow::Result;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, Params, TxOpts, Value};

use super::stage::server;
use crate::load::content;

/// Rows of one INSERT and one commit: the most that one batch of the pipeline has.
pub(super) const BATCH: u64 = 500;
/// Conversations that the rows are of, in turn.
const CONVERSATIONS: u64 = 200;
const COLUMNS: &str = "conversation, seq, id, sender, client, kind, sent_at, checksum, content, reply_to, mentions, \
                       attachment, edited_at, recalled_at, recalled_by";

/// A client with a table of its own, which has what `messages` has.
pub(super) struct Plain {
    connection: Conn,
    insert: String,
    next: u64,
    content: String,
}

impl Plain {
    /// Makes the table beside that of the cluster whose database is `name`.
    pub(super) async fn connect(name: &str) -> Result<Self> {
        let mut connection = Conn::new(Opts::from_url(&server("MYSQL_PRIMARY_URL")?)?).await?;
        connection.query_drop(format!("CREATE TABLE {name}.plain LIKE {name}.messages")).await?;
        let rows = vec!["(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"; BATCH as usize].join(",");
        let insert = format!("INSERT INTO {name}.plain ({COLUMNS}) VALUES {rows}");
        Ok(Self { connection, insert, next: 0, content: content() })
    }

    /// Inserts for `span`; rows a second.
    pub(super) async fn run(&mut self, span: Duration) -> Result<f64> {
        let (begun, first) = (Instant::now(), self.next);
        while begun.elapsed() < span {
            let values = (self.next..self.next + BATCH).flat_map(|row| self.row(row)).collect();
            self.next += BATCH;
            let mut transaction = self.connection.start_transaction(TxOpts::default()).await?;
            transaction.exec_drop(self.insert.as_str(), Params::Positional(values)).await?;
            transaction.commit().await?;
        }
        Ok((self.next - first) as f64 / begun.elapsed().as_secs_f64())
    }

    fn row(&self, row: u64) -> [Value; 15] {
        let (conversation, seq) = (row % CONVERSATIONS + 1, row / CONVERSATIONS + 1);
        [
            (conversation << 40).into(),
            seq.into(),
            (7_296_349_123_456_789_504 + row).into(),
            conversation.into(),
            format!("00000000-0000-7000-8{conversation:03x}-{row:012x}").into(),
            0.into(),
            (1_700_000_000_000 + row).into(),
            (row as u32).into(),
            self.content.as_str().into(),
            Value::NULL,
            Value::NULL,
            Value::NULL,
            Value::NULL,
            Value::NULL,
            Value::NULL,
        ]
    }
}
