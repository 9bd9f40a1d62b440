//! Who is there of a service, as values that change.

use std::collections::BTreeMap;
use std::sync::Arc;

use etcd_client::KeyValue;
use slog::{Logger, warn};
use tokio::sync::watch;

use super::client::Etcd;
use super::follow::{Keys, View, follow};
use super::names::{InstanceId, ServiceName};
use super::registry::Instance;
use crate::runtime::{Backoff, Phase, Supervisor, Tasks};

/// The instances of a service.
pub type Instances = Arc<BTreeMap<InstanceId, Instance>>;

/// Tells where the instances of services are. Clones are handles on the same.
#[derive(Debug, Clone)]
pub struct Discovery {
    etcd: Etcd,
    tasks: Tasks,
    log: Logger,
}

impl Discovery {
    /// Follows under this supervisor, until its last phase.
    #[must_use]
    pub fn new(etcd: Etcd, supervisor: &Supervisor, log: &Logger) -> Self {
        Self { etcd, tasks: supervisor.phase(Phase::Store).clone(), log: log.clone() }
    }

    /// The instances of a service, from now on and until the receiver is dropped.
    ///
    /// - Empty until the first list is there ([`changed`](watch::Receiver::changed) waits for it).
    /// - Order: each value is what etcd held at one moment, and moments never go back; some may be left out.
    /// - While etcd is away the last value stays. An instance that dies stays until its lease ends.
    #[must_use]
    pub fn watch(&self, service: &ServiceName) -> watch::Receiver<Instances> {
        self.follow(service, |all| Arc::new(all.clone()))
    }

    /// The addresses of a service's instances, sorted, each once; otherwise as [`watch`](Self::watch). What only changes in
    /// something else is no change here.
    #[must_use]
    pub fn addresses(&self, service: &ServiceName) -> watch::Receiver<Vec<String>> {
        self.follow(service, |all| {
            let mut addresses: Vec<_> = all.values().map(|i| i.address.clone()).collect();
            addresses.sort_unstable();
            addresses.dedup();
            addresses
        })
    }

    fn follow<T>(
        &self,
        service: &ServiceName,
        of: fn(&BTreeMap<InstanceId, Instance>) -> T,
    ) -> watch::Receiver<T>
    where
        T: PartialEq + Send + Sync + 'static,
    {
        let key = self.etcd.key(format_args!("services/{service}/"));
        let all = BTreeMap::new();
        let (shown, receiver) = watch::channel(of(&all));
        let known = parking_lot::Mutex::new(all);
        let view = Arc::new(Group { prefix: key.clone(), known, shown, of, log: self.log.clone() });
        let (etcd, log) = (self.etcd.clone(), self.log.clone());
        let keys = Keys { key, prefix: true };
        let token = self.tasks.token().clone();
        self.tasks.spawn_restarting("etcd discovery", Backoff::default(), move || {
            let following = follow(etcd.clone(), keys.clone(), view.clone(), log.clone());
            let token = token.clone();
            async move {
                tokio::select! {
                    () = following => {}
                    () = token.cancelled() => {}
                }
            }
        });
        receiver
    }
}

struct Group<T> {
    prefix: String,
    known: parking_lot::Mutex<BTreeMap<InstanceId, Instance>>,
    shown: watch::Sender<T>,
    of: fn(&BTreeMap<InstanceId, Instance>) -> T,
    log: Logger,
}

impl<T: PartialEq> Group<T> {
    fn put(&self, known: &mut BTreeMap<InstanceId, Instance>, kv: &KeyValue) {
        let name = kv.key_str().ok().and_then(|key| key.strip_prefix(&self.prefix));
        let Some(id) = name.and_then(|name| InstanceId::new(name).ok()) else {
            let key = String::from_utf8_lossy(kv.key());
            warn!(self.log, "a key that no instance writes is left out"; "key" => &*key);
            return;
        };
        if kv.version() == 0 {
            known.remove(&id);
            return;
        }
        match Instance::read(kv.value()) {
            Ok(instance) => {
                known.insert(id, instance);
            }
            Err(why) => {
                warn!(self.log, "an instance that can't be read is left out"; "instance" => %id, "error" => why);
                known.remove(&id);
            }
        }
    }

    fn show(&self, known: &BTreeMap<InstanceId, Instance>, first: bool) {
        let value = (self.of)(known);
        self.shown.send_if_modified(|shown| {
            let differs = *shown != value;
            *shown = value;
            differs || first
        });
    }
}

impl<T: PartialEq + Send + Sync + 'static> View for Group<T> {
    fn replace(&self, all: &[KeyValue]) {
        let mut known = self.known.lock();
        known.clear();
        for kv in all {
            self.put(&mut known, kv);
        }
        // Told even when nobody is there: those who wait for the first list have it now.
        self.show(&known, true);
    }

    fn change(&self, changed: &[&KeyValue]) {
        let mut known = self.known.lock();
        for kv in changed {
            self.put(&mut known, kv);
        }
        self.show(&known, false);
    }

    fn unwatched(&self) -> impl Future<Output = ()> + Send {
        self.shown.closed()
    }
}
