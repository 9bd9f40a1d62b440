//! Changes since a cursor.

use super::super::fixture::{Fixture, at, limit, nobody};
use crate::model::{ConversationEntry, ConversationId, Seq, UserId};
use crate::ports::{AddMembersWrite, Befriend, Changes, GroupPatch, Presence, SyncCursor};

const WORLD: ConversationId = ConversationId::WORLD;

async fn page(fx: &Fixture, user: UserId, cursor: SyncCursor, n: u32) -> Changes {
    let page = fx.stores.conversations.changes(user, cursor, limit(n)).await.expect("answers");
    let entries = page.conversations.len() + page.memberships.len() + page.friends.len();
    assert!(entries <= n as usize, "{entries} entries, asked for {n}");
    assert!(page.cursor >= cursor, "a cursor went back");
    assert!(!page.has_more || (entries > 0 && page.cursor > cursor), "more, and no way to get there");
    page
}

/// All changes after `cursor`, in pages of `n`, as one.
pub(super) async fn drain(fx: &Fixture, user: UserId, cursor: SyncCursor, n: u32) -> Changes {
    let mut all = Changes { cursor, ..Changes::default() };
    loop {
        let page = page(fx, user, all.cursor, n).await;
        all.conversations.extend(page.conversations);
        all.memberships.extend(page.memberships);
        all.friends.extend(page.friends);
        all.cursor = page.cursor;
        if !page.has_more {
            return all;
        }
    }
}

/// Where a user stands who has seen everything.
async fn now(fx: &Fixture, user: UserId) -> SyncCursor {
    drain(fx, user, SyncCursor::START, 100).await.cursor
}

fn ids(entries: &[ConversationEntry]) -> Vec<ConversationId> {
    entries.iter().map(|e| e.conversation.id).collect()
}

fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort_unstable();
    list
}

async fn befriend(fx: &Fixture, a: UserId, b: UserId) -> ConversationId {
    let new = Befriend { users: [a, b], conversation: fx.conversation_id(), at: at(1) };
    fx.stores.friends.befriend(&new).await.expect("befriended").conversation
}

pub(super) async fn from_the_start_come_all_that_is_there(fx: Fixture) {
    let [me, a, b] = fx.users(["me-1", "alice", "bob"]).await;
    let (group, left) = (fx.group(a, &[me]).await, fx.group(a, &[me]).await);
    let (friend, former) = (befriend(&fx, me, a).await, befriend(&fx, me, b).await);
    fx.stores.friends.unfriend(me, b).await.expect("unfriended");
    fx.stores.groups.remove(left, me, fx.version(left).await, at(2)).await.expect("removed");
    fx.send(friend, a, 3).await;

    let whole = page(&fx, me, SyncCursor::START, 100).await;
    assert!(!whole.has_more);
    assert_eq!(sorted(ids(&whole.conversations)), sorted(vec![WORLD, group, friend, former]));
    assert_eq!(whole.memberships, [(group, Presence::Here)], "without what is gone");
    assert_eq!(whole.friends, [(a, Presence::Here)]);
    for entry in &whole.conversations {
        assert_eq!(Some(entry), fx.entry(me, entry.conversation.id).await.as_ref());
    }
    for n in [1, 2, 5] {
        let paged = drain(&fx, me, SyncCursor::START, n).await;
        assert_eq!(sorted(ids(&paged.conversations)), sorted(ids(&whole.conversations)), "in pages of {n}");
    }
}

pub(super) async fn nothing_new_is_an_empty_page(fx: Fixture) {
    let [me, a] = fx.users(["me-1", "alice"]).await;
    befriend(&fx, me, a).await;
    let cursor = now(&fx, me).await;
    let empty = page(&fx, me, cursor, 10).await;
    assert!(empty.conversations.is_empty() && empty.memberships.is_empty() && empty.friends.is_empty());
    assert!(!empty.has_more);
    let again = page(&fx, me, empty.cursor, 10).await;
    assert!(again.conversations.is_empty() && !again.has_more);
}

