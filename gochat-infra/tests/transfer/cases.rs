//! What a transfer promises.

mod refusals;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;

use gochat_core::model::{ConversationId, Seq, Timestamp};
use gochat_core::ports::{
    Appended, ConversationStore, LoginStore, MessageStore, Rotate, Rotation, UserStore,
};
use gochat_core::testing::conformance::Stores;
use gochat_infra::mysql::{self, MySqlOptions, MySqlStore};
use gochat_infra::sqlite::{self, SqliteOptions, SqliteStore};
use gochat_infra::transfer::{
    Findings, Progress, Step, TransferError, TransferOptions, Transferred, transfer,
};
use mysql_async::prelude::Queryable;
use rusqlite::Connection;

use crate::answers::answers;
use crate::fill::{Facts, fill};
use crate::mysql_kit::{Schema, Servers, limit, raw};

pub(crate) use refusals::*;

/// The mode in which this program is a transfer that is killed.
pub(crate) const CHILD: &str = "child-transfer";
/// Rows of a batch: so few that a small folder takes many.
const ROWS: usize = 5;

fn few() -> TransferOptions {
    let mut options = TransferOptions::default();
    options.rows = ROWS;
    options
}

fn log() -> slog::Logger {
    slog::Logger::root(slog::Discard, slog::o!())
}

async fn filled() -> (tempfile::TempDir, Facts) {
    let folder = tempfile::tempdir().expect("a folder");
    let facts = fill(folder.path()).await;
    (folder, facts)
}

async fn to(folder: &Path, url: &str) -> Result<Transferred, TransferError> {
    transfer(folder, url, few(), &mut |_| {}).await
}

fn sqlite(folder: &Path) -> SqliteStore {
    SqliteStore::open(folder, SqliteOptions::default(), log()).expect("opened")
}

async fn mysql(url: &str) -> MySqlStore {
    MySqlStore::open(MySqlOptions::new(url), log()).await.expect("opened")
}

/// A schema that no case has had before: a transfer leaves tables of its own.
async fn bare(servers: &'static Servers) -> (Schema, String) {
    let schema = servers.bare().await;
    let url = servers.url(&schema.name);
    (schema, url)
}

/// The file, behind the adapter's back.
fn file(folder: &Path) -> Connection {
    Connection::open(folder.join("gochat.db")).expect("opened")
}

fn bytes(folder: &Path) -> Vec<u8> {
    std::fs::read(folder.join("gochat.db")).expect("read")
}

/// As if the folder had seen many more changes: a new database would number below these.
fn grow_old(folder: &Path, facts: &mut Facts) {
    const MORE: u64 = 1 << 33;
    file(folder)
        .execute_batch(&format!(
            "UPDATE counters SET value = value + {MORE}; \
             UPDATE conversations SET changed = changed + {MORE}; \
             UPDATE members SET changed = changed + {MORE}, joined = joined + {MORE}; \
             UPDATE departures SET changed = changed + {MORE}; \
             UPDATE friendships SET changed = changed + {MORE}"
        ))
        .expect("changed");
    facts.cursors.iter_mut().for_each(|(_, cursor)| cursor.0 += MORE);
}

async fn assert_same(folder: &Path, url: &str, facts: &Facts) -> (SqliteStore, MySqlStore) {
    let (ours, theirs) = (sqlite(folder), mysql(url).await);
    let expected = answers(&Stores::all(Arc::new(ours.clone())), facts).await;
    let found = answers(&Stores::all(Arc::new(theirs.clone())), facts).await;
    assert!(expected.len() > 200, "{}", expected.len());
    for (expected, found) in expected.iter().zip(&found) {
        assert_eq!(expected, found);
    }
    assert_eq!(expected.len(), found.len());
    (ours, theirs)
}

