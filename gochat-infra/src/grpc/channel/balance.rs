//! Which instance the next call goes to.

use std::cmp::Reverse;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use slog::{Logger, info, warn};
use tokio::sync::watch;
use tokio::time::Instant;
use tonic::transport::Endpoint;

use super::ChannelConfig;

/// Most instances that calls are balanced over.
const INSTANCES_MAX: usize = 1_024;

pub(super) struct Balancer {
    config: ChannelConfig,
    log: Logger,
    state: Mutex<State>,
}

struct State {
    addresses: watch::Receiver<Vec<String>>,
    instances: Vec<Arc<Instance>>,
    /// Whether the list was looked at.
    begun: bool,
    /// Where looking for the least busy begins: moves on, so that equals take turns.
    turn: usize,
}

struct Instance {
    address: String,
    channel: tonic::transport::Channel,
    under_way: AtomicUsize,
    /// Until when it is left out, since it could not be reached.
    resting: Mutex<Option<Instant>>,
    rest: std::time::Duration,
}

/// An instance, for one call.
pub(super) struct Picked(Arc<Instance>);

impl Picked {
    pub(super) fn channel(&self) -> tonic::transport::Channel {
        self.0.channel.clone()
    }

    #[cfg(test)]
    pub(super) fn address(&self) -> &str {
        &self.0.address
    }

    #[cfg(test)]
    pub(super) fn under_way(&self) -> usize {
        self.0.under_way.load(Ordering::Relaxed)
    }

    /// The connection failed.
    pub(super) fn failed(&self) {
        *self.0.resting.lock() = Some(Instant::now() + self.0.rest);
    }
}

impl Drop for Picked {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Balancer {
    pub(super) fn new(addresses: watch::Receiver<Vec<String>>, config: ChannelConfig, log: Logger) -> Self {
        let state = State { addresses, instances: Vec::new(), begun: false, turn: 0 };
        Self { config, log, state: Mutex::new(state) }
    }

    /// The instance that rests least, then is nearest to a key, or without one least busy. Needs a tokio runtime around it.
    pub(super) fn pick(&self, near: Option<u64>) -> Option<Picked> {
        let mut state = self.state.lock();
        // An error only says that the list will not change any more.
        if !state.begun || state.addresses.has_changed().unwrap_or(false) {
            self.follow(&mut state);
        }
        state.turn = state.turn.wrapping_add(1);
        let (count, now) = (state.instances.len(), Instant::now());
        let in_turn = (0..count).map(|i| &state.instances[state.turn.wrapping_add(i) % count]);
        let best = in_turn.min_by_key(|instance| {
            let resting = instance.resting.lock().filter(|until| *until > now);
            let weight = near.map(|key| Reverse(weight(&instance.address, key)));
            (resting, weight, instance.under_way.load(Ordering::Relaxed))
        })?;
        best.under_way.fetch_add(1, Ordering::Relaxed);
        Some(Picked(Arc::clone(best)))
    }

    /// Takes over the list; connections to those that stay are kept.
    fn follow(&self, state: &mut State) {
        state.begun = true;
        let mut listed = state.addresses.borrow_and_update().clone();
        listed.sort_unstable();
        listed.dedup();
        listed.truncate(INSTANCES_MAX);
        let old = std::mem::take(&mut state.instances);
        for address in listed {
            let known = old.iter().find(|instance| instance.address == address);
            match known.cloned().or_else(|| self.instance(&address)) {
                Some(instance) => state.instances.push(instance),
                None => {
                    warn!(self.log, "an instance has no address that can be called"; "address" => address)
                }
            }
        }
        info!(self.log, "instances to call"; "count" => state.instances.len());
    }

    fn instance(&self, address: &str) -> Option<Arc<Instance>> {
        let config = &self.config;
        // No path, no user: nothing but what can be dialled.
        address
            .parse::<http::uri::Authority>()
            .ok()
            .filter(|a| a.port().is_some() && !address.contains('@'))?;
        let endpoint = Endpoint::from_shared(format!("http://{address}")).ok()?;
        let channel = endpoint
            .connect_timeout(config.connect_timeout)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(config.keepalive_every)
            .keep_alive_timeout(config.keepalive_timeout)
            .keep_alive_while_idle(true)
            .initial_stream_window_size(1024 * 1024)
            .initial_connection_window_size(8 * 1024 * 1024)
            // Errors that name thousands of users fit.
            .http2_max_header_list_size(64 * 1024)
            .connect_lazy();
        Some(Arc::new(Instance {
            address: address.to_owned(),
            channel,
            under_way: AtomicUsize::new(0),
            resting: Mutex::new(None),
            rest: config.rest,
        }))
    }
}

/// How near an instance is to a key: rendezvous hashing (highest random weight; Thaler and Ravishankar, 1998). All processes
/// must find the same, whatever they were built with, so both steps are spelled out: FNV-1a over the address, then the
/// finalizer of SplitMix64 over that and the key.
fn weight(address: &str, key: u64) -> u64 {
    let of_address = address.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut mixed = of_address ^ key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
