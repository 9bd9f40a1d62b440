//! A small house of users and conversations, a pipeline over it, and what must hold there.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use gochat_core::model::{
    Audience, ClientMsgId, ConversationId, ConversationKind, Delivery, Event, GatewayId, Message,
    MessageBody, MessageId, MessageKey, Origin, PageLimit, ReplyTo, SendCommand, Seq, SessionId, User,
    UserId, Username,
};
use gochat_core::ports::{
    AddMembersWrite, ConversationStore, Deliver, Directory, GroupStore, MemberPatch, MessageStore, NewGroup,
    NewUser, OpenSingle, PageFrom, Ports, Result, UserStore,
};
use gochat_core::send::{Pipeline, Report};
use gochat_core::settings::Settings;
use gochat_core::testing::faults::Faults;
use gochat_core::testing::{ManualClock, Memory, RecordingDeliver, TestKit};

pub(crate) struct House {
    pub(crate) kit: TestKit,
    pub(crate) faults: Arc<Faults>,
    pub(crate) ports: Ports,
    pub(crate) settings: Settings,
    /// Five users, ascending by id.
    pub(crate) users: [UserId; 5],
    /// Of the first two.
    pub(crate) single: ConversationId,
    /// Owned by the first; the second and third are in it.
    pub(crate) group: ConversationId,
}

pub(crate) const WORLD: ConversationId = ConversationId::WORLD;

impl House {
    pub(crate) async fn new() -> Self {
        let kit = TestKit::new();
        let users = [2, 3, 4, 5, 6].map(|n| UserId::new(n).expect("in range"));
        for user in users {
            UserStore::create(&*kit.memory, &new_user(user)).await.expect("stored");
        }
        let [single, group] = [100, 101].map(|n| ConversationId::new(n).expect("in range"));
        let open =
            OpenSingle { users: [users[0], users[1]], by: users[0], id: single, at: ManualClock::START };
        kit.memory.open_single(&open).await.expect("opened");
        make_group(&kit.memory, group, users[0], &users[1..3]).await;
        let checked = Checked { memory: kit.memory.clone(), record: kit.deliver.clone() };
        let ports = Ports { deliver: Arc::new(checked), ..kit.ports.clone() };
        let faults = Faults::new();
        let ports = faults.wrap(&ports);
        Self { kit, faults, ports, settings: Settings::default(), users, single, group }
    }

    pub(crate) fn pipeline(&self) -> Pipeline {
        self.pipeline_with(slog::Logger::root(slog::Discard, slog::o!()))
    }

    /// A pipeline that says what it notices to `log`.
    pub(crate) fn pipeline_with(&self, log: slog::Logger) -> Pipeline {
        Pipeline::new(self.ports.clone(), Arc::new(self.settings.clone()), log)
    }

    pub(crate) async fn process(&self, batch: &[SendCommand]) -> Report {
        self.pipeline().process(batch).await.expect("nothing fails")
    }

    /// Gives the batch again until it succeeds, as whoever feeds the pipeline does. Answers how often it was given.
    pub(crate) async fn insist(&self, batch: &[SendCommand], between: impl AsyncFn()) -> usize {
        for tries in 1..=10 {
            if self.pipeline().process(batch).await.is_ok() {
                return tries;
            }
            between().await;
        }
        panic!("the batch failed ten times: {:?}", self.faults.failed());
    }

    /// Another process takes over: what was kept in memory beside the store is gone.
    pub(crate) fn crash(&self) {
        self.kit.sequencer.forget();
        self.kit.dedup.forget();
    }

    pub(crate) async fn all(&self, conversation: ConversationId) -> Vec<Message> {
        let limit = PageLimit::new(u32::MAX, u32::MAX).expect("at least 1");
        self.kit.memory.page(conversation, PageFrom::After(Seq::ZERO), limit).await.expect("answers")
    }

    pub(crate) async fn texts(&self, conversation: ConversationId) -> Vec<String> {
        self.all(conversation).await.iter().map(|m| m.body.content.to_string()).collect()
    }

