use tonic::Code;

use super::*;

fn log() -> Logger {
    Logger::root(slog::Discard, slog::o!())
}

fn balancer(list: &[&str]) -> (watch::Sender<Vec<String>>, Balancer) {
    let (sender, receiver) = watch::channel(list.iter().map(ToString::to_string).collect());
    (sender, Balancer::new(receiver, ChannelConfig::default(), log()))
}

/// Where ten calls go that are all under way at once.
fn spread(balancer: &Balancer) -> std::collections::BTreeMap<String, usize> {
    let picked: Vec<_> = (0..10).filter_map(|_| balancer.pick(None)).collect();
    let mut spread = std::collections::BTreeMap::new();
    for p in &picked {
        *spread.entry(p.address().to_owned()).or_default() += 1;
    }
    spread
}

#[tokio::test]
async fn calls_go_to_the_least_busy() {
    let (_sender, balancer) = balancer(&["127.0.0.1:1", "127.0.0.1:2"]);
    assert_eq!(spread(&balancer).into_values().collect::<Vec<_>>(), [5, 5]);
    // One after the other they take turns.
    let first = balancer.pick(None).expect("an instance").address().to_owned();
    assert_ne!(balancer.pick(None).expect("an instance").address(), first);
}

#[tokio::test(start_paused = true)]
async fn who_failed_rests_unless_all_did() {
    let (_sender, balancer) = balancer(&["127.0.0.1:1", "127.0.0.1:2"]);
    let bad = balancer.pick(None).expect("an instance");
    let (bad_address, other) = (bad.address().to_owned(), spread(&balancer).len());
    assert_eq!(other, 2);
    bad.failed();
    drop(bad);
    assert!(!spread(&balancer).contains_key(&bad_address));
    let good = balancer.pick(None).expect("an instance");
    tokio::time::advance(Duration::from_millis(10)).await;
    good.failed();
    drop(good);
    // Both rest: the one that did first is tried.
    assert_eq!(spread(&balancer).into_keys().collect::<Vec<_>>(), [bad_address]);
    tokio::time::advance(ChannelConfig::default().rest).await;
    assert_eq!(spread(&balancer).len(), 2);
}

#[tokio::test]
async fn the_list_is_followed() {
    let (sender, balancer) = balancer(&[]);
    assert!(balancer.pick(None).is_none());
    let list = ["127.0.0.1:1", "no port", "u@h:1", "127.0.0.1:1", "h:1/path", "repo-2.local:50051"];
    sender.send_replace(list.map(str::to_owned).to_vec());
    assert_eq!(spread(&balancer).into_keys().collect::<Vec<_>>(), ["127.0.0.1:1", "repo-2.local:50051"]);
    let kept = balancer.pick(None).expect("an instance");
    sender.send_replace(vec![kept.address().to_owned()]);
    // Its call under way still counts: it is the same instance.
    assert_eq!(spread(&balancer).len(), 1);
    assert_eq!(kept.under_way(), 1);
    drop(sender);
    assert!(balancer.pick(None).is_some(), "the last list stays");
}

/// Where calls near each of 1,000 keys go.
fn homes(balancer: &Balancer) -> Vec<String> {
    (0..1_000).map(|key| balancer.pick(Some(key)).expect("an instance").address().to_owned()).collect()
}

#[tokio::test]
async fn what_is_near_stays_near_while_instances_come_and_go() {
    let (sender, balancer) = balancer(&["h:3", "h:1", "h:2"]);
    let three = homes(&balancer);
    assert_eq!(homes(&balancer), three);
    let other = self::balancer(&["h:2", "h:3", "h:1"]).1;
    assert_eq!(homes(&other), three, "every process finds the same");
    for address in ["h:1", "h:2", "h:3"] {
        let share = three.iter().filter(|home| *home == address).count();
        assert!((270..400).contains(&share), "{address} has {share}");
    }
    // The weights are the same in every build.
    assert_eq!(three[..8].join(" "), "h:3 h:1 h:3 h:3 h:1 h:3 h:3 h:1");
    sender.send_replace(["h:1", "h:3"].map(str::to_owned).to_vec());
    for (before, after) in three.iter().zip(homes(&balancer)) {
        assert!(*before == after || before == "h:2", "only those of the one that went move");
    }
    sender.send_replace(["h:1", "h:2", "h:3", "h:4"].map(str::to_owned).to_vec());
    for (before, after) in three.iter().zip(homes(&balancer)) {
        assert!(*before == after || after == "h:4", "only the one that came takes any");
    }
}

