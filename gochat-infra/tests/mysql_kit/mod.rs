//! A fresh database for each case, and short ways to fill it.

pub(crate) mod archive;
pub(crate) mod faults;
pub(crate) mod mend;
pub(crate) mod migrations;
pub(crate) mod outbox;
pub(crate) mod own;
pub(crate) mod plans;
pub(crate) mod replicas;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gochat_core::model::{
    ClientMsgId, ConversationId, MembersVersion, Message, MessageBody, MessageId, NewMessage, PageLimit, Seq,
    Timestamp, User, UserId, Username,
};
use gochat_core::ports::{ConversationStore, NewUser, OpenSingle, UserStore};
use gochat_core::testing::conformance::{Fixture, OutboxFixture, Stores};
use gochat_infra::mysql::{MySqlOptions, MySqlStore};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts};
use parking_lot::Mutex;

/// What a case may leave in a schema.
const TABLES: [&str; 11] = [
    "users",
    "conversations",
    "conversation_members",
    "departures",
    "friendships",
    "messages",
    "logins",
    "refresh_tokens",
    "archives",
    "archive_attempts",
    "outbox",
];
const WORLD: &str = "INSERT INTO conversations (id, kind, last_seq, last_at, changed, members_version, created_at) \
                     VALUES (1, 1, 0, 0, 0, 1, 0); UPDATE archiver SET conversation = 0";

/// The servers of this run. Schemas are emptied and used again: making one costs more than most cases.
pub(crate) struct Servers {
    primary: String,
    replica: Option<String>,
    free: Mutex<Vec<String>>,
    made: Mutex<Vec<String>>,
    next: AtomicU64,
}

/// A schema, while it is one case's.
pub(crate) struct Schema {
    pub(crate) name: String,
    servers: &'static Servers,
}

impl Drop for Schema {
    fn drop(&mut self) {
        self.servers.free.lock().push(std::mem::take(&mut self.name));
    }
}

/// The address up to the name of the database.
fn server_of(url: &str) -> String {
    let end = url.rfind('/').expect("an address ends in the name of a database");
    url[..end].to_owned()
}

impl Servers {
    pub(crate) fn from_env() -> Option<Self> {
        let var = |name| std::env::var(name).ok().filter(|url| !url.is_empty());
        Some(Self {
            primary: server_of(&var("MYSQL_PRIMARY_URL")?),
            replica: var("MYSQL_REPLICA_URL").map(|url| server_of(&url)),
            free: Mutex::default(),
            made: Mutex::default(),
            next: AtomicU64::new(0),
        })
    }

    pub(crate) fn url(&self, schema: &str) -> String {
        format!("{}/{schema}", self.primary)
    }

    pub(crate) fn replica_url(&self, schema: &str) -> Option<String> {
        self.replica.as_ref().map(|server| format!("{server}/{schema}"))
    }

    /// A new schema with nothing in it.
    pub(crate) async fn bare(&'static self) -> Schema {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        let name = format!("gochat_t{}_{n}", std::process::id());
        let mut conn = raw(&format!("{}/", self.primary)).await;
        conn.query_drop(format!("CREATE DATABASE {name} CHARACTER SET utf8mb4")).await.expect("a schema");
        self.made.lock().push(name.clone());
        conn.disconnect().await.expect("ended");
        Schema { name, servers: self }
    }

    /// A schema with our tables, and nothing in them.
    pub(crate) async fn schema(&'static self) -> Schema {
        let free = self.free.lock().pop();
        let Some(name) = free else {
            let schema = self.bare().await;
            MySqlStore::migrate(&self.url(&schema.name)).await.expect("migrated");
            return schema;
        };
        let schema = Schema { name, servers: self };
        MySqlStore::migrate(&self.url(&schema.name)).await.expect("migrated");
        let mut conn = raw(&self.url(&schema.name)).await;
        let empty = TABLES.map(|table| format!("DELETE FROM {table}")).join("; ");
        conn.query_drop(format!("{empty}; {WORLD}")).await.expect("emptied");
        conn.disconnect().await.expect("ended");
        schema
    }