pub(super) async fn changes_come_oldest_first_in_pages(fx: Fixture) {
    let [me, a, b, c] = fx.users(["me-1", "alice", "bob", "carol"]).await;
    let (x, y, z) = (fx.single(me, a).await, fx.single(me, b).await, fx.single(me, c).await);
    let mut cursor = now(&fx, me).await;
    fx.send(y, b, 5).await;
    fx.send(z, c, 4).await;
    fx.send(x, a, 3).await;
    fx.send(y, b, 6).await;
    // What changed twice stands where it changed last, or in both places; `z` is before `x` before the last `y`.
    let mut seen = Vec::new();
    loop {
        let page = page(&fx, me, cursor, 1).await;
        seen.extend(ids(&page.conversations));
        cursor = page.cursor;
        if !page.has_more {
            break;
        }
    }
    let place = |id| seen.iter().rposition(|s| *s == id).expect("it changed");
    assert!(place(z) < place(x) && place(x) < place(y), "{seen:?}");
}

pub(super) async fn a_message_is_a_change_for_every_member(fx: Fixture) {
    let [a, b, c] = fx.users(["alice", "bob", "carol"]).await;
    let group = fx.group(a, &[b, c]).await;
    let before = [now(&fx, a).await, now(&fx, b).await, now(&fx, c).await];
    fx.send(group, b, 1).await;
    for (user, cursor) in [a, b, c].into_iter().zip(before) {
        let page = page(&fx, user, cursor, 10).await;
        assert_eq!(ids(&page.conversations), [group]);
        assert_eq!(page.conversations[0].conversation.last_seq, Seq::new(1));
        assert_eq!(page.conversations[0].unread(), u64::from(user != b));
        assert!(page.memberships.is_empty() && page.friends.is_empty());
    }
    let cursor = now(&fx, c).await;
    fx.send(WORLD, a, 1).await;
    assert_eq!(ids(&page(&fx, c, cursor, 10).await.conversations), [WORLD]);
}

pub(super) async fn reading_is_a_change_for_the_reader(fx: Fixture) {
    let [a, b] = fx.users(["alice", "bob"]).await;
    let id = fx.single(a, b).await;
    fx.send(id, a, 1).await;
    let (hers, his) = (now(&fx, a).await, now(&fx, b).await);
    fx.stores.conversations.mark_read(b, id, None).await.expect("marked");
    let page_ = page(&fx, b, his, 10).await;
    assert_eq!(ids(&page_.conversations), [id]);
    assert_eq!(page_.conversations[0].me.read_seq, Seq::new(1));
    assert!(page(&fx, a, hers, 10).await.conversations.is_empty(), "the other's reading is not mine");
}

pub(super) async fn memberships_begin_and_end(fx: Fixture) {
    let [owner, me] = fx.users(["owner", "me-1"]).await;
    let group = fx.group(owner, &[]).await;
    let start = now(&fx, me).await;
    let expect = fx.version(group).await;
    let add = AddMembersWrite { users: vec![me], max: 10, expect, at: at(1) };
    fx.stores.groups.add(group, &add).await.expect("added");
    let joined = drain(&fx, me, start, 1).await;
    assert_eq!(joined.memberships, [(group, Presence::Here)]);
    assert_eq!(ids(&joined.conversations), [group]);

    fx.stores.groups.remove(group, me, fx.version(group).await, at(2)).await.expect("removed");
    let left = drain(&fx, me, joined.cursor, 1).await;
    assert_eq!(left.memberships, [(group, Presence::Gone)]);
    assert!(left.conversations.is_empty(), "a stranger sees nothing of it");
    fx.send(group, owner, 1).await;
    assert!(drain(&fx, me, left.cursor, 1).await.conversations.is_empty());

    let add = AddMembersWrite { expect: fx.version(group).await, ..add };
    fx.stores.groups.add(group, &add).await.expect("added");
    let back = drain(&fx, me, left.cursor, 1).await;
    assert_eq!(back.memberships.last(), Some(&(group, Presence::Here)));
    // Who was away all the time learns the same.
    assert_eq!(drain(&fx, me, start, 1).await.memberships.last(), Some(&(group, Presence::Here)));
}

pub(super) async fn a_dissolved_group_is_gone(fx: Fixture) {
    let [a, b] = fx.users(["alice", "bob"]).await;
    let group = fx.group(a, &[b]).await;
    let cursors = [now(&fx, a).await, now(&fx, b).await];
    fx.stores.groups.dissolve(group, fx.version(group).await, at(1)).await.expect("dissolved");
    for (user, cursor) in [a, b].into_iter().zip(cursors) {
        let page = drain(&fx, user, cursor, 1).await;
        assert_eq!(page.memberships, [(group, Presence::Gone)]);
        assert!(page.conversations.is_empty());
        assert!(!fx.listed(user).await.contains(&group));
    }
}

