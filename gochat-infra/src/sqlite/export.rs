//! A folder read from its beginning to its end, for a transfer: nothing in it is changed, and nobody else has it meanwhile.
//!
//! Every row is looked at on its way: its types and ranges, a message's checksum and place. What is wrong is told with the
//! row's key, and the row is left out of what is answered.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gochat_core::model::{ConversationId, Message, MessageId, Seq, Timestamp};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Row, params};
use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};

use super::error::{Done, Fail, OpenError, SqliteFault};
use super::places::Log;
use super::rows::{self, int, message_columns, place};
use super::statements::{Prepare, statements};
use super::{migrate, open};
use crate::message_row::{checksum, pack};
use crate::transfer::cell::{Cell, Cells, show, weight};
use crate::transfer::tables::{EXTERNAL_DIGEST, Table};

statements! {
    COUNTED = "SELECT value FROM counters WHERE name = 'changed'";
    // Those that are dissolved, too.
    NEXT_LOG = "SELECT id, slot, last_seq, tail FROM conversations WHERE id >= ?1 ORDER BY id LIMIT 1";
    MESSAGES = "SELECT ", message_columns!(), " FROM rarray(?1) k CROSS JOIN messages x ON x.id = k.value";
}

/// Complaints of SQLite about its own file that are asked for.
const COMPLAINTS: u32 = 20;

/// A folder, while it is this process's.
#[derive(Debug)]
pub(crate) struct Export {
    conn: Connection,
    /// Change numbers up to this one may have been handed out.
    changed: i64,
    _lock: File,
}

/// How much is read at a time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) rows: usize,
    pub(crate) bytes: usize,
}

/// Rows in order of their keys.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) rows: Vec<Cells>,
    /// What is wrong with rows that are left out.
    pub(crate) faults: Vec<String>,
    /// The key up to which this goes.
    pub(crate) upto: Cells,
    /// Whether it is the last one.
    pub(crate) last: bool,
}

impl Part {
    fn new(after: &[Cell]) -> Self {
        Self { rows: Vec::new(), faults: Vec::new(), upto: after.to_vec(), last: true }
    }
}

type Read<T> = Result<T, SqliteFault>;

impl Export {
    pub(crate) fn open(folder: &Path) -> Result<Self, OpenError> {
        let file: PathBuf = folder.join(open::FILE);
        if !file.is_file() {
            return Err(OpenError::Missing { file });
        }
        let lock = open::lock(folder)?;
        let fault = |e: rusqlite::Error| OpenError::Database { file: file.clone(), source: e.into() };
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(&file, flags).map_err(fault)?;
        conn.busy_timeout(Duration::from_secs(5)).map_err(fault)?;
        match migrate::verified(&conn, &file)? {
            migrate::NEWEST => {}
            found => return Err(OpenError::Behind { file, found, needed: migrate::NEWEST }),
        }
        rusqlite::vtab::array::load_module(&conn).map_err(fault)?;
        let changed =
            conn.stmt(COUNTED).and_then(|mut s| s.query_one([], |row| row.get(0))).map_err(fault)?;
        Ok(Self { conn, changed, _lock: lock })
    }

    /// No change has a number above this one.
    pub(crate) fn changed(&self) -> u64 {
        self.changed.max(0).cast_unsigned()
    }

    /// What SQLite finds wrong with the file itself.
    pub(crate) fn complaints(&self) -> Read<Vec<String>> {
        let mut stmt = self.conn.prepare(&format!("PRAGMA quick_check({COMPLAINTS})"))?;
        let found = stmt.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
        Ok(found.into_iter().filter(|line| line != "ok").collect())
    }

    pub(crate) fn count(&self, table: Table) -> Read<u64> {
        let sql = format!("SELECT count(*) FROM {}", name(table));
        let rows: i64 = self.conn.query_row(&sql, [], |row| row.get(0))?;
        Ok(rows.max(0).cast_unsigned())
    }

