//! Mends rows of the primary that have rotted, from a replica that has a good copy.
//!
//! A row is rotten, and a copy is good, when its own checksum says so. A copy is taken only when it says the same of a recall,
//! of an edit and of an archive as the row does: another may be older. It is written only where the row is still what was read, so whoever
//! has changed the row meanwhile wins. Rows that are gone altogether are not made again.

use gochat_core::model::ConversationId;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Params, Row, Value};
use slog::{error, warn};
use tokio::time::timeout;

use super::MySqlStore;
use super::archived::Gaps;
use super::error::{Done, Fail};
use super::rows::{self, int, message_columns};
use super::statements::statements;
use super::tx::{read, transact};

statements! {
    RANGE = ["SELECT ", message_columns!(), " FROM messages x FORCE INDEX (PRIMARY) \
              WHERE x.conversation = ? AND x.seq BETWEEN ? AND ? ORDER BY x.seq"];
    MEND = ["UPDATE messages SET id = ?, sender = ?, client = ?, kind = ?, sent_at = ?, checksum = ?, content = ?, \
             reply_to = ?, mentions = ?, attachment = ? WHERE conversation = ? AND seq = ? \
             AND checksum = ? AND edited_at <=> ? AND recalled_at <=> ? AND recalled_by <=> ? AND archived <=> ?"];
}

/// The columns of a row that a copy gives: all between its place and what [`FIRM`] names.
const GIVEN: std::ops::Range<usize> = 2..12;
/// Where the checksum is.
const CHECKSUM: usize = 7;
/// The columns that have to be the same: the edit, the recall and who made it, and the archive that has the content.
const FIRM: std::ops::Range<usize> = 12..16;

impl MySqlStore {
    /// Mends what is rotten among these messages, first to last; whether there was something, and all of it is mended.
    /// What can't be mended is logged with its ids.
    pub(super) async fn mend(&self, conversation: ConversationId, [first, last]: [u64; 2]) -> bool {
        if self.inner.replicas.is_empty() {
            return false;
        }
        let place = [int(conversation.get()), int(first), int(last)];
        let rotten = match read!(self, "messages.mend", |conn| rotten(conn, place)) {
            Ok(rotten) => rotten,
            Err(e) => {
                warn!(self.inner.log, "it can't be seen now what has rotted"; "error" => %e);
                return false;
            }
        };
        let mut mended = !rotten.is_empty();
        for (row, why) in rotten {
            mended &= self.mend_row(conversation, &row, &why).await;
        }
        mended
    }

    async fn mend_row(&self, conversation: ConversationId, row: &Row, why: &str) -> bool {
        let log = &self.inner.log;
        let seq = rows::number(row, 1).unwrap_or(0);
        for (replica, n) in self.inner.replicas.iter().zip(1..) {
            let place = [int(conversation.get()), int(seq), int(seq)];
            let copy = async { good(&mut *replica.conn().await?, place).await };
            let Ok(Ok(Some(copy))) = timeout(self.inner.options.patience, copy).await else { continue };
            if !FIRM.clone().chain([0, 1]).all(|column| copy.as_ref(column) == row.as_ref(column)) {
                continue;
            }
            let written = transact!(self, "messages.mend", |tx| write(tx, &copy, row));
            match written {
                Ok(1) => {
                    self.inner.primary.counters.mended.inc();
                    warn!(log, "a row had rotted, and is mended"; "conversation" => %conversation, "seq" => seq,
                        "rotten" => why, "copy" => format!("replica-{n}"));
                    return true;
                }
                // Somebody has changed it meanwhile: whoever reads it sees what it is now.
                Ok(_) => return true,
                Err(e) => {
                    warn!(log, "a rotten row can't be mended now"; "conversation" => %conversation, "seq" => seq,
                        "error" => %e);
                    return false;
                }
            }
        }
        error!(log, "a row has rotted, and no replica has a good copy"; "conversation" => %conversation,
            "seq" => seq, "rotten" => why);
        false
    }
}

/// The rows that are not what was written, and why.
async fn rotten(conn: &mut Conn, place: [i64; 3]) -> Done<Vec<(Row, String)>> {
    let rows: Vec<Row> = conn.exec(RANGE.one(), place.map(Value::from).to_vec()).await?;
    let bad = |row: Row| match rows::message(&row, 0, &mut Gaps::default()) {
        Err(Fail::Corrupt(why)) => Some((row, why)),
        _ => None,
    };
    Ok(rows.into_iter().filter_map(bad).collect())
}

/// A row that is what was written, if this server has it.
async fn good(conn: &mut Conn, place: [i64; 3]) -> Done<Option<Row>> {
    let row: Option<Row> = conn.exec_first(RANGE.one(), place.map(Value::from).to_vec()).await?;
    Ok(row.filter(|row| rows::message(row, 0, &mut Gaps::default()).is_ok()))
}

/// Writes the copy where the row still is what it was; how many rows that were.
async fn write(conn: &mut impl Queryable, copy: &Row, row: &Row) -> Done<u64> {
    let column = |row: &Row, at| row.as_ref(at).cloned().unwrap_or(Value::NULL);
    let given = GIVEN.map(|at| column(copy, at));
    let place = [0, 1, CHECKSUM].into_iter().chain(FIRM).map(|at| column(row, at));
    let values = Params::Positional(given.chain(place).collect());
    let mut result = conn.exec_iter(MEND.one(), values).await?;
    let written = result.affected_rows();
    result.for_each(drop).await?;
    Ok(written)
}
