//! The loop that is a member of the group, as often as it joins it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::error::KafkaError as Native;
use rdkafka::message::Message as _;
use rdkafka::{Offset, TopicPartitionList};
use slog::{debug, error, info, warn};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::handler::Schema;
use super::offsets::Progress;
use super::partition::{Partition, Work};
use super::rebalance::{GroupContext, Rebalance};
use super::{Client, Joined};
use crate::kafka::KafkaError;
use crate::kafka::context::{self, LAST_WORDS};
use crate::kafka::stall::{Standing, Watch};
use crate::runtime::TaskGroup;
use crate::wire::Wire;

/// Longest wait until a client that stalled has left its group. Longer than that of a process that is told to end: whoever
/// gives up here ends the process.
const LEAVING: Duration = Duration::from_secs(30);
/// Pause before a failed commit is tried again.
const COMMIT_AGAIN: Duration = Duration::from_secs(1);
/// Least time between two commits. What a crash leaves uncommitted is recognised by whoever does it again, while a commit for
/// each lone record would cost the broker about as much as the record.
const COMMIT_PAUSE: Duration = Duration::from_secs(1);

/// A partition that is ours.
struct Owned {
    progress: Arc<Progress>,
    /// Committed, or on its way.
    sent: Option<i64>,
    /// Begin no other batch.
    stop: CancellationToken,
    /// Drop the batch at hand.
    abandon: CancellationToken,
    /// The task has ended.
    ended: CancellationToken,
}

/// Why a member leaves.
enum End {
    /// It was told to.
    Stopped,
    /// Its client does not bring what is there.
    Stalled,
}

/// One member, with one client.
struct Member<'a, T: Sync> {
    client: Arc<Client>,
    work: &'a Arc<Work<T>>,
    tasks: &'a TaskGroup,
    rebalances: mpsc::Receiver<Rebalance>,
    failures: &'a mut mpsc::Receiver<String>,
    owned: BTreeMap<i32, Owned>,
    commit_again: Option<Instant>,
    committed_at: Option<Instant>,
}

/// Consumes until it is told to stop or can't go on. A client that stalls is followed by another.
pub(super) async fn run<T: Wire + Schema + fmt::Debug + Send + Sync + 'static>(
    mut joined: Joined,
    work: Arc<Work<T>>,
    tasks: TaskGroup,
    mut failures: mpsc::Receiver<String>,
    stop: CancellationToken,
) -> Result<(), KafkaError> {
    loop {
        let Joined { client, rebalances } = joined;
        let mut watch = Watch::new(client.clone(), work.topic.clone(), &work.config, &work.log);
        let mut member = Member {
            client,
            work: &work,
            tasks: &tasks,
            rebalances,
            failures: &mut failures,
            owned: BTreeMap::new(),
            commit_again: None,
            committed_at: None,
        };
        let end = member.consume(&mut watch, &stop).await;
        if let Err(e) = &end {
            error!(work.log, "the consumer ends"; "error" => %e);
        }
        let limit = if matches!(end, Ok(End::Stalled)) { LEAVING } else { LAST_WORDS };
        let left = member.close(watch, limit).await;
        match end? {
            End::Stopped => return Ok(()),
            // It would hold its partitions against us; it ends with the process.
            End::Stalled if !left => return Err(work.failed("a client that stalled does not leave")),
            End::Stalled => {}
        }
        // A commit whose answer never came.
        work.offsets.answered(true);
        joined = Joined::join(&work)?;
    }
}

