//! Caches over stores: decorators of the ports, which every process that writes must wear.
//!
//! The store is right. A cache that fails is counted and logged, and the store answers; a value that is not what was written
//! is dropped. Of what a process changes, every process reads the new state when the call has returned, as long as it could
//! reach Redis; else old values stay until it can again, at most for their time to live.

mod directory;
mod entry;
mod flights;
mod messages;
mod shelf;
mod users;
mod writes;

use std::sync::Arc;
use std::time::Duration;

use gochat_core::ports::{ConversationStore, Directory, FriendStore, GroupStore, MessageStore, UserStore};

use super::Redis;
use crate::runtime::metrics::Metrics;
use flights::Flights;
use shelf::Shelf;

/// Makes the decorators. All over one database must be made by one of these, or by others under the same prefix.
///
/// Writes that change what is cached go by the decorators too: [`groups`](Self::groups), [`friends`](Self::friends) and
/// [`conversations`](Self::conversations) read nothing from the cache, they empty it.
#[derive(Debug, Clone)]
pub struct Caches {
    shelf: Arc<Shelf>,
}

impl Caches {
    /// Caches under the prefix of `redis`; what they find, miss and fail is counted in `metrics`.
    #[must_use]
    pub fn new(redis: Redis, metrics: Metrics) -> Self {
        Self { shelf: Arc::new(Shelf::new(redis, metrics)) }
    }

    /// Accounts: profiles by id are cached.
    #[must_use]
    pub fn users(&self, inner: Arc<dyn UserStore>) -> Arc<dyn UserStore> {
        Arc::new(users::CachedUsers { shelf: self.shelf.clone(), inner, flights: Flights::new() })
    }

    /// The directory: what users may do, and who is in conversations of few.
    #[must_use]
    pub fn directory(&self, inner: Arc<dyn Directory>) -> Arc<dyn Directory> {
        Arc::new(directory::CachedDirectory { shelf: self.shelf.clone(), inner, flights: Flights::new() })
    }

    /// The message log: pages near the head.
    #[must_use]
    pub fn messages(&self, inner: Arc<dyn MessageStore>) -> Arc<dyn MessageStore> {
        Arc::new(messages::CachedMessages { shelf: self.shelf.clone(), inner })
    }

    /// Groups, whose changes empty what the directory has cached.
    #[must_use]
    pub fn groups(&self, inner: Arc<dyn GroupStore>) -> Arc<dyn GroupStore> {
        Arc::new(writes::EmptyingGroups { shelf: self.shelf.clone(), inner })
    }

    /// Friendships, which may make conversations.
    #[must_use]
    pub fn friends(&self, inner: Arc<dyn FriendStore>) -> Arc<dyn FriendStore> {
        Arc::new(writes::EmptyingFriends { shelf: self.shelf.clone(), inner })
    }

    /// Conversations, which may be new.
    #[must_use]
    pub fn conversations(&self, inner: Arc<dyn ConversationStore>) -> Arc<dyn ConversationStore> {
        Arc::new(writes::EmptyingConversations { shelf: self.shelf.clone(), inner })
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
