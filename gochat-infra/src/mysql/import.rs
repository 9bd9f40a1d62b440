//! A database that is filled by a transfer: whose it is, how far each table is, and what stands in it.
//!
//! A batch of rows and the position after it are one transaction, so a transfer that was cut short goes on where it was,
//! and writes no row twice. All of it goes over one connection, which holds a lock of the server by the database's name.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error as SqlError, Params, Row, TxOpts, Value};

use super::error::{Done, Fail, MySqlFault, OpenError};
use super::pool::driver;
use super::{MySqlStore, rows, ticks};
use crate::transfer::cell::{Cell, Cells, decode, encode};
use crate::transfer::tables::Table;

const TRANSFERS: &str = "CREATE TABLE IF NOT EXISTS transfers (one TINYINT NOT NULL PRIMARY KEY, \
                         source BINARY(32) NOT NULL, started_at BIGINT NOT NULL, verified_at BIGINT) ENGINE=InnoDB";
const POSITIONS: &str = "CREATE TABLE IF NOT EXISTS transfer_positions (name VARBINARY(64) NOT NULL PRIMARY KEY, \
                         position VARBINARY(255) NOT NULL, copied BIGINT NOT NULL) ENGINE=InnoDB";
/// Waits for a moment: of one that was killed, the server learns when it next looks.
const LOCK: &str = "SELECT GET_LOCK(CONCAT('gochat.transfer.', LEFT(MD5(DATABASE()), 16)), 5)";
const TABLES: &str = "SELECT CAST(table_name AS CHAR) FROM information_schema.tables \
                      WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' ORDER BY 1";
/// The one conversation that every database begins with, as it begins.
const BEGUN: &str = "SELECT 1 FROM conversations WHERE NOT (id = 1 AND last_seq = 0 AND changed = 0) LIMIT 1";
/// Heads that are not those of messages without holes. The order by conversation is that of a short index.
const SEQUENCES: &str = "SELECT c.id, c.last_seq, COUNT(x.seq), COALESCE(MIN(x.seq), 1), COALESCE(MAX(x.seq), 0) \
                         FROM conversations c LEFT JOIN messages x ON x.conversation = c.id GROUP BY c.id, c.last_seq \
                         HAVING COUNT(x.seq) <> c.last_seq OR COALESCE(MAX(x.seq), 0) <> c.last_seq \
                         OR COALESCE(MIN(x.seq), 1) <> 1 LIMIT 20";

/// The protocol numbers values with 16 bits.
const VALUES_MAX: usize = 65_535;

/// A database, while it is this transfer's.
#[derive(Debug)]
pub(crate) struct Import {
    conn: Conn,
}

/// Whose the database is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Nobody's: it was empty, and is this transfer's from now on.
    New,
    /// This transfer's, which was cut short.
    Resumed,
    /// This transfer's, which was verified then, in milliseconds since 1970.
    Verified(i64),
    /// Another transfer's, or of the same folder before it changed.
    Other,
    /// It holds rows in this table, or is of another program.
    Taken(String),
}

type Wrote<T> = Result<T, MySqlFault>;

fn fault(fail: Fail) -> MySqlFault {
    match fail {
        Fail::Sql(e) | Fail::Commit(e) => e.into(),
        Fail::Corrupt(what) => what.into(),
        other => other.into_store("mysql.import").to_string().into(),
    }
}

impl Import {
    /// Connects, and makes the schema; `Ok(Err(table))` for a database of another program, `Ok(Err(""))` while another
    /// transfer goes on.
    pub(crate) async fn open(url: &str) -> Result<Result<Self, String>, OpenError> {
        let unreachable = |e: SqlError| OpenError::Unreachable(e.into());
        let mut conn = Conn::new(driver(url)?).await.map_err(unreachable)?;
        let tables: Vec<String> = conn.query(TABLES).await.map_err(unreachable)?;
        if let (Some(first), false) = (tables.first(), tables.iter().any(|name| name == "migrations")) {
            return Ok(Err(first.clone()));
        }
        let locked: Option<Option<i64>> = conn.query_first(LOCK).await.map_err(unreachable)?;
        if locked.flatten() != Some(1) {
            return Ok(Err(String::new()));
        }
        MySqlStore::migrate(url).await?;
        conn.query_drop(TRANSFERS).await.map_err(unreachable)?;
        conn.query_drop(POSITIONS).await.map_err(unreachable)?;
        Ok(Ok(Self { conn }))
    }

    /// Whether anything stands in it that no transfer has brought.
    pub(crate) async fn taken(&mut self) -> Wrote<Option<String>> {
        let tables: Vec<String> = self.conn.query(TABLES).await?;
        for table in tables {
            let asked = match table.as_str() {
                "migrations" | "ticks" | "archiver" | "transfers" | "transfer_positions" => continue,
                "conversations" => BEGUN.to_owned(),
                other => format!("SELECT 1 FROM `{}` LIMIT 1", other.replace('`', "``")),
            };
            if self.conn.query_first::<i64, _>(asked).await?.is_some() {
                return Ok(Some(table));
            }
        }
        Ok(None)
    }

    /// Takes the database for the transfer of `source`, if it is free or already its.
    pub(crate) async fn take(&mut self, source: &[u8; 32], now: i64) -> Wrote<Whose> {
        let asked = "SELECT source, verified_at FROM transfers";
        let known: Option<(Vec<u8>, Option<i64>)> = self.conn.query_first(asked).await?;
        match known {
            Some((found, Some(at))) if found == source => return Ok(Whose::Verified(at)),
            Some((found, None)) if found == source => return Ok(Whose::Resumed),
            Some(_) => return Ok(Whose::Other),
            None => {}
        }
        if let Some(table) = self.taken().await? {
            return Ok(Whose::Taken(table));
        }
        let mut tx = self.conn.start_transaction(TxOpts::default()).await?;
        // The folder has its own.
        tx.query_drop("DELETE FROM conversations WHERE id = 1").await?;
        tx.query_drop("DELETE FROM transfer_positions").await?;
        let row = (source.as_slice(), now);
        tx.exec_drop("INSERT INTO transfers (one, source, started_at) VALUES (1, ?, ?)", row).await?;
        tx.commit().await?;
        Ok(Whose::New)
    }