pub(super) async fn friendships_begin_and_end(fx: Fixture) {
    let [a, b] = fx.users(["alice", "bob"]).await;
    let start = [now(&fx, a).await, now(&fx, b).await];
    befriend(&fx, a, b).await;
    let mut then = Vec::new();
    for ((user, friend), cursor) in [(a, b), (b, a)].into_iter().zip(start) {
        let page = drain(&fx, user, cursor, 1).await;
        assert_eq!(page.friends, [(friend, Presence::Here)]);
        assert_eq!(page.conversations.len(), 1, "their conversation is new");
        then.push(page.cursor);
    }
    fx.stores.friends.unfriend(b, a).await.expect("unfriended");
    for ((user, friend), cursor) in [(a, b), (b, a)].into_iter().zip(then) {
        assert_eq!(drain(&fx, user, cursor, 1).await.friends, [(friend, Presence::Gone)]);
    }
}

pub(super) async fn a_changed_group_is_a_change(fx: Fixture) {
    let [a, b, c] = fx.users(["alice", "bob", "carol"]).await;
    let group = fx.group(a, &[b]).await;
    let cursor = now(&fx, b).await;
    let patch = GroupPatch { name: Some("other".into()), ..GroupPatch::default() };
    fx.stores.groups.update(group, &patch).await.expect("updated");
    let renamed = drain(&fx, b, cursor, 10).await;
    assert_eq!(ids(&renamed.conversations), [group]);
    let expect = fx.version(group).await;
    let add = AddMembersWrite { users: vec![c], max: 10, expect, at: at(1) };
    fx.stores.groups.add(group, &add).await.expect("added");
    let grown = drain(&fx, b, renamed.cursor, 10).await;
    assert_eq!(grown.conversations, [fx.entry(b, group).await.expect("a member")]);
}

pub(super) async fn a_recalled_last_message_is_a_change(fx: Fixture) {
    let [a, b] = fx.users(["alice", "bob"]).await;
    let id = fx.single(a, b).await;
    let message = fx.send(id, a, 1).await;
    let cursor = now(&fx, b).await;
    fx.stores.messages.recall(message.id, a, at(2)).await.expect("recalled");
    let page = drain(&fx, b, cursor, 10).await;
    assert_eq!(page.conversations, [fx.entry(b, id).await.expect("a member")]);
}

pub(super) async fn what_comes_between_pages_is_in_a_later_one(fx: Fixture) {
    let [me, a, b] = fx.users(["me-1", "alice", "bob"]).await;
    let (x, y) = (befriend(&fx, me, a).await, befriend(&fx, me, b).await);
    fx.send(y, b, 1).await;
    let first = page(&fx, me, SyncCursor::START, 1).await;
    assert!(first.has_more);
    fx.send(x, a, 2).await;
    fx.stores.friends.unfriend(me, b).await.expect("unfriended");
    let rest = drain(&fx, me, first.cursor, 1).await;
    let newest = rest.conversations.iter().rfind(|e| e.conversation.id == x).expect("it changed");
    assert_eq!(newest.conversation.last_seq, Seq::new(1));
    let last = rest.friends.iter().rfind(|(user, _)| *user == b).map(|(_, presence)| *presence);
    assert!(last != Some(Presence::Here), "the end of a friendship was overtaken");
}

pub(super) async fn strangers_hear_nothing(fx: Fixture) {
    let [a, b, c] = fx.users(["alice", "bob", "carol"]).await;
    let cursor = now(&fx, c).await;
    let id = befriend(&fx, a, b).await;
    let group = fx.group(a, &[b]).await;
    fx.send(id, a, 1).await;
    fx.send(group, a, 2).await;
    for user in [c, nobody()] {
        let page = drain(&fx, user, cursor, 10).await;
        assert!(page.conversations.is_empty() && page.memberships.is_empty() && page.friends.is_empty());
    }
}

pub(super) async fn cursors_outlive_a_restart(fx: Fixture) {
    let [a, b] = fx.users(["alice", "bob"]).await;
    let id = fx.single(a, b).await;
    let cursor = now(&fx, b).await;
    let fx = fx.reopened().await;
    let quiet = page(&fx, b, cursor, 10).await;
    assert!(quiet.conversations.is_empty());
    fx.send(id, a, 1).await;
    assert_eq!(ids(&page(&fx, b, quiet.cursor, 10).await.conversations), [id]);
    assert_eq!(ids(&page(&fx, b, cursor, 10).await.conversations), [id]);
}
