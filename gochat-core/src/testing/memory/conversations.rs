//! Conversations as their members see them.

use std::cmp::Reverse;
use std::sync::Arc;

use async_trait::async_trait;

use super::{Memory, Room, State, count, pair};
use crate::model::{
    Conversation, ConversationEntry, ConversationId, ConversationKind, Note, PageLimit, ReadState, Role, Seq,
    UserId,
};
use crate::ports::{
    Changes, ConversationStore, OpenSingle, Opened, Presence, Result, StoreError, SyncCursor,
};

#[async_trait]
impl ConversationStore for Memory {
    async fn open_single(&self, open: &OpenSingle) -> Result<Opened> {
        let mut state = self.lock();
        let opened = state.single(open);
        if opened.new {
            state.leave(self.note.as_ref());
        }
        let stamp = state.tick();
        if let Some(room) = state.rooms.get_mut(&opened.id) {
            let head = room.conversation.last_seq;
            if room.places.get(&open.by).is_some_and(|place| place.hidden_at(head)) {
                room.places.values_mut().for_each(|place| place.hidden = None);
                room.stamp = stamp;
            }
        }
        Ok(opened)
    }

    async fn by_ids(&self, ids: &[ConversationId]) -> Result<Vec<Option<Conversation>>> {
        let state = self.lock();
        Ok(ids.iter().map(|id| state.rooms.get(id).map(|room| room.conversation.clone())).collect())
    }

    async fn list(&self, user: UserId, limit: PageLimit) -> Result<Vec<ConversationEntry>> {
        let state = self.lock();
        let mut entries: Vec<_> = state.rooms.values().filter_map(|room| room.listed(user)).collect();
        entries.sort_by_key(|e| {
            (!e.conversation.id.is_world(), Reverse(e.active_at()), Reverse(e.conversation.id))
        });
        entries.truncate(count(limit));
        Ok(entries)
    }

    async fn entries(&self, user: UserId, ids: &[ConversationId]) -> Result<Vec<Option<ConversationEntry>>> {
        let state = self.lock();
        Ok(ids.iter().map(|id| state.rooms.get(id).and_then(|room| room.entry(user))).collect())
    }

    async fn mark_read(
        &self,
        user: UserId,
        conversation: ConversationId,
        seq: Option<Seq>,
    ) -> Result<ReadState> {
        let mut state = self.lock();
        let stamp = state.tick();
        let room = state.rooms.get_mut(&conversation);
        let (head, place) = room
            .and_then(|room| Some((room.conversation.last_seq, room.places.get_mut(&user)?)))
            .ok_or(StoreError::not_found("conversations.mark_read"))?;
        let read = seq.map_or(head, |seq| seq.min(head)).max(place.member.read_seq);
        let moved = read > place.member.read_seq;
        if moved {
            place.member.read_seq = read;
            place.stamp = stamp;
        }
        let unread = head.since(read.max(place.member.joined_seq));
        if moved {
            state.leave(self.note.as_ref());
        }
        Ok(ReadState { read_seq: read, last_seq: head, unread, moved })
    }

    async fn hide(&self, user: UserId, conversation: ConversationId) -> Result<()> {
        let mut state = self.lock();
        let room = state.rooms.get_mut(&conversation);
        let (head, place) = room
            .and_then(|room| Some((room.conversation.last_seq, room.places.get_mut(&user)?)))
            .ok_or(StoreError::not_found("conversations.hide"))?;
        place.hidden = Some(head);
        Ok(())
    }

    async fn changes(&self, user: UserId, cursor: SyncCursor, limit: PageLimit) -> Result<Changes> {
        let state = self.lock();
        let mut found = state.changed(user, cursor);
        found.sort_by_key(|(stamp, _)| *stamp);
        let has_more = found.len() > count(limit);
        found.truncate(count(limit));
        let last = found.last().map_or(cursor, |(stamp, _)| SyncCursor(*stamp));
        let mut page = Changes { cursor: last, has_more, ..Changes::default() };
        for (_, change) in found {
            match change {
                Change::Conversation(entry) => page.conversations.push(*entry),
                Change::Membership(id, presence) => page.memberships.push((id, presence)),
                Change::Friend(id, presence) => page.friends.push((id, presence)),
            }
        }
        Ok(page)
    }

    fn noted(&self, note: &Note) -> Option<Arc<dyn ConversationStore>> {
        Some(self.with(note))
    }
}

/// One thing that changed for a user.
enum Change {
    Conversation(Box<ConversationEntry>),
    Membership(ConversationId, Presence),
    Friend(UserId, Presence),
}

impl State {
    /// The conversation of two users, made if there is none.
    pub(super) fn single(&mut self, open: &OpenSingle) -> Opened {
        let users = pair(open.users);
        if let Some(id) = self.singles.get(&users) {
            return Opened { id: *id, new: false };
        }
        let stamp = self.tick();
        let mut room = Room::new(open.id, ConversationKind::Single(users), open.at, stamp);
        users.into_iter().for_each(|user| room.join(user, Role::Member, stamp));
        self.rooms.insert(open.id, room);
        self.singles.insert(users, open.id);
        Opened { id: open.id, new: true }
    }

    /// All that changed for a user after `cursor`, each with the number of the change.
    fn changed(&self, user: UserId, cursor: SyncCursor) -> Vec<(u64, Change)> {
        let SyncCursor(after) = cursor;
        // Who starts anew has nothing that could be gone.
        let told = |presence| cursor != SyncCursor::START || presence == Presence::Here;
        let rooms = self.rooms.values().filter_map(|room| {
            let stamp = room.stamp.max(room.places.get(&user)?.stamp);
            Some((stamp, Change::Conversation(Box::new(room.listed(user)?))))
        });
        let memberships = self.memberships.get(&user).into_iter().flatten();
        let memberships = memberships
            .filter(|(_, mark)| told(mark.presence))
            .map(|(id, mark)| (mark.stamp, Change::Membership(*id, mark.presence)));
        let friends = self.friends.get(&user).into_iter().flatten();
        let friends = friends
            .filter(|(_, mark)| told(mark.presence))
            .map(|(id, mark)| (mark.stamp, Change::Friend(*id, mark.presence)));
        rooms.chain(memberships).chain(friends).filter(|(stamp, _)| *stamp > after).collect()
    }
}

impl Room {
    /// As the user's list shows it; `None` when it is hidden or not theirs.
    fn listed(&self, user: UserId) -> Option<ConversationEntry> {
        let hidden = self.places.get(&user)?.hidden_at(self.conversation.last_seq);
        if hidden { None } else { self.entry(user) }
    }
}
