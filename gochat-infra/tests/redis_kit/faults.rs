//! Servers that are away, hang, and come back.

use std::time::{Duration, Instant};

use gochat_core::model::Seq;
use gochat_core::ports::{Dedup, ErrorKind, Retry, Sequencer};
use gochat_infra::redis::{RedisDedup, RedisSequencer};
use tokio::net::TcpListener;

use super::own::OwnServer;
use super::{Servers, conversation, key, open};

pub(crate) async fn nobody_waits_for_a_server_that_is_away(servers: &'static Servers) {
    let mut config = servers.config();
    // The discard port: nobody listens.
    config.urls = vec!["redis://127.0.0.1:9".to_owned()];
    config.call_timeout = Duration::from_secs(30);
    config.backoff_first = Duration::from_secs(30);
    config.backoff_max = Duration::from_secs(30);
    let redis = open(config);
    let sequencer = RedisSequencer::new(redis.clone());
    let began = Instant::now();
    for _ in 0..100 {
        let refused = sequencer.reserve(&[(conversation(7), 1)]).await.expect_err("nobody is there");
        assert_eq!((refused.kind(), refused.retry()), (ErrorKind::Unavailable, Retry::Safe), "{refused:?}");
    }
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    let stats = redis.stats();
    assert!(stats.refused >= 97 && stats.failures <= 3, "{stats:?}");
    assert!(redis.is_resting());
}

pub(crate) async fn a_server_that_hangs_is_given_up(servers: &'static Servers) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let mut config = servers.config();
    config.urls = vec![format!("redis://{}", listener.local_addr().expect("an address"))];
    config.call_timeout = Duration::from_millis(100);
    let dedup = RedisDedup::new(open(config));
    let kept = async {
        let mut kept = Vec::new();
        loop {
            kept.push(listener.accept().await);
        }
    };
    let keys = [key(1, "a")];
    tokio::select! {
        () = kept => {}
        answer = dedup.seen(&keys) => {
            assert_eq!(answer.expect_err("no answer").kind(), ErrorKind::Timeout);
        }
    }
}

pub(crate) async fn a_server_that_comes_back_is_found(servers: &'static Servers) {
    let own = OwnServer::start();
    let mut config = servers.config();
    config.urls = vec![own.url()];
    config.backoff_first = Duration::from_millis(1);
    config.backoff_max = Duration::from_millis(5);
    let redis = open(config);
    let sequencer = RedisSequencer::new(redis.clone());
    for _ in 0..3 {
        sequencer.restore(&[(conversation(7), Seq::new(5))]).await.expect("restored");
        assert_eq!(sequencer.reserve(&[(conversation(7), 1)]).await.expect("answers"), [Some(Seq::new(6))]);
        own.kill();
        let failed = sequencer.reserve(&[(conversation(7), 1)]).await.expect_err("it is gone");
        assert_eq!(failed.kind(), ErrorKind::Unavailable);
        own.begin();
        while redis.ping().await.is_err() {
            tokio::task::yield_now().await;
        }
        // It has lost everything, and says so.
        assert_eq!(sequencer.reserve(&[(conversation(7), 1)]).await.expect("answers"), [None]);
    }
}

pub(crate) async fn one_that_refuses_us_is_away(servers: &'static Servers) {
    let own = OwnServer::start();
    let mut raw = super::raw(&own.url()).await;
    let password = redis::cmd("CONFIG").arg("SET").arg("requirepass").arg("secret").clone();
    password.exec_async(&mut raw).await.expect("set");
    let host = own.url().replace("redis://", "");
    for (url, good) in [
        (format!("redis://:secret@{host}"), true),
        (format!("redis://:wrong@{host}"), false),
        (format!("redis://{host}"), false),
        // It speaks no TLS.
        (format!("rediss://:secret@{host}"), false),
    ] {
        let mut config = servers.config();
        config.urls = vec![url.clone()];
        let answer = open(config).ping().await;
        assert_eq!(answer.is_ok(), good, "{url}: {answer:?}");
        if let Err(e) = answer {
            // One that was asked in TLS waits for more.
            let kinds = [ErrorKind::Unavailable, ErrorKind::Timeout];
            assert!(kinds.contains(&e.kind()) && e.retry() == Retry::Safe, "{url}: {e:?}");
            assert!(!format!("{e:?}").contains("secret"));
        }
    }
}

pub(crate) async fn a_full_server_stores_nothing(servers: &'static Servers) {
    let own = OwnServer::start();
    let mut config = servers.config();
    config.urls = vec![own.url()];
    let (redis, heads) = (open(config), [(conversation(7), Seq::new(5))]);
    let sequencer = RedisSequencer::new(redis);
    sequencer.restore(&heads).await.expect("restored");
    let mut raw = super::raw(&own.url()).await;
    let set = async |raw: &mut redis::aio::MultiplexedConnection, bytes: &str| {
        let full = redis::cmd("CONFIG").arg("SET").arg("maxmemory").arg(bytes).clone();
        full.exec_async(raw).await.expect("set");
    };
    set(&mut raw, "1").await;
    let refused = sequencer.restore(&heads).await.expect_err("no room");
    assert_eq!((refused.kind(), refused.retry()), (ErrorKind::Full, Retry::Safe), "{refused:?}");
    let refused = sequencer.reserve(&[(conversation(7), 1)]).await.expect_err("no room");
    assert_eq!((refused.kind(), refused.retry()), (ErrorKind::Full, Retry::Safe), "{refused:?}");
    set(&mut raw, "0").await;
    assert_eq!(sequencer.reserve(&[(conversation(7), 1)]).await.expect("answers"), [Some(Seq::new(6))]);
}
