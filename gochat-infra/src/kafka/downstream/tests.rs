use async_trait::async_trait;
use gochat_core::ports::Result as Handed;
use slog::Discard;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::*;
use crate::kafka::{KafkaDeliver, Producer, brokers};
use crate::routes::{Gateways, Routes};

#[test]
fn memory_of_repeats_is_bounded() {
    let mut repeats = Repeats::new(3);
    let mark = |n| (MessageId::new(n).expect("in range"), n);
    (1..=5).for_each(|n| repeats.remember(mark(n)));
    repeats.remember(mark(5));
    let known: Vec<_> = (1..=5).filter(|n| repeats.knows(&mark(*n))).collect();
    assert_eq!((known, repeats.order.len(), repeats.known.len()), (vec![3, 4, 5], 3, 3));
}

fn gateway() -> GatewayId {
    GatewayId::new("gw").expect("a name")
}

/// Everybody is here.
#[derive(Debug)]
struct Here;

#[async_trait]
impl Routes for Here {
    async fn gateways_of(&self, users: &[UserId]) -> Handed<Vec<Gateways>> {
        Ok(users.iter().map(|_| [gateway()].into_iter().collect()).collect())
    }

    async fn gateways(&self) -> Handed<Vec<GatewayId>> {
        Ok(vec![gateway()])
    }

    fn gateways_guess(&self) -> usize {
        1
    }
}

/// Tells of whom it was handed the arrival.
#[derive(Debug)]
struct Hub(mpsc::Sender<u64>);

#[async_trait]
impl Deliver for Hub {
    async fn deliver(&self, deliveries: Vec<Delivery>) -> Handed<()> {
        for delivery in deliveries {
            let Event::FriendOnline { user, .. } = delivery.event else { panic!("{delivery:?}") };
            self.0.send(user.get()).await.expect("the case listens");
        }
        Ok(())
    }
}

fn arrival(user: u64) -> Delivery {
    let user = UserId::new(user).expect("in range");
    Delivery { event: Event::FriendOnline { user, online: true }, audience: Audience::Everyone, except: None }
}

/// By a pause, as in the consumers' own test.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_come_is_brought_by_another_client() {
    let mut config = brokers::with_topics(&[&gateway()]).await;
    config.stall_after = Duration::from_secs(3);
    let topic = Topics::new(&config.prefix).downstream(&gateway());
    let (log, metrics) = (Logger::root(Discard, o!()), Metrics::new());
    let (sender, mut handed) = mpsc::channel(100);
    let stalling = client(&config, &topic, &log).expect("a client");
    let first = Arc::downgrade(&stalling);
    let tail = Tail {
        client: stalling,
        next: 0,
        topic: topic.as_str().into(),
        config: config.clone(),
        deliver: Arc::new(Hub(sender)),
        metrics: metrics.clone(),
        repeats: Repeats::new(100),
        log: log.clone(),
    };
    let (known, ready) = oneshot::channel();
    let supervisor = Supervisor::new(&log);
    let tasks = supervisor.phase(Phase::Work);
    tasks.spawn("kafka-downstream", Policy::StopNode, tail.run(known, tasks.token().clone()));
    ready.await.expect("it lives").expect("the end of the topic is known");
    let producer = Producer::for_deliveries(&config, &metrics, &log).expect("a producer");
    let deliver = KafkaDeliver::new(producer, Arc::new(Here), &config, &log);
    let mut next = async || timeout(Duration::from_secs(30), handed.recv()).await.expect("it comes");
    deliver.deliver(vec![arrival(1)]).await.expect("durable");
    assert_eq!(next().await, Some(1));

    {
        let client = first.upgrade().expect("the first client");
        client.pause(&client.assignment().expect("a partition")).expect("paused");
    }
    for user in 2..=9 {
        deliver.deliver(vec![arrival(user)]).await.expect("durable");
    }
    for user in 2..=9 {
        assert_eq!(next().await, Some(user), "each once, in order");
    }
    assert_eq!(metrics.kafka.stalls.get(), 1);
    assert!(first.upgrade().is_none(), "the first client is gone");
    assert!(supervisor.shutdown(Duration::from_secs(20)).await.is_clean());
}
