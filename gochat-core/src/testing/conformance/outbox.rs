//! Cases of [`Outbox`], and of the stores that leave notes in it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::fixture::{Fixture, all_at_once, assert_kind, at, limit, nowhere};
use crate::model::{
    ConversationId, MembershipAction, MessageId, Note, NoteId, Role, Subject, Timestamp, UserId,
};
use crate::ports::{
    AddMembersWrite, Befriend, Claim, ConversationStore, ErrorKind, FriendStore, GroupPatch, GroupStore,
    MemberPatch, MessageStore, NewGroup, OpenSingle, Outbox,
};

cases! { ($) __conformance_outbox, OutboxFixture:
    nothing_is_noted_at_first,
    each_change_leaves_its_note,
    what_changes_nothing_leaves_nothing,
    what_is_refused_leaves_nothing,
    a_handle_without_a_note_leaves_nothing,
    notes_come_back_as_they_were,
    young_notes_are_left_alone,
    nobody_else_gets_what_is_claimed_until_the_claim_ends,
    a_claim_takes_no_more_than_its_limit,
    of_many_at_once_each_gets_others,
    what_is_done_is_gone,
}

/// Stores that keep notes, and the outbox that has them.
pub struct OutboxFixture {
    /// The stores.
    pub fixture: Fixture,
    /// Their outbox.
    pub outbox: Arc<dyn Outbox>,
}

impl OutboxFixture {
    /// A note made so many seconds after the beginning.
    fn note(&self, seconds: u64, subject: Subject) -> Note {
        Note { id: NoteId::new(self.fixture.id()).expect("in range"), subject, at: at(seconds) }
    }

    fn friends(&self, note: &Note) -> Arc<dyn FriendStore> {
        self.fixture.stores.friends.noted(note).expect("notes are kept")
    }

    fn groups(&self, note: &Note) -> Arc<dyn GroupStore> {
        self.fixture.stores.groups.noted(note).expect("notes are kept")
    }

    fn conversations(&self, note: &Note) -> Arc<dyn ConversationStore> {
        self.fixture.stores.conversations.noted(note).expect("notes are kept")
    }

    fn messages(&self, note: &Note) -> Arc<dyn MessageStore> {
        self.fixture.stores.messages.noted(note).expect("notes are kept")
    }

    async fn claim(&self, made_until: Timestamp, now: Timestamp, until: Timestamp, n: u32) -> Vec<Note> {
        let claim = Claim { made_until, now, until, limit: limit(n) };
        self.outbox.claim(&claim).await.expect("answers")
    }

    /// All that is noted, removed.
    async fn take(&self) -> Vec<Note> {
        let end = at(1_000_000);
        let notes = self.claim(end, end, end, 1_000).await;
        let ids: Vec<_> = notes.iter().map(|note| note.id).collect();
        self.outbox.done(&ids).await.expect("removed");
        notes
    }

    /// A group that changes its name once for each note, made so many seconds after the beginning.
    async fn renamed(&self, made: &[u64]) -> Vec<Note> {
        let owner = self.fixture.user("renamer").await;
        let group = self.fixture.group(owner, &[]).await;
        let mut notes = Vec::new();
        for seconds in made {
            let note = self.note(*seconds, Subject::Changed { group });
            self.groups(&note).update(group, &GroupPatch::default()).await.expect("changed");
            notes.push(note);
        }
        notes
    }
}

fn ids(notes: &[Note]) -> BTreeSet<NoteId> {
    notes.iter().map(|note| note.id).collect()
}

fn members(group: ConversationId, users: &[UserId], action: MembershipAction, by: UserId) -> Subject {
    Subject::Members { group, users: users.into(), action, by }
}

async fn nothing_is_noted_at_first(fx: OutboxFixture) {
    assert_eq!(fx.take().await, []);
    fx.outbox.done(&[]).await.expect("nothing to remove");
    fx.outbox.done(&[NoteId::new(77).expect("in range")]).await.expect("it is not there");
}

