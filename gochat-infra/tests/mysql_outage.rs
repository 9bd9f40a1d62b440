//! A primary that dies, or stands still, and comes back: nobody waits for it meanwhile, and nobody keeps away from it after.
//!
//! The tests end the server by the script that started it, so they are a program of their own and run one after the other. They
//! ask for `MYSQL_PRIMARY_URL` and `GOCHAT_SERVERS_STATE`, as `cargo xtask servers run db -- cargo test …` gives. Without them
//! they are reported as ignored; with `CI` set they fail. `GOCHAT_SERVERS=later` leaves them all to `cargo xtask mysql`.

mod servers_kit;

use std::process::{Command, ExitCode};
use std::time::Duration;

use gochat_core::model::ConversationId;
use gochat_core::ports::{ErrorKind, MessageStore as _, Result, Retry};
use gochat_infra::mysql::{MySqlOptions, MySqlStore};
use gochat_infra::runtime::metrics::Metrics;
use servers_kit::{run, trial};
use slog::{Discard, Logger, o};
use tokio::sync::Mutex;

const MISSING: &str = "MYSQL_PRIMARY_URL or GOCHAT_SERVERS_STATE is not set";
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../xtask/servers/servers.sh");

/// The server of this run.
struct Server {
    url: String,
    /// One case at a time.
    turn: Mutex<()>,
}

impl Server {
    fn from_env() -> Option<Self> {
        let var = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        var("GOCHAT_SERVERS_STATE")?;
        Some(Self { url: var("MYSQL_PRIMARY_URL")?, turn: Mutex::new(()) })
    }

    fn script(what: &str) {
        let status = Command::new("bash").args([SCRIPT, what, "primary"]).status().expect("bash is there");
        assert!(status.success(), "{what}: {status}");
    }

    async fn store(&self) -> MySqlStore {
        MySqlStore::migrate(&self.url).await.expect("migrated");
        let mut options = MySqlOptions::new(&self.url);
        (options.patience, options.time) = (Duration::from_millis(300), Duration::from_secs(1));
        MySqlStore::open(options, Logger::root(Discard, o!())).await.expect("opened")
    }
}

async fn ask(store: &MySqlStore) -> Result<()> {
    store.heads(&[ConversationId::new(7).expect("in range")]).await.map(drop)
}

/// Waits until it answers again, and then always.
async fn until_it_is_back(store: &MySqlStore) {
    while ask(store).await.is_err() {
        tokio::task::yield_now().await;
    }
    let refused = store.stats().refused;
    for _ in 0..100 {
        ask(store).await.expect("it is back");
    }
    assert_eq!(store.stats().refused, refused, "nobody is refused any more");
}

async fn nobody_waits_for_a_primary_that_died(server: &'static Server) {
    let _turn = server.turn.lock().await;
    let (store, metrics) = (server.store().await, Metrics::new());
    store.watch(&metrics);
    ask(&store).await.expect("it answers");
    assert_eq!(store.stats().refused, 0);
    Server::script("kill");
    // A few find out; between their tries all others are refused unasked.
    while store.stats().refused < 200 {
        let e = ask(&store).await.expect_err("it is dead");
        assert_eq!((e.kind(), e.retry()), (ErrorKind::Unavailable, Retry::Safe), "{e}");
    }
    assert!(!store.health().await.primary);
    Server::script("restart");
    until_it_is_back(&store).await;

    let text = metrics.render();
    for begin in [
        "gochat_mysql_call_seconds_count{server=\"primary\"} 1",
        "gochat_mysql_wait_seconds_count{server=\"primary\"} 1",
        "gochat_mysql_connections_used{server=\"primary\"} 0",
        "gochat_mysql_waiting{server=\"primary\"} 0",
        "gochat_mysql_full_total{server=\"primary\"} 0",
    ] {
        assert!(text.lines().any(|line| line.starts_with(begin)), "no line {begin} in\n{text}");
    }
    let count = |name: &str| -> u64 {
        let begin = format!("gochat_mysql_{name}_total{{server=\"primary\"}} ");
        let found = text.lines().find_map(|line| line.strip_prefix(&*begin));
        found.expect("it is shown").parse().expect("a number")
    };
    assert!(count("refused") >= 200);
    assert!((2..count("refused")).contains(&count("away")), "two tries find out:\n{text}");
}

async fn nobody_waits_for_a_primary_that_stands_still(server: &'static Server) {
    let _turn = server.turn.lock().await;
    let store = server.store().await;
    ask(&store).await.expect("it answers");
    Server::script("pause");
    while store.stats().refused < 200 {
        let e = ask(&store).await.expect_err("it stands still");
        assert!(matches!(e.kind(), ErrorKind::Unavailable | ErrorKind::Timeout), "{e}");
        assert_eq!(e.retry(), Retry::Safe);
    }
    Server::script("resume");
    until_it_is_back(&store).await;
}

fn main() -> ExitCode {
    let server: &'static Option<Server> = Box::leak(Box::new(Server::from_env()));
    macro_rules! cases {
        ($($case:ident),+) => {
            vec![$(trial(stringify!($case).to_owned(), server, MISSING, |server| $case(server))),+]
        };
    }
    run(cases![nobody_waits_for_a_primary_that_died, nobody_waits_for_a_primary_that_stands_still], || {})
}
