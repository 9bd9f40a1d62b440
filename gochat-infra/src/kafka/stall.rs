//! Records that are there and do not come.
//!
//! A client can own a partition and fetch nothing of it, for ever and without a word: librdkafka pauses partitions in a
//! rebalance, and one can stay so (its issue 5591). Nothing that it says of itself shows that: the fetcher's state stays
//! `active`, and the lag is that of the last fetch. So the brokers are asked where partitions end, and that is held against
//! what came out at our end, which finds a stall whatever its cause. Nobody tells when nothing comes, hence a question now and
//! then: for partitions whose consumer waits for records and for nothing else. A busy one is never asked about.
//!
//! What stands still is mended by a client made anew; the group gives partitions to who is there meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{Consumer as _, ConsumerContext, StreamConsumer};
use rdkafka::error::KafkaError as Native;
use rdkafka::{Offset, TopicPartitionList};
use slog::{Logger, debug, warn};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

use super::KafkaConfig;
use super::context::LAST_WORDS;

/// Longest wait for one answer.
const ANSWER: Duration = Duration::from_secs(2);

/// Partitions, each with the offset after its last record, if one came.
pub(super) type Standing = BTreeMap<i32, Option<i64>>;

/// Looks after one client.
pub(super) struct Watch<C: ConsumerContext + 'static> {
    client: Arc<StreamConsumer<C>>,
    topic: Arc<str>,
    pause: Duration,
    next: Instant,
    asked: Option<JoinHandle<Result<Standing, Native>>>,
    /// Those that were behind when they were last asked about.
    before: Standing,
    log: Logger,
}

impl<C: ConsumerContext + 'static> Watch<C> {
    pub(super) fn new(
        client: Arc<StreamConsumer<C>>,
        topic: Arc<str>,
        config: &KafkaConfig,
        log: &Logger,
    ) -> Self {
        let pause = config.stall_after / 2;
        let next = Instant::now() + pause;
        Self { client, topic, pause, next, asked: None, before: Standing::new(), log: log.clone() }
    }

    /// Forgets what was seen: for a while partitions were not to be fetched.
    pub(super) fn begin_again(&mut self) {
        self.before.clear();
        self.next = Instant::now() + self.pause;
    }

    /// Resolves when partitions stand still: twice, with a pause in between, a broker had records that did not come, and the
    /// consumer was `waiting` all the while. May be dropped at any time and called again.
    pub(super) async fn stalled(&mut self, waiting: impl Fn() -> Standing) {
        loop {
            let answer = match &mut self.asked {
                Some(asked) => asked.await,
                None => {
                    sleep_until(self.next).await;
                    // Late: we stood still ourselves, and may see only now what came in that time.
                    if self.next.elapsed() > self.pause / 10 {
                        self.begin_again();
                        continue;
                    }
                    self.next = Instant::now() + self.pause;
                    let (client, topic, waiting) = (self.client.clone(), self.topic.clone(), waiting());
                    // Blocks until brokers have answered.
                    self.asked = Some(tokio::task::spawn_blocking(move || behind(&client, &topic, waiting)));
                    continue;
                }
            };
            self.asked = None;
            let behind = answer.unwrap_or_else(|_| Ok(Standing::new())).unwrap_or_else(|e| {
                debug!(self.log, "brokers don't say where partitions end"; "error" => %e);
                Standing::new()
            });
            let still = both(&both(&self.before, &behind), &waiting());
            self.before = behind;
            if !still.is_empty() {
                warn!(self.log, "records are there and do not come: the client is made anew"; "behind" => ?still);
                return;
            }
        }
    }

    /// Lets go of the client.
    pub(super) async fn end(self) {
        if let Some(asked) = self.asked {
            let _over = timeout(LAST_WORDS, asked).await;
        }
    }
}

/// What is in both and has not moved.
fn both(one: &Standing, other: &Standing) -> Standing {
    one.iter().filter(|(id, at)| other.get(id) == Some(at)).map(|(id, at)| (*id, *at)).collect()
}

/// Which of the partitions have records beyond where they stand.
fn behind<C: ConsumerContext + 'static>(
    client: &Arc<StreamConsumer<C>>,
    topic: &str,
    waiting: Standing,
) -> Result<Standing, Native> {
    let list = |offset: Offset, partitions: &[i32]| {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for id in partitions {
            list.add_partition_offset(topic, *id, offset)?;
        }
        Ok::<_, Native>(list)
    };
    if waiting.is_empty() {
        return Ok(waiting);
    }
    let bounds =
        |bound, of: &[i32]| Ok::<_, Native>(known(&client.offsets_for_times(list(bound, of)?, ANSWER)?));
    let all: Vec<i32> = waiting.keys().copied().collect();
    let ends = bounds(Offset::End, &all)?;
    // Those that have met no record began at what is committed, or else at the oldest.
    let unmet: Vec<i32> = waiting.iter().filter(|(_, at)| at.is_none()).map(|(id, _)| *id).collect();
    let mut begun = BTreeMap::new();
    if !unmet.is_empty() {
        begun = known(&client.committed_offsets(list(Offset::Invalid, &unmet)?, ANSWER)?);
    }
    let is_before = |id: &i32, at: Option<i64>, oldest: i64| {
        let at = at.or_else(|| begun.get(id).copied()).unwrap_or(0).max(oldest);
        ends.get(id).is_some_and(|end| at < *end)
    };
    let behind: Standing = waiting.into_iter().filter(|(id, at)| is_before(id, *at, 0)).collect();
    if behind.is_empty() {
        return Ok(behind);
    }
    // What is no longer kept does not come either.
    let oldest = bounds(Offset::Beginning, &behind.keys().copied().collect::<Vec<_>>())?;
    let kept = |id: &i32, at| oldest.get(id).is_some_and(|oldest| is_before(id, at, *oldest));
    Ok(behind.into_iter().filter(|(id, at)| kept(id, *at)).collect())
}

fn known(list: &TopicPartitionList) -> BTreeMap<i32, i64> {
    let known = |offset| if let Offset::Offset(offset) = offset { Some(offset) } else { None };
    list.elements().iter().filter_map(|e| Some((e.partition(), known(e.offset())?))).collect()
}

#[cfg(test)]
mod tests;