    /// The rows right above the key `after`.
    pub(crate) fn part(&self, table: Table, after: &[Cell], bounds: Bounds) -> Read<Part> {
        match (table, after) {
            (Table::Messages, [Cell::Int(conversation), Cell::Int(seq)]) => {
                self.messages(*conversation, *seq, bounds)
            }
            _ => self.rows(table, after, bounds),
        }
    }

    fn rows(&self, table: Table, after: &[Cell], bounds: Bounds) -> Read<Part> {
        let mut part = Part::new(after);
        let mut stmt = self.conn.prepare_cached(&select(table))?;
        for (cell, at) in after.iter().zip(1..) {
            match cell {
                Cell::Int(n) => stmt.raw_bind_parameter(at, n)?,
                Cell::Bytes(bytes) => stmt.raw_bind_parameter(at, bytes)?,
                Cell::Null => {}
            }
        }
        stmt.raw_bind_parameter(after.len() + 1, bounds.rows as i64 + 1)?;
        let (mut rows, mut bytes) = (stmt.raw_query(), 0);
        while let Some(row) = rows.next()? {
            if part.rows.len() + part.faults.len() >= bounds.rows || bytes >= bounds.bytes {
                part.last = false;
                break;
            }
            let cells = self.cells(table, row)?;
            let key = &cells[..table.key()];
            part.upto = key.to_vec();
            match self.fault(table, &cells) {
                Some(fault) => part.faults.push(format!("{} {}: {fault}", table.name(), show(key))),
                None => {
                    bytes += weight(&cells);
                    part.rows.push(cells);
                }
            }
        }
        Ok(part)
    }

    fn cells(&self, table: Table, row: &Row<'_>) -> Read<Cells> {
        let mut cells = Vec::with_capacity(table.columns().len());
        let mut at = 0;
        for column in table.columns() {
            if column.name == EXTERNAL_DIGEST {
                let digest = |external: &[u8]| Cell::Bytes(Sha256::digest(external).to_vec());
                cells.push(match cells.last() {
                    Some(Cell::Bytes(external)) => digest(external),
                    _ => Cell::Null,
                });
                continue;
            }
            cells.push(match row.get_ref(at)? {
                ValueRef::Null => Cell::Null,
                ValueRef::Integer(n) => Cell::Int(n),
                // Nothing of ours: as bytes it is of another type wherever it may stand.
                ValueRef::Real(n) => Cell::Bytes(n.to_string().into_bytes()),
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Cell::Bytes(bytes.to_vec()),
            });
            at += 1;
        }
        Ok(cells)
    }

    fn fault(&self, table: Table, cells: &[Cell]) -> Option<String> {
        let columns = table.columns();
        let of_value = || columns.iter().zip(cells).find_map(|(column, cell)| column.fault(cell));
        // A reader's cursor would be past them for good.
        let of_change = || {
            let numbers = columns.iter().zip(cells).filter(|(c, _)| matches!(c.name, "changed" | "joined"));
            let mut above = numbers.filter(|(_, cell)| **cell > Cell::Int(self.changed));
            above.next().map(|(column, _)| format!("{} is above the counter of changes", column.name))
        };
        let of_kind = || {
            let kind = (table == Table::Conversations).then(|| &cells[1]);
            let needed: &[&str] = match kind {
                Some(Cell::Int(2)) => &["low", "high"],
                Some(Cell::Int(3)) => &["name", "avatar", "description", "owner", "member_count"],
                _ => &[],
            };
            let mut missing = columns.iter().zip(cells);
            let missing = missing.find(|(c, cell)| **cell == Cell::Null && needed.contains(&c.name));
            missing.map(|(column, _)| format!("{} is missing", column.name))
        };
        of_value().or_else(of_change).or_else(of_kind)
    }

