//! Numbered steps from an empty file to the newest schema.
//!
//! Our own thirty lines and not refinery, which the server databases use: refinery 0.10 takes rusqlite up to 0.41, and
//! `libsqlite3-sys` can be linked once only. The file's header holds the number reached (`user_version`) and whose it is
//! (`application_id`), so that a foreign or newer file is known before anything in it is touched.

use std::path::Path;

use rusqlite::{Connection, Error as SqlError, ErrorCode, TransactionBehavior};

use super::error::OpenError;

/// "GoCh": says in the file's header that it is ours.
const APPLICATION_ID: i32 = 0x476f_4368;

/// Applied in this order, each in a transaction of its own. Never change one that was released; add another.
const STEPS: [(u32, &str); 3] = [
    (1, include_str!("migrations/0001_start.sql")),
    (2, include_str!("migrations/0002_list.sql")),
    (3, include_str!("migrations/0003_last_sender.sql")),
];

/// The schema that this version reads and writes.
pub(super) const NEWEST: u32 = STEPS[STEPS.len() - 1].0;

/// Brings the file to the newest schema, or says why it is not ours to touch.
pub(super) fn migrate(conn: &mut Connection, file: &Path) -> Result<(), OpenError> {
    let reached = verified(conn, file)?;
    for (number, sql) in STEPS.into_iter().filter(|(number, _)| *number > reached) {
        step(conn, number, sql).map_err(|e| OpenError::Migration {
            file: file.into(),
            number,
            source: e.into(),
        })?;
    }
    Ok(())
}

/// The step that the file has reached, 0 for an empty one; fails when it is not one of ours.
pub(super) fn verified(conn: &Connection, file: &Path) -> Result<u32, OpenError> {
    let fault = |e: SqlError| OpenError::Database { file: file.into(), source: e.into() };
    let reached = match recognise(conn) {
        Ok(Some(reached)) => reached,
        Ok(None) => return Err(OpenError::Foreign { file: file.into() }),
        Err(e) if e.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
            return Err(OpenError::Foreign { file: file.into() });
        }
        Err(e) => return Err(fault(e)),
    };
    if reached > NEWEST {
        return Err(OpenError::Newer { file: file.into(), found: reached, known: NEWEST });
    }
    for (number, sql) in STEPS.into_iter().filter(|(number, _)| *number <= reached) {
        if applied(conn, number).map_err(fault)? != Some(crc32fast::hash(sql.as_bytes())) {
            return Err(OpenError::Drift { file: file.into(), number });
        }
    }
    Ok(reached)
}

/// The step that the file has reached, 0 for an empty one; `None` for somebody else's.
fn recognise(conn: &Connection) -> Result<Option<u32>, SqlError> {
    let whose: i32 = conn.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if whose == APPLICATION_ID {
        return conn.pragma_query_value(None, "user_version", |row| row.get(0)).map(Some);
    }
    let things: i64 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok((whose == 0 && things == 0).then_some(0))
}

fn applied(conn: &Connection, number: u32) -> Result<Option<u32>, SqlError> {
    let mut stmt = conn.prepare("SELECT checksum FROM migrations WHERE number = ?1")?;
    let mut rows = stmt.query([number])?;
    rows.next()?.map(|row| row.get(0)).transpose()
}

fn step(conn: &mut Connection, number: u32, sql: &str) -> Result<(), SqlError> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute_batch(
        "CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, checksum INTEGER NOT NULL) STRICT",
    )?;
    tx.execute_batch(sql)?;
    tx.execute("INSERT INTO migrations VALUES (?1, ?2)", (number, crc32fast::hash(sql.as_bytes())))?;
    tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    tx.pragma_update(None, "user_version", number)?;
    tx.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_numbered_without_holes() {
        assert!(STEPS.iter().zip(1..).all(|((number, _), expected)| *number == expected));
    }

    #[test]
    fn an_empty_file_becomes_the_newest_and_stays_it() {
        let mut conn = Connection::open_in_memory().expect("memory");
        for _ in 0..2 {
            migrate(&mut conn, Path::new("x")).expect("migrated");
            assert_eq!(recognise(&conn).expect("readable"), Some(NEWEST));
        }
    }

    #[test]
    fn files_that_are_not_ours_are_left_alone() {
        let mut conn = Connection::open_in_memory().expect("memory");
        conn.execute_batch("CREATE TABLE theirs (x)").expect("made");
        assert!(matches!(migrate(&mut conn, Path::new("x")), Err(OpenError::Foreign { .. })));
        let tables: i64 =
            conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).expect("counted");
        assert_eq!(tables, 1);
    }

    #[test]
    fn a_newer_schema_and_a_changed_step_are_refused() {
        let mut conn = Connection::open_in_memory().expect("memory");
        migrate(&mut conn, Path::new("x")).expect("migrated");
        conn.execute("UPDATE migrations SET checksum = checksum + 1", []).expect("changed");
        assert!(matches!(migrate(&mut conn, Path::new("x")), Err(OpenError::Drift { number: 1, .. })));
        conn.pragma_update(None, "user_version", NEWEST + 1).expect("set");
        let newer = migrate(&mut conn, Path::new("x"));
        assert!(matches!(newer, Err(OpenError::Newer { found, .. }) if found == NEWEST + 1));
    }
}
