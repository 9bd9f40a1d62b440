//! The task of one partition: takes batches, gives them to the handler until they have had their effect, and only then
//! passes their offsets.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use rdkafka::consumer::stream_consumer::StreamPartitionQueue;
use rdkafka::error::KafkaError as Native;
use slog::{Logger, debug, error, warn};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::dead_letter::put_aside;
use super::handler::{Handler, HandlerError, Raw, Record, Schema};
use super::offsets::{Offsets, Progress};
use super::rebalance::GroupContext;
use crate::kafka::error::causes;
use crate::kafka::{KafkaConfig, KafkaError, Producer};
use crate::runtime::Backoff;
use crate::runtime::metrics::Metrics;
use crate::runtime::trace::Value;
use crate::wire::Wire;

/// What all partitions of a member share.
pub(super) struct Work<T: Sync> {
    pub(super) topic: Arc<str>,
    pub(super) group: String,
    pub(super) config: KafkaConfig,
    pub(super) handler: Arc<dyn Handler<T>>,
    pub(super) producer: Producer,
    pub(super) offsets: Arc<Offsets>,
    pub(super) failed: mpsc::Sender<String>,
    pub(super) metrics: Metrics,
    pub(super) log: Logger,
}

impl<T: Sync> Work<T> {
    pub(super) fn failed(&self, why: &str) -> KafkaError {
        KafkaError::consumer(&self.topic, why)
    }
}

/// One partition.
pub(super) struct Partition<T: Sync> {
    pub(super) id: i32,
    pub(super) work: Arc<Work<T>>,
    pub(super) progress: Arc<Progress>,
    pub(super) stop: CancellationToken,
}

/// A batch that was not finished: the partition is to stop.
struct Stopped;