    /// The key up to which a table is copied, and how many rows that is.
    pub(crate) async fn position(&mut self, table: Table) -> Wrote<(Cells, u64)> {
        let asked = "SELECT position, copied FROM transfer_positions WHERE name = ?";
        let found: Option<(Vec<u8>, u64)> = self.conn.exec_first(asked, (table.name(),)).await?;
        let Some((position, copied)) = found else { return Ok((table.start(), 0)) };
        let key = decode(&position).filter(|key| key.len() == table.key());
        let key =
            key.ok_or_else(|| MySqlFault::from(format!("the position in {} is damaged", table.name())))?;
        Ok((key, copied))
    }

    /// Writes rows, and that the table is copied up to a key: both or neither. Says so by `written` before it is durable.
    pub(crate) async fn write(
        &mut self,
        table: Table,
        rows: &[Cells],
        (upto, copied): (&[Cell], u64),
        written: impl FnOnce(),
    ) -> Wrote<()> {
        let width = table.columns().len();
        let mut tx = self.conn.start_transaction(TxOpts::default()).await?;
        for part in rows.chunks(VALUES_MAX / width) {
            let values = part.iter().flatten().map(value).collect();
            tx.exec_drop(insert(table, part.len()), Params::Positional(values)).await?;
        }
        let position = "REPLACE INTO transfer_positions (name, position, copied) VALUES (?, ?, ?)";
        tx.exec_drop(position, (table.name(), encode(upto), copied)).await?;
        written();
        Ok(tx.commit().await?)
    }

    /// The rows right above the key `after`, at most `most`; whether those are the last.
    pub(crate) async fn part(
        &mut self,
        table: Table,
        after: &[Cell],
        most: usize,
    ) -> Wrote<(Vec<Cells>, bool)> {
        let mut values: Vec<Value> = match after {
            [first, second] => [first, second, first].into_iter().map(value).collect(),
            other => other.iter().map(value).collect(),
        };
        values.push(Value::UInt(most as u64));
        let rows: Vec<Row> = self.conn.exec(select(table), Params::Positional(values)).await?;
        let last = rows.len() < most;
        let rows = rows.into_iter().map(|row| row.unwrap().into_iter().map(cell).collect::<Done<_>>());
        Ok((rows.collect::<Done<_>>().map_err(fault)?, last))
    }

    /// Lets change numbers go on behind those that were copied.
    pub(crate) async fn changes_behind(&mut self, changed: u64) -> Wrote<()> {
        ticks::go_behind(&mut self.conn, changed).await.map_err(fault)
    }

    /// Conversations whose messages are not 1, 2, 3… up to their heads; the first few.
    pub(crate) async fn broken_sequences(&mut self) -> Wrote<Vec<String>> {
        let found: Vec<(i64, i64, i64, i64, i64)> = self.conn.query(SEQUENCES).await?;
        let tell = |(id, head, count, first, last)| {
            format!(
                "conversation {id}: its head is {head}, and it has {count} messages from {first} to {last}"
            )
        };
        Ok(found.into_iter().map(tell).collect())
    }

    /// The transfer is whole: from now on servers may open the database.
    pub(crate) async fn finish(&mut self, now: i64) -> Wrote<()> {
        Ok(self.conn.exec_drop("UPDATE transfers SET verified_at = ?", (now,)).await?)
    }

    pub(crate) async fn close(self) {
        // The lock ends with the connection, however that ends.
        let _ = self.conn.disconnect().await;
    }
}

fn value(cell: &Cell) -> Value {
    match cell {
        Cell::Null => Value::NULL,
        Cell::Int(n) => Value::Int(*n),
        Cell::Bytes(bytes) => Value::Bytes(bytes.clone()),
    }
}

fn cell(value: Value) -> Done<Cell> {
    match value {
        Value::NULL => Ok(Cell::Null),
        Value::Int(n) => Ok(Cell::Int(n)),
        Value::UInt(n) => Ok(Cell::Int(rows::int(n))),
        Value::Bytes(bytes) => Ok(Cell::Bytes(bytes)),
        _ => Err(Fail::Corrupt("a column is of another type".to_owned())),
    }
}

fn columns(table: Table) -> String {
    let names: Vec<_> = table.columns().iter().map(|column| column.name).collect();
    names.join(", ")
}

fn insert(table: Table, rows: usize) -> String {
    let row = format!("({})", vec!["?"; table.columns().len()].join(","));
    format!("INSERT INTO {} ({}) VALUES {}", table.name(), columns(table), vec![row; rows].join(","))
}

fn select(table: Table) -> String {
    let key: Vec<_> = table.columns()[..table.key()].iter().map(|column| column.name).collect();
    // Written out: neither server makes a range of a comparison of pairs.
    let above = match key[..] {
        [first, second] => format!("({first} = ? AND {second} > ?) OR {first} > ?"),
        [one, ..] => format!("{one} > ?"),
        [] => String::new(),
    };
    let (columns, name, key) = (columns(table), table.name(), key.join(", "));
    format!("SELECT {columns} FROM {name} FORCE INDEX (PRIMARY) WHERE {above} ORDER BY {key} LIMIT ?")
}
