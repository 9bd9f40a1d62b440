//! Every statement goes by an index: what it costs does not grow with what others have stored.

use gochat_infra::mysql::statements_for_plans;
use mysql_async::prelude::Queryable;
use mysql_async::{Params, Row, Value};

use super::{Servers, raw};

/// Enough rows that a plan which walks over them is one that no server would choose by itself.
const FILL: [&str; 8] = [
    "CREATE TEMPORARY TABLE d AS SELECT 0 n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 \
     UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9",
    "CREATE TEMPORARY TABLE d2 AS SELECT n FROM d",
    "CREATE TEMPORARY TABLE d3 AS SELECT n FROM d",
    "CREATE TEMPORARY TABLE s AS SELECT 10 + d.n + 10 * d2.n + 100 * d3.n AS n FROM d, d2, d3",
    "INSERT INTO users (id, name, name_key, nickname_key, avatar, guest, created_at, external, external_digest) \
     SELECT n, n, n, n, '', 0, 0, n, UNHEX(SHA2(n, 256)) FROM s",
    "INSERT INTO conversations (id, kind, last_seq, last_at, changed, members_version, created_at, low, high) \
     SELECT n, 2, 1, 0, 0, 1, 0, n, n FROM s",
    "INSERT INTO messages (conversation, seq, id, sender, client, kind, sent_at, checksum, content) \
     SELECT n, 1, n, n, n, 1, 0, 0, '' FROM s",
    "INSERT INTO conversation_members (conversation, user, role, joined_seq, read_seq, changed, joined) \
     SELECT n, n, 1, 0, 0, 0, 0 FROM s; INSERT INTO departures SELECT n, n, 0 FROM s; \
     INSERT INTO friendships SELECT n, n, 0, 0, 0 FROM s; INSERT INTO logins SELECT n, n, 0, n, NULL FROM s; \
     INSERT INTO refresh_tokens SELECT LPAD(n, 32, '0'), n, n, NULL FROM s; \
     INSERT INTO archives SELECT n, 1, 9, n, 9, 9, 0, 0 FROM s; INSERT INTO archive_attempts SELECT n, n FROM s; \
     INSERT INTO outbox SELECT n, 1, n, NULL, NULL, n, n FROM s",
];

pub(crate) async fn no_statement_walks_over_a_table(servers: &'static Servers) {
    let schema = servers.schema().await;
    let mut conn = raw(&servers.url(&schema.name)).await;
    for sql in FILL {
        conn.query_drop(sql).await.expect(sql);
    }
    let analyze = "ANALYZE TABLE users, conversations, messages, conversation_members, departures, friendships, logins, \
                   refresh_tokens, archives, archive_attempts, outbox";
    conn.query_drop(analyze).await.expect("analysed");
    let mut walks = Vec::new();
    for sql in statements_for_plans() {
        // A number compared with bytes finds no index, and a limit must be one; what is sent for a number may be bytes.
        let value = if sql.contains("LIMIT") { Value::Int(42) } else { Value::Bytes(b"42".to_vec()) };
        let values = vec![value; sql.matches('?').count()];
        let explain = format!("EXPLAIN {sql}");
        let plan: Vec<Row> = conn.exec(explain, Params::Positional(values)).await.expect(&sql);
        for line in &plan {
            let table: Option<String> = line.get("table").expect("a table");
            let kind: Option<String> = line.get("type").expect("a type");
            if is_walk(table.as_deref(), kind.as_deref()) && !sql.starts_with("INSERT") {
                walks.push(format!("{table:?} {kind:?}: {sql}"));
            }
        }
        assert!(!plan.is_empty(), "{sql}");
    }
    assert!(walks.is_empty(), "{walks:#?}");
    assert!(is_walk(Some("messages"), Some("ALL")) && is_walk(Some("users"), Some("index")));
}

/// Results of the statement itself (`l`, `f`, `k`, derived ones) may be walked over.
fn is_walk(table: Option<&str>, kind: Option<&str>) -> bool {
    let own = table.is_none_or(|t| t.starts_with('<') || matches!(t, "l" | "f" | "k"));
    !own && kind.is_some_and(|kind| kind.eq_ignore_ascii_case("all") || kind == "index")
}