pub(crate) async fn every_port_answers_the_same_from_both_sides(servers: &'static Servers) {
    let (folder, mut facts) = filled().await;
    grow_old(folder.path(), &mut facts);
    let (_schema, url) = bare(servers).await;
    let before = bytes(folder.path());
    let mut steps = Vec::new();
    let mut progress = |now: Progress| {
        assert!(now.rows <= now.of, "{now:?}");
        steps.push(now.step);
    };
    let done = transfer(folder.path(), &url, few(), &mut progress).await.expect("transferred");
    assert!(!done.earlier && steps.is_sorted_by_key(|step| *step as u8));
    assert!([Step::Check, Step::Copy, Step::Verify].iter().all(|step| steps.contains(step)));
    let rows: u64 = done.tables.iter().map(|(_, rows)| rows).sum();
    assert!(rows > 100, "{done:?}");
    assert!(bytes(folder.path()) == before, "the source stays as it is");

    let digests: Vec<[u8; 32]> = {
        let conn = file(folder.path());
        let mut stmt = conn.prepare("SELECT digest FROM refresh_tokens ORDER BY 1").expect("a statement");
        let rows = stmt.query_map([], |row| row.get(0)).expect("asked");
        rows.map(|digest| digest.expect("a digest")).collect()
    };
    let (ours, theirs) = assert_same(folder.path(), &url, &facts).await;
    // Whoever is logged in stays so, and refresh tokens go on.
    let at = Timestamp::from_millis(done.verified_at.as_millis() + 1_000);
    let (mut rotated, mut reused) = (0, 0);
    for current in digests {
        let mut next = current;
        next[0] ^= 0xff;
        let expires_at = Timestamp::from_millis(at.as_millis() + 1_000_000);
        let rotate = Rotate { current, next, at, expires_at, grace: Duration::ZERO };
        let outcome = ours.rotate(&rotate).await.expect("answers");
        assert_eq!(theirs.rotate(&rotate).await.expect("answers"), outcome);
        rotated += u32::from(matches!(outcome, Rotation::Done { .. }));
        reused += u32::from(matches!(outcome, Rotation::Reused { .. }));
    }
    assert!(rotated >= 6 && reused == 1, "{rotated} {reused}");
    goes_on(&theirs, &facts).await;
    // Run again, there is nothing to do; and nothing is looked at in what goes on there.
    ours.close().await;
    let wrong = to(folder.path(), &url).await.expect_err("the folder has changed");
    assert!(matches!(wrong, TransferError::Other), "{wrong}");
}

/// What is new comes behind all cursors that were given out.
async fn goes_on(store: &MySqlStore, facts: &Facts) {
    let world = ConversationId::WORLD;
    let [Some(head)] = store.heads(&[world]).await.expect("answers")[..] else { panic!("a head") };
    let mut new = crate::mysql_kit::message(world, head.get() + 1);
    Arc::make_mut(&mut new.message).sender = facts.users[0];
    assert_eq!(store.append(&[new]).await.expect("answers"), [Appended::Stored]);
    for (user, cursor) in &facts.cursors {
        let changes = store.changes(*user, *cursor, limit(100)).await.expect("answers");
        let world = changes.conversations.iter().find(|entry| entry.conversation.id.is_world());
        assert_eq!(world.expect("it has something new").conversation.last_seq, head.next());
        assert!(changes.cursor > *cursor);
        let end = store.changes(*user, changes.cursor, limit(100)).await.expect("answers");
        assert!(end.conversations.is_empty() && end.cursor == changes.cursor);
    }
}

