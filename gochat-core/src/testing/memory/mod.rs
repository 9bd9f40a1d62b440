//! All stores in memory, as the reference of what the port docs mean.

mod conversations;
mod directory;
mod friends;
mod groups;
mod logins;
mod messages;
mod outbox;
mod users;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::model::{
    Conversation, ConversationEntry, ConversationId, ConversationKind, LastMessage, Member, MembersVersion,
    Message, MessageId, MessageKey, Note, PageLimit, PasswordHash, Role, Seq, Timestamp, User, UserId,
    UsernameKey,
};
use crate::ports::Presence;

/// Every store port over one shared state, and the outbox.
#[derive(Debug, Default)]
pub struct Memory {
    state: Arc<Mutex<State>>,
    /// What this handle's next write leaves.
    note: Option<Note>,
}

impl Memory {
    /// An empty store: nobody, and the world channel.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        super::lock(&self.state)
    }

    /// A handle on the same state, whose next write leaves this.
    fn with(&self, note: &Note) -> Arc<Self> {
        Arc::new(Self { state: Arc::clone(&self.state), note: Some(note.clone()) })
    }
}

#[derive(Debug)]
struct State {
    /// Grows with each change; what changed carries its value, and `changes` compares it with the cursor.
    stamp: u64,
    users: HashMap<UserId, UserRow>,
    names: BTreeMap<UsernameKey, UserId>,
    externals: HashMap<Box<str>, UserId>,
    friends: HashMap<UserId, BTreeMap<UserId, Mark>>,
    /// Of groups only.
    memberships: HashMap<UserId, BTreeMap<ConversationId, Mark>>,
    rooms: BTreeMap<ConversationId, Room>,
    singles: HashMap<[UserId; 2], ConversationId>,
    messages: HashMap<MessageId, (ConversationId, Seq)>,
    keys: HashMap<MessageKey, MessageId>,
    logins: logins::Logins,
    notes: outbox::Notes,
}

#[derive(Debug)]
struct UserRow {
    user: Arc<User>,
    password: Option<PasswordHash>,
}

/// Whether something is there, and since which change.
#[derive(Debug, Clone, Copy)]
struct Mark {
    presence: Presence,
    stamp: u64,
}

/// A conversation with all that belongs to it.
#[derive(Debug)]
struct Room {
    conversation: Conversation,
    /// Newest change that all its members see.
    stamp: u64,
    places: BTreeMap<UserId, Place>,
    /// Position `i` has sequence `i + 1`.
    messages: Vec<Message>,
}

/// A member's place in a conversation.
#[derive(Debug)]
struct Place {
    member: Member,
    /// Not listed while the head is no newer than this.
    hidden: Option<Seq>,
    /// Newest change that only this member sees.
    stamp: u64,
}

impl Default for State {
    fn default() -> Self {
        let world = Room::new(ConversationId::WORLD, ConversationKind::World, Timestamp::default(), 0);
        Self {
            stamp: 0,
            users: HashMap::new(),
            names: BTreeMap::new(),
            externals: HashMap::new(),
            friends: HashMap::new(),
            memberships: HashMap::new(),
            rooms: BTreeMap::from([(ConversationId::WORLD, world)]),
            singles: HashMap::new(),
            messages: HashMap::new(),
            keys: HashMap::new(),
            logins: logins::Logins::default(),
            notes: outbox::Notes::new(),
        }
    }
}

impl State {
    fn tick(&mut self) -> u64 {
        self.stamp += 1;
        self.stamp
    }

    fn message(&self, id: MessageId) -> Option<&Message> {
        let (conversation, seq) = self.messages.get(&id)?;
        self.rooms.get(conversation)?.message(*seq)
    }
}

impl Room {
    fn new(id: ConversationId, kind: ConversationKind, at: Timestamp, stamp: u64) -> Self {
        let conversation = Conversation {
            id,
            kind,
            last_seq: Seq::ZERO,
            members_version: MembersVersion::new(1),
            created_at: at,
        };
        Self { conversation, stamp, places: BTreeMap::new(), messages: Vec::new() }
    }

    /// Lets a user in at the head of now.
    fn join(&mut self, user: UserId, role: Role, stamp: u64) {
        let head = self.conversation.last_seq;
        let member = Member { user, role, muted_until: None, joined_seq: head, read_seq: head };
        self.places.insert(user, Place { member, hidden: None, stamp });
    }

    fn message(&self, seq: Seq) -> Option<&Message> {
        self.messages.get(index(seq)?)
    }

    fn entry(&self, user: UserId) -> Option<ConversationEntry> {
        let place = self.places.get(&user)?;
        let last_message = self.messages.last().map(|m| LastMessage {
            id: m.id,
            sender: m.sender,
            kind: m.body.kind,
            content: m.body.content.clone(),
            sent_at: m.sent_at,
        });
        Some(ConversationEntry {
            conversation: self.conversation.clone(),
            me: place.member.clone(),
            last_message,
            muted: false,
            pinned: false,
        })
    }
}

impl Place {
    fn hidden_at(&self, head: Seq) -> bool {
        self.hidden.is_some_and(|seq| head <= seq)
    }
}

/// Where a sequence stands in [`Room::messages`].
fn index(seq: Seq) -> Option<usize> {
    usize::try_from(seq.get()).ok()?.checked_sub(1)
}

fn count(limit: PageLimit) -> usize {
    usize::try_from(limit.get()).unwrap_or(usize::MAX)
}

fn pair([a, b]: [UserId; 2]) -> [UserId; 2] {
    if a < b { [a, b] } else { [b, a] }
}