#[tokio::test(start_paused = true)]
async fn near_one_that_rests_is_the_next() {
    let (_sender, balancer) = balancer(&["h:1", "h:2", "h:3"]);
    let best = balancer.pick(Some(7)).expect("an instance");
    best.failed();
    let next = balancer.pick(Some(7)).expect("an instance");
    assert_ne!(best.address(), next.address());
    assert_eq!(balancer.pick(Some(7)).expect("an instance").address(), next.address());
    tokio::time::advance(ChannelConfig::default().rest).await;
    assert_eq!(balancer.pick(Some(7)).expect("an instance").address(), best.address());
}

#[tokio::test]
async fn without_an_instance_nothing_was_done() {
    let channel = Channel::fixed(Vec::new(), ChannelConfig::default(), &log());
    let request = http::Request::new(Body::empty());
    let status = channel.clone().oneshot(request).await.expect_err("nobody is there");
    assert_eq!(status.code(), Code::Unavailable);
    assert!(never_sent(&status));
    let (sender, receiver) = watch::channel(Vec::new());
    let channel = Channel::watched(receiver, ChannelConfig::default(), &log());
    let (listed, _) = tokio::join!(channel.listed(), async { sender.send(vec!["h:1".into()]) });
    assert_eq!(listed, ());
}

/// How often the call was made, and how it ended.
async fn tries(effect: Effect, answer: impl Fn() -> Status) -> (usize, Code) {
    let channel = Channel::fixed(Vec::new(), ChannelConfig::default(), &log());
    let mut tries = 0;
    let result = channel.call(effect, |_| {
        tries += 1;
        std::future::ready(Err::<tonic::Response<()>, _>(answer()))
    });
    let code = result.await.expect_err("fails").code();
    (tries, code)
}

#[tokio::test]
async fn only_what_does_no_harm_is_called_twice() {
    use Effect::{Read, Write};
    let refused = || Status::from_error(Box::new(ConnectError("refused".into())));
    assert_eq!(tries(Read, || Status::unavailable("x")).await, (2, Code::Unavailable));
    assert_eq!(tries(Write, || Status::unavailable("x")).await, (1, Code::Unavailable));
    assert_eq!(tries(Write, refused).await, (2, Code::Unavailable));
    assert_eq!(tries(Read, || Status::deadline_exceeded("x")).await, (1, Code::DeadlineExceeded));
    assert_eq!(tries(Read, || Status::not_found("x")).await, (1, Code::NotFound));
    assert_eq!(tries(Write, || Status::cancelled("x")).await, (1, Code::Cancelled));
}

#[tokio::test(start_paused = true)]
async fn a_call_has_no_more_time_than_the_one_it_serves() {
    let channel = Channel::fixed(Vec::new(), ChannelConfig::default(), &log());
    let begun = Instant::now();
    let silent =
        || channel.call(Effect::Read, |_| std::future::pending::<Result<tonic::Response<()>, Status>>());
    assert_eq!(silent().await.expect_err("late").code(), Code::DeadlineExceeded);
    assert_eq!(begun.elapsed().as_secs(), 5);
    let begun = Instant::now();
    let outer = begun + Duration::from_secs(2);
    assert_eq!(deadline::within(outer, silent()).await.expect_err("late").code(), Code::DeadlineExceeded);
    assert_eq!(begun.elapsed().as_secs(), 2);
}