/// Another process that transfers, one batch for each line that it is given.
struct Other {
    child: Child,
    say: ChildStdin,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Other {
    fn start(folder: &Path, url: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("a program"));
        command.args([CHILD.as_ref(), folder.as_os_str(), url.as_ref()]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("started");
        let (say, hear) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
        Self { child, say, lines: BufReader::new(hear).lines() }
    }

    /// Lets it write some batches, and kills it while it has written the next and not committed. False when it ended before.
    fn kill_after(&mut self, batches: usize) -> bool {
        for batch in 0..=batches {
            if self.lines.next().is_none() {
                assert!(self.child.wait().expect("ended").success());
                return false;
            }
            if batch < batches {
                self.say.write_all(b"\n").expect("told");
            }
        }
        self.kill();
        true
    }

    /// SIGKILL.
    fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn child(folder: &str, url: &str) -> ExitCode {
    let mut progress = |now: Progress| {
        if now.step == Step::Copy {
            println!("{}", now.table);
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).expect("told");
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    match runtime.block_on(transfer(Path::new(folder), url, few(), &mut progress)) {
        Ok(_) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{e}: {:?}", std::error::Error::source(&e));
            ExitCode::FAILURE
        }
    }
}

pub(crate) async fn one_that_is_killed_goes_on_where_it_was(servers: &'static Servers) {
    let (folder, facts) = filled().await;
    let (_schema, url) = bare(servers).await;
    let mut kills = 0;
    // At the first batch of all, which leaves nothing behind, and then ever later.
    while Other::start(folder.path(), &url).kill_after(kills * 2) {
        kills += 1;
        let open = MySqlStore::open(MySqlOptions::new(&url), log()).await;
        assert!(matches!(open, Err(mysql::OpenError::Transfer)), "half of it is served: {open:?}");
    }
    assert!(kills >= 5, "{kills}");
    assert_same(folder.path(), &url, &facts).await.0.close().await;
}

pub(crate) async fn what_differs_in_the_end_is_named_and_not_served(servers: &'static Servers) {
    let (folder, facts) = filled().await;
    let (_schema, url) = bare(servers).await;
    // Up to the tokens, the last table: everything before is copied.
    let mut other = Other::start(folder.path(), &url);
    while other.lines.next().expect("it goes on").expect("a line") != "refresh_tokens" {
        other.say.write_all(b"\n").expect("told");
    }
    other.kill();
    let (user, message) = (facts.users[2], facts.messages[5].0);
    let gone = &facts.messages[9];
    let mut conn = raw(&url).await;
    for change in [
        format!("UPDATE users SET nickname = 'x' WHERE id = {user}"),
        format!("UPDATE messages SET content = 'x' WHERE id = {message}"),
        format!("DELETE FROM messages WHERE id = {}", gone.0),
        "INSERT INTO departures (user, conversation, changed) VALUES (4, 4, 4)".to_owned(),
    ] {
        conn.query_drop(change).await.expect("changed");
    }
    for _ in 0..2 {
        let found = match to(folder.path(), &url).await {
            Err(TransferError::Differs(Findings { first, .. })) => first.join("\n"),
            other => panic!("{other:?}"),
        };
        for expected in [
            format!("users {user}: other values in nickname"),
            ": other values in content".to_owned(),
            ": not in the database".to_owned(),
            "departures 4/4: only in the database".to_owned(),
            format!("conversation {}: its head is", gone.1.conversation.get()),
        ] {
            assert!(found.contains(&expected), "{expected}\n{found}");
        }
        let open = MySqlStore::open(MySqlOptions::new(&url), log()).await;
        assert!(matches!(open, Err(mysql::OpenError::Transfer)), "{open:?}");
    }
}

pub(crate) async fn damaged_rows_are_named_and_nothing_is_written(servers: &'static Servers) {
    let (folder, facts) = filled().await;
    let (_schema, url) = bare(servers).await;
    let (text, lost, user) = (facts.messages[3].0, facts.messages[8].0, facts.users[1]);
    let group = facts.conversations[3];
    let conn = file(folder.path());
    for (change, expected) in [
        (
            format!("UPDATE messages SET content = 'x' WHERE id = {text}"),
            format!(
                "message {text} of conversation {}: the checksum differs",
                facts.messages[3].1.conversation
            ),
        ),
        (format!("DELETE FROM messages WHERE id = {lost}"), format!("message {lost} of conversation")),
        (format!("UPDATE users SET guest = 7 WHERE id = {user}"), format!("users {user}: guest is 7")),
        (
            format!("UPDATE conversations SET kind = 9 WHERE id = {group}"),
            format!("conversations {group}: kind is 9"),
        ),
        (
            "UPDATE friendships SET changed = 1 << 60".to_owned(),
            "changed is above the counter of changes".to_owned(),
        ),
        (
            format!("UPDATE conversations SET last_seq = 1 << 40, tail = x'00' WHERE id = {group}"),
            format!("conversation {group} from message 1 on"),
        ),
        (
            "UPDATE logins SET user = -1 WHERE id = (SELECT min(id) FROM logins)".to_owned(),
            "user is -1".to_owned(),
        ),
    ] {
        conn.execute_batch(&format!("SAVEPOINT s; {change}; RELEASE s")).expect("damaged");
        let found = match to(folder.path(), &url).await {
            Err(TransferError::Damaged(found)) => found,
            other => panic!("{change}: {other:?}"),
        };
        assert!(found.first.iter().any(|line| line.contains(&expected)), "{expected}: {found}");
    }
    // The schema is there, and nothing in it.
    let store = mysql(&url).await;
    assert!(store.by_ids_are_unknown(&facts).await);
    assert_eq!(store.heads(&[ConversationId::WORLD]).await.expect("answers"), [Some(Seq::ZERO)]);
}

/// Short for a question that two ports have by one name.
trait Unknown {
    async fn by_ids_are_unknown(&self, facts: &Facts) -> bool;
}

impl Unknown for MySqlStore {
    async fn by_ids_are_unknown(&self, facts: &Facts) -> bool {
        let users = UserStore::by_ids(self, &facts.users).await.expect("answers");
        users.iter().all(Option::is_none)
    }
}
