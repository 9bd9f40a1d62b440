//! Every statement of this room goes by an index: what it costs does not grow with what others have stored.

use std::path::Path;

use rusqlite::Connection;

use super::{
    append, changes, conversations, directory, friends, groups, identifiers, logins, messages, migrate,
    places, tx, users,
};

/// Whole tables that a statement may walk over.
const SMALL: [&str; 1] = ["counters"];

#[test]
fn no_statement_walks_over_a_table() {
    let conn = migrated();
    let all = [
        append::ALL,
        changes::ALL,
        conversations::ALL,
        directory::ALL,
        friends::ALL,
        groups::ALL,
        identifiers::ALL,
        logins::ALL,
        messages::ALL,
        places::ALL,
        tx::ALL,
        users::ALL,
    ];
    let texts = all.concat().into_iter().map(|sql| sql.text().to_owned());
    #[cfg(feature = "transfer")]
    let texts = texts.chain(super::export::texts());
    let mut walks = Vec::new();
    for text in texts {
        walks.extend(
            plan(&conn, &text).iter().filter(|line| is_walk(line)).map(|line| format!("{line}: {text}")),
        );
    }
    assert!(walks.is_empty(), "{walks:#?}");
}

#[test]
fn the_list_takes_its_pick_from_an_index_alone() {
    let conn = migrated();
    let list = conversations::ALL.iter().find(|sql| sql.text().contains("LIMIT ?2")).expect("the list");
    let lines = plan(&conn, list.text());
    let covered = |line: &String| line.contains("COVERING INDEX members_by_user");
    assert!(lines.iter().any(covered), "{lines:#?}");
}

fn migrated() -> Connection {
    let mut conn = Connection::open_in_memory().expect("memory");
    migrate::migrate(&mut conn, Path::new("x")).expect("migrated");
    rusqlite::vtab::array::load_module(&conn).expect("loaded");
    conn
}

fn plan(conn: &Connection, text: &str) -> Vec<String> {
    let mut stmt = conn.prepare(&format!("EXPLAIN QUERY PLAN {text}")).expect(text);
    // Unbound parameters are NULL, which is as good as any value to a plan.
    let mut plan = stmt.raw_query();
    let mut lines = Vec::new();
    while let Some(line) = plan.next().expect("a line") {
        lines.push(line.get(3).expect("its text"));
    }
    lines
}

/// A result of the statement itself (a subquery, a table given to it) may be walked over; a search without a key is a walk
/// along an index.
fn is_walk(line: &str) -> bool {
    let Some(what) = line.strip_prefix("SCAN ") else {
        return false;
    };
    let name = what.split(' ').next().unwrap_or_default();
    // `k` is the caller's list; `l`, `f` and numbered ones are subqueries.
    let own = what.contains("VIRTUAL TABLE") || matches!(name, "l" | "f") || name.starts_with('(');
    !own && !SMALL.contains(&name) && name != "CONSTANT"
}

#[test]
fn the_test_above_sees_a_walk() {
    assert!(is_walk("SCAN messages"));
    assert!(is_walk("SCAN users USING INDEX users_by_name"));
    assert!(!is_walk("SEARCH messages USING INTEGER PRIMARY KEY (rowid=?)"));
    assert!(!is_walk("SCAN k VIRTUAL TABLE INDEX 1:"));
}
