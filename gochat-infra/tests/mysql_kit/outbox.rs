//! Notes are there exactly when their changes are.

use std::time::Duration;

use gochat_core::model::{ConversationId, Note, NoteId, Subject, Timestamp};
use gochat_core::ports::{Claim, GroupPatch, GroupStore, NewGroup, Outbox};
use mysql_async::prelude::Queryable;

use super::{Servers, limit, open, raw, user_id};

fn note(id: u64, group: ConversationId) -> Note {
    let id = NoteId::new(id).expect("in range");
    Note { id, subject: Subject::Changed { group }, at: Timestamp::from_millis(1_000) }
}

fn group(n: u64) -> NewGroup {
    NewGroup {
        id: ConversationId::new(n).expect("in range"),
        name: "group".into(),
        avatar: "".into(),
        description: "".into(),
        owner: user_id(10),
        members: Vec::new(),
        at: Timestamp::from_millis(1_000),
    }
}

/// Calls are dropped at many moments, as those of a process that is killed: in one look at the database each group that is
/// there has its note, and none is without.
pub(crate) async fn a_write_that_is_cut_off_leaves_both_or_nothing(servers: &'static Servers) {
    let schema = servers.schema().await;
    let mut conn = raw(&servers.url(&schema.name)).await;
    let both = "SELECT (SELECT COUNT(*) FROM conversations WHERE kind = 3), (SELECT COUNT(*) FROM outbox), \
                (SELECT COUNT(*) FROM conversations c JOIN outbox o ON o.about = c.id)";
    let store = open(servers.options(&schema.name)).await;
    let (mut cut, mut whole) = (0, 0);
    for n in 0..120 {
        let new = group(1_000 + n);
        let noted = GroupStore::noted(&store, &note(5_000 + n, new.id)).expect("notes are kept");
        // A connection is there, so that what is cut is the transaction.
        store.members(new.id, None, limit(1)).await.expect("answers");
        match tokio::time::timeout(Duration::from_micros(n * 40), noted.create(&new)).await {
            Ok(made) => whole += usize::from(made.is_ok()),
            Err(_) => cut += 1,
        }
        let row: Option<(u64, u64, u64)> = conn.query_first(both).await.expect("counted");
        let (groups, notes, pairs) = row.expect("a row");
        assert!(
            groups == notes && notes == pairs,
            "after {n}: {groups} groups, {notes} notes, {pairs} pairs"
        );
    }
    assert!(cut > 0, "nothing was cut off: {whole} made");
    let new = group(2_000);
    let noted = GroupStore::noted(&store, &note(6_000, new.id)).expect("notes are kept");
    noted.create(&new).await.expect("made");
    let row: Option<(u64, u64, u64)> = conn.query_first(both).await.expect("counted");
    let (groups, notes, pairs) = row.expect("a row");
    assert!(groups > 0 && groups == notes && notes == pairs, "{groups} {notes} {pairs}");
}

pub(crate) async fn a_note_that_can_not_be_read_is_dropped(servers: &'static Servers) {
    let schema = servers.schema().await;
    let store = open(servers.options(&schema.name)).await;
    let new = group(1_000);
    store.create(&new).await.expect("made");
    let good = note(5_000, new.id);
    let noted = GroupStore::noted(&store, &good).expect("notes are kept");
    noted.update(new.id, &GroupPatch::default()).await.expect("changed");
    let mut conn = raw(&servers.url(&schema.name)).await;
    for bad in ["(1, 99, 7, NULL, NULL, 0)", "(2, 4, 7, 'odd', NULL, 0)", "(3, 10, 7, NULL, NULL, 0)"] {
        let leave = "INSERT INTO outbox (id, kind, about, users, actor, created_at) VALUES";
        conn.query_drop(format!("{leave} {bad}")).await.expect("left");
    }
    let now = Timestamp::from_millis(2_000);
    let claim = Claim { made_until: now, now, until: Timestamp::from_millis(3_000), limit: limit(100) };
    assert_eq!(store.claim(&claim).await.expect("answers"), std::slice::from_ref(&good));
    let left: Vec<u64> = conn.query("SELECT id FROM outbox").await.expect("read");
    assert_eq!(left, [good.id.get()]);
}
