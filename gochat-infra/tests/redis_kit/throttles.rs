//! Events that several processes count together.

use std::time::Duration;

use gochat_core::ports::ErrorKind;
use gochat_infra::redis::{Redis, RedisThrottle, Window};

use super::{Servers, open};

const MINUTE: Duration = Duration::from_secs(60);

fn of(whose: &str, max: u32) -> Window<'_> {
    Window { kind: "login-name", whose, max, window: MINUTE }
}

async fn wait(throttle: &RedisThrottle, window: Window<'_>) -> Duration {
    throttle.wait(&[window]).await.expect("answers")[0]
}

/// Lets time pass for a key: what is in it happened `by` earlier.
async fn age(redis: &Redis, whose: &str, by: Duration) {
    let shown = format!("{redis:?}");
    let start = shown.find("prefix: \"").expect("shown") + 9;
    let prefix = shown[start..].split('"').next().expect("shown");
    let key = format!("{prefix}:{{t:{whose}}}:login-name");
    let mut raw = super::raw(&std::env::var("REDIS_URL").expect("given")).await;
    let times: Vec<u64> =
        redis::cmd("LRANGE").arg(&key).arg(0).arg(-1).query_async(&mut raw).await.expect("a list");
    assert!(!times.is_empty());
    let ttl: u64 = redis::cmd("PTTL").arg(&key).query_async(&mut raw).await.expect("a time");
    assert!(ttl > 50_000 && ttl <= 60_000, "it ends by itself in {ttl} ms");
    for (i, time) in times.iter().enumerate() {
        let earlier = time - u64::try_from(by.as_millis()).expect("short");
        redis::cmd("LSET").arg(&key).arg(i).arg(earlier).exec_async(&mut raw).await.expect("set");
    }
}

pub(crate) async fn processes_count_together(servers: &'static Servers) {
    let config = servers.config();
    let redis = open(config.clone());
    let (one, two) = (RedisThrottle::new(redis.clone()), RedisThrottle::new(open(config)));
    for throttle in [&one, &two] {
        assert_eq!(wait(throttle, of("a", 3)).await, Duration::ZERO);
        throttle.count(&[of("a", 3)]).await.expect("counted");
    }
    assert_eq!(wait(&one, of("a", 3)).await, Duration::ZERO, "two of three");
    age(&redis, "a", Duration::from_secs(20)).await;
    assert_eq!(one.take(&[of("a", 3)]).await.expect("answers"), [Duration::ZERO]);
    for throttle in [&one, &two] {
        let left = throttle.take(&[of("a", 3), of("b", 3)]).await.expect("answers");
        assert!(left[0] > Duration::from_secs(35) && left[0] <= Duration::from_secs(40), "{left:?}");
        assert_eq!(left[1], Duration::ZERO, "others have their own");
    }
    let before = redis.stats().round_trips;
    wait(&one, of("a", 3)).await;
    assert_eq!(redis.stats().round_trips - before, 1);
    // The window slides: only the first two are over.
    age(&redis, "a", Duration::from_secs(41)).await;
    assert_eq!(wait(&two, of("a", 3)).await, Duration::ZERO);
    two.count(&[of("a", 3)]).await.expect("counted");
    two.count(&[of("a", 3)]).await.expect("counted");
    assert!(wait(&one, of("a", 3)).await <= Duration::from_secs(19));
    one.clear(&of("a", 3)).await.expect("forgotten");
    assert_eq!(wait(&two, of("a", 3)).await, Duration::ZERO);
}

pub(crate) async fn a_cluster_counts_all_at_once(servers: &'static Servers) {
    let throttle = RedisThrottle::new(open(servers.cluster().await.config));
    let names: Vec<_> = (0..20).map(|n| n.to_string()).collect();
    let windows: Vec<_> = names.iter().map(|name| of(name, 1)).collect();
    throttle.count(&windows).await.expect("counted");
    let left = throttle.wait(&windows).await.expect("answers");
    assert!(left.len() == 20 && left.iter().all(|left| !left.is_zero() && *left <= MINUTE), "{left:?}");
}

pub(crate) async fn what_is_no_list_is_an_error(servers: &'static Servers) {
    let config = servers.config();
    let mut raw = super::raw(&config.urls[0]).await;
    let key = format!("{}:{{t:a}}:login-name", config.prefix);
    redis::cmd("SET").arg(key).arg("rot").exec_async(&mut raw).await.expect("set");
    let throttle = RedisThrottle::new(open(config));
    let error = throttle.wait(&[of("a", 1)]).await.expect_err("rot");
    assert_eq!(error.kind(), ErrorKind::Internal);
    let away = RedisThrottle::new(open(servers.away()));
    away.count(&[of("a", 1)]).await.expect_err("nobody is there");
}
