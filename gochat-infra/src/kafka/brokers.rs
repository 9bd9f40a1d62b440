//! Brokers for the tests in here: those that `KAFKA_BROKERS` names, as `cargo xtask servers run kafka -- cargo test …` gives;
//! without one, librdkafka's own stand-in, so that what is ours is tested everywhere.

use std::sync::atomic::{AtomicU32, Ordering};

use gochat_core::model::GatewayId;
use rdkafka::mocking::MockCluster;
use slog::{Discard, Logger, o};

use super::{KafkaConfig, TopicAdmin, Topics};

static NEXT: AtomicU32 = AtomicU32::new(0);

fn real() -> Option<String> {
    std::env::var("KAFKA_BROKERS").ok().filter(|brokers| !brokers.is_empty())
}

pub(super) fn are_real() -> bool {
    real().is_some()
}

/// Topics of their own: upstream with two partitions, and those of gateways.
pub(super) async fn with_topics(gateways: &[&GatewayId]) -> KafkaConfig {
    let real = real();
    let mut config = KafkaConfig::new(real.as_deref().unwrap_or("to be found"));
    (config.upstream_partitions, config.fanout_partitions, config.events_partitions) = (2, 1, 1);
    config.prefix = format!("gochat_l{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    if real.is_some() {
        let admin = TopicAdmin::new(&config, &Logger::root(Discard, o!())).expect("an admin");
        admin.ensure_shared().await.expect("topics");
        for gateway in gateways {
            admin.ensure_downstream(gateway).await.expect("a topic");
        }
        return config;
    }
    // Outlives a case that fails, whose consumer has yet to commit.
    let cluster = Box::leak(Box::new(MockCluster::new(1).expect("a broker")));
    let topics = Topics::new(&config.prefix);
    cluster.create_topic(&topics.upstream(), config.upstream_partitions, 1).expect("a topic");
    for gateway in gateways {
        cluster.create_topic(&topics.downstream(gateway), 1, 1).expect("a topic");
    }
    config.brokers = cluster.bootstrap_servers();
    config
}
