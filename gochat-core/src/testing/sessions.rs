//! A directory of sessions, in memory.

use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;

use super::lock;
use crate::model::{SessionId, UserId};
use crate::ports::{Registered, Result, SessionRecord, Sessions, Unregistered};

/// Sessions in memory.
#[derive(Debug, Default)]
pub struct MemorySessions(Mutex<HashMap<UserId, Vec<SessionRecord>>>);

impl MemorySessions {
    /// Knows of no session.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl Sessions for MemorySessions {
    async fn register(&self, session: &SessionRecord, max: u32) -> Result<Registered> {
        let mut users = lock(&self.0);
        let theirs = users.entry(session.user).or_default();
        let first = theirs.is_empty();
        // A repeated call must not count one session twice.
        theirs.retain(|s| s.session != session.session);
        // The newcomer stays, whatever its clock says; so it is put aside while the others are counted.
        theirs.sort_by_key(|s| s.at);
        let most = usize::try_from(max.max(1)).unwrap_or(usize::MAX) - 1;
        let over = theirs.len().saturating_sub(most);
        let evicted = theirs.drain(..over).map(|s| s.session).collect();
        theirs.push(session.clone());
        Ok(Registered { first, evicted })
    }

    async fn unregister(&self, user: UserId, session: SessionId) -> Result<Unregistered> {
        let mut users = lock(&self.0);
        let Some(theirs) = users.get_mut(&user) else {
            return Ok(Unregistered { last: false });
        };
        theirs.retain(|s| s.session != session);
        let last = theirs.is_empty();
        if last {
            users.remove(&user);
        }
        Ok(Unregistered { last })
    }

    async fn online(&self, asked: &[UserId]) -> Result<Vec<bool>> {
        let users = lock(&self.0);
        Ok(asked.iter().map(|user| users.contains_key(user)).collect())
    }

    async fn online_count(&self) -> Result<u64> {
        Ok(lock(&self.0).len().try_into().unwrap_or(u64::MAX))
    }
}
