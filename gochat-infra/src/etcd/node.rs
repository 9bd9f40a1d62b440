//! Takes a node number, reserves time for it, and keeps both.
//!
//! Below the prefix, `nodes/<n>` says who holds number `n`, under a lease; `node-marks/<n>`, without a lease, says up to which
//! moment identifiers with that number are given away. A holder makes identifiers below the mark it has written, the next
//! holder begins at that mark. So that no identifier exists twice rests on what etcd has stored, and on no clock, no lease and
//! no pause of a process; leases only bring numbers back.

mod number;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use gochat_core::ports::{Clock, IdGenerator};
use slog::{Logger, info, warn};
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, sleep};

use super::client::Etcd;
use super::error::{EtcdError, whole};
use super::ids::ReservedIds;
use super::lease::Pauses;
use crate::runtime::snowflake::ticks;
use crate::runtime::{Phase, Policy, Supervisor};

use number::Node;

/// How far ahead of our clock a mark may be and its number still be taken: what is made then carries a time that far ahead.
const AHEAD_MAX: Duration = Duration::from_secs(300);

/// How node numbers are taken and kept.
#[derive(Debug, Clone)]
pub struct NodeOptions {
    /// Who takes it; only for those who look.
    pub holder: String,
    /// Which numbers there are: within 0 to 1,024, the end excluded.
    pub nodes: Range<u16>,
    /// How much time is reserved ahead. 4,096 identifiers a millisecond, so the default of 20 s holds 82 million.
    pub reserve: Duration,
    /// After how long without etcd the process stops: identifiers carry a time that is at most so far behind.
    pub patience: Duration,
}

impl NodeOptions {
    /// The defaults: all numbers, 20 s reserved, 5 minutes of patience.
    pub fn new(holder: impl Into<String>) -> Self {
        let (reserve, patience) = (Duration::from_secs(20), Duration::from_secs(300));
        Self { holder: holder.into(), nodes: 0..1_024, reserve, patience }
    }
}

/// Makes identifiers of 63 bits, of the layout of [`Snowflake`](crate::runtime::Snowflake), under a node number that etcd gives.
/// Clones are handles on the same.
///
/// - Unique: no process makes the same, also after leases ended, processes were paused, or clocks were set.
/// - Growing: each is greater than all before it of this process, also when the number changes.
/// - Never waits. 4 million a second can be made for ever, more in bursts.
/// - When etcd is away the reserved ones are used; see [`ready`](Self::ready) for what comes then.
#[derive(Clone)]
pub struct NodeIds {
    ids: Arc<ReservedIds>,
    state: watch::Receiver<NodeState>,
}

/// How it stands with a node number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeState {
    /// The number.
    pub node: u16,
    /// Whether etcd was heard within the time of a lease; see [`NodeIds::ready`].
    pub held: bool,
}

impl NodeIds {
    /// Takes a free number, and keeps a task that renews what is reserved, and takes another number when this one is lost. The
    /// number is given back when the supervisor's last phase ends.
    ///
    /// When nothing could be reserved for as long as [`NodeOptions::patience`], or less than an eighth is left, the task stops
    /// the node: phases are drained with what remains.
    ///
    /// # Errors
    /// [`EtcdError`]: etcd is away, or all numbers are held.
    pub async fn start(
        etcd: Etcd,
        options: NodeOptions,
        clock: Arc<dyn Clock>,
        supervisor: &Supervisor,
        log: &Logger,
    ) -> Result<Self, EtcdError> {
        check(&options)?;
        let node = Node::take(&etcd, &options, ticks(clock.now()), log).await?;
        info!(log, "took a node number"; "node" => node.number);
        // A quarter lasts by count while etcd is away; more is reserved when half is left, so the clock is followed until then.
        let keep = span(options.reserve) / 4;
        let ids = Arc::new(ReservedIds::new(node.number, node.start, node.end, keep, clock));
        let (told, state) = watch::channel(NodeState { node: node.number, held: true });
        let keeper =
            Keeper { etcd, options, ids: ids.clone(), node: Mutex::new(Some(node)), told, log: log.clone() };
        let tasks = supervisor.phase(Phase::Store);
        let token = tasks.token().clone();
        tasks.spawn("etcd node", Policy::StopNode, async move {
            let end = tokio::select! {
                end = keeper.keep_on() => end,
                () = token.cancelled() => Ok(()),
            };
            keeper.give_back().await;
            end
        });
        Ok(Self { ids, state })
    }

    /// The present number.
    #[must_use]
    pub fn node(&self) -> u16 {
        self.ids.node()
    }

