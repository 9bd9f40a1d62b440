//! Cases of [`Sessions`].

use std::sync::Arc;

use super::fixture::{all_at_once, at};
use crate::model::{GatewayId, LoginId, SessionId, UserId};
use crate::ports::{Registered, SessionRecord, Sessions};

cases! { ($) __conformance_sessions, Arc<dyn Sessions>:
    nobody_is_online_at_first,
    the_first_one_up_and_the_last_one_gone_are_told,
    users_are_told_apart_by_position,
    an_unknown_session_is_gone_already,
    the_oldest_go_above_the_limit,
    an_evicted_session_is_in_the_directory_no_longer,
    guests_are_users,
    of_many_at_once_one_is_the_first_and_one_the_last,
}

fn user(n: u64) -> UserId {
    UserId::new(n).expect("in range")
}

fn session(n: u64) -> SessionId {
    SessionId::new(n).expect("in range")
}

fn record(of: u64, n: u64) -> SessionRecord {
    let login = LoginId::new(n).expect("in range");
    let gateway = GatewayId::new("local").expect("a name");
    SessionRecord { user: user(of), session: session(n), gateway, login, guest: false, at: at(n) }
}

async fn register(sessions: &Arc<dyn Sessions>, of: u64, n: u64) -> Registered {
    sessions.register(&record(of, n), 50).await.expect("registered")
}

/// Whether it was the last one.
async fn unregister(sessions: &Arc<dyn Sessions>, of: u64, n: u64) -> bool {
    sessions.unregister(user(of), session(n)).await.expect("unregistered").last
}

async fn online(sessions: &Arc<dyn Sessions>, users: &[u64]) -> Vec<bool> {
    let users: Vec<_> = users.iter().map(|n| user(*n)).collect();
    sessions.online(&users).await.expect("answers")
}

async fn count(sessions: &Arc<dyn Sessions>) -> u64 {
    sessions.online_count().await.expect("answers")
}

async fn nobody_is_online_at_first(sessions: Arc<dyn Sessions>) {
    assert_eq!(online(&sessions, &[2, 3]).await, [false, false]);
    assert!(online(&sessions, &[]).await.is_empty());
    assert_eq!(count(&sessions).await, 0);
}

async fn the_first_one_up_and_the_last_one_gone_are_told(sessions: Arc<dyn Sessions>) {
    assert_eq!(register(&sessions, 2, 10).await, Registered { first: true, evicted: vec![] });
    assert_eq!(register(&sessions, 2, 11).await, Registered { first: false, evicted: vec![] });
    assert_eq!((online(&sessions, &[2]).await, count(&sessions).await), (vec![true], 1));
    assert!(!unregister(&sessions, 2, 10).await);
    assert_eq!((online(&sessions, &[2]).await, count(&sessions).await), (vec![true], 1));
    assert!(unregister(&sessions, 2, 11).await);
    assert_eq!((online(&sessions, &[2]).await, count(&sessions).await), (vec![false], 0));
    assert!(register(&sessions, 2, 12).await.first, "back again");
}

async fn users_are_told_apart_by_position(sessions: Arc<dyn Sessions>) {
    let top = i64::MAX as u64;
    register(&sessions, 2, 10).await;
    assert!(register(&sessions, top, top).await.first);
    assert_eq!(online(&sessions, &[3, top, 2, 3, 2]).await, [false, true, true, false, true]);
    assert_eq!(count(&sessions).await, 2);
    assert!(unregister(&sessions, top, top).await);
    assert_eq!(online(&sessions, &[top, 2]).await, [false, true]);
}

async fn an_unknown_session_is_gone_already(sessions: Arc<dyn Sessions>) {
    assert!(!unregister(&sessions, 2, 10).await);
    register(&sessions, 2, 10).await;
    assert!(!unregister(&sessions, 2, 11).await);
    assert!(!unregister(&sessions, 3, 10).await, "another's session");
    assert_eq!(online(&sessions, &[2]).await, [true]);
    assert!(unregister(&sessions, 2, 10).await);
    assert!(!unregister(&sessions, 2, 10).await, "it is told once");
}

async fn the_oldest_go_above_the_limit(sessions: Arc<dyn Sessions>) {
    for n in [10, 11, 12] {
        let found = sessions.register(&record(2, n), 3).await.expect("registered");
        assert!(found.evicted.is_empty());
    }
    // Of another user: not counted.
    register(&sessions, 3, 5).await;
    let found = sessions.register(&record(2, 13), 3).await.expect("registered");
    assert_eq!(found, Registered { first: false, evicted: vec![session(10)] });
    // A limit that has become lower takes several.
    let found = sessions.register(&record(2, 14), 2).await.expect("registered");
    assert_eq!(found.evicted, [session(11), session(12)], "oldest first");
    let found = sessions.register(&record(2, 15), 1).await.expect("registered");
    assert_eq!(found.evicted, [session(13), session(14)]);
    assert_eq!(online(&sessions, &[2, 3]).await, [true, true]);
}

async fn an_evicted_session_is_in_the_directory_no_longer(sessions: Arc<dyn Sessions>) {
    sessions.register(&record(2, 10), 1).await.expect("registered");
    let found = sessions.register(&record(2, 11), 1).await.expect("registered");
    assert_eq!(found.evicted, [session(10)]);
    assert!(!unregister(&sessions, 2, 10).await);
    assert_eq!(online(&sessions, &[2]).await, [true]);
    assert!(unregister(&sessions, 2, 11).await);
    assert_eq!(count(&sessions).await, 0);
}

async fn guests_are_users(sessions: Arc<dyn Sessions>) {
    let guest = SessionRecord { guest: true, ..record(2, 10) };
    assert!(sessions.register(&guest, 5).await.expect("registered").first);
    assert_eq!((online(&sessions, &[2]).await, count(&sessions).await), (vec![true], 1));
}

async fn of_many_at_once_one_is_the_first_and_one_the_last(sessions: Arc<dyn Sessions>) {
    let up = all_at_once((10..50).map(|n| register(&sessions, 2, n))).await;
    assert_eq!(up.iter().filter(|found| found.first).count(), 1);
    let down = all_at_once((10..50).map(|n| unregister(&sessions, 2, n))).await;
    assert_eq!(down.iter().filter(|last| **last).count(), 1);
    assert_eq!((online(&sessions, &[2]).await, count(&sessions).await), (vec![false], 0));
}
