use std::future::pending;
use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::Mutex;
use slog::Discard;

use super::*;

const LONG: Duration = Duration::from_secs(3600);

fn supervisor() -> Supervisor {
    Supervisor::new(&Logger::root(Discard, o!()))
}

async fn panics() {
    panic!("bad frame");
}

/// A task that ends when told to, and writes its name then.
fn polite(tasks: &Tasks, name: &'static str, said: &Arc<Mutex<Vec<&'static str>>>) {
    let (token, said) = (tasks.token().clone(), said.clone());
    tasks.spawn(name, Policy::Log, async move {
        token.cancelled().await;
        said.lock().push(name);
    });
}

#[tokio::test(start_paused = true)]
async fn phases_end_one_after_the_other() {
    let s = supervisor();
    let said = Arc::default();
    polite(s.phase(Phase::Store), "writer", &said);
    polite(s.phase(Phase::Sessions), "session", &said);
    polite(s.phase(Phase::Accept), "listener", &said);
    polite(s.phase(Phase::Work), "pipeline", &said);
    assert_eq!(s.running(), 4);
    assert!(s.shutdown(LONG).await.is_clean());
    assert_eq!(*said.lock(), ["listener", "session", "pipeline", "writer"]);
    assert_eq!(s.running(), 0);
    assert!(s.census().iter().all(|l| l.tasks == 0));
}

#[tokio::test(start_paused = true)]
async fn what_does_not_stop_is_named_and_aborted_and_later_phases_still_end() {
    let s = supervisor();
    let said = Arc::default();
    s.phase(Phase::Accept).spawn("deaf", Policy::Log, pending::<()>());
    polite(s.phase(Phase::Store), "writer", &said);
    let end = s.shutdown(Duration::from_secs(5)).await;
    assert_eq!(end.left.iter().find(|l| l.name == "deaf"), Some(&Left { name: "deaf", tasks: 1 }));
    s.phase(Phase::Accept).0.wait().await;
    s.phase(Phase::Store).0.wait().await;
    assert_eq!(*said.lock(), ["writer"]);
    assert_eq!(s.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_needed_task_stops_the_node_by_error_panic_or_early_end() {
    let s = supervisor();
    s.spawn("fails", Policy::StopNode, async { Err::<(), _>("disk gone") });
    s.stopping().cancelled().await;
    let s = supervisor();
    s.spawn("panics", Policy::StopNode, panics());
    s.stopping().cancelled().await;
    let s = supervisor();
    s.spawn("ends", Policy::StopNode, async {});
    s.stopping().cancelled().await;
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_not_needed_leaves_the_node_up() {
    let s = supervisor();
    s.spawn("fails", Policy::Log, async { Err::<(), _>("never mind") });
    let group = s.phase(Phase::Sessions).group("connection");
    group.spawn(panics());
    s.phase(Phase::Work).0.wait().await;
    s.phase(Phase::Sessions).0.wait().await;
    assert!(!s.stopping().is_cancelled());
    assert_eq!(group.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn restarts_with_growing_pauses_until_it_succeeds() {
    let s = supervisor();
    let runs = Arc::new(AtomicU32::new(0));
    let (n, begun) = (runs.clone(), Instant::now());
    let backoff = Backoff { first: Duration::from_secs(1), max: Duration::from_secs(60) };
    s.phase(Phase::Work).spawn_restarting("consumer", backoff, move || {
        let run = n.fetch_add(1, Ordering::SeqCst);
        async move {
            match run {
                0 => Err("broken"),
                1 => panic!("worse"),
                _ => Ok(()),
            }
        }
    });
    s.phase(Phase::Work).0.wait().await;
    assert_eq!(runs.load(Ordering::SeqCst), 3);
    assert_eq!(begun.elapsed().as_secs(), 1 + 2);
}

#[tokio::test(start_paused = true)]
async fn a_pause_before_a_restart_does_not_hold_up_the_shutdown() {
    let s = supervisor();
    s.phase(Phase::Work)
        .spawn_restarting("consumer", Backoff { first: LONG, max: LONG }, || async { Err::<(), _>("x") });
    assert!(s.shutdown(Duration::from_secs(1)).await.is_clean());
}

#[tokio::test(start_paused = true)]
async fn the_outside_and_a_drop_cancel() {
    let outside = CancellationToken::new();
    let s = Supervisor::inside(&Logger::root(Discard, o!()), &outside);
    outside.cancel();
    s.stopping().cancelled().await;

    let s = supervisor();
    let tasks = s.phase(Phase::Sessions).clone();
    polite(&tasks, "session", &Arc::default());
    drop(s);
    tasks.0.wait().await;
}

#[tokio::test(start_paused = true)]
async fn a_group_counts_its_own() {
    let s = supervisor();
    let group = s.phase(Phase::Sessions).group("connection");
    for _ in 0..100 {
        let token = group.token().clone();
        group.spawn(async move { token.cancelled().await });
    }
    assert_eq!((group.running(), s.running()), (100, 100));
    assert_eq!(s.census(), [Left { name: "connection", tasks: 100 }]);
    assert!(s.shutdown(LONG).await.is_clean());
    assert_eq!(group.running(), 0);
}

#[test]
fn a_connection_task_carries_little_beside_its_own_state() {
    fn size<F: Future<Output = ()>>(_: &F) -> usize {
        size_of::<CatchMe<F>>()
    }
    type CatchMe<F> = catch::CatchUnwind<F>;
    let big = async {
        let buf = [0_u8; 1024];
        tokio::task::yield_now().await;
        std::hint::black_box(&buf);
    };
    assert!(size(&big) < 1_100, "the future must not be held twice: {}", size(&big));
}
