//! A transaction of the writer, and what the writer remembers between transactions.
//!
//! There is one writer on a file, so what it wrote last is what stands there: heads of conversations, the change counter and
//! the next slot are asked of the file once and then known.

use gochat_core::model::{AccessKind, ConversationId, LoginId, MembersVersion, Seq, UserId};
use rusqlite::{Connection, OptionalExtension};
use rustc_hash::FxHashMap;

use super::error::{Done, Fail};
use super::rows::{self, SLOT_MAX, int};
use super::statements::{Prepare, statements};

statements! {
    HEAD = "SELECT slot, kind, last_seq, members_version, length(tail) / 8, last_sender FROM conversations \
            WHERE id = ?1 AND dissolved_at IS NULL";
    COUNTED = "SELECT value FROM counters WHERE name = 'changed'";
    COUNT_UP = "UPDATE counters SET value = ?1 WHERE name = 'changed'";
    NEXT_SLOT = "SELECT coalesce(max(slot), 0) + 1 FROM conversations";
}

/// Change numbers are reserved in blocks, so that a commit does not write the counter. What a crash leaves unused is lost;
/// numbers grow all the same.
const BLOCK: u64 = 1 << 20;

/// Heads remembered at most; some 10 MB.
const HEADS_MAX: usize = 200_000;

/// What the writer must know of a conversation to store something in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) slot: u64,
    pub(super) kind: AccessKind,
    pub(super) last_seq: Seq,
    /// Who sent the newest message. Their read pointer is `last_seq`, whatever their row says.
    pub(super) last_sender: Option<UserId>,
    /// How many of the newest messages are in the row's tail.
    pub(super) tail: u64,
    pub(super) version: MembersVersion,
}

/// What a commit makes of caches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Who is in it, or what they may do, has changed.
    Members(ConversationId),
    /// A user looks different.
    User(UserId),
    /// A login has ended.
    Login(LoginId),
}

/// What the writer remembers between transactions. Right only as long as each transaction commits; see [`forget`](Self::forget).
#[derive(Debug, Default)]
pub(super) struct Memory {
    heads: FxHashMap<ConversationId, Head>,
    changed: u64,
    reserved: u64,
    next_slot: Option<u64>,
    pub(super) effects: Vec<Effect>,
}

impl Memory {
    pub(super) fn load(conn: &Connection) -> Done<Self> {
        let changed = conn.stmt(COUNTED)?.query_one([], |row| Ok(rows::number(row, 0)))??;
        Ok(Self { changed, reserved: changed, ..Self::default() })
    }

    /// After a rollback nothing learned in it holds.
    pub(super) fn forget(&mut self) {
        self.heads.clear();
        self.reserved = self.changed;
        self.next_slot = None;
        self.effects.clear();
    }
}

/// A transaction that is open on the writer's connection.
#[derive(Debug)]
pub(super) struct Tx<'a> {
    pub(super) conn: &'a Connection,
    pub(super) memory: &'a mut Memory,
}

impl Tx<'_> {
    /// The conversation's head; `None` when there is no such conversation or it is dissolved.
    pub(super) fn head(&mut self, id: ConversationId) -> Done<Option<Head>> {
        if let Some(head) = self.memory.heads.get(&id) {
            return Ok(Some(*head));
        }
        let mut stmt = self.conn.stmt(HEAD)?;
        let mut found = stmt.query([int(id.get())])?;
        let Some(row) = found.next()? else {
            return Ok(None);
        };
        let kind = match row.get(1)? {
            1 => AccessKind::World,
            2 => AccessKind::Single,
            _ => AccessKind::Group,
        };
        let head = Head {
            slot: rows::number(row, 0)?,
            kind,
            last_seq: rows::seq(row, 2)?,
            last_sender: rows::optional(row, 5, rows::user_id)?,
            tail: rows::number(row, 4)?,
            version: MembersVersion::new(rows::number(row, 3)?),
        };
        if self.memory.heads.len() >= HEADS_MAX {
            self.memory.heads.clear();
        }
        self.memory.heads.insert(id, head);
        Ok(Some(head))
    }

    /// Remembers what this transaction wrote to the conversation's row.
    pub(super) fn moved(&mut self, id: ConversationId, head: Head) {
        if let Some(known) = self.memory.heads.get_mut(&id) {
            *known = head;
        }
    }

    /// The conversation is gone.
    pub(super) fn dissolved(&mut self, id: ConversationId) {
        self.memory.heads.remove(&id);
    }

    /// The number of the next change.
    pub(super) fn tick(&mut self) -> Done<i64> {
        if self.memory.changed == self.memory.reserved {
            let reserved = self.memory.reserved + BLOCK;
            self.conn.stmt(COUNT_UP)?.execute([int(reserved)])?;
            self.memory.reserved = reserved;
        }
        self.memory.changed += 1;
        Ok(int(self.memory.changed))
    }

    /// A slot that no conversation has.
    pub(super) fn slot(&mut self) -> Done<u64> {
        let slot = match self.memory.next_slot {
            Some(slot) => slot,
            None => {
                let slot = self.conn.stmt(NEXT_SLOT)?.query_one([], |row| row.get(0)).optional()?;
                slot.map_or(Ok(1), |n: i64| {
                    u64::try_from(n).map_err(|_| Fail::Corrupt(format!("the next slot is {n}")))
                })?
            }
        };
        if slot > SLOT_MAX {
            return Err(Fail::Corrupt("no slot is left for another conversation".into()));
        }
        self.memory.next_slot = Some(slot + 1);
        Ok(slot)
    }

    pub(super) fn effect(&mut self, effect: Effect) {
        // A thousand who join one group have one effect.
        if self.memory.effects.last() != Some(&effect) {
            self.memory.effects.push(effect);
        }
    }
}