async fn each_change_leaves_its_note(fx: OutboxFixture) {
    use MembershipAction::{Dissolved, Joined, Muted, Removed, RoleChanged};
    let f = &fx.fixture;
    let [a, b, c] = f.users(["alice", "bob", "carol"]).await;
    let conversation = f.conversation_id();
    let note = fx.note(1, Subject::Friends { users: [a, b], conversation });
    let befriend = Befriend { users: [a, b], conversation, at: at(1) };
    fx.friends(&note).befriend(&befriend).await.expect("befriended");
    assert_eq!(fx.take().await, [note]);

    let id = f.conversation_id();
    let note = fx.note(1, Subject::Opened { conversation: id, users: [a, c].into() });
    let open = OpenSingle { users: [a, c], by: a, id, at: at(1) };
    fx.conversations(&note).open_single(&open).await.expect("opened");
    assert_eq!(fx.take().await, [note]);

    let new = f.new_group(a, &[b]);
    let group = new.id;
    let note = fx.note(1, Subject::Opened { conversation: group, users: [a, b].into() });
    fx.groups(&note).create(&new).await.expect("made");
    assert_eq!(fx.take().await, [note]);

    let note = fx.note(1, Subject::Changed { group });
    let patch = GroupPatch { name: Some("other".into()), ..GroupPatch::default() };
    fx.groups(&note).update(group, &patch).await.expect("changed");
    assert_eq!(fx.take().await, [note]);

    let note = fx.note(1, members(group, &[c], Joined, a));
    let add = AddMembersWrite { users: vec![c], max: 10, expect: f.version(group).await, at: at(1) };
    fx.groups(&note).add(group, &add).await.expect("added");
    assert_eq!(fx.take().await, [note]);

    let note = fx.note(1, members(group, &[c], Muted, a));
    let patch = MemberPatch { role: Some(Role::Admin), muted_until: None };
    fx.groups(&note).change_member(group, c, &patch, f.version(group).await).await.expect("changed");
    assert_eq!(fx.take().await, [note]);

    let note = fx.note(1, members(group, &[a, b], RoleChanged, a));
    fx.groups(&note).transfer(group, a, b, f.version(group).await).await.expect("handed over");
    assert_eq!(fx.take().await, [note]);

    let message = f.send(group, b, 1).await;
    let note = fx.note(1, Subject::Read { user: c, conversation: group });
    fx.conversations(&note).mark_read(c, group, None).await.expect("read");
    assert_eq!(fx.take().await, [note]);

    let note = fx.note(1, Subject::Recalled { message: message.id });
    fx.messages(&note).recall(message.id, b, at(2)).await.expect("recalled");
    assert_eq!(fx.take().await, [note]);

    let note = fx.note(1, members(group, &[c], Removed, b));
    fx.groups(&note).remove(group, c, f.version(group).await, at(1)).await.expect("removed");
    assert_eq!(fx.take().await, [note]);

    let note = fx.note(1, members(group, &[a, b], Dissolved, b));
    fx.groups(&note).dissolve(group, f.version(group).await, at(1)).await.expect("ended");
    assert_eq!(fx.take().await, [note]);
}

async fn what_changes_nothing_leaves_nothing(fx: OutboxFixture) {
    let f = &fx.fixture;
    let [a, b] = f.users(["alice", "bob"]).await;
    let conversation = f.conversation_id();
    let befriend = Befriend { users: [a, b], conversation, at: at(1) };
    f.stores.friends.befriend(&befriend).await.expect("befriended");
    let group = f.group(a, &[b]).await;
    let message = f.send(group, a, 1).await;
    f.stores.conversations.mark_read(b, group, None).await.expect("read");
    f.stores.messages.recall(message.id, a, at(2)).await.expect("recalled");
    let note = fx.note(1, Subject::Changed { group });
    fx.friends(&note).befriend(&befriend).await.expect("friends already");
    let open = OpenSingle { users: [a, b], by: a, id: f.conversation_id(), at: at(1) };
    fx.conversations(&note).open_single(&open).await.expect("open already");
    fx.conversations(&note).mark_read(b, group, None).await.expect("read already");
    fx.messages(&note).recall(message.id, a, at(3)).await.expect("recalled already");
    let add = AddMembersWrite { users: vec![b], max: 10, expect: f.version(group).await, at: at(1) };
    fx.groups(&note).add(group, &add).await.expect("in it already");
    assert_eq!(fx.take().await, []);
}

async fn what_is_refused_leaves_nothing(fx: OutboxFixture) {
    let f = &fx.fixture;
    let [a, b, c] = f.users(["alice", "bob", "carol"]).await;
    let group = f.group(a, &[b]).await;
    let old = f.version(group).await;
    f.stores.groups.transfer(group, a, b, old).await.expect("the version moves");
    let note = fx.note(1, Subject::Changed { group });
    let groups = fx.groups(&note);
    let patch = MemberPatch { role: Some(Role::Admin), muted_until: None };
    assert_kind(groups.remove(group, b, old, at(1)).await, ErrorKind::Precondition);
    assert_kind(groups.dissolve(group, old, at(1)).await, ErrorKind::Precondition);
    assert_kind(groups.change_member(group, b, &patch, old).await, ErrorKind::Precondition);
    assert_kind(groups.transfer(group, b, a, old).await, ErrorKind::Precondition);
    let now = f.version(group).await;
    assert_kind(groups.remove(group, c, now, at(1)).await, ErrorKind::NotFound);
    assert_kind(groups.change_member(group, c, &patch, now).await, ErrorKind::NotFound);
    assert_kind(groups.transfer(group, b, c, now).await, ErrorKind::NotFound);
    assert_kind(groups.update(nowhere(), &GroupPatch::default()).await, ErrorKind::NotFound);
    let add = AddMembersWrite { users: vec![c], max: 2, expect: now, at: at(1) };
    assert_kind(groups.add(group, &add).await, ErrorKind::TooLarge);
    let again = NewGroup { id: group, ..f.new_group(a, &[]) };
    assert_kind(groups.create(&again).await, ErrorKind::Conflict);
    assert_kind(fx.conversations(&note).mark_read(c, group, None).await, ErrorKind::NotFound);
    let missing = MessageId::new(79).expect("in range");
    assert_kind(fx.messages(&note).recall(missing, a, at(1)).await, ErrorKind::NotFound);
    assert_eq!(fx.take().await, []);
}