    /// Checks all that must hold after these sends succeeded.
    pub(crate) async fn check(&self, sends: &[SendCommand]) {
        let seen = self.kit.deliver.seen();
        let mut stored: BTreeMap<ConversationId, Vec<Message>> = BTreeMap::new();
        for conversation in sends.iter().map(|c| c.conversation) {
            if let std::collections::btree_map::Entry::Vacant(place) = stored.entry(conversation) {
                place.insert(self.all(conversation).await);
            }
        }
        let mut keys = HashSet::new();
        for messages in stored.values() {
            let seqs: Vec<_> = messages.iter().map(|m| m.seq.get()).collect();
            assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>(), "sequences are dense");
            for message in messages {
                assert!(keys.insert(message.key()), "{:?} is stored twice", message.key());
            }
        }
        let by_key: BTreeMap<String, &Message> =
            stored.values().flatten().map(|m| (format!("{:?}", m.key()), m)).collect();
        for send in sends {
            check_answer(send, by_key.get(&format!("{:?}", key(send))).copied(), &seen);
        }
        for (conversation, messages) in &stored {
            check_order(*conversation, messages, &seen);
        }
    }
}

/// Who waits for this send hears what became of it, and hears the truth.
fn check_answer(send: &SendCommand, stored: Option<&Message>, seen: &[Delivery]) {
    let told = |d: &Delivery| matches!(&d.audience, Audience::Origin(origin) if *origin == send.origin);
    let mut acknowledged = seen
        .iter()
        .map(|d| matches!(&d.event, Event::Stored(receipt) if receipt.view.message.key() == key(send)));
    let acknowledged = acknowledged.position(|is| is).unwrap_or(seen.len());
    let answers: Vec<_> = seen.iter().enumerate().filter(|(_, d)| told(d)).collect();
    assert!(!answers.is_empty(), "nobody told the sender of {send:?}");
    for (at, answer) in answers {
        match &answer.event {
            Event::Stored(receipt) if receipt.view.message.key() == key(send) => {
                let stored = stored.expect("acknowledged, so stored");
                assert_eq!((stored.id, stored.seq), (receipt.view.message.id, receipt.view.message.seq));
                assert_eq!(receipt.view.sender.as_ref().map(|u| u.id), Some(send.sender));
            }
            Event::Refused { conversation, client_msg_id, .. } if *client_msg_id == send.client_msg_id => {
                assert_eq!(*conversation, send.conversation);
                // One that was refused may be sent again, and stored then; not the other way round.
                assert!(stored.is_none() || at < acknowledged, "refused after it was stored");
            }
            // One origin may wait for several sends.
            Event::Stored(_) | Event::Refused { .. } => {}
            other => panic!("{other:?} is no answer to a send"),
        }
    }
}

/// Each message is delivered, and for the first time in the order of sequences.
fn check_order(conversation: ConversationId, stored: &[Message], seen: &[Delivery]) {
    let mut first = Vec::new();
    for delivery in seen {
        if let Event::NewMessage(view) = &delivery.event
            && view.message.conversation == conversation
            && !first.contains(&view.message.seq)
        {
            first.push(view.message.seq);
        }
    }
    let want: Vec<_> = stored.iter().map(|m| m.seq).collect();
    assert_eq!(first, want, "delivered in another order than stored");
}

/// Records, and refuses to take what breaks a promise at the moment it is handed on.
#[derive(Debug)]
struct Checked {
    memory: Arc<Memory>,
    record: Arc<RecordingDeliver>,
}

#[async_trait]
impl Deliver for Checked {
    async fn deliver(&self, batch: Vec<Delivery>) -> Result<()> {
        for delivery in &batch {
            if let Event::NewMessage(view) = &delivery.event {
                let found = MessageStore::by_ids(&*self.memory, &[view.message.id]).await?.remove(0);
                assert_eq!(found.as_ref(), Some(&*view.message), "delivered before it was stored");
                self.check_audience(view.message.conversation, &delivery.audience).await;
            }
        }
        self.record.deliver(batch).await
    }
}

