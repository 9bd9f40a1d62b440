//! From all who send to the one pipeline: a bounded queue, and the task that empties it in batches.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use gochat_core::Settings;
use gochat_core::error::Code;
use gochat_core::model::SendCommand;
use gochat_core::ports::{ErrorKind, Ports, Result, Retry, StoreError, Submitted, Upstream};
use gochat_core::send::{Pipeline, Report};
use slog::{Logger, error, warn};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::timed::Timed;
use crate::hub::Hub;
use crate::runtime::{Phase, Policy, Supervisor};

/// Bounds of the queue.
#[derive(Debug, Clone, Copy)]
pub struct FeedConfig {
    /// Most sends that wait; a sender beyond that waits for room. 16,384.
    pub queue: usize,
    /// Most sends in one batch; 4,096.
    pub batch: usize,
    /// How long a batch is tried again while the store is away, before its senders are told; 3 s.
    pub retry_for: Duration,
}

impl Default for FeedConfig {
    fn default() -> Self {
        Self { queue: 16_384, batch: 4_096, retry_for: Duration::from_secs(3) }
    }
}

/// First pause between two tries of a batch; doubled each time.
const PAUSE: Duration = Duration::from_millis(10);

/// The way into the pipeline inside one process. A send is durable only when its receipt says so.
#[derive(Debug, Clone)]
pub struct Feed {
    queue: mpsc::Sender<SendCommand>,
}

impl Feed {
    /// Starts the task that feeds a pipeline over `ports`, which delivers through `hub`. At shutdown it takes what waits to
    /// its end.
    #[must_use]
    pub fn start(
        ports: Ports,
        hub: &Hub,
        settings: Arc<Settings>,
        config: FeedConfig,
        supervisor: &Supervisor,
        log: &Logger,
    ) -> Self {
        let (queue, waiting) = mpsc::channel(config.queue.max(1));
        let work = supervisor.phase(Phase::Work);
        let timed = Arc::new(Timed::new(hub.clone()));
        let ports = Ports { deliver: Arc::clone(&timed) as _, ..ports };
        let pipeline = Pipeline::new(ports, settings, log.clone());
        let stop = work.token().clone();
        let feeder = Feeder { pipeline, timed, config, waiting, stop, log: log.clone() };
        work.spawn("pipeline", Policy::StopNode, feeder.run());
        Self { queue }
    }
}

#[async_trait]
impl Upstream for Feed {
    async fn submit(&self, sends: Vec<SendCommand>) -> Result<Submitted> {
        const OPERATION: &str = "feed.submit";
        let closed = |_| StoreError::new(ErrorKind::Closed, Retry::Safe, OPERATION);
        let room = self.queue.max_capacity();
        let mut sends = sends.into_iter();
        while sends.len() > 0 {
            // All that came together goes in together, so that it is in one batch.
            let permits = self.queue.reserve_many(sends.len().min(room)).await.map_err(closed)?;
            for (permit, send) in permits.zip(&mut sends) {
                permit.send(send);
            }
        }
        Ok(Submitted::Queued)
    }
}

struct Feeder {
    pipeline: Pipeline,
    timed: Arc<Timed>,
    config: FeedConfig,
    waiting: mpsc::Receiver<SendCommand>,
    stop: CancellationToken,
    log: Logger,
}

impl Feeder {
    async fn run(mut self) {
        let mut batch = Vec::with_capacity(64);
        loop {
            let received = tokio::select! {
                // Those that wait are taken before the order to stop is looked at.
                biased;
                n = self.waiting.recv_many(&mut batch, self.config.batch.max(1)) => n,
                () = self.stop.cancelled() => {
                    // Nobody can submit any more; what is in the queue still comes out.
                    self.waiting.close();
                    continue;
                }
            };
            if received == 0 {
                return;
            }
            self.process(&batch).await;
            batch.clear();
        }
    }

    /// Takes a batch to its end, one way or the other: everybody in it is told.
    async fn process(&self, batch: &[SendCommand]) {
        let deadline = Instant::now() + self.config.retry_for;
        let mut pause = PAUSE;
        loop {
            self.timed.begin();
            let failure = match self.pipeline.process(batch).await {
                Ok(report) => return self.count(&report),
                Err(e) => e,
            };
            // A full disk does not empty itself: the senders learn it now, and may send again with the same ids.
            let hopeless = failure.retry() == Retry::Never || failure.kind() == ErrorKind::Full;
            if hopeless || Instant::now() + pause > deadline {
                self.timed.hub().metrics().sends_failed.inc_by(batch.len() as u64);
                error!(self.log, "sends refused"; "sends" => batch.len(), "error" => %failure);
                let code = gochat_core::Error::Port(failure).code();
                let code = if code == Code::Internal { Code::Internal } else { Code::Unavailable };
                if let Err(e) = self.pipeline.refuse(batch, code).await {
                    error!(self.log, "senders not told"; "sends" => batch.len(), "error" => %e);
                }
                return;
            }
            warn!(self.log, "batch tried again"; "sends" => batch.len(), "error" => %failure);
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(500));
        }
    }

    fn count(&self, report: &Report) {
        let metrics = self.timed.hub().metrics();
        metrics.sends_stored.inc_by(report.stored as u64);
        metrics.sends_repeated.inc_by(report.repeated as u64);
        metrics.sends_refused.inc_by(report.refused as u64);
    }
}
