//! A broker that is killed and comes back, and one that never was.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gochat_core::ports::{ErrorKind, Retry, Upstream as _};
use gochat_infra::kafka::{KafkaConfig, KafkaUpstream, Producer};
use gochat_infra::runtime::metrics::Metrics;
use tokio::sync::mpsc;

use super::{Bench, Nothing, Servers, send, taker};

/// A broker of its own, ended with it.
struct Broker {
    state: PathBuf,
    brokers: String,
}

impl Broker {
    fn command(state: &PathBuf, args: &[&str]) -> String {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../xtask/servers/servers.sh");
        let mut command = Command::new("bash");
        command.arg(script).args(args).env("GOCHAT_SERVERS_STATE", state).stdin(Stdio::null());
        let output = command.output().expect("bash");
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    async fn start() -> Self {
        let state = std::env::temp_dir().join(format!("gochat-kafka-test-{}", std::process::id()));
        let at = state.clone();
        let env =
            tokio::task::spawn_blocking(move || Self::command(&at, &["up", "kafka"])).await.expect("started");
        let brokers = env.lines().find_map(|line| line.strip_prefix("export KAFKA_BROKERS="));
        let brokers = brokers.expect("an address").trim_matches(['\'', '"']).to_owned();
        Self { state, brokers }
    }

    async fn ask(&self, args: &'static [&'static str]) {
        let state = self.state.clone();
        tokio::task::spawn_blocking(move || Self::command(&state, args)).await.expect("done");
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        Self::command(&self.state, &["down"]);
    }
}

pub(crate) async fn nothing_acknowledged_is_lost(_: &'static Servers) {
    let broker = Broker::start().await;
    let mut bench = Bench::over(&broker.brokers).await;
    bench.config.submit_timeout = Duration::from_secs(20);
    let (sender, mut taken) = mpsc::channel(100_000);
    let node = bench.consume(taker("a", &sender, Nothing));
    let upstream = bench.upstream();
    let outage = async {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        broker.ask(&["kill", "kafka1"]).await;
        broker.ask(&["restart", "kafka1"]).await;
        Instant::now()
    };
    let mut next = 0_u64;
    let mut longest = Duration::ZERO;
    let sending = async {
        let mut back = None;
        tokio::pin!(outage);
        loop {
            tokio::select! {
                at = &mut outage, if back.is_none() => back = Some(at),
                accepted = async {
                    let begun = Instant::now();
                    // Repeated until it is accepted, as a client does.
                    while let Err(e) = upstream.submit((7..11).map(|c| send(c, next)).collect()).await {
                        assert!(matches!(e.retry(), Retry::Safe | Retry::Ambiguous), "{e}");
                    }
                    begun.elapsed()
                } => {
                    longest = longest.max(accepted);
                    next += 1;
                    if back.is_some_and(|at| at.elapsed() > Duration::from_secs(1)) && longest > Duration::from_millis(500) {
                        return;
                    }
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            }
        }
    };
    sending.await;
    let mut expected = [0_u64; 11];
    while expected[7..11].iter().any(|n| *n < next) {
        let (_, batch) = taken.recv().await.expect("a handler lives");
        for (conversation, n) in batch {
            let expected = &mut expected[conversation as usize];
            assert!(n <= *expected, "{n} of {conversation} where {expected} is next");
            *expected = (*expected).max(n + 1);
        }
    }
    println!("{} accepted over an outage, the longest wait {longest:?}", next * 4);
    node.shutdown().await;
}

pub(crate) async fn nobody_waits_for_brokers_that_are_away(_: &'static Servers) {
    // The discard port: nobody listens.
    let mut config = KafkaConfig::new("127.0.0.1:9");
    (config.submit_timeout, config.queue_records) = (Duration::from_secs(1), 10);
    config.connect_timeout = Duration::from_secs(1);
    let log = slog::Logger::root(slog::Discard, slog::o!());
    let producer = Producer::for_sends(&config, &Metrics::new(), &log).expect("a producer");
    assert!(producer.connect(&config).await.is_err());
    let upstream = Arc::new(KafkaUpstream::new(producer, &config));
    let begun = Instant::now();
    let (first, second) = tokio::join!(
        upstream.submit((0..8).map(|n| send(7, n)).collect()),
        upstream.submit((8..16).map(|n| send(7, n)).collect()),
    );
    let (first, second) = (first.expect_err("away"), second.expect_err("full"));
    assert_eq!((first.kind(), first.retry()), (ErrorKind::Timeout, Retry::Ambiguous));
    assert_eq!((second.kind(), second.retry()), (ErrorKind::Overloaded, Retry::Safe));
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}