impl Checked {
    async fn check_audience(&self, id: ConversationId, audience: &Audience) {
        let limit = PageLimit::new(u32::MAX, u32::MAX).expect("at least 1");
        let members = self.memory.member_ids(id, None, limit).await.expect("answers");
        match audience {
            Audience::Users(users) => {
                let mut users = users.to_vec();
                users.sort_unstable();
                assert_eq!(users, members, "it goes to the members and nobody else");
            }
            Audience::Members(to) => assert_eq!(*to, id),
            Audience::Everyone => assert!(id.is_world(), "only the world channel goes to everyone"),
            other => panic!("a message goes to {other:?}"),
        }
    }
}

pub(crate) fn key(send: &SendCommand) -> MessageKey {
    MessageKey {
        conversation: send.conversation,
        sender: send.sender,
        client_msg_id: send.client_msg_id.clone(),
    }
}

/// A send whose text is its client's id. Every one has an origin and an id of its own.
pub(crate) fn send(conversation: ConversationId, sender: UserId, client: &str) -> SendCommand {
    use std::sync::atomic::{AtomicU64, Ordering};
    static SENT: AtomicU64 = AtomicU64::new(1);
    let n = SENT.fetch_add(1, Ordering::Relaxed);
    let session = SessionId::new(n).expect("in range");
    let origin = Origin {
        gateway: GatewayId::new("test").expect("a good name"),
        session: Some(session),
        reply: ReplyTo::Session(session),
        tag: None,
    };
    SendCommand {
        id: MessageId::new(1 << 32 | n).expect("in range"),
        conversation,
        sender,
        guest: false,
        client_msg_id: ClientMsgId::new(client).expect("a good id"),
        body: MessageBody::text(client),
        origin,
    }
}

pub(crate) fn new_user(id: UserId) -> NewUser {
    let user = User {
        id,
        name: Username::new(&format!("user-{id}")).expect("a good name"),
        nickname: None,
        avatar: "".into(),
        guest: false,
        created_at: ManualClock::START,
    };
    NewUser { user, password: None, external: None }
}

pub(crate) async fn make_group(memory: &Memory, id: ConversationId, owner: UserId, members: &[UserId]) {
    let new = NewGroup {
        id,
        name: "group".into(),
        avatar: "".into(),
        description: "".into(),
        owner,
        members: members.to_vec(),
        at: ManualClock::START,
    };
    GroupStore::create(memory, &new).await.expect("stored");
}

/// A change of a group's members.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change {
    Add(UserId),
    Remove(UserId),
    Mute(UserId),
    Unmute(UserId),
    Transfer(UserId),
    Dissolve,
}

/// Makes the change, whatever the version is.
pub(crate) async fn change(memory: Arc<Memory>, group: ConversationId, change: Change) {
    let found = ConversationStore::by_ids(&*memory, &[group]).await.expect("answers").remove(0);
    let found = found.expect("it exists");
    let (expect, at) = (found.members_version, ManualClock::START);
    let muted = |until| MemberPatch { role: None, muted_until: Some(until) };
    match change {
        Change::Add(user) => {
            let add = AddMembersWrite { users: vec![user], max: 10_000, expect, at };
            memory.add(group, &add).await.map(drop)
        }
        Change::Remove(user) => memory.remove(group, user, expect, at).await,
        Change::Mute(user) => {
            let until = muted(Some(at.after(std::time::Duration::from_secs(3_600))));
            memory.change_member(group, user, &until, expect).await.map(drop)
        }
        Change::Unmute(user) => memory.change_member(group, user, &muted(None), expect).await.map(drop),
        Change::Transfer(user) => {
            let ConversationKind::Group(of) = found.kind else { panic!("not a group") };
            memory.transfer(group, of.owner, user, expect).await
        }
        Change::Dissolve => memory.dissolve(group, expect, at).await,
    }
    .expect("changed");
}
