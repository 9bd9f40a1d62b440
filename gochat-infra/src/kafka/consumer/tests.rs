//! A client that owns partitions and does not fetch them. Nothing from outside brings that about at will, so a pause that
//! nobody ends stands in for what a rebalance may leave behind.

use std::ops::RangeInclusive;
use std::sync::Weak;
use std::time::Duration;

use async_trait::async_trait;
use gochat_core::model::SendCommand;
use gochat_core::ports::Upstream as _;
use gochat_core::testing::conformance::upstream::send;
use slog::Discard;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use super::*;
use crate::kafka::{KafkaUpstream, brokers};

/// Tells what it is about to handle, waits for leave, and tells what it handled.
#[derive(Debug)]
struct Takes {
    leave: Arc<Semaphore>,
    in_hand: watch::Sender<u64>,
    taken: mpsc::Sender<u64>,
}

#[async_trait]
impl Handler<SendCommand> for Takes {
    async fn handle(&self, _: i32, batch: &[Record<SendCommand>]) -> Result<(), HandlerError> {
        let last = batch.last().map_or(0, number);
        self.in_hand.send_replace(last);
        let _leave = self.leave.acquire().await.map_err(|e| HandlerError::Again(Box::new(e)))?;
        for record in batch {
            let sent = self.taken.send(number(record)).await;
            sent.map_err(|e| HandlerError::Again(Box::new(e)))?;
        }
        Ok(())
    }
}

fn number(record: &Record<SendCommand>) -> u64 {
    record.value.client_msg_id.as_str().parse().expect("a number")
}

/// One consumer of a topic.
struct Bench {
    supervisor: Supervisor,
    metrics: Metrics,
    upstream: KafkaUpstream,
    leave: Arc<Semaphore>,
    in_hand: watch::Receiver<u64>,
    taken: mpsc::Receiver<u64>,
    first: Weak<Client>,
}

impl Bench {
    async fn start() -> Self {
        let mut config = brokers::with_topics(&[]).await;
        (config.stall_after, config.heartbeat) = (Duration::from_secs(3), Duration::from_millis(100));
        let topic = Topics::new(&config.prefix).upstream();
        let (log, metrics) = (Logger::root(Discard, o!()), Metrics::new());
        let (supervisor, leave) = (Supervisor::new(&log), Arc::new(Semaphore::new(1)));
        let ((in_hand, hand), (sender, taken)) = (watch::channel(0), mpsc::channel(100));
        let (failed, failures) = mpsc::channel(1);
        let work = Arc::new(Work {
            topic: topic.as_str().into(),
            group: Topics::new(&config.prefix).group("logic"),
            config: config.clone(),
            handler: Arc::new(Takes { leave: leave.clone(), in_hand, taken: sender }),
            producer: Producer::for_deliveries(&config, &metrics, &log).expect("a producer"),
            offsets: Arc::default(),
            failed,
            metrics: metrics.clone(),
            log: log.clone(),
        });
        let joined = Joined::join(&work).expect("a client");
        let first = Arc::downgrade(&joined.client);
        let tasks = supervisor.phase(Phase::Work);
        let running = run(joined, work, tasks.group("kafka-partition"), failures, tasks.token().clone());
        tasks.spawn("logic", Policy::StopNode, running);
        let sends = Producer::for_sends(&config, &metrics, &log).expect("a producer");
        let upstream = KafkaUpstream::new(sends, &config);
        let mut bench = Self { supervisor, metrics, upstream, leave, in_hand: hand, taken, first };
        bench.send(1..=1).await;
        bench.take(1..=1).await;
        bench
    }

    async fn send(&self, numbers: RangeInclusive<u64>) {
        self.upstream.submit(numbers.map(|n| send(7, 2, n)).collect()).await.expect("accepted");
    }

    /// Each once, in order.
    async fn take(&mut self, numbers: RangeInclusive<u64>) {
        for n in numbers {
            let next = timeout(Duration::from_secs(30), self.taken.recv()).await;
            assert_eq!(next.expect("it comes"), Some(n));
        }
    }

    async fn end(self) {
        assert!(self.supervisor.shutdown(Duration::from_secs(20)).await.is_clean());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_come_is_brought_by_another_client() {
    let mut bench = Bench::start().await;
    {
        let client = bench.first.upgrade().expect("the first client");
        client.pause(&client.assignment().expect("partitions")).expect("paused");
    }
    bench.send(2..=20).await;
    bench.take(2..=20).await;
    assert_eq!(bench.metrics.kafka.stalls.get(), 1);
    assert!(bench.first.upgrade().is_none(), "the first client is gone");
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_takes_its_time_or_has_nothing_to_do_is_left_alone() {
    let mut bench = Bench::start().await;
    let held = bench.leave.clone().acquire_owned().await.expect("open");
    bench.send(2..=2).await;
    bench.in_hand.wait_for(|last| *last == 2).await.expect("a handler lives");
    bench.send(3..=20).await;
    // Four looks at a batch in hand with records behind it, and at a partition without any.
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(bench.metrics.kafka.stalls.get(), 0);
    drop(held);
    bench.take(2..=20).await;
    bench.end().await;
}
