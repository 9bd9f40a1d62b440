//! What librdkafka calls back: rebalances, commits, statistics. It calls from within a poll, so nothing here waits: the
//! loop takes a rebalance from a channel and answers it when it is ready, and librdkafka waits for that answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError as Native, KafkaResult};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, Statistics, TopicPartitionList};
use slog::{Logger, warn};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::offsets::Offsets;
use crate::kafka::context::Context;
use crate::runtime::metrics::Metrics;

/// A change of what this member has.
#[derive(Debug)]
pub(super) enum Rebalance {
    /// These are its own now, too.
    Assigned(Vec<i32>),
    /// These are to be given up.
    Revoked(Vec<i32>),
}

impl Rebalance {
    pub(super) fn partitions(&self) -> &[i32] {
        match self {
            Self::Assigned(partitions) | Self::Revoked(partitions) => partitions,
        }
    }

    /// Answers it for a member at its end, which librdkafka waits for; `list` is of its partitions.
    pub(super) fn answer<C: ConsumerContext>(
        &self,
        client: &impl Consumer<C>,
        list: &TopicPartitionList,
        log: &Logger,
    ) {
        let answered = match self {
            Self::Assigned(_) => client.incremental_assign(list),
            Self::Revoked(_) => client.incremental_unassign(list),
        };
        if let Err(e) = answered {
            warn!(log, "a rebalance was not answered while closing"; "error" => %e);
        }
    }
}

/// The callbacks of one member.
#[derive(Debug)]
pub(crate) struct GroupContext {
    base: Context,
    topic: Arc<str>,
    rebalances: mpsc::Sender<Rebalance>,
    offsets: Arc<Offsets>,
    metrics: Metrics,
    /// Nobody listens to rebalances any more; they are answered on the spot.
    closing: AtomicBool,
}

impl GroupContext {
    pub(super) fn new(
        log: Logger,
        topic: &str,
        rebalances: mpsc::Sender<Rebalance>,
        offsets: Arc<Offsets>,
        metrics: Metrics,
    ) -> Self {
        let (base, topic, closing) = (Context::new(&log), topic.into(), AtomicBool::new(false));
        Self { base, topic, rebalances, offsets, metrics, closing }
    }

    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Release);
    }
}

impl ClientContext for GroupContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.base.log(level, facility, message);
    }

    fn error(&self, error: Native, reason: &str) {
        self.base.error(error, reason);
    }

    fn stats(&self, statistics: Statistics) {
        let Some(topic) = statistics.topics.get(&*self.topic) else { return };
        for (partition, of) in &topic.partitions {
            if of.fetch_state != "active" || of.hi_offset < 0 {
                continue;
            }
            // The client knows the lag from the first commit on; until then everything there is lies before us.
            let lag = if of.consumer_lag >= 0 { of.consumer_lag } else { of.hi_offset - of.lo_offset.max(0) };
            self.metrics.kafka.partition(&self.topic, *partition, lag, of.fetchq_cnt);
        }
    }
}

impl ConsumerContext for GroupContext {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, err: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let partitions = list.elements().iter().map(|e| e.partition()).collect();
        let assigned = err == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        let event = if assigned { Rebalance::Assigned(partitions) } else { Rebalance::Revoked(partitions) };
        let event = if self.closing.load(Ordering::Acquire) {
            event
        } else {
            match self.rebalances.try_send(event) {
                Ok(()) => return,
                Err(TrySendError::Full(event) | TrySendError::Closed(event)) => event,
            }
        };
        event.answer(consumer, list, &self.base.log);
    }

    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        if let Err(e) = &result {
            self.metrics.kafka.commit_failures.inc();
            warn!(self.base.log, "a commit failed and is tried again"; "error" => %e);
        }
        self.offsets.answered(result.is_ok());
    }
}