    fn messages(&self, conversation: i64, seq: i64, bounds: Bounds) -> Read<Part> {
        let mut part = Part::new(&[Cell::Int(conversation), Cell::Int(seq)]);
        let (mut least, mut after, mut bytes) = (conversation, seq.max(0).cast_unsigned(), 0);
        let mut next = self.conn.stmt(NEXT_LOG)?;
        loop {
            let found = next
                .query_row([least], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)?, row.get(3)?)));
            let Some((id, slot, head, tail)) = found.optional()? else { return Ok(part) };
            let (id, slot, tail): (i64, i64, Vec<u8>) = (id, slot, tail);
            let known = u64::try_from(id).ok().and_then(ConversationId::new);
            let (Some(known), Ok(head), Ok(slot)) = (known, u64::try_from(head), u64::try_from(slot)) else {
                // The table of conversations has told it already.
                least = id.saturating_add(1);
                continue;
            };
            let first = if id == conversation { after + 1 } else { 1 };
            if first <= head {
                let room = bounds.rows.saturating_sub(part.rows.len() + part.faults.len()) as u64;
                if room == 0 || bytes >= bounds.bytes {
                    part.last = false;
                    return Ok(part);
                }
                let last = head.min(first.saturating_add(room - 1));
                let log = Log { slot, last_seq: Seq::new(head), tail: &tail };
                let upto = self.stretch(known, &log, [first, last], bounds.bytes, &mut bytes, &mut part)?;
                part.upto = vec![Cell::Int(id), Cell::Int(int(upto))];
                if upto < head {
                    part.last = false;
                    return Ok(part);
                }
            }
            (least, after) = (id.saturating_add(1), 0);
        }
    }

    /// The messages of a conversation from the one sequence to the other, as many as fit. Answers the last one looked at.
    fn stretch(
        &self,
        conversation: ConversationId,
        log: &Log<'_>,
        [first, last]: [u64; 2],
        most: usize,
        bytes: &mut usize,
        part: &mut Part,
    ) -> Read<u64> {
        let ids = match told(log.ids(&self.conn, Seq::new(first), Seq::new(last)))? {
            Ok(ids) => ids,
            Err(what) => {
                part.faults.push(format!("conversation {conversation} from message {first} on: {what}"));
                // Whatever its head says, it is told once.
                return Ok(log.last_seq.get());
            }
        };
        let mut found = FxHashMap::default();
        let mut stmt = self.conn.stmt(MESSAGES)?;
        let mut rows = stmt.query(params![rows::table(ids.iter().copied())])?;
        while let Some(row) = rows.next()? {
            let (at, id) = (row.get::<_, i64>(0)?, row.get::<_, i64>(1)?.cast_unsigned());
            found.insert(id, (at, told(rows::message(row, 0, conversation))?));
        }
        for (id, seq) in ids.into_iter().zip(first..) {
            let fault = |what: &str| format!("message {id} of conversation {conversation}: {what}");
            match found.remove(&id) {
                None => part.faults.push(fault("it is not there")),
                Some((at, _)) if at != place(log.slot, Seq::new(seq)) => {
                    part.faults.push(fault("it says that it stands elsewhere"));
                }
                Some((_, Err(what))) => part.faults.push(what),
                Some((_, Ok(message))) => {
                    let cells = message_cells(&message);
                    *bytes += weight(&cells);
                    part.rows.push(cells);
                }
            }
            if *bytes >= most {
                return Ok(seq);
            }
        }
        Ok(last)
    }
}

/// A row that is wrong is told; a file that can't be read is a failure.
fn told<T>(done: Done<T>) -> Read<Result<T, String>> {
    match done {
        Ok(value) => Ok(Ok(value)),
        Err(Fail::Corrupt(what)) => Ok(Err(what)),
        Err(Fail::Answer(e)) => Ok(Err(e.to_string())),
        // A code is SQLite's own; without one a value is not what it should be.
        Err(Fail::Sql(e)) => match e.sqlite_error_code() {
            None | Some(ErrorCode::TypeMismatch) => Ok(Err(e.to_string())),
            Some(_) => Err(e.into()),
        },
    }
}

