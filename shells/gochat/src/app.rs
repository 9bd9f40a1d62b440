//! Puts the server together: the only place that names back ends.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use gochat_infra::embedded::{BuildError, GoChat};
use gochat_infra::process::config::choices::MetricsAccess;
use gochat_infra::process::config::{Config, Effective};
#[cfg(not(feature = "migrate"))]
use gochat_infra::process::program::NoCommand as Command;
use gochat_infra::process::program::Program;
use gochat_infra::process::{Problems, options};
use gochat_infra::runtime::Supervisor;
use gochat_infra::runtime::metrics::Metrics;
use gochat_infra::sqlite::OpenError;
use gochat_infra::web::assets::{self, Asset};
use gochat_infra::web::counters::{self, Readers};
use gochat_infra::web::server;
use slog::Logger;

#[cfg(feature = "migrate")]
use crate::migrate::Command;

static PAGE: &[Asset] = include!(concat!(env!("OUT_DIR"), "/page.rs"));

/// A server that listens.
pub(crate) struct App {
    chat: GoChat,
    address: SocketAddr,
    tls: bool,
}

impl Program for App {
    const NAME: &'static str = "gochat";
    const ABOUT: &'static str =
        "An instant-messaging server in one process: API, WebSocket and page, with its data in a folder";
    const LISTEN: &'static str = "server.listen";
    const DATA: bool = true;
    type Own = Command;

    fn check(effective: &Effective) -> Result<(), Problems> {
        let config = &effective.config;
        options::mount(config)?;
        options::server(config)?;
        options::signing_keys(config)?;
        Ok(())
    }

    async fn start(config: &Config, metrics: Metrics, log: &Logger) -> anyhow::Result<Self> {
        let server = options::server(config)?;
        let mut mount = options::mount(config)?;
        // The program decides itself who may read them.
        mount.metrics = false;
        // The port before the folder: who starts it twice learns of the port, which is what to change.
        // Its text has the cause already.
        let listener =
            server::bind(&config.server.listen.to_string(), log).await.map_err(|e| anyhow::anyhow!("{e}"))?;
        let address = listener.local_addr()?;
        let mut chat = GoChat::builder(&config.data.folder)
            .settings(config.settings())
            .sqlite(options::sqlite(config))
            .hasher(options::hasher(config))
            .queue_limits(options::queue(config))
            .feed(options::feed(config))
            .metrics(metrics.clone())
            .logger(log.clone());
        if let Some(keys) = options::signing_keys(config)? {
            chat = chat.signing_keys(keys);
        }
        let chat = chat.build().await.map_err(mend)?;
        let mut router = chat.router(mount).merge(assets::router(PAGE));
        router = match config.metrics.access {
            MetricsAccess::Loopback => router.merge(counters::router(metrics, Readers::Loopback)),
            MetricsAccess::All => router.merge(counters::router(metrics, Readers::All)),
            _ => router,
        };
        server::serve(listener, router, server, chat.supervisor(), log);
        Ok(Self { chat, address, tls: config.server.tls_cert.is_some() })
    }

    fn hello(&self, config: &Config) -> String {
        format!("GoChat is at {}\nData: {}. Ctrl-C stops.\n", self.url(), show(&config.data.folder))
    }

    fn supervisor(&self) -> &Supervisor {
        self.chat.supervisor()
    }

    async fn shutdown(&self, grace: Duration) -> bool {
        self.chat.shutdown_within(grace).await.is_clean()
    }

    #[cfg(feature = "migrate")]
    async fn run(command: &Command, config: &Config, _: &Logger) -> anyhow::Result<()> {
        crate::migrate::run(command, config).await
    }

    #[cfg(not(feature = "migrate"))]
    async fn run(command: &Command, _: &Config, _: &Logger) -> anyhow::Result<()> {
        match *command {}
    }
}

impl App {
    /// What to type into a browser on this machine.
    fn url(&self) -> String {
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
        }
        format!("{}://{address}", if self.tls { "https" } else { "http" })
    }
}

fn show(folder: &Path) -> String {
    std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()).display().to_string()
}

fn mend(error: BuildError) -> anyhow::Error {
    let how = match &error {
        BuildError::Store(OpenError::Folder { .. }) => {
            "check its owner and rights, or name another with --data"
        }
        BuildError::Store(OpenError::InUse { .. }) => "stop that process, or name another folder with --data",
        BuildError::Store(OpenError::Foreign { .. }) => "name another folder with --data",
        BuildError::Store(OpenError::Newer { .. }) => "use the newer version of gochat that wrote it",
        BuildError::Store(OpenError::Drift { .. }) => "use the build of gochat that wrote it",
        _ => return anyhow::Error::new(error).context("can't start"),
    };
    // One line: what, why, how to mend it.
    let why = std::error::Error::source(&error).map(|e| format!(" ({e})")).unwrap_or_default();
    anyhow::anyhow!("{error}{why}; {how}")
}

#[cfg(test)]
mod tests {
    use gochat_infra::process::config::Layers;
    use gochat_infra::process::log;

    use super::*;

    fn config(folder: &Path) -> Config {
        let set = |key: &str, value: &str| ("test".to_owned(), key.to_owned(), value.to_owned());
        let flags = vec![
            set("server.listen", "127.0.0.1:0"),
            set("data.folder", folder.to_str().expect("utf-8")),
            set("auth.bcrypt_cost", "4"),
        ];
        Layers { flags, ..Layers::default() }.load().expect("valid").config
    }

    #[test]
    fn the_page_is_in_the_program() {
        let index = PAGE.iter().find(|a| a.path == "index.html").expect("there is a page");
        let html = std::str::from_utf8(index.content).expect("utf-8");
        assert!(!html.contains("http://") && !html.contains("https://"), "nothing is fetched from elsewhere");
    }

    #[tokio::test]
    async fn a_taken_port_and_a_taken_folder_are_told_in_one_line_with_a_way_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = config(folder.path());
        let first = App::start(&config, Metrics::new(), &log::none()).await.expect("it starts");

        let in_use =
            App::start(&config, Metrics::new(), &log::none()).await.err().expect("the folder is taken");
        let text = format!("{in_use:#}");
        assert!(
            text.contains("in use by another process; stop that process") && text.lines().count() == 1,
            "{text}"
        );

        let mut same_port = config.clone();
        same_port.server.listen = first.address;
        let taken =
            App::start(&same_port, Metrics::new(), &log::none()).await.err().expect("the port is taken");
        let text = format!("{taken:#}");
        assert!(text.contains("another program has this port") && text.contains("--listen"), "{text}");

        assert!(first.shutdown(Duration::from_secs(10)).await);
        let again =
            App::start(&config, Metrics::new(), &log::none()).await.expect("the folder is free again");
        assert!(again.shutdown(Duration::from_secs(10)).await);
    }
}
