use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::choices::{LogLevel, MetricsAccess};
use super::*;

fn env(vars: &[(&str, &str)]) -> Layers {
    Layers { env: vars.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect(), ..Layers::default() }
}

fn file(text: &str) -> (tempfile::TempDir, Layers) {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("gochat.toml");
    fs::write(&path, text).expect("written");
    (dir, Layers { file: Some(path), ..Layers::default() })
}

fn problem(layers: &Layers) -> String {
    let all = layers.load().expect_err("it is wrong").to_string();
    assert_eq!(all.lines().count(), 1, "one line: {all}");
    all
}

#[test]
fn flags_beat_environment_beats_file_beats_defaults() {
    let (_dir, mut layers) =
        file("[server]\nlisten = \"1.1.1.1:1\"\n[limits]\nframe = \"32KiB\"\nbatch = 7\n");
    layers.env =
        env(&[("GOCHAT_SERVER__LISTEN", "2.2.2.2:2"), ("GOCHAT_LIMITS__BATCH", "8"), ("HOME", "/")]).env;
    layers.flags = vec![("--listen".into(), "server.listen".into(), "[::1]:3".into())];
    let e = layers.load().expect("valid");
    assert_eq!(e.config.server.listen, SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 3)));
    assert_eq!((e.config.limits.frame, e.config.limits.batch), (Size(32 << 10), 8));
    assert_eq!(e.config.limits.send_burst, 100);
    assert_eq!(*e.source("server.listen"), Source::Flag("--listen".into()));
    assert_eq!(*e.source("limits.batch"), Source::Env("GOCHAT_LIMITS__BATCH".into()));
    assert!(matches!(e.source("limits.frame"), Source::File(_, 4)), "{:?}", e.source("limits.frame"));
    assert_eq!(*e.source("limits.send_burst"), Source::Default);
}

#[test]
fn the_shared_text_stands_between_file_and_environment() {
    let (_dir, mut layers) = file("[limits]\nframe = \"32KiB\"\nbatch = 7\nsend_burst = 3\n");
    let name = "/gochat/config/im-logic".to_owned();
    layers.shared = Some((name.clone(), "[limits]\nbatch = 8\nsend_burst = 4\n".to_owned()));
    layers.env = env(&[("GOCHAT_LIMITS__SEND_BURST", "5")]).env;
    let e = layers.load().expect("valid");
    let limits = &e.config.limits;
    assert_eq!((limits.frame, limits.batch, limits.send_burst), (Size(32 << 10), 8, 5));
    assert_eq!(*e.source("limits.batch"), Source::Shared(name.clone(), 2));
    layers.shared = Some((name, "\n[limits]\nbach = 8\n".to_owned()));
    assert!(
        problem(&layers)
            .starts_with("/gochat/config/im-logic:3: there is no setting limits.bach; the nearest is")
    );
}

#[test]
fn an_empty_variable_is_unset() {
    assert_eq!(env(&[("GOCHAT_LIMITS__BATCH", "")]).load().expect("valid").config, Config::default());
}