    /// How many identifiers can be made without etcd.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.ids.left()
    }

    /// Whether this process should be given work: for readiness.
    ///
    /// # Errors
    /// Why it should not: etcd has not been heard for longer than the lease. What is under way goes on, safely, with the
    /// identifiers that are reserved.
    pub fn ready(&self) -> Result<(), &'static str> {
        if self.state.borrow().held { Ok(()) } else { Err("identifiers can't be reserved: etcd is away") }
    }

    /// How it stands, and its changes; the receiver fails when the number was given back.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<NodeState> {
        self.state.clone()
    }
}

impl IdGenerator for NodeIds {
    fn next_id(&self) -> u64 {
        self.ids.next_id()
    }
}

impl fmt::Debug for NodeIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeIds")
            .field("node", &self.node())
            .field("left", &self.left())
            .finish_non_exhaustive()
    }
}

fn check(options: &NodeOptions) -> Result<(), EtcdError> {
    let wrong = |setting, what: String, mend| Err(EtcdError::Setting { setting, what, mend });
    if options.nodes.is_empty() || options.nodes.end > 1_024 {
        return wrong("nodes", format!("{:?} can't be used", options.nodes), "take some of 0..1024");
    }
    if !(Duration::from_secs(5)..=AHEAD_MAX).contains(&options.reserve) {
        return wrong(
            "reserve",
            format!("{:?} can't be used", options.reserve),
            "take 5 s to 5 min; 20 s is usual",
        );
    }
    Ok(())
}

fn span(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX >> 20) << 12
}

struct Keeper {
    etcd: Etcd,
    options: NodeOptions,
    ids: Arc<ReservedIds>,
    node: Mutex<Option<Node>>,
    told: watch::Sender<NodeState>,
    log: Logger,
}

impl Keeper {
    /// Keeps the number until that can't be done any longer.
    async fn keep_on(&self) -> Result<(), EtcdError> {
        let (mut pauses, mut heard) = (Pauses::default(), Instant::now());
        let mut pause = self.etcd.renew_every();
        loop {
            tokio::select! {
                () = sleep(pause) => {}
                // After a failure only time helps.
                () = self.ids.shortage(), if pauses.is_fresh() => {}
            }
            pause = match self.keep().await {
                Ok(()) => {
                    pauses.reset();
                    heard = Instant::now();
                    if !self.tell(true) {
                        info!(self.log, "identifiers are reserved again"; "node" => self.ids.node());
                    }
                    self.etcd.renew_every()
                }
                Err(e) => {
                    let (pause, failures) = pauses.next();
                    if failures == 1 {
                        warn!(self.log, "can't reserve identifiers"; "error" => whole(&e), "left" => self.ids.left());
                    }
                    self.doubt(heard)?;
                    pause
                }
            };
        }
    }

    /// Whether it was held before.
    fn tell(&self, held: bool) -> bool {
        let state = NodeState { node: self.ids.node(), held };
        let mut before = true;
        self.told.send_if_modified(|told| {
            let differs = *told != state;
            before = std::mem::replace(told, state).held;
            differs
        });
        before
    }

    fn doubt(&self, heard: Instant) -> Result<(), EtcdError> {
        let silent = heard.elapsed();
        if silent >= self.etcd.config().lease_ttl {
            self.tell(false);
        }
        if silent >= self.options.patience || self.ids.left() < span(self.options.reserve) / 8 {
            self.tell(false);
            return Err(EtcdError::NodeLost { for_: silent });
        }
        Ok(())
    }

    /// One round: renews the lease, reserves more when half is gone, or takes another number.
    async fn keep(&self) -> Result<(), EtcdError> {
        let mut held = self.node.lock().await;
        if let Some(node) = held.as_mut() {
            let now = self.ids.now();
            let more = node.end.saturating_sub(now) < span(self.options.reserve) / 2;
            let ours = self.etcd.renew(node.lease).await?
                && (!more || node.reserve(&self.etcd, now + span(self.options.reserve)).await?);
            if ours {
                self.ids.extend(node.end);
                return Ok(());
            }
            warn!(self.log, "lost the node number; taking another"; "node" => node.number);
            let lease = node.lease;
            *held = None;
            // Its other keys, if it has any left, are nobody's.
            let _ = self.etcd.revoke(lease).await;
        }
        // What is reserved for the lost number remains ours, and is used until the other is there.
        let node = Node::take(&self.etcd, &self.options, self.ids.now(), &self.log).await?;
        info!(self.log, "took a node number"; "node" => node.number);
        self.ids.replace(node.number, node.start, node.end);
        *held = Some(node);
        Ok(())
    }

    /// The mark stays: who made it may still make some.
    async fn give_back(&self) {
        if let Some(node) = self.node.lock().await.take()
            && let Err(e) = self.etcd.revoke(node.lease).await
        {
            warn!(self.log, "the node number stays taken until its lease ends"; "error" => whole(&e));
        }
    }
}
