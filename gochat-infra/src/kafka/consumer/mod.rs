//! Consumers that share a topic.
//!
//! One loop is the group's member: it hears of rebalances, commits, and is what stands or falls. Each partition that it is
//! given has a task and librdkafka's own queue for it ([`partition`]): a handler that is slow or fails holds up its partition
//! and no other, and no more is fetched for it than [`KafkaConfig::fetch_records`] and `fetch_bytes`. (Partition queues in
//! place of one queue with `pause`: a pause throws away what is fetched and must be kept in step with rebalances; a queue
//! that is not read just fills up.) The loop polls all the while, so `max.poll.interval.ms` is never reached by slow
//! handlers, and a group is left only by a process that hangs as a whole.
//!
//! An offset passes only after its effect. When a partition is taken away, its task may finish its batch for
//! [`KafkaConfig::revoke_grace`], what it did is committed, and only then does the rebalance go on; what was fetched and not
//! handled is the next owner's.

mod dead_letter;
mod group;
mod handler;
mod offsets;
mod partition;
mod rebalance;

use std::fmt::Debug;
use std::sync::Arc;

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{Consumer as _, StreamConsumer};
use slog::{Logger, o};
use tokio::sync::mpsc;

pub use handler::{Handler, HandlerError, Record, Schema};

pub(super) use dead_letter::is_letter_header;
pub(super) use handler::Raw;

use group::run;
use partition::Work;
use rebalance::{GroupContext, Rebalance};

use super::{KafkaConfig, KafkaError, Producer, Topics};
use crate::runtime::metrics::Metrics;
use crate::runtime::{Phase, Policy, Supervisor};
use crate::wire::Wire;

pub(super) type Client = StreamConsumer<GroupContext>;

/// A client that joins the group, and what the group tells it.
struct Joined {
    client: Arc<Client>,
    rebalances: mpsc::Receiver<Rebalance>,
}

impl Joined {
    fn join<T: Sync>(work: &Work<T>) -> Result<Self, KafkaError> {
        // librdkafka waits for the answer to one rebalance before it tells of the next.
        let (events, rebalances) = mpsc::channel(4);
        let context = GroupContext::new(
            work.log.clone(),
            &work.topic,
            events,
            work.offsets.clone(),
            work.metrics.clone(),
        );
        let mut settings = work.config.consumer(&work.group);
        settings.set("statistics.interval.ms", work.config.lag_interval.as_millis().to_string());
        let client = Arc::new(Client::from_config_and_context(&settings, context)?);
        client.subscribe(&[&work.topic])?;
        Ok(Self { client, rebalances })
    }
}

/// A member of a group of consumers of one topic. It lives as long as its supervisor: told to stop, it finishes the batches
/// at hand, commits and leaves the group; when it can't go on it stops the node.
#[derive(Debug)]
pub struct GroupConsumer;

impl GroupConsumer {
    /// Starts a consumer of `topic` in the group `<prefix>.<name>`. Records that can't be read, or that the handler names as
    /// poison, go to the topic's dead letters by `producer` (one made by [`Producer::for_deliveries`]).
    ///
    /// Dispatching is in order for each partition, at least once.
    ///
    /// # Errors
    /// A setting that can't be. Brokers may be away; the topic must be there.
    #[expect(clippy::too_many_arguments, reason = "called once, by the composition of a program")]
    pub fn start<T: Wire + Schema + Debug + Send + Sync + 'static>(
        config: &KafkaConfig,
        topic: &str,
        name: &'static str,
        handler: Arc<dyn Handler<T>>,
        producer: Producer,
        supervisor: &Supervisor,
        metrics: &Metrics,
        log: &Logger,
    ) -> Result<(), KafkaError> {
        config.check()?;
        let (failed, failures) = mpsc::channel(1);
        let work = Arc::new(Work {
            topic: topic.into(),
            group: Topics::new(&config.prefix).group(name),
            config: config.clone(),
            handler,
            producer,
            offsets: Arc::default(),
            failed,
            metrics: metrics.clone(),
            log: log.new(o!("topic" => topic.to_owned(), "group" => name)),
        });
        let (joined, tasks) = (Joined::join(&work)?, supervisor.phase(Phase::Work));
        let (partitions, stop) = (tasks.group("kafka-partition"), tasks.token().clone());
        tasks.spawn(name, Policy::StopNode, run(joined, work, partitions, failures, stop));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