fn message_cells(message: &Message) -> Cells {
    let text = |s: &str| Cell::Bytes(s.as_bytes().to_vec());
    let maybe = |n: Option<i64>| n.map_or(Cell::Null, Cell::Int);
    let body = &message.body;
    vec![
        Cell::Int(int(message.conversation.get())),
        Cell::Int(int(message.seq.get())),
        Cell::Int(int(message.id.get())),
        Cell::Int(int(message.sender.get())),
        text(message.client_msg_id.as_str()),
        Cell::Int(i64::from(body.kind.number())),
        Cell::Int(message.sent_at.as_millis()),
        Cell::Int(i64::from(checksum(message))),
        text(&body.content),
        maybe(body.reply_to.map(MessageId::get).map(int)),
        pack(&body.mentions).map_or(Cell::Null, Cell::Bytes),
        body.attachment.as_deref().map_or(Cell::Null, text),
        maybe(message.edited_at.map(Timestamp::as_millis)),
        maybe(message.recalled.map(|recalled| recalled.at.as_millis())),
        maybe(message.recalled.map(|recalled| int(recalled.by.get()))),
    ]
}

/// As SQLite calls it.
fn name(table: Table) -> &'static str {
    if table == Table::Members { "members" } else { table.name() }
}

fn select(table: Table) -> String {
    let columns = table.columns().iter().map(|column| column.name);
    let columns: Vec<_> = columns.filter(|column| *column != EXTERNAL_DIGEST).collect();
    let (key, marks) = (columns[..table.key()].join(", "), ["?1", "?1, ?2"][table.key() - 1]);
    // Of a sender of a newest message it is said elsewhere.
    let effective = |column| if column == "read_seq" { rows::read_seq!("members") } else { column };
    let columns: Vec<_> = columns.into_iter().map(effective).collect();
    let (columns, limit) = (columns.join(", "), table.key() + 1);
    format!("SELECT {columns} FROM {} WHERE ({key}) > ({marks}) ORDER BY {key} LIMIT ?{limit}", name(table))
}

/// For the test of query plans.
#[cfg(test)]
pub(super) fn texts() -> impl Iterator<Item = String> {
    let registered = ALL.iter().map(|sql| sql.text().to_owned());
    registered.chain(Table::ALL.into_iter().filter(|table| *table != Table::Messages).map(select))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Who adds something to the schema adds it to the transfer, or here.
    #[test]
    fn every_table_and_column_is_copied_or_known_not_to_be() {
        const OTHER: [&str; 12] = [
            "counters.name",
            "counters.value",
            "migrations.number",
            "migrations.checksum",
            "places.place",
            "places.id",
            "conversations.slot",
            "conversations.last_id",
            "conversations.last_sender",
            "conversations.tail",
            "messages.place",
            "messages.client_time",
        ];
        let mut conn = Connection::open_in_memory().expect("memory");
        migrate::migrate(&mut conn, Path::new("x")).expect("migrated");
        let mut stmt = conn
            .prepare(
                "SELECT t.name || '.' || c.name FROM sqlite_schema t CROSS JOIN pragma_table_info(t.name) c \
                 WHERE t.type = 'table'",
            )
            .expect("a statement");
        let there: BTreeSet<String> =
            stmt.query_map([], |row| row.get(0)).expect("asked").map(|name| name.expect("a name")).collect();
        let mut known: BTreeSet<String> = OTHER.into_iter().map(str::to_owned).collect();
        for table in Table::ALL {
            let columns = table.columns().iter().map(|column| column.name);
            let columns = columns.filter(|name| *name != EXTERNAL_DIGEST);
            // Where a message stands is in `place`.
            let columns = columns
                .filter(|column| table != Table::Messages || !matches!(*column, "conversation" | "seq"));
            known.extend(columns.map(|column| format!("{}.{column}", name(table))));
        }
        assert_eq!(there, known);
    }
}