    pub(crate) fn options(&self, schema: &str) -> MySqlOptions {
        let mut options = MySqlOptions::new(&self.url(schema));
        options.replicas.extend(self.replica_url(schema));
        options
    }

    pub(crate) async fn fixture(&'static self) -> Fixture {
        self.over(self.schema().await).await
    }

    /// The stores, and their outbox.
    pub(crate) async fn outbox(&'static self) -> OutboxFixture {
        let schema = self.schema().await;
        let store = Arc::new(open(self.options(&schema.name)).await);
        let fixture = Fixture::new(Stores::all(store.clone()));
        // The schema is this case's as long as the fixture lives.
        let kept = fixture.with_reopen(Box::new(move || {
            drop(schema);
            unreachable!("no case of the outbox opens it again")
        }));
        OutboxFixture { fixture: kept, outbox: store }
    }

    fn over(&'static self, schema: Schema) -> Pin<Box<dyn Future<Output = Fixture> + Send>> {
        Box::pin(async move {
            let store = open(self.options(&schema.name)).await;
            Fixture::new(Stores::all(Arc::new(store.clone()))).with_reopen(Box::new(move || {
                Box::pin(async move {
                    store.close().await;
                    self.over(schema).await
                })
            }))
        })
    }

    /// Drops the schemas of this run.
    pub(crate) fn clear(&self) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let mut conn = raw(&format!("{}/", self.primary)).await;
            let made = std::mem::take(&mut *self.made.lock());
            for name in made {
                conn.query_drop(format!("DROP DATABASE IF EXISTS {name}")).await.expect("dropped");
            }
        });
    }
}

/// A connection past the adapter.
pub(crate) async fn raw(url: &str) -> Conn {
    Conn::new(Opts::from_url(url).expect("an address")).await.expect("a connection")
}

pub(crate) async fn open(options: MySqlOptions) -> MySqlStore {
    let log = slog::Logger::root(slog::Discard, slog::o!());
    MySqlStore::open(options, log).await.expect("opened")
}

pub(crate) const fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + ms)
}

pub(crate) fn limit(n: u32) -> PageLimit {
    PageLimit::new(n, u32::MAX).expect("at least 1")
}

pub(crate) fn user_id(n: u64) -> UserId {
    UserId::new(n).expect("in range")
}

pub(crate) fn conversation_id(n: u64) -> ConversationId {
    ConversationId::new(n).expect("in range")
}

/// The `seq`-th message of a conversation, by user 10.
pub(crate) fn message(conversation: ConversationId, seq: u64) -> NewMessage {
    let message = Message {
        id: MessageId::new(conversation.get() * 100_000 + seq).expect("in range"),
        conversation,
        seq: Seq::new(seq),
        sender: user_id(10),
        client_msg_id: ClientMsgId::new(&format!("c{seq}")).expect("a good id"),
        body: MessageBody::text(&format!("text {seq}")),
        sent_at: at(seq as i64),
        edited_at: None,
        recalled: None,
    };
    NewMessage { message: Arc::new(message), members_version: MembersVersion::new(1) }
}

/// User 10, and single conversations with as many others.
pub(crate) async fn pairs(store: &MySqlStore, n: u64) -> Vec<ConversationId> {
    let mut made = Vec::new();
    for other in 10..=10 + n {
        let user = User {
            id: user_id(other),
            name: Username::new(&format!("user-{other}")).expect("a good name"),
            nickname: None,
            avatar: "".into(),
            guest: false,
            created_at: at(0),
        };
        store.create(&NewUser { user, password: None, external: None }).await.expect("stored");
        if other > 10 {
            let users = [user_id(10), user_id(other)];
            let open = OpenSingle { users, by: users[0], id: conversation_id(1_000 + other), at: at(0) };
            made.push(store.open_single(&open).await.expect("opened").id);
        }
    }
    made
}
