//! Follows keys: a list, then every change after it, and again from the list whenever the thread is lost.

use std::sync::Arc;

use etcd_client::{GetOptions, KeyValue, WatchOptions};
use slog::{Logger, debug, warn};
use tokio::time::sleep;

use super::client::Etcd;
use super::error::{EtcdError, whole};
use super::lease::Pauses;

/// Most keys that are listed: more than a service ever has instances.
const KEYS_MAX: i64 = 10_000;

/// What is made of the keys. Values come from outside: what makes no sense is told and left out, never an end.
pub(super) trait View: Send + Sync + 'static {
    /// These keys are all there are.
    fn replace(&self, all: &[KeyValue]);
    /// Changes, in their order; a key without a version is one that is gone.
    fn change(&self, changed: &[&KeyValue]);
    /// Completes when nobody looks any more.
    fn unwatched(&self) -> impl Future<Output = ()> + Send;
}

/// What to follow.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    pub(super) key: String,
    /// All that begins with it, rather than it alone.
    pub(super) prefix: bool,
}

/// Follows until nobody looks. What is shown stays while etcd is away.
pub(super) async fn follow<V: View>(etcd: Etcd, keys: Keys, view: Arc<V>, log: Logger) {
    let watching = async {
        let mut pauses = Pauses::default();
        loop {
            let (end, worked) = thread(&etcd, &keys, &*view).await;
            if worked {
                pauses.reset();
            }
            match end {
                Ok(why) => debug!(log, "listing again"; "key" => &keys.key, "reason" => why),
                Err(e) => {
                    let (pause, failures) = pauses.next();
                    // Told once; the same every few seconds would hide the rest.
                    if failures == 1 {
                        let known = "what was known stays";
                        warn!(log, "can't follow etcd"; "key" => &keys.key, "error" => whole(&e), "meanwhile" => known);
                    }
                    sleep(pause).await;
                }
            }
        }
    };
    tokio::select! {
        () = watching => {}
        () = view.unwatched() => {}
    }
}

/// One list and the changes after it; why it ended, and whether it came as far as to show something.
async fn thread<V: View>(etcd: &Etcd, keys: &Keys, view: &V) -> (Result<String, EtcdError>, bool) {
    let revision = match list(etcd, keys, view).await {
        Ok(revision) => revision,
        Err(e) => return (Err(e), false),
    };
    (changes(etcd, keys, view, revision).await, true)
}

async fn list<V: View>(etcd: &Etcd, keys: &Keys, view: &V) -> Result<i64, EtcdError> {
    let mut options = GetOptions::new().with_limit(KEYS_MAX);
    if keys.prefix {
        options = options.with_prefix();
    }
    let found = etcd.call("list", etcd.kv().get(keys.key.as_str(), Some(options))).await?;
    let header = found.header().ok_or_else(|| etcd.odd("list", "an answer without a revision"))?;
    view.replace(found.kvs());
    Ok(header.revision())
}

async fn changes<V: View>(etcd: &Etcd, keys: &Keys, view: &V, listed: i64) -> Result<String, EtcdError> {
    let mut options = WatchOptions::new().with_start_revision(listed + 1);
    if keys.prefix {
        options = options.with_prefix();
    }
    let mut watches = etcd.watches();
    let mut stream = etcd.call("watch", watches.watch(keys.key.as_str(), Some(options))).await?;
    loop {
        let message = match stream.message().await {
            Ok(Some(message)) => message,
            Ok(None) => return Err(etcd.odd("watch", "the server ended it")),
            Err(e) => return Err(etcd.odd("watch", &e.to_string())),
        };
        if message.canceled() {
            // What was to come is compacted away: the list has it.
            return match message.compact_revision() {
                0 => Err(etcd.odd("watch", message.cancel_reason())),
                compacted => Ok(format!("compacted up to {compacted}")),
            };
        }
        let changed: Vec<_> = message.events().iter().filter_map(etcd_client::Event::kv).collect();
        if !changed.is_empty() {
            view.change(&changed);
        }
    }
}