impl<T: Wire + Schema + fmt::Debug + Send + Sync + 'static> Partition<T> {
    pub(super) async fn run(self, queue: StreamPartitionQueue<GroupContext>) {
        loop {
            let batch = tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                batch = self.collect(&queue) => batch,
            };
            let (Some(last), begun) = (batch.last().map(|r| r.offset), Instant::now()) else { continue };
            let size = batch.len() as u64;
            let tracer = &self.work.config.tracer;
            let asked = batch.iter().filter_map(Raw::context);
            let mut span = tracer.batch(asked, || format!("process {}", self.work.topic).into());
            span.note("messaging.system", || Value::Text("kafka".into()));
            span.note("messaging.batch.message_count", || Value::number(batch.len()));
            let taken = span.run(async {
                let taken = self.take(batch).await;
                debug!(self.work.log, "a batch was handled";
                    "partition" => self.id, "offset" => last, "records" => size, "whole" => taken.is_ok());
                taken
            });
            if taken.await.is_err() {
                return;
            }
            self.progress.reach(last + 1);
            self.work.offsets.changed.notify_one();
            let kafka = &self.work.metrics.kafka;
            kafka.consumed.inc_by(size);
            kafka.batches.inc();
            kafka.batch_seconds.observe(begun.elapsed());
        }
    }

    /// Waits for a record, and takes those that are there already behind it.
    async fn collect(&self, queue: &StreamPartitionQueue<GroupContext>) -> Vec<Raw> {
        let config = &self.work.config;
        let mut batch = Vec::new();
        let mut bytes = 0;
        self.progress.set_waiting(true);
        let mut next = Some(queue.recv().await);
        self.progress.set_waiting(false);
        while let Some(polled) = next {
            match polled {
                Ok(record) => {
                    let record = Raw::of(&record);
                    bytes += record.size();
                    batch.push(record);
                }
                Err(e) => {
                    self.event(e).await;
                    break;
                }
            }
            if batch.len() >= config.batch_records || bytes >= config.batch_bytes {
                break;
            }
            next = queue.recv().now_or_never();
        }
        batch
    }

    async fn event(&self, error: Native) {
        if let Native::MessageConsumptionFatal(code) = error {
            let _already_ending = self.work.failed.send(format!("the client failed for good: {code}")).await;
        } else {
            debug!(self.work.log, "partition event"; "partition" => self.id, "event" => %error);
        }
    }

    /// Gives a batch its effect, however long it takes.
    async fn take(&self, batch: Vec<Raw>) -> Result<(), Stopped> {
        let mut records = Vec::with_capacity(batch.len());
        for raw in batch {
            match raw.read() {
                Ok(value) => records.push(Record { value, raw }),
                Err(reason) => self.put_aside(&raw, &reason).await?,
            }
        }
        let mut failures = 0;
        let mut blamed = (-1, 0);
        while !records.is_empty() {
            let handled = self.work.handler.handle(self.id, &records);
            let limit = self.work.config.handler_timeout;
            let handled = timeout(limit, handled).await;
            let failed = match handled.unwrap_or_else(|late| Err(HandlerError::Again(Box::new(late)))) {
                Ok(()) => return Ok(()),
                Err(failed) => failed,
            };
            match failed {
                HandlerError::Stop(why) => {
                    let _already_ending = self.work.failed.send(why).await;
                    // Until the member closes.
                    self.stop.cancelled().await;
                    return Err(Stopped);
                }
                HandlerError::Poison { index, reason } if index < records.len() => {
                    let offset = records[index].offset();
                    let times = if blamed.0 == offset { blamed.1 + 1 } else { 1 };
                    blamed = (offset, times);
                    if times >= self.work.config.poison_attempts {
                        let record = records.remove(index);
                        self.put_aside(&record.raw, &reason).await?;
                        self.work.handler.given_up(&record).await;
                        failures = 0;
                        continue;
                    }
                    warn!(self.work.log, "a record can't be handled";
                        "partition" => self.id, "offset" => offset, "reason" => reason, "times" => times);
                }
                other => {
                    let cause = match &other {
                        HandlerError::Again(e) => causes(&**e),
                        other => other.to_string(),
                    };
                    warn!(self.work.log, "a batch failed and is tried again";
                        "partition" => self.id, "records" => records.len(), "failures" => failures + 1, "error" => cause);
                }
            }
            self.work.metrics.kafka.retries.inc();
            failures += 1;
            self.pause(failures).await?;
        }
        Ok(())
    }

    /// Writes a record to the dead letters. Nothing passes before that has worked.
    async fn put_aside(&self, record: &Raw, reason: &str) -> Result<(), Stopped> {
        let work = &self.work;
        let mut failures = 0;
        while let Err(e) = put_aside(&work.producer, &work.topic, record, reason).await {
            failures += 1;
            error!(work.log, "a dead letter can't be written";
                "partition" => self.id, "offset" => record.offset, "error" => causes(&e), "failures" => failures);
            self.pause(failures).await?;
        }
        work.metrics.kafka.dead_letters.inc();
        error!(work.log, "a record was put aside";
            "partition" => self.id, "offset" => record.offset, "reason" => reason);
        Ok(())
    }

    async fn pause(&self, failures: u32) -> Result<(), Stopped> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Stopped),
            () = sleep(pause(self.work.config.backoff, failures)) => Ok(()),
        }
    }
}

/// Doubled by each failure, and lengthened by chance up to half, so that partitions that failed together don't come back
/// together.
fn pause(backoff: Backoff, failures: u32) -> Duration {
    let pause = backoff.first.saturating_mul(1 << failures.saturating_sub(1).min(20)).min(backoff.max);
    pause + pause.mul_f64(f64::from(getrandom::u32().unwrap_or(0)) / f64::from(u32::MAX) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_limit_and_half_of_it() {
        let backoff = Backoff { first: Duration::from_millis(10), max: Duration::from_millis(100) };
        for (failures, least) in [(1, 10), (2, 20), (4, 80), (5, 100), (1_000, 100)] {
            let pause = pause(backoff, failures).as_millis();
            assert!((least..=least * 3 / 2).contains(&pause), "{failures}: {pause}");
        }
    }
}
