//! The text of the settings that operators change while services run.

use std::sync::Arc;

use etcd_client::KeyValue;
use slog::{Logger, error, info};
use tokio::sync::watch;

use super::client::Etcd;
use super::error::EtcdError;
use super::follow::{Keys, View, follow};
use super::names::ServiceName;
use crate::runtime::{Backoff, Phase, Supervisor};

/// Longest text that is taken.
const TEXT_MAX: usize = 256 << 10;

/// A text of settings, in TOML; `None` when there is none.
pub type LiveText = Option<Arc<str>>;

/// Follows `<prefix>/config/<service>`.
#[derive(Debug)]
pub struct ConfigWatch {
    key: String,
    text: watch::Receiver<LiveText>,
}

impl ConfigWatch {
    /// Reads the text as it is now, and follows it from there until the receivers are gone or the last phase ends.
    ///
    /// What is no UTF-8, or longer than 256 KiB, is logged as an error, and the text before it stays; whether the text makes
    /// sense as settings is for the reader to say, who does the same. While etcd is away the last text stays.
    ///
    /// # Errors
    /// [`EtcdError`], when the text can't be read now.
    pub async fn start(
        etcd: Etcd,
        service: &ServiceName,
        supervisor: &Supervisor,
        log: &Logger,
    ) -> Result<Self, EtcdError> {
        let key = etcd.key(format_args!("config/{service}"));
        let found = etcd.call("read of settings", etcd.kv().get(&*key, None)).await?;
        let first = match found.kvs().first() {
            None => None,
            Some(kv) => Some(text_of(kv).map_err(|what| etcd.odd("read of settings", what))?),
        };
        let (shown, text) = watch::channel(first);
        let view = Arc::new(Text { key: key.clone(), shown, log: log.clone() });
        let (keys, log) = (Keys { key: key.clone(), prefix: false }, log.clone());
        let tasks = supervisor.phase(Phase::Store);
        let token = tasks.token().clone();
        tasks.spawn_restarting("etcd settings", Backoff::default(), move || {
            let following = follow(etcd.clone(), keys.clone(), view.clone(), log.clone());
            let token = token.clone();
            async move {
                tokio::select! {
                    () = following => {}
                    () = token.cancelled() => {}
                }
            }
        });
        Ok(Self { key, text })
    }

    /// Where the text stands: its name in messages.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The text, and its changes. Some may be left out; the last is never.
    #[must_use]
    pub fn text(&self) -> watch::Receiver<LiveText> {
        self.text.clone()
    }
}

fn text_of(kv: &KeyValue) -> Result<Arc<str>, &'static str> {
    if kv.value().len() > TEXT_MAX {
        return Err("the settings are longer than 256 KiB");
    }
    std::str::from_utf8(kv.value()).map(Into::into).map_err(|_| "the settings are not UTF-8")
}

struct Text {
    key: String,
    shown: watch::Sender<LiveText>,
    log: Logger,
}

impl Text {
    fn show(&self, kv: Option<&KeyValue>) {
        let text = match kv.filter(|kv| kv.version() > 0).map(text_of).transpose() {
            Ok(text) => text,
            Err(what) => {
                error!(self.log, "settings in etcd are not taken; those before stay"; "key" => &self.key, "error" => what);
                return;
            }
        };
        let changed = self.shown.send_if_modified(|shown| {
            let differs = *shown != text;
            *shown = text;
            differs
        });
        if changed {
            info!(self.log, "settings in etcd have changed"; "key" => &self.key);
        }
    }
}

impl View for Text {
    fn replace(&self, all: &[KeyValue]) {
        self.show(all.first());
    }

    fn change(&self, changed: &[&KeyValue]) {
        self.show(changed.last().copied());
    }

    fn unwatched(&self) -> impl Future<Output = ()> + Send {
        self.shown.closed()
    }
}
