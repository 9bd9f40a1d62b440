//! The names of all keys. Each carries a hash tag, so that what belongs together is on one node of a cluster; a command or
//! script never names keys of two tags.

use std::fmt::Write as _;
use std::hash::BuildHasher;

use gochat_core::model::{ConversationId, GatewayId, MessageKey, UserId};
use rustc_hash::FxBuildHasher;

/// A key, and which keys it is together with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) name: String,
    /// Equal for keys of one hash tag.
    pub(super) tag: u64,
}

/// Makes keys of one prefix.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    prefix: Box<str>,
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.into() }
    }

    fn of(&self, kind: char, id: &str, rest: &str) -> Key {
        let mut name = String::with_capacity(self.prefix.len() + id.len() + rest.len() + 8);
        // A string takes all that is written.
        let _ = write!(name, "{}:{{{kind}:{id}}}:{rest}", self.prefix);
        Key { name, tag: FxBuildHasher.hash_one((kind, id)) }
    }

    fn conversation(&self, id: ConversationId, rest: &str) -> Key {
        self.of('c', itoa::Buffer::new().format(id.get()), rest)
    }

    fn user(&self, id: UserId, rest: &str) -> Key {
        self.of('u', itoa::Buffer::new().format(id.get()), rest)
    }

    /// The last number handed out, as text.
    pub(super) fn sequence(&self, id: ConversationId) -> Key {
        self.conversation(id, "seq")
    }

    /// The receipt of a send. The client's own part comes last: it may hold any character.
    pub(super) fn dedup(&self, key: &MessageKey) -> Key {
        let rest = format!("dedup:{}:{}", key.sender, key.client_msg_id.as_str());
        self.conversation(key.conversation, &rest)
    }

    /// There for a while after something went through the fan-out.
    pub(super) fn fanout(&self, id: ConversationId) -> Key {
        self.conversation(id, "fanout")
    }

    /// A hash: session id to what is known of it.
    pub(super) fn sessions(&self, id: UserId) -> Key {
        self.user(id, "sessions")
    }

    /// Who holds a gateway's lease.
    pub(super) fn lease(&self, id: &GatewayId) -> Key {
        self.of('g', id.as_str(), "lease")
    }

    /// A hash: session id to user id, of the sessions at a gateway.
    pub(super) fn gateway_sessions(&self, id: &GatewayId) -> Key {
        self.of('g', id.as_str(), "sessions")
    }

    /// A hash: user id to how many sessions they have at a gateway.
    pub(super) fn gateway_users(&self, id: &GatewayId) -> Key {
        self.of('g', id.as_str(), "users")
    }

    /// A hash: session id to user id, of the sessions that a gateway has lost and that are to be told of.
    pub(super) fn gateway_lost(&self, id: &GatewayId) -> Key {
        self.of('g', id.as_str(), "lost")
    }

    /// Who tells of those.
    pub(super) fn gateway_claim(&self, id: &GatewayId) -> Key {
        self.of('g', id.as_str(), "claim")
    }

    /// A sorted set: gateway ids by when their leases end.
    pub(super) fn gateways(&self) -> Key {
        let name = format!("{}:{{gateways}}", self.prefix);
        Key { name, tag: FxBuildHasher.hash_one("gateways") }
    }

    /// A list: when events of a kind happened lately, of whoever has this digest or identifier.
    pub(super) fn throttle(&self, kind: &str, whose: &str) -> Key {
        self.of('t', whose, kind)
    }

    /// A user's public face.
    pub(super) fn profile(&self, id: UserId) -> Key {
        self.user(id, "profile")
    }

    /// What guards [`profile`](Self::profile) from late fills.
    pub(super) fn profile_guard(&self, id: UserId) -> Key {
        self.user(id, "profile:guard")
    }

    /// Kind, version and, where they are few, members of a conversation.
    pub(super) fn members(&self, id: ConversationId) -> Key {
        self.conversation(id, "members")
    }

    /// What guards [`members`](Self::members) from late fills.
    pub(super) fn members_guard(&self, id: ConversationId) -> Key {
        self.conversation(id, "members:guard")
    }

    /// One member's standing in a conversation of many.
    pub(super) fn standing(&self, id: ConversationId, user: UserId) -> Key {
        let mut rest = String::from("standing:");
        rest.push_str(itoa::Buffer::new().format(user.get()));
        self.conversation(id, &rest)
    }

    /// A sorted set: the newest messages by sequence.
    pub(super) fn recent(&self, id: ConversationId) -> Key {
        self.conversation(id, "recent")
    }

    /// What guards [`recent`](Self::recent) from late fills.
    pub(super) fn recent_guard(&self, id: ConversationId) -> Key {
        self.conversation(id, "recent:guard")
    }
}

#[cfg(test)]
mod tests {
    use gochat_core::model::ClientMsgId;

    use super::*;

    #[test]
    fn names_are_what_the_documents_say() {
        let keys = Keys::new("gochat");
        let (c, u) = (ConversationId::new(7).expect("in range"), UserId::new(9).expect("in range"));
        let gateway = GatewayId::new("gw-1").expect("a name");
        let client_msg_id = ClientMsgId::new("a:{b}").expect("a good id");
        let sent = MessageKey { conversation: c, sender: u, client_msg_id };
        for (key, name) in [
            (keys.sequence(c), "gochat:{c:7}:seq"),
            (keys.sequence(ConversationId::WORLD), "gochat:{c:1}:seq"),
            (keys.dedup(&sent), "gochat:{c:7}:dedup:9:a:{b}"),
            (keys.sessions(u), "gochat:{u:9}:sessions"),
            (keys.lease(&gateway), "gochat:{g:gw-1}:lease"),
            (keys.recent(c), "gochat:{c:7}:recent"),
            (keys.gateways(), "gochat:{gateways}"),
        ] {
            assert_eq!(key.name, name);
        }
        assert_eq!(keys.sequence(c).tag, keys.dedup(&sent).tag);
        assert_eq!(keys.members(c).tag, keys.standing(c, u).tag);
        assert_ne!(keys.sequence(c).tag, keys.sessions(UserId::new(7).expect("in range")).tag);
    }
}
