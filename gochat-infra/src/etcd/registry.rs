//! Tells the others where this instance is.

use std::sync::Arc;

use etcd_client::{Compare, CompareOp, PutOptions, Txn, TxnOp};
use gochat_core::model::Timestamp;
use serde::{Deserialize, Serialize};
use slog::{Logger, info, warn};
use tokio::sync::watch;
use tokio::time::sleep;

use super::client::Etcd;
use super::error::{EtcdError, whole};
use super::lease::Pauses;
use super::names::{InstanceId, ServiceName};
use crate::runtime::{Backoff, Phase, Supervisor};

/// Longest entry that is read.
const VALUE_MAX: usize = 4 << 10;
const ADDRESS_MAX: usize = 256;

/// What is told of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// `host:port`, as others reach it.
    pub address: String,
    /// Which version of the program it is.
    pub version: String,
    /// When it was started, as its own clock said.
    pub started_at: Timestamp,
}

/// As it is written. Fields that are not known are left alone: newer instances may say more.
#[derive(Serialize, Deserialize)]
struct Entry {
    address: String,
    version: String,
    /// Milliseconds since 1970.
    started_at: i64,
}

impl Instance {
    pub(super) fn read(value: &[u8]) -> Result<Self, &'static str> {
        if value.len() > VALUE_MAX {
            return Err("longer than 4 KiB");
        }
        let entry: Entry = serde_json::from_slice(value).map_err(|_| "not the JSON of an instance")?;
        let port = entry.address.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port);
        let known = port.and_then(|p| p.parse::<u16>().ok()).is_some_and(|p| p > 0);
        if !known || entry.address.len() > ADDRESS_MAX || !entry.address.bytes().all(|b| b.is_ascii_graphic())
        {
            return Err("the address is not host:port");
        }
        let started_at = Timestamp::from_millis(entry.started_at);
        Ok(Self { address: entry.address, version: entry.version, started_at })
    }

    fn write(&self) -> Vec<u8> {
        let entry = Entry {
            address: self.address.clone(),
            version: self.version.clone(),
            started_at: self.started_at.as_millis(),
        };
        serde_json::to_vec(&entry).expect("texts and numbers are JSON")
    }
}

/// An instance that the others can find. It stays so for as long as its supervisor isn't stopping, whether this handle is kept
/// or not.
#[derive(Debug, Clone)]
pub struct Registration {
    listed: watch::Receiver<bool>,
}

impl Registration {
    /// Registers, and keeps registered: a lease that has ended, or data that etcd has lost, is made good within a third of the
    /// lease's time after etcd answers again.
    ///
    /// As soon as the supervisor is stopping the entry is taken back, before sessions and work are drained, so that nothing new
    /// is sent here.
    ///
    /// # Errors
    /// [`EtcdError`], when the first registration fails or others could not read what is told: nothing was started.
    pub async fn register(
        etcd: Etcd,
        service: &ServiceName,
        id: &InstanceId,
        instance: &Instance,
        supervisor: &Supervisor,
        log: &Logger,
    ) -> Result<Self, EtcdError> {
        let (key, value) = (etcd.key(format_args!("services/{service}/{id}")), instance.write());
        if let Err(what) = Instance::read(&value) {
            let mend = "tell it as others can reach it, such as 10.0.0.5:7000";
            return Err(EtcdError::Setting { setting: "instance", what: what.to_owned(), mend });
        }
        let (told, listed) = watch::channel(false);
        let entry = Kept { etcd, key, value, told, lease: tokio::sync::Mutex::default(), log: log.clone() };
        entry.keep().await?;
        info!(log, "registered"; "key" => &entry.key, "address" => &instance.address);
        let (entry, stopping) = (Arc::new(entry), supervisor.stopping().clone());
        // In the first phase: it ends, and with it the entry, before the next phase begins to drain.
        supervisor.phase(Phase::Accept).spawn_restarting(
            "etcd registration",
            Backoff::default(),
            move || {
                let (entry, stopping) = (entry.clone(), stopping.clone());
                async move {
                    tokio::select! {
                        () = entry.keep_on() => {}
                        () = stopping.cancelled() => {}
                    }
                    entry.withdraw().await;
                }
            },
        );
        Ok(Self { listed })
    }

    /// Whether the entry was there when it was last looked after; `false` while etcd can't be reached, and after it was taken
    /// back.
    #[must_use]
    pub fn listed(&self) -> watch::Receiver<bool> {
        self.listed.clone()
    }
}

struct Kept {
    etcd: Etcd,
    key: String,
    value: Vec<u8>,
    told: watch::Sender<bool>,
    lease: tokio::sync::Mutex<Option<i64>>,
    log: Logger,
}

impl Kept {
    async fn keep_on(&self) {
        let mut pauses = Pauses::default();
        let mut pause = self.etcd.renew_every();
        loop {
            sleep(pause).await;
            pause = match self.keep().await {
                Ok(()) => {
                    pauses.reset();
                    self.etcd.renew_every()
                }
                Err(e) => {
                    self.told.send_replace(false);
                    let (pause, failures) = pauses.next();
                    if failures == 1 {
                        warn!(self.log, "can't stay registered"; "key" => &self.key, "error" => whole(&e));
                    }
                    pause
                }
            };
        }
    }

    /// Renews the lease or takes a new one, and sees that the entry is there and ours.
    async fn keep(&self) -> Result<(), EtcdError> {
        let mut held = self.lease.lock().await;
        let lease = match *held {
            Some(lease) if self.etcd.renew(lease).await? => lease,
            _ => {
                *held = None;
                *held.insert(self.etcd.grant().await?)
            }
        };
        let put = TxnOp::put(&*self.key, &*self.value, Some(PutOptions::new().with_lease(lease)));
        let ours = Compare::lease(&*self.key, CompareOp::Equal, lease);
        let txn = Txn::new().when([ours]).or_else([put]);
        let done = match self.etcd.call("registration", self.etcd.kv().txn(txn)).await {
            Ok(done) => done,
            Err(e) => {
                // The lease may be what is wrong (an etcd that was set back): the next try takes a new one.
                *held = None;
                return Err(e);
            }
        };
        if !done.succeeded() && *self.told.borrow() {
            let hint = "its lease had ended, etcd lost it, or another process has the same instance id";
            warn!(self.log, "the entry was not there any more; registered again"; "key" => &self.key, "hint" => hint);
        }
        self.told.send_replace(true);
        Ok(())
    }

    async fn withdraw(&self) {
        self.told.send_replace(false);
        if let Some(lease) = self.lease.lock().await.take()
            && let Err(e) = self.etcd.revoke(lease).await
        {
            warn!(self.log, "the entry stays until its lease ends"; "key" => &self.key, "error" => whole(&e));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_rubbish_is_not() {
        let instance = Instance {
            address: "[::1]:7000".into(),
            version: "0.1.0".into(),
            started_at: Timestamp::from_millis(1_770_000_000_000),
        };
        assert_eq!(Instance::read(&instance.write()), Ok(instance));
        let more = br#"{"address":"a:1","version":"9","started_at":1,"zone":"b"}"#;
        assert_eq!(Instance::read(more).map(|i| i.address).as_deref(), Ok("a:1"));
        for address in ["", "a", ":1", "a:", "a:0", "a:65536", "a b:1", "é:1", "a\\n:1"] {
            let entry = format!(r#"{{"address":"{address}","version":"1","started_at":1}}"#);
            assert!(Instance::read(entry.as_bytes()).is_err(), "{address:?}");
        }
        assert!(Instance::read(b"\xff").is_err() && Instance::read(&[b' '; 5_000]).is_err());
    }
}
