//! The directory of SQLite storage answers from memory, and never with what was before.
#![cfg(feature = "sqlite")]

mod sqlite_kit;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gochat_core::model::{ConversationId, MembersVersion};
use gochat_core::ports::{AddMembersWrite, Directory, Freshness, GroupStore, NewGroup};
use gochat_infra::sqlite::SqliteStore;
use sqlite_kit::{at, conversation_id, limit, open, user_id};

async fn group(store: &SqliteStore, members: u64) -> ConversationId {
    let new = NewGroup {
        id: conversation_id(77),
        name: "group".into(),
        avatar: "".into(),
        description: "".into(),
        owner: user_id(1_000),
        members: (1..members).map(|n| user_id(1_000 + n)).collect(),
        at: at(0),
    };
    GroupStore::create(store, &new).await.expect("stored").id
}

/// Whether each is a member, and whether all are named.
async fn standing(
    store: &SqliteStore,
    group: ConversationId,
    users: &[u64],
    how: Freshness,
) -> (Vec<bool>, bool) {
    let asked: Vec<_> = users.iter().map(|n| (group, user_id(*n))).collect();
    let answers = store.access(&asked, 500, how).await.expect("answers");
    let answers: Vec<_> = answers.into_iter().map(|a| a.expect("the group is there")).collect();
    (answers.iter().map(|a| a.member.is_some()).collect(), answers[0].members.is_some())
}

#[tokio::test]
async fn a_large_group_answers_as_a_small_one() {
    for (size, named) in [(400, true), (1_500, false), (3_000, false)] {
        let dir = tempfile::tempdir().expect("a folder");
        let store = open(dir.path());
        let group = group(&store, size).await;
        let asked = [1_000, 1_001, 1_000 + size - 1, 1_000 + size, 999];
        // Twice each: from the file and from memory; and once more with all members in memory.
        for round in 0..6 {
            let how = if round % 2 == 0 { Freshness::Cached } else { Freshness::Fresh };
            let found = standing(&store, group, &asked, how).await;
            assert_eq!(found, (vec![true, true, true, false, false], named), "{size} members, round {round}");
            if round == 3 {
                let ids = store.member_ids(group, None, limit(u32::MAX)).await.expect("answers");
                assert_eq!(ids.len() as u64, size);
                assert!(ids.is_sorted());
            }
        }
        let page = store.member_ids(group, Some(user_id(1_009)), limit(2)).await.expect("answers");
        assert_eq!(page, [1_010, 1_011].map(user_id));
    }
}

/// What a change has answered is in every later question, in memory too, however many ask while it is made.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_question_is_answered_with_what_was_before() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = open(dir.path());
    let group = group(&store, 20).await;
    let done = Arc::new(AtomicBool::new(false));
    let mut askers = tokio::task::JoinSet::new();
    for _ in 0..3 {
        let (store, done) = (store.clone(), done.clone());
        askers.spawn(async move {
            while !done.load(Ordering::SeqCst) {
                standing(&store, group, &[1_000, 1_005], Freshness::Cached).await;
                tokio::task::yield_now().await;
            }
        });
    }
    let mut version = 1;
    for _ in 0..150 {
        let expect = MembersVersion::new(version);
        store.remove(group, user_id(1_005), expect, at(0)).await.expect("removed");
        let found = standing(&store, group, &[1_000, 1_005], Freshness::Cached).await;
        assert_eq!(found.0, [true, false], "after {version} changes");
        let expect = MembersVersion::new(version + 1);
        let add = AddMembersWrite { users: vec![user_id(1_005)], max: 100, expect, at: at(0) };
        store.add(group, &add).await.expect("added");
        let found = standing(&store, group, &[1_000, 1_005], Freshness::Cached).await;
        assert_eq!(found.0, [true, true], "after {version} changes");
        version += 2;
    }
    done.store(true, Ordering::SeqCst);
    while let Some(asker) = askers.join_next().await {
        asker.expect("no panic");
    }
}