#[test]
fn lists_times_words_and_switches_from_the_environment() {
    let layers = env(&[
        ("GOCHAT_SERVER__TRUSTED_PROXIES", "10.0.0.0/8, ::1"),
        ("GOCHAT_HEARTBEAT__DEAD", "1m30s"),
        ("GOCHAT_LOG__LEVEL", "debug"),
        ("GOCHAT_METRICS__ACCESS", "off"),
        ("GOCHAT_CHAT__HISTORY_BEFORE_JOIN", "false"),
    ]);
    let c = layers.load().expect("valid").config;
    assert_eq!(c.server.trusted_proxies, ["10.0.0.0/8", "::1"]);
    assert_eq!(c.heartbeat.dead, Duration::from_secs(90));
    assert_eq!((c.log.level, c.metrics.access), (LogLevel::Debug, MetricsAccess::Off));
    assert!(!c.chat.history_before_join);
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_a_way_out() {
    for (name, value, said) in [
        (
            "GOCHAT_SERVER__LISTN",
            "x",
            "GOCHAT_SERVER__LISTN: there is no setting server.listn; the nearest is GOCHAT_SERVER__LISTEN",
        ),
        ("GOCHAT_DEBUG", "1", "there is no setting debug; the nearest is GOCHAT_"),
        ("GOCHAT_SERVER__LISTEN", "8080", "\"8080\" is not an address and port"),
        ("GOCHAT_HEARTBEAT__PING", "30", "\"30\" is not a time such as"),
        ("GOCHAT_HEARTBEAT__PING", "2m", "heartbeat.dead: must be longer than heartbeat.ping"),
        ("GOCHAT_LIMITS__FRAME", "64kb", "is not a size such as"),
        ("GOCHAT_LIMITS__SEND_BURST", "-1", "-1 is not between 0 and 4294967295"),
        ("GOCHAT_LIMITS__SEND_BURST", "many", "\"many\" is not a whole number"),
        ("GOCHAT_LOG__LEVEL", "loud", "\"loud\" is none of \"critical\", \"error\""),
        ("GOCHAT_AUTH__BCRYPT_COST", "3", "auth.bcrypt_cost: must be 4 to 31"),
        ("GOCHAT_SERVER__TLS_CERT", "a.pem", "a certificate and its key go together"),
        ("GOCHAT_AUTH__JWT_SECRET", "short", "must have 32 bytes or more"),
        ("GOCHAT_AUTH__JWT_SECRET_FILE", "/nowhere", "/nowhere: No such file"),
    ] {
        let said_is = problem(&env(&[(name, value)]));
        assert!(said_is.contains(said), "{name}={value}: {said_is}");
        assert!(name.contains("SECRET_FILE") || !name.contains("SECRET") || !said_is.contains(value));
    }
}

#[test]
fn a_wrong_file_is_told_with_its_line() {
    for (text, said) in [
        ("[server]\nlisten = \n", "gochat.toml:2: "),
        (
            "\n[limits]\nfram = 1\n",
            "gochat.toml:3: there is no setting limits.fram; the nearest is limits.frame",
        ),
        ("[limits]\nbatch = \"7\"\n", "gochat.toml:2: limits.batch: \"7\" is not a whole number"),
        ("[limits]\nbatch = 1.5\n", "gochat.toml:2: limits.batch: 1.5 is not a whole number"),
        ("[trace]\nsample = 1.5\n", "gochat.toml:2: trace.sample: 1.5 is not between 0 and 1"),
        ("[trace]\nsample = nan\n", "gochat.toml:2: trace.sample: NaN is not between 0 and 1"),
        ("listen = \"a\"\n", "gochat.toml:1: \"listen\" stands outside of any section"),
        ("[serve]\nlisten = \"a\"\n", "there is no setting serve.listen; the nearest is server.listen"),
        ("[limits]\nbatch = 1\nbatch = 2\n", "gochat.toml:3: "),
    ] {
        let (_dir, layers) = file(text);
        let said_is = problem(&layers);
        assert!(said_is.contains(said), "{text}: {said_is}");
    }
    let missing = Layers { file: Some("/no/such.toml".into()), ..Layers::default() };
    assert!(problem(&missing).starts_with("/no/such.toml: No such file"));
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let all = env(&[("GOCHAT_A", "1"), ("GOCHAT_LIMITS__BATCH", "x")]).load().expect_err("wrong").to_string();
    assert_eq!(all.lines().count(), 2, "{all}");
}

#[test]
fn a_secret_comes_from_its_file_and_is_never_shown() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("secret");
    let secret = "0123456789abcdef0123456789abcdef";
    fs::write(&path, format!("{secret}\n")).expect("written");
    let name = path.to_str().expect("utf-8");
    let e = env(&[("GOCHAT_AUTH__JWT_SECRET_FILE", name)]).load().expect("valid");
    assert_eq!(e.config.auth.jwt_secret.as_ref().map(Secret::reveal), Some(secret));
    assert!(!e.show().contains(secret) && !format!("{e:?}").contains(secret));
    assert!(e.show().contains("set, not shown (GOCHAT_AUTH__JWT_SECRET_FILE)"));
    let both = env(&[("GOCHAT_AUTH__JWT_SECRET_FILE", name), ("GOCHAT_AUTH__JWT_SECRET", secret)]);
    assert!(problem(&both).contains("keep one of the two"));
}

#[test]
fn what_is_shown_sets_the_same() {
    let layers = env(&[
        ("GOCHAT_HEARTBEAT__DEAD", "90001ms"),
        ("GOCHAT_DATA__FOLDER", "a \"b\"\\c"),
        ("GOCHAT_DATA__SIZE_MAX", "5"),
    ]);
    let first = layers.load().expect("valid");
    let (_dir, again) = file(&first.show());
    assert_eq!(again.load().expect("valid").config, first.config);
}

#[test]
fn the_example_sets_the_defaults_and_is_the_one_in_docs() {
    let example = example();
    let uncommented: String = example
        .lines()
        .filter(|l| !l.starts_with("# ") && *l != "#" && !l.ends_with(" ="))
        .map(|l| format!("{}\n", l.trim_start_matches('#')))
        .collect();
    let (_dir, layers) = file(&uncommented);
    let e = layers.load().expect("valid");
    assert_eq!(e.config, Config::default());
    let unset = Config::default().keys().iter().filter(|k| k.default.is_none()).count();
    assert_eq!(e.sources.len() + unset, Config::default().keys().len(), "every key is in the example");

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/gochat.example.toml");
    let there = fs::read_to_string(path).unwrap_or_default();
    assert!(there == example, "run: cargo run -p gochat -- config --example > docs/gochat.example.toml");
}

#[test]
fn defaults_are_those_of_the_rules() {
    assert_eq!(Config::default().settings(), gochat_core::Settings::default());
    assert!(Layers::default().load().is_ok());
}
