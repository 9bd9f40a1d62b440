//! Friendships.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Mark, Memory, State, pair};
use crate::model::{Note, UserId};
use crate::ports::{Befriend, Befriended, FriendStore, OpenSingle, Presence, Removed, Result};

#[async_trait]
impl FriendStore for Memory {
    async fn befriend(&self, new: &Befriend) -> Result<Befriended> {
        let mut state = self.lock();
        let [a, b] = pair(new.users);
        let open = OpenSingle { users: [a, b], by: a, id: new.conversation, at: new.at };
        let opened = state.single(&open);
        let new_friends = !state.are_friends(a, b);
        if new_friends {
            state.mark_friends(a, b, Presence::Here);
            state.leave(self.note.as_ref());
        }
        Ok(Befriended { conversation: opened.id, new_friends, new_conversation: opened.new })
    }

    async fn unfriend(&self, a: UserId, b: UserId) -> Result<Removed> {
        let mut state = self.lock();
        if !state.are_friends(a, b) {
            return Ok(Removed::Absent);
        }
        state.mark_friends(a, b, Presence::Gone);
        state.leave(self.note.as_ref());
        Ok(Removed::Gone)
    }

    async fn friends(&self, users: &[UserId]) -> Result<Vec<Vec<UserId>>> {
        let state = self.lock();
        Ok(users
            .iter()
            .map(|user| {
                let marks = state.friends.get(user).into_iter().flatten();
                marks.filter(|(_, mark)| mark.presence == Presence::Here).map(|(id, _)| *id).collect()
            })
            .collect())
    }

    fn noted(&self, note: &Note) -> Option<Arc<dyn FriendStore>> {
        Some(self.with(note))
    }
}

impl State {
    fn are_friends(&self, a: UserId, b: UserId) -> bool {
        let mark = self.friends.get(&a).and_then(|theirs| theirs.get(&b));
        mark.is_some_and(|mark| mark.presence == Presence::Here)
    }

    fn mark_friends(&mut self, a: UserId, b: UserId, presence: Presence) {
        for (one, other) in [(a, b), (b, a)] {
            let stamp = self.tick();
            self.friends.entry(one).or_default().insert(other, Mark { presence, stamp });
        }
    }
}
