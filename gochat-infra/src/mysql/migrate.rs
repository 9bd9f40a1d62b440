//! Numbered steps from an empty database to the newest schema.
//!
//! Our own few lines, as for SQLite: refinery takes no lock, so two instances would migrate at once, and its MySQL part wants
//! a second zlib. A step is several statements, which the server commits one by one; each may run again, so a step that was
//! cut short is begun anew. Servers only verify: [`verify`].

use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error as SqlError, Row};

use super::error::{Done, Fail, OpenError};
use super::pool::driver;
use super::rows;

/// Applied in this order. Never change one that was released; add another.
const STEPS: [(u32, &str); 3] = [
    (1, include_str!("migrations/0001_start.sql")),
    (2, include_str!("migrations/0002_archive.sql")),
    (3, include_str!("migrations/0003_outbox.sql")),
];

/// The schema that this version reads and writes.
pub(super) const NEWEST: u32 = STEPS[STEPS.len() - 1].0;

/// For so long we wait for another instance that migrates.
const PATIENCE: Duration = Duration::from_secs(60);

const NO_SUCH_TABLE: u16 = 1146;

/// Brings the database that `url` names to the newest schema, one instance at a time. Answers the schema reached.
pub(super) async fn migrate(url: &str) -> Result<u32, OpenError> {
    let mut conn = Conn::new(driver(url)?).await.map_err(|e| OpenError::Unreachable(e.into()))?;
    let done = locked(&mut conn).await;
    // The lock ends with the connection.
    let _ = conn.disconnect().await;
    done.map(|()| NEWEST)
}

async fn locked(conn: &mut Conn) -> Result<(), OpenError> {
    let lock = "SELECT GET_LOCK(CONCAT('gochat.migrate.', LEFT(MD5(DATABASE()), 16)), ?)";
    let got: Option<Option<i64>> = conn.exec_first(lock, (PATIENCE.as_secs(),)).await.map_err(unreachable)?;
    if got.flatten() != Some(1) {
        return Err(OpenError::Busy);
    }
    let reached = verified(conn).await?;
    for (number, sql) in STEPS.into_iter().filter(|(number, _)| *number > reached) {
        step(conn, number, sql).await.map_err(|e| OpenError::Migration { number, source: e.into() })?;
    }
    Ok(())
}

/// Whether the database has the schema that this version reads and writes.
pub(super) async fn verify(conn: &mut Conn) -> Result<(), OpenError> {
    match verified(conn).await? {
        NEWEST => whole(conn).await,
        found => Err(OpenError::Behind { found, needed: NEWEST }),
    }
}

/// What a transfer has not verified yet is nobody's to serve, or to write to.
async fn whole(conn: &mut Conn) -> Result<(), OpenError> {
    match conn.query_first("SELECT 1 FROM transfers WHERE verified_at IS NULL").await {
        Ok(None::<i64>) => Ok(()),
        Ok(Some(_)) => Err(OpenError::Transfer),
        Err(SqlError::Server(e)) if e.code == NO_SUCH_TABLE => Ok(()),
        Err(e) => Err(unreachable(e)),
    }
}

/// The step that the database has reached, 0 for none; fails when it is not one of ours.
async fn verified(conn: &mut Conn) -> Result<u32, OpenError> {
    let applied = applied(conn).await.map_err(|fail| match fail {
        Fail::Sql(e) => unreachable(e),
        other => OpenError::Unreachable(format!("{other:?}").into()),
    })?;
    check(&applied)
}

fn unreachable(e: SqlError) -> OpenError {
    OpenError::Unreachable(e.into())
}

fn check(applied: &[(u32, u32)]) -> Result<u32, OpenError> {
    let reached = applied.iter().map(|(number, _)| *number).max().unwrap_or(0);
    if reached > NEWEST {
        return Err(OpenError::Newer { found: reached, known: NEWEST });
    }
    for (number, sql) in STEPS.into_iter().filter(|(number, _)| *number <= reached) {
        if !applied.contains(&(number, crc32fast::hash(sql.as_bytes()))) {
            return Err(OpenError::Drift { number });
        }
    }
    Ok(reached)
}

async fn applied(conn: &mut Conn) -> Done<Vec<(u32, u32)>> {
    let rows: Vec<Row> = match conn.query("SELECT number, checksum FROM migrations ORDER BY number").await {
        Err(SqlError::Server(e)) if e.code == NO_SUCH_TABLE => return Ok(Vec::new()),
        other => other?,
    };
    rows.iter().map(|row| Ok((rows::get(row, 0)?, rows::get(row, 1)?))).collect()
}

async fn step(conn: &mut Conn, number: u32, sql: &str) -> Result<(), SqlError> {
    conn.query_drop(
        "CREATE TABLE IF NOT EXISTS migrations (number INT UNSIGNED NOT NULL PRIMARY KEY, \
         checksum INT UNSIGNED NOT NULL) ENGINE=InnoDB",
    )
    .await?;
    for statement in statements(sql) {
        conn.query_drop(statement).await?;
    }
    let row = (number, crc32fast::hash(sql.as_bytes()));
    conn.exec_drop("INSERT INTO migrations (number, checksum) VALUES (?, ?)", row).await
}

/// Parts that end with a semicolon at the end of a line.
fn statements(sql: &str) -> impl Iterator<Item = &str> {
    sql.split(";\n").map(str::trim).filter(|statement| !statement.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_numbered_without_holes_and_may_run_again() {
        assert!(STEPS.iter().zip(1..).all(|((number, _), expected)| *number == expected));
        for (number, sql) in STEPS {
            assert!(sql.ends_with(";\n"), "step {number}");
            for statement in statements(sql) {
                let lines = statement.lines().filter(|line| !line.trim_start().starts_with("--"));
                let text = lines.collect::<Vec<_>>().join("\n");
                let made = text.contains("IF NOT EXISTS") || text.contains("INSERT IGNORE");
                // What is done only if a look at the schema says so.
                let looked = text.contains("information_schema") && text.contains("'DO 0'");
                let again = made || looked || text.starts_with("PREPARE") || text.starts_with("EXECUTE");
                assert!(again, "step {number}: {text}");
            }
        }
    }

    #[test]
    fn other_schemas_are_refused() {
        let one = (1, crc32fast::hash(STEPS[0].1.as_bytes()));
        assert!(matches!(check(&[]), Ok(0)));
        assert!(matches!(check(&[one]), Ok(1)));
        assert!(matches!(check(&[(1, 0)]), Err(OpenError::Drift { number: 1 })));
        assert!(
            matches!(check(&[one, (NEWEST + 1, 0)]), Err(OpenError::Newer { found, .. }) if found == NEWEST + 1)
        );
    }
}