async fn a_handle_without_a_note_leaves_nothing(fx: OutboxFixture) {
    let f = &fx.fixture;
    let [a, b] = f.users(["alice", "bob"]).await;
    let group = f.group(a, &[b]).await;
    let note = fx.note(1, Subject::Changed { group });
    let _noted = fx.groups(&note);
    f.stores.groups.update(group, &GroupPatch::default()).await.expect("changed");
    assert_eq!(fx.take().await, []);
}

async fn notes_come_back_as_they_were(fx: OutboxFixture) {
    let owner = fx.fixture.user("alice").await;
    let group = fx.fixture.group(owner, &[]).await;
    let top = UserId::new(i64::MAX as u64).expect("in range");
    let many: Vec<UserId> = (2..10_002).filter_map(UserId::new).collect();
    for subject in [
        members(group, &many, MembershipAction::Dissolved, top),
        members(group, &[], MembershipAction::Left, UserId::SYSTEM),
        Subject::Friends { users: [top, owner], conversation: group },
        Subject::Read { user: top, conversation: ConversationId::WORLD },
    ] {
        let note = fx.note(3, subject);
        // A note is not looked into by the store that leaves it.
        fx.groups(&note).update(group, &GroupPatch::default()).await.expect("changed");
        assert_eq!(fx.take().await, [note]);
    }
}

async fn young_notes_are_left_alone(fx: OutboxFixture) {
    let notes = fx.renamed(&[10, 20, 30]).await;
    assert_eq!(fx.claim(at(9), at(40), at(60), 10).await, []);
    assert_eq!(fx.claim(at(20), at(40), at(60), 10).await, notes[..2]);
    assert_eq!(fx.claim(at(40), at(40), at(60), 10).await, notes[2..]);
}

async fn nobody_else_gets_what_is_claimed_until_the_claim_ends(fx: OutboxFixture) {
    let notes = fx.renamed(&[1, 2]).await;
    assert_eq!(fx.claim(at(5), at(10), at(20), 10).await, notes);
    assert_eq!(fx.claim(at(5), at(10), at(20), 10).await, []);
    assert_eq!(fx.claim(at(5), at(19), at(40), 10).await, []);
    assert_eq!(ids(&fx.claim(at(5), at(20), at(40), 10).await), ids(&notes));
    assert_eq!(fx.claim(at(5), at(30), at(50), 10).await, [], "claimed anew");
}

async fn a_claim_takes_no_more_than_its_limit(fx: OutboxFixture) {
    let notes = fx.renamed(&[1, 2, 3, 4, 5]).await;
    assert_eq!(fx.claim(at(9), at(10), at(20), 2).await, notes[..2], "the oldest first");
    assert_eq!(fx.claim(at(9), at(10), at(20), 2).await, notes[2..4]);
    assert_eq!(fx.claim(at(9), at(10), at(20), 2).await, notes[4..]);
}

async fn of_many_at_once_each_gets_others(fx: OutboxFixture) {
    let notes = fx.renamed(&(0..40).collect::<Vec<_>>()).await;
    let mut found = Vec::new();
    // Who meets others may get fewer than there are; those come with a later claim.
    loop {
        let claims = all_at_once((0..10).map(|_| fx.claim(at(50), at(50), at(60), 7))).await;
        let got: Vec<_> = claims.into_iter().flatten().collect();
        if got.is_empty() {
            break;
        }
        found.extend(got);
    }
    assert_eq!(found.len(), notes.len(), "none twice");
    assert_eq!(ids(&found), ids(&notes));
}

async fn what_is_done_is_gone(fx: OutboxFixture) {
    let notes = fx.renamed(&[1, 2, 3]).await;
    assert_eq!(fx.claim(at(1), at(10), at(20), 10).await, notes[..1]);
    // Claimed or not, and once more.
    for _ in 0..2 {
        fx.outbox.done(&[notes[0].id, notes[1].id]).await.expect("removed");
    }
    assert_eq!(fx.claim(at(9), at(30), at(40), 10).await, notes[2..]);
}
