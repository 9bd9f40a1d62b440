//! Which crate may know which: the arrows of `docs/architecture.md`, checked.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use crate::sh::{cargo, output};

/// What a crate's normal dependencies must not contain, and why.
struct Arrow {
    package: &'static str,
    features: &'static [&'static str],
    /// Names, or beginnings of names that end in `*`.
    never: &'static [&'static str],
    why: &'static str,
}

/// What one service never opens, because another one is there for it.
const SERVICES: [(&str, &[&str], &str); 4] = [
    ("im-gateway", &["mysql_async", "rusqlite"], "a gateway asks im-logic, and no database"),
    ("im-logic", &["mysql_async", "rusqlite"], "the rules reach storage through im-repo alone"),
    ("im-repo", &["rusqlite"], "storage of the services is MySQL"),
    ("im-task", &["mysql_async", "rusqlite"], "tasks reach storage through im-repo alone"),
];

const ARROWS: [Arrow; 5] = [
    Arrow {
        package: "gochat-core",
        features: &["--no-default-features"],
        never: &[
            "gochat-*",
            "tokio",
            "tokio-*",
            "async-std",
            "smol",
            "mio",
            "socket2",
            "hyper",
            "hyper-*",
            "axum",
            "axum-*",
            "tungstenite",
            "rusqlite",
            "libsqlite3-*",
            "serde_json",
            "toml",
            "chrono",
            "time",
            "jiff",
            "getrandom",
            "rand",
            "tonic",
            "prost",
            "rdkafka",
            "redis",
            "etcd-client",
            "mysql_async",
        ],
        why: "the rules know no runtime, socket, SQL, JSON, clock or chance",
    },
    Arrow {
        package: "gochat-proto",
        features: &[],
        never: &["gochat-*", "tokio", "hyper", "axum", "rusqlite", "prost*", "tonic*"],
        why: "the types of the client contract know nobody, and need no protobuf",
    },
    Arrow {
        package: "gochat-proto",
        features: &["--all-features"],
        never: &["gochat-*", "rusqlite", "mysql_async", "rdkafka*", "redis", "etcd-client"],
        why: "the calls of services know gRPC, and no other adapter",
    },
    Arrow {
        package: "gochat-infra",
        features: &["--all-features"],
        never: &["gochat", "im-*", "openssl-sys", "native-tls"],
        why: "adapters know no shell, and no system library",
    },
    Arrow {
        package: "gochat",
        features: &[],
        never: &[
            "rdkafka*",
            "etcd-client",
            "tonic*",
            "prost*",
            "openssl-sys",
            "redis",
            "mysql_async",
            "bindgen",
            "cmake",
        ],
        why: "the all-in-one builds nothing that only the distributed mode needs, with cargo and a C compiler alone",
    },
];

pub(crate) fn check() -> Result<()> {
    let mut wrong = Vec::new();
    let services = SERVICES.map(|(package, never, why)| Arrow { package, features: &[], never, why });
    for arrow in ARROWS.iter().chain(&services) {
        for name in tree(arrow)? {
            if name != arrow.package
                && !ours(arrow.package, &name)
                && arrow.never.iter().any(|n| matches(n, &name))
            {
                wrong.push(format!("{} depends on {name}: {}", arrow.package, arrow.why));
            }
        }
    }
    if wrong.is_empty() {
        let all: BTreeSet<_> = ARROWS.iter().chain(&services).map(|a| a.package).collect();
        println!("arrows hold for {}", all.into_iter().collect::<Vec<_>>().join(", "));
        return Ok(());
    }
    bail!("{}", wrong.join("\n"))
}

/// What infra and the shell are made of; everybody else knows none of ours.
fn ours(package: &str, name: &str) -> bool {
    !matches!(package, "gochat-core" | "gochat-proto")
        && matches!(name, "gochat-core" | "gochat-infra" | "gochat-proto")
}

fn matches(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |start| name.starts_with(start))
}

fn tree(arrow: &Arrow) -> Result<BTreeSet<String>> {
    // Build scripts too: they decide what a newcomer must have installed.
    let edges = if arrow.package == "gochat" { "normal,build" } else { "normal,no-proc-macro" };
    let args = ["tree", "-p", arrow.package, "-e", edges, "--prefix", "none", "--format", "{p}"];
    let text = output(&mut cargo(&[&args[..], arrow.features].concat()))?;
    Ok(text
        .lines()
        .filter_map(|l| l.split(' ').next())
        .filter(|n| !n.is_empty())
        .map(str::to_owned)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_names_or_beginnings() {
        assert!(matches("tokio", "tokio") && !matches("tokio", "tokio-util"));
        assert!(matches("tonic*", "tonic-build") && matches("tonic*", "tonic"));
    }

    #[test]
    fn an_arrow_that_is_broken_is_seen() {
        let arrow = Arrow { package: "gochat-infra", features: &[], never: &[], why: "" };
        assert!(tree(&arrow).expect("cargo tree").contains("tokio"));
    }
}
