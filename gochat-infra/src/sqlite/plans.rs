//! Every statement of this room goes by an index: what it costs does not grow with what others have stored.

use std::path::Path;

use rusqlite::Connection;

use super::{
    append, changes, conversations, directory, friends, groups, logins, messages, migrate, places, tx, users,
};

/// Whole tables that a statement may walk over.
const SMALL: [&str; 1] = ["counters"];

#[test]
fn no_statement_walks_over_a_table() {
    let mut conn = Connection::open_in_memory().expect("memory");
    migrate::migrate(&mut conn, Path::new("x")).expect("migrated");
    rusqlite::vtab::array::load_module(&conn).expect("loaded");
    let all = [
        append::ALL,
        changes::ALL,
        conversations::ALL,
        directory::ALL,
        friends::ALL,
        groups::ALL,
        logins::ALL,
        messages::ALL,
        places::ALL,
        tx::ALL,
        users::ALL,
    ];
    let mut walks = Vec::new();
    for sql in all.concat() {
        let text = sql.text();
        let mut stmt = conn.prepare(&format!("EXPLAIN QUERY PLAN {text}")).expect(text);
        // Unbound parameters are NULL, which is as good as any value to a plan.
        let mut plan = stmt.raw_query();
        while let Some(line) = plan.next().expect("a line") {
            let line: String = line.get(3).expect("its text");
            if is_walk(&line) {
                walks.push(format!("{line}: {text}"));
            }
        }
    }
    assert!(walks.is_empty(), "{walks:#?}");
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
