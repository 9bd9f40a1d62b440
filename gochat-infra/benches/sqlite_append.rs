//! What durable storing costs: messages appended a second, and the CPU of each, by batch size and shape of the clients' ids.
//!
//! `cargo bench -p gochat-infra --no-default-features --features sqlite --bench sqlite_append [-- seconds [conversations]]`
//!
//! One batch is outstanding at a time, so each has a commit and an fsync of its own; texts are 128 bytes and go to the
//! conversations in turn. CPU is the whole process's: the caller that builds the batch counts too, but for the messages
//! themselves, which are made before.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gochat_core::model::{
    ClientMsgId, ConversationId, MembersVersion, Message, MessageBody, MessageId, NewMessage, Seq, Timestamp,
    User, UserId, Username,
};
use gochat_core::ports::{Appended, ConversationStore, MessageStore, NewUser, OpenSingle, UserStore};
use gochat_infra::sqlite::{SqliteOptions, SqliteStore};

const START: i64 = 1_767_225_600_000;

#[derive(Debug, Clone, Copy)]
enum Ids {
    /// UUIDs of version 7.
    Timed,
    /// UUIDs of version 4.
    Random,
}

struct Load {
    pairs: Vec<(ConversationId, [UserId; 2])>,
    heads: Vec<u64>,
    sent: u64,
    content: Arc<str>,
    random: u64,
}

fn main() {
    // `cargo bench` adds `--bench`.
    let mut args = std::env::args().skip(1).filter_map(|arg| arg.parse().ok());
    let (seconds, pairs) = (args.next().unwrap_or(3), args.next().unwrap_or(200));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    println!("| ids | batch | rows/s | CPU us/row | written bytes/row |");
    println!("|---|---|---|---|---|");
    for ids in [Ids::Timed, Ids::Random] {
        for batch in [20, 100, 400, 1_600] {
            runtime.block_on(run(ids, batch, pairs, Duration::from_secs(seconds)));
        }
    }
}

async fn run(ids: Ids, batch: usize, pairs: u64, time: Duration) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let log = slog::Logger::root(slog::Discard, slog::o!());
    let store = SqliteStore::open(folder.path(), SqliteOptions::default(), log).expect("opened");
    let mut load = prepare(&store, pairs).await;
    let (mut rows, mut wall, mut cpu) = (0, Duration::ZERO, Duration::ZERO);
    let written = written();
    while wall < time {
        let messages: Vec<_> = (0..batch).map(|_| load.next(ids)).collect();
        let (start, used) = (Instant::now(), cpu_time());
        let outcome = store.append(&messages).await.expect("stored");
        wall += start.elapsed();
        cpu += cpu_time() - used;
        assert!(outcome.iter().all(|o| *o == Appended::Stored));
        rows += batch;
    }
    let bytes = (self::written() - written) / rows as u64;
    let (rate, each) = (rows as f64 / wall.as_secs_f64(), cpu.as_secs_f64() * 1e6 / rows as f64);
    println!("| {ids:?} | {batch} | {rate:.0} | {each:.2} | {bytes} |");
    store.close().await;
}

async fn prepare(store: &SqliteStore, pairs: u64) -> Load {
    let mut load = Load {
        pairs: Vec::new(),
        heads: vec![0; usize::try_from(pairs).expect("fits")],
        sent: 0,
        content: "m".repeat(128).into(),
        random: 0x9e37_79b9_7f4a_7c15,
    };
    for pair in 0..pairs {
        let users = [user(store, 2 * pair).await, user(store, 2 * pair + 1).await];
        let id = ConversationId::new(snowflake(pair * 97)).expect("in range");
        let open = OpenSingle { users, by: users[0], id, at: Timestamp::from_millis(START) };
        store.open_single(&open).await.expect("opened");
        load.pairs.push((id, users));
    }
    load
}

async fn user(store: &SqliteStore, n: u64) -> UserId {
    let id = UserId::new(snowflake(n * 61 + 7)).expect("in range");
    let user = User {
        id,
        name: Username::new(&format!("user-{n}")).expect("a name"),
        nickname: None,
        avatar: "".into(),
        guest: false,
        created_at: Timestamp::from_millis(START),
    };
    store.create(&NewUser { user, password: None, external: None }).await.expect("stored");
    id
}

/// An id as the system makes them: milliseconds above, a counter below.
fn snowflake(n: u64) -> u64 {
    ((50_000_000_000 + n / 100) << 22) | (n % 100)
}

impl Load {
    fn next(&mut self, ids: Ids) -> NewMessage {
        self.sent += 1;
        let at = usize::try_from(self.sent).expect("fits") % self.pairs.len();
        let (conversation, users) = self.pairs[at];
        self.heads[at] += 1;
        let message = Message {
            id: MessageId::new(snowflake(1 << 32 | self.sent)).expect("in range"),
            conversation,
            seq: Seq::new(self.heads[at]),
            // One side of each pair writes, as in the benchmark of the whole.
            sender: users[0],
            client_msg_id: self.client_id(ids),
            body: MessageBody { content: self.content.clone(), ..MessageBody::text("") },
            sent_at: Timestamp::from_millis(START + i64::try_from(self.sent / 100).expect("fits")),
            edited_at: None,
            recalled: None,
        };
        NewMessage { message: Arc::new(message), members_version: MembersVersion::new(1) }
    }

    fn client_id(&mut self, ids: Ids) -> ClientMsgId {
        let (high, low) = (self.random(), self.random());
        let bits = match ids {
            // A hundred a millisecond.
            Ids::Timed => (START.cast_unsigned() + self.sent / 100) << 16 | 7 << 12 | high & 0xfff,
            Ids::Random => high & !0xf000 | 4 << 12,
        };
        let hex = format!("{bits:016x}{:016x}", low >> 2 | 1 << 63);
        let mut text = String::new();
        for (i, digit) in hex.chars().enumerate() {
            if matches!(i, 8 | 12 | 16 | 20) {
                text.push('-');
            }
            write!(text, "{digit}").expect("memory");
        }
        ClientMsgId::new(&text).expect("a good id")
    }

    /// Xorshift (Marsaglia 2003).
    fn random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}

fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.cast_unsigned(), u32::try_from(time.tv_nsec).expect("below a second"))
}

/// Bytes that this process has handed to the system to write.
fn written() -> u64 {
    let io = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    io.lines().find_map(|line| line.strip_prefix("wchar: ")?.parse().ok()).unwrap_or(0)
}
