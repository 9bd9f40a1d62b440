//! Who is connected, in memory.

use async_trait::async_trait;
use gochat_core::model::{SessionId, UserId};
use gochat_core::ports::{Registered, Result, SessionRecord, Sessions, Unregistered};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

/// The directory of sessions of a single process.
#[derive(Debug, Default)]
pub struct LocalSessions {
    /// Each user's sessions, oldest first.
    users: Mutex<FxHashMap<UserId, SmallVec<[SessionId; 1]>>>,
}

#[async_trait]
impl Sessions for LocalSessions {
    async fn register(&self, session: &SessionRecord, max: u32) -> Result<Registered> {
        let mut users = self.users.lock();
        let sessions = users.entry(session.user).or_default();
        let first = sessions.is_empty();
        if !sessions.contains(&session.session) {
            sessions.push(session.session);
        }
        let over = sessions.len().saturating_sub(max.max(1) as usize);
        let evicted = sessions.drain(..over).collect();
        Ok(Registered { first, evicted })
    }

    async fn unregister(&self, user: UserId, session: SessionId) -> Result<Unregistered> {
        let mut users = self.users.lock();
        let Some(sessions) = users.get_mut(&user) else { return Ok(Unregistered { last: false }) };
        let before = sessions.len();
        sessions.retain(|s| *s != session);
        let last = sessions.is_empty() && before > 0;
        if sessions.is_empty() {
            users.remove(&user);
        }
        Ok(Unregistered { last })
    }

    async fn online(&self, users: &[UserId]) -> Result<Vec<bool>> {
        let known = self.users.lock();
        Ok(users.iter().map(|user| known.contains_key(user)).collect())
    }

    async fn online_count(&self) -> Result<u64> {
        Ok(self.users.lock().len() as u64)
    }
}
