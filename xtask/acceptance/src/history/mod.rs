//! Checks what clients sent, were told and saw against what the contract promises.
//!
//! The rules are pure: they know neither sockets nor the clock, only records. Load cases fill a [`History`] and
//! call [`History::violations`]; none is the proof. It serves runs with faults too: an unacknowledged send may be
//! there or not, but never twice.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

mod check;
mod record;
#[cfg(test)]
mod tests;

/// A message as somebody saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The server's id.
    pub id: String,
    /// Where.
    pub conversation: String,
    /// Its place there.
    pub seq: i64,
    /// Who sent it.
    pub sender: String,
    /// The sender's id of it.
    pub client_id: String,
    /// What it says.
    pub content: String,
}

/// A send, acknowledged or not.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Who.
    pub sender: String,
    /// The session that sent it; none for HTTP.
    pub session: Option<usize>,
    /// Where to.
    pub conversation: String,
    /// The client's id.
    pub client_id: String,
    /// What it says.
    pub content: String,
    /// The ids that each `stored` answer named: the send and its repeats.
    pub told: Vec<(String, i64)>,
    /// Whether an ack said accepted: it must be there in the end, though nobody has said under which id.
    pub accepted: bool,
}

/// What one session saw.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// Whose.
    pub user: String,
    /// Live messages in the order they came, each with when.
    pub live: Vec<(u64, Seen)>,
    /// What it fetched by `sync` or history pages to fill what it missed.
    pub synced: Vec<Seen>,
    /// From which sequence (exclusive) it claims to have everything, by conversation; empty: claims nothing.
    pub complete_from: BTreeMap<String, i64>,
    /// What was there when it connected, by conversation: up to this sequence a message may come late, since
    /// a send repeated after a crash is delivered again from the stored row.
    pub old_until: BTreeMap<String, i64>,
}

/// A read of a whole history during the run.
#[derive(Clone, Debug)]
pub struct Probe {
    /// When the read began.
    pub began: u64,
    /// Of which conversation.
    pub conversation: String,
    /// The newest sequence it gave.
    pub last_seq: i64,
}

/// What a list of conversations said in the end.
#[derive(Clone, Debug)]
pub struct Count {
    /// To whom.
    pub user: String,
    /// Of which conversation.
    pub conversation: String,
    /// `unreadCount`.
    pub unread: i64,
    /// How far the user had read by `PUT read`.
    pub read: i64,
    /// `lastSeq` when the user joined.
    pub joined: i64,
}

/// A whole run.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Who is in each conversation.
    pub members: BTreeMap<String, BTreeSet<String>>,
    /// All sends.
    pub sent: Vec<Sent>,
    /// All sessions.
    pub sessions: Vec<Session>,
    /// Each member's history in the end, by user and conversation.
    pub stored: BTreeMap<(String, String), Vec<Seen>>,
    /// Reads during the run.
    pub probes: Vec<Probe>,
    /// Unread counts in the end.
    pub counts: Vec<Count>,
}

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// An acknowledged message is not in a member's history.
    Lost(String),
    /// A message is there twice, or a client id has two messages.
    Doubled(String),
    /// Sequences aren't 1, 2, 3, ….
    Gap(String),
    /// Two members or sessions have different orders.
    Disorder(String),
    /// A message is not as it was sent, or as its ack said.
    Changed(String),
    /// A message that nobody sent.
    Invented(String),
    /// A session that followed everything lacks a message.
    Missed(String),
    /// A message was seen before it was in history.
    Early(String),
    /// Somebody saw what isn't theirs.
    Foreign(String),
    /// A session was told of its own send.
    Echoed(String),
    /// An unread count is not what the arithmetic gives.
    Miscounted(String),
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl History {
    /// Fails with the first violations, if there are any.
    pub fn check(&self) -> crate::Outcome {
        let found = self.violations();
        if found.is_empty() {
            return Ok(());
        }
        let shown: Vec<String> = found.iter().take(8).map(ToString::to_string).collect();
        anyhow::bail!("{} promises broken:\n  {}", found.len(), shown.join("\n  "))
    }
}