impl<T: Wire + Schema + fmt::Debug + Send + Sync + 'static> Member<'_, T> {
    async fn consume(
        &mut self,
        watch: &mut Watch<GroupContext>,
        stop: &CancellationToken,
    ) -> Result<End, KafkaError> {
        let client = self.client.clone();
        let work = self.work;
        loop {
            let again = self.commit_again;
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(End::Stopped),
                Some(why) = self.failures.recv() => return Err(work.failed(&why)),
                Some(change) = self.rebalances.recv() => {
                    match change {
                        Rebalance::Assigned(partitions) => self.assigned(&partitions)?,
                        Rebalance::Revoked(partitions) => self.revoked(&partitions).await?,
                    }
                    // All partitions pause until a rebalance is answered.
                    watch.begin_again();
                }
                () = work.offsets.changed.notified() => self.commit(),
                () = sleep_until(again.unwrap_or_else(Instant::now)), if again.is_some() => {
                    self.commit_again = None;
                    self.commit();
                }
                () = watch.stalled(|| waiting(&self.owned)) => {
                    work.metrics.kafka.stalls.inc();
                    return Ok(End::Stalled);
                }
                // Polls, which is what brings rebalances, answers to commits and errors.
                polled = client.recv() => match polled {
                    Ok(record) => {
                        // Partitions have queues of their own before they are assigned. A record that comes by here
                        // would be handled out of order or not at all.
                        let place = format!("partition {} offset {}", record.partition(), record.offset());
                        return Err(work.failed(&format!("a record came past its partition's queue: {place}")));
                    }
                    Err(e) => self.event(e)?,
                },
            }
        }
    }

    /// An outage mends itself; what librdkafka calls fatal does not.
    fn event(&self, error: Native) -> Result<(), KafkaError> {
        if let Native::MessageConsumptionFatal(code) = error {
            return Err(self.work.failed(&format!("the client failed for good: {code}")));
        }
        debug!(self.work.log, "consumer event"; "event" => %error);
        Ok(())
    }

    fn list(&self, partitions: &[i32]) -> TopicPartitionList {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for partition in partitions {
            list.add_partition(&self.work.topic, *partition);
        }
        list
    }

    fn assigned(&mut self, partitions: &[i32]) -> Result<(), KafkaError> {
        info!(self.work.log, "partitions assigned"; "partitions" => ?partitions);
        for id in partitions {
            // Before the assignment takes effect, so that nothing comes by the common queue.
            let queue = self.client.split_partition_queue(&self.work.topic, *id);
            let queue = queue.ok_or_else(|| self.work.failed("a partition has no queue"))?;
            let owned = Owned {
                progress: Arc::new(Progress::new()),
                sent: None,
                stop: CancellationToken::new(),
                abandon: CancellationToken::new(),
                ended: CancellationToken::new(),
            };
            let partition = Partition {
                id: *id,
                work: self.work.clone(),
                progress: owned.progress.clone(),
                stop: owned.stop.clone(),
            };
            let (abandon, ended) = (owned.abandon.clone(), owned.ended.clone().drop_guard());
            self.tasks.spawn(async move {
                // Dropped when the task ends, however it ends.
                let _ended = ended;
                tokio::select! {
                    () = abandon.cancelled() => {}
                    () = partition.run(queue) => {}
                }
            });
            self.owned.insert(*id, owned);
        }
        Ok(self.client.incremental_assign(&self.list(partitions))?)
    }

    async fn revoked(&mut self, partitions: &[i32]) -> Result<(), KafkaError> {
        let lost = self.client.assignment_lost();
        info!(self.work.log, "partitions revoked"; "partitions" => ?partitions, "lost" => lost);
        self.work.metrics.kafka.revoked.inc_by(partitions.len() as u64);
        // What is lost is another's already: to finish it would only be to repeat it.
        let grace = if lost { Duration::ZERO } else { self.work.config.revoke_grace };
        let done = self.end(partitions, grace).await;
        if !lost {
            self.commit_now(done).await;
        }
        self.client.incremental_unassign(&self.list(partitions))?;
        Ok(())
    }

    /// Ends the tasks of partitions, and says how far each had come beyond what is known to be committed.
    async fn end(&mut self, partitions: &[i32], grace: Duration) -> Vec<(i32, i64)> {
        let ending: Vec<_> = partitions.iter().filter_map(|id| Some((*id, self.owned.remove(id)?))).collect();
        for (_, owned) in &ending {
            owned.stop.cancel();
        }
        let deadline = Instant::now() + grace;
        let mut done = Vec::new();
        for (id, owned) in ending {
            if timeout_at(deadline, owned.ended.cancelled()).await.is_err() {
                warn!(self.work.log, "a batch is abandoned with its partition"; "partition" => id);
                owned.abandon.cancel();
                // It ends at its next await.
                if timeout(LAST_WORDS, owned.ended.cancelled()).await.is_err() {
                    error!(self.work.log, "a handler blocks its thread"; "partition" => id);
                }
            }
            self.work.metrics.kafka.forget_partition(&self.work.topic, id);
            done.extend(owned.progress.get().map(|offset| (id, offset)));
        }
        done
    }

    fn offsets(&self, done: &[(i32, i64)]) -> TopicPartitionList {
        let mut list = TopicPartitionList::with_capacity(done.len());
        for (partition, offset) in done {
            // Fails for offsets that are none only.
            let _added = list.add_partition_offset(&self.work.topic, *partition, Offset::Offset(*offset));
        }
        list
    }

    /// Commits what is done, unless a commit is on its way (its answer brings the loop here again) or was made just now.
    fn commit(&mut self) {
        let offsets = self.work.offsets.clone();
        if offsets.committing.load(Ordering::Acquire) {
            return;
        }
        if offsets.failed.swap(false, Ordering::AcqRel) {
            self.owned.values_mut().for_each(|owned| owned.sent = None);
            self.commit_again = Some(Instant::now() + COMMIT_AGAIN);
            return;
        }
        if self.commit_again.is_some() {
            return;
        }
        let now = Instant::now();
        if let Some(at) = self.committed_at.map(|at| at + COMMIT_PAUSE).filter(|at| *at > now) {
            self.commit_again = Some(at);
            return;
        }
        let mut done = Vec::new();
        for (id, owned) in &mut self.owned {
            let reached = owned.progress.get();
            if reached > owned.sent {
                owned.sent = reached;
                done.extend(reached.map(|offset| (*id, offset)));
            }
        }
        if done.is_empty() {
            return;
        }
        self.committed_at = Some(now);
        offsets.committing.store(true, Ordering::Release);
        if let Err(e) = self.client.commit(&self.offsets(&done), CommitMode::Async) {
            warn!(self.work.log, "offsets can't be committed now"; "error" => %e);
            offsets.answered(false);
        }
    }

    /// Commits and waits for the answer.
    async fn commit_now(&self, done: Vec<(i32, i64)>) {
        if done.is_empty() {
            return;
        }
        let (client, list) = (self.client.clone(), self.offsets(&done));
        // Blocks until the broker has answered.
        let commit = tokio::task::spawn_blocking(move || client.commit(&list, CommitMode::Sync));
        match timeout(LAST_WORDS, commit).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(e))) => {
                warn!(self.work.log, "the last commit failed: some is done again"; "error" => %e)
            }
            Ok(Err(_)) | Err(_) => {
                warn!(self.work.log, "the last commit was not answered: some is done again")
            }
        }
    }

    /// Finishes what is at hand, commits it, and leaves the group; says whether that was done in time.
    async fn close(mut self, watch: Watch<GroupContext>, limit: Duration) -> bool {
        let all: Vec<i32> = self.owned.keys().copied().collect();
        let done = self.end(&all, self.work.config.revoke_grace).await;
        self.commit_now(done).await;
        watch.end().await;
        self.client.context().close();
        // A rebalance that was told of and not answered would hold up the end.
        while let Ok(change) = self.rebalances.try_recv() {
            change.answer(&*self.client, &self.list(change.partitions()), &self.work.log);
        }
        let left = context::close(self.client, limit).await;
        if !left {
            warn!(self.work.log, "the group was not left in time; it will notice by itself");
        }
        left
    }
}

/// Where those partitions stand whose tasks have nothing in hand.
fn waiting(owned: &BTreeMap<i32, Owned>) -> Standing {
    let waiting = owned.iter().filter(|(_, owned)| owned.progress.is_waiting());
    waiting.map(|(id, owned)| (*id, owned.progress.get())).collect()
}
