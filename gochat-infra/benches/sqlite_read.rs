//! What asking costs: pages from both ends of a long conversation, and the question that the send pipeline asks for each
//! message.
//!
//! `cargo bench -p gochat-infra --no-default-features --features sqlite --bench sqlite_read [-- messages]`

use std::sync::Arc;
use std::time::{Duration, Instant};

use gochat_core::model::{
    ClientMsgId, ConversationId, MembersVersion, Message, MessageBody, MessageId, NewMessage, PageLimit, Seq,
    Timestamp, User, UserId, Username,
};
use gochat_core::ports::{
    ConversationStore, Directory, Freshness, GroupStore, MessageStore, NewGroup, NewUser, OpenSingle,
    PageFrom, UserStore,
};
use gochat_infra::sqlite::{SqliteOptions, SqliteStore};

const LONG: ConversationId = ConversationId::new(1_000_000).expect("in range");
const GROUP: ConversationId = ConversationId::new(1_000_001).expect("in range");
const MEMBERS: u64 = 1_000;

fn main() {
    let messages = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(1_000_000);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let log = slog::Logger::root(slog::Discard, slog::o!());
        let store = SqliteStore::open(folder.path(), SqliteOptions::default(), log).expect("opened");
        fill(&store, messages).await;
        println!("| question | p50 us | p99 us |\n|---|---|---|");
        let head = Seq::new(messages);
        for (name, from) in [
            ("first 50 messages", PageFrom::After(Seq::ZERO)),
            ("last 50 messages", PageFrom::Before(head.next())),
            ("50 in the middle", PageFrom::After(Seq::new(messages / 2))),
        ] {
            let limit = PageLimit::new(50, 50).expect("a limit");
            measure(name, 1, || async {
                assert_eq!(store.page(LONG, from, limit).await.expect("a page").len(), 50);
            })
            .await;
        }
        let list = PageLimit::new(100, 100).expect("a limit");
        measure("a user's list of conversations", 1, || async {
            assert_eq!(store.list(user_id(1), list).await.expect("a list").len(), 3);
        })
        .await;
        let asked: Vec<_> = (0..400).map(|i| (GROUP, user_id(1 + i % MEMBERS))).collect();
        measure("rights in a group of 1,000, each of 400 at once", 400, || async {
            store.access(&asked, 500, Freshness::Cached).await.expect("answers");
        })
        .await;
        measure("all members of a group of 1,000", 1, || async {
            let all = PageLimit::new(1_000, 1_000).expect("a limit");
            assert_eq!(store.member_ids(GROUP, None, all).await.expect("answers").len(), 1_000);
        })
        .await;
        store.close().await;
    });
}

async fn measure<F: Future<Output = ()>>(name: &str, questions: u32, ask: impl Fn() -> F) {
    let mut times: Vec<Duration> = Vec::new();
    for _ in 0..2_000 {
        let start = Instant::now();
        ask().await;
        times.push(start.elapsed() / questions);
    }
    times.sort_unstable();
    let micros = |at: usize| times[at].as_secs_f64() * 1e6;
    println!("| {name} | {:.2} | {:.2} |", micros(1_000), micros(1_980));
}

async fn fill(store: &SqliteStore, messages: u64) {
    for n in 1..=MEMBERS {
        let user = User {
            id: user_id(n),
            name: Username::new(&format!("user-{n}")).expect("a name"),
            nickname: None,
            avatar: "".into(),
            guest: false,
            created_at: Timestamp::default(),
        };
        UserStore::create(store, &NewUser { user, password: None, external: None }).await.expect("stored");
    }
    let open =
        OpenSingle { users: [user_id(1), user_id(2)], by: user_id(1), id: LONG, at: Timestamp::default() };
    store.open_single(&open).await.expect("opened");
    let group = NewGroup {
        id: GROUP,
        name: "group".into(),
        avatar: "".into(),
        description: "".into(),
        owner: user_id(1),
        members: (2..=MEMBERS).map(user_id).collect(),
        at: Timestamp::default(),
    };
    GroupStore::create(store, &group).await.expect("stored");
    let content: Arc<str> = "m".repeat(128).into();
    for first in (1..=messages).step_by(1_000) {
        let batch: Vec<_> =
            (first..(first + 1_000).min(messages + 1)).map(|seq| message(seq, &content)).collect();
        store.append(&batch).await.expect("stored");
    }
}

fn user_id(n: u64) -> UserId {
    UserId::new(n).expect("in range")
}

fn message(seq: u64, content: &Arc<str>) -> NewMessage {
    let message = Message {
        id: MessageId::new(1_000_000_000 + seq).expect("in range"),
        conversation: LONG,
        seq: Seq::new(seq),
        sender: user_id(1 + seq % 2),
        client_msg_id: ClientMsgId::new(&seq.to_string()).expect("an id"),
        body: MessageBody { content: content.clone(), ..MessageBody::text("") },
        sent_at: Timestamp::from_millis(i64::try_from(seq).expect("fits")),
        edited_at: None,
        recalled: None,
    };
    NewMessage { message: Arc::new(message), members_version: MembersVersion::new(1) }
}
