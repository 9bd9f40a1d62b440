//! The sessions that are connected to this process.

use std::fmt::Debug;

use gochat_core::model::SessionId;
use gochat_core::ports::SessionRecord;

use crate::hub::Hub;
use crate::runtime::Snowflake;

/// Knows the sessions of one gateway; asked when the directory has to be filled again.
pub trait HeldSessions: Debug + Send + Sync + 'static {
    /// Calls `each` with every session that is connected now. It must not block.
    fn each(&self, each: &mut dyn FnMut(SessionRecord));

    /// Whether a session is still connected.
    fn holds(&self, session: SessionId) -> bool;
}

impl HeldSessions for Hub {
    fn each(&self, each: &mut dyn FnMut(SessionRecord)) {
        self.for_each(|session| {
            let info = session.info();
            if session.closing().is_none() {
                each(SessionRecord {
                    user: info.user,
                    session: info.session,
                    gateway: self.gateway().clone(),
                    login: info.login,
                    guest: info.guest,
                    at: Snowflake::made_at(info.session.get()),
                });
            }
        });
    }

    fn holds(&self, session: SessionId) -> bool {
        self.session(session).is_some_and(|session| session.closing().is_none())
    }
}
