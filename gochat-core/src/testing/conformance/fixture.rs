//! What the cases of the stores stand on: the stores under test, and short ways to fill them.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use crate::model::{
    ClientMsgId, Conversation, ConversationEntry, ConversationId, Member, MembersVersion, Message,
    MessageBody, MessageId, NewMessage, PageLimit, Seq, Timestamp, User, UserId, Username,
};
use crate::ports::{
    Appended, ConversationStore, Directory, ErrorKind, Freshness, FriendStore, GroupStore, IdGenerator,
    LoginStore, MessageStore, NewGroup, NewUser, OpenSingle, Result, UserStore,
};
use crate::testing::{CountingIds, ManualClock};

/// The stores under test; all see the same data.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each field is the store of that name")]
pub struct Stores {
    pub users: Arc<dyn UserStore>,
    pub friends: Arc<dyn FriendStore>,
    pub logins: Arc<dyn LoginStore>,
    pub conversations: Arc<dyn ConversationStore>,
    pub directory: Arc<dyn Directory>,
    pub groups: Arc<dyn GroupStore>,
    pub messages: Arc<dyn MessageStore>,
}

impl Stores {
    /// Of an adapter that is all of them.
    #[must_use]
    pub fn all<S>(store: Arc<S>) -> Self
    where
        S: UserStore + FriendStore + LoginStore + ConversationStore + Directory + GroupStore + MessageStore,
    {
        Self {
            users: store.clone(),
            friends: store.clone(),
            logins: store.clone(),
            conversations: store.clone(),
            directory: store.clone(),
            groups: store.clone(),
            messages: store,
        }
    }
}

/// Closes the stores as a restart of the process does, and opens them again over the same data. It may own what must live as
/// long as the fixture, such as a temporary folder.
pub type Reopen = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = Fixture> + Send>> + Send + Sync>;

/// The stores under test, fresh: nobody, and the world channel. Every case gets its own.
pub struct Fixture {
    /// Under test.
    pub stores: Stores,
    reopen: Option<Reopen>,
    ids: Arc<CountingIds>,
}

impl Fixture {
    /// A fixture that can't be reopened: cases of durability ask the open one.
    #[must_use]
    pub fn new(stores: Stores) -> Self {
        Self { stores, reopen: None, ids: Arc::new(CountingIds::new()) }
    }

    /// Adds the way to reopen.
    #[must_use]
    pub fn with_reopen(mut self, reopen: Reopen) -> Self {
        self.reopen = Some(reopen);
        self
    }

    /// Closes and opens again, where the adapter can.
    pub(super) async fn reopened(self) -> Self {
        let Self { stores, reopen, ids } = self;
        match reopen {
            None => Self { stores, reopen: None, ids },
            Some(reopen) => {
                drop(stores);
                Self { ids, ..reopen().await }
            }
        }
    }

    pub(super) fn id(&self) -> u64 {
        self.ids.next_id()
    }

    pub(super) fn conversation_id(&self) -> ConversationId {
        ConversationId::new(self.id()).expect("in range")
    }

    /// Stores a user of this name.
    pub(super) async fn user(&self, name: &str) -> UserId {
        let new = self.new_user(name);
        self.stores.users.create(&new).await.expect("a user is stored");
        new.user.id
    }

    /// Stores users of these names.
    pub(super) async fn users<const N: usize>(&self, names: [&str; N]) -> [UserId; N] {
        let mut ids = Vec::new();
        for name in names {
            ids.push(self.user(name).await);
        }
        ids.try_into().expect("as many as names")
    }

    /// Stores `n` users, ascending by id.
    pub(super) async fn crowd(&self, n: usize) -> Vec<UserId> {
        let mut ids = Vec::new();
        for i in 0..n {
            ids.push(self.user(&format!("crowd-{i}")).await);
        }
        ids
    }

    pub(super) fn new_user(&self, name: &str) -> NewUser {
        let user = User {
            id: UserId::new(self.id()).expect("in range"),
            name: Username::new(name).expect("a good name"),
            nickname: None,
            avatar: "".into(),
            guest: false,
            created_at: at(0),
        };
        NewUser { user, password: None, external: None }
    }

    pub(super) async fn single(&self, a: UserId, b: UserId) -> ConversationId {
        let open = OpenSingle { users: [a, b], by: a, id: self.conversation_id(), at: at(0) };
        self.stores.conversations.open_single(&open).await.expect("opened").id
    }

    pub(super) async fn group(&self, owner: UserId, members: &[UserId]) -> ConversationId {
        let new = self.new_group(owner, members);
        self.stores.groups.create(&new).await.expect("a group is stored").id
    }

    pub(super) fn new_group(&self, owner: UserId, members: &[UserId]) -> NewGroup {
        NewGroup {
            id: self.conversation_id(),
            name: "group".into(),
            avatar: "".into(),
            description: "".into(),
            owner,
            members: members.to_vec(),
            at: at(0),
        }
    }

    /// The version of the members as it stands in the store.
    pub(super) async fn version(&self, conversation: ConversationId) -> MembersVersion {
        let nobody = UserId::new(2).expect("in range");
        let asked = [(conversation, nobody)];
        let found = self.stores.directory.access(&asked, 0, Freshness::Fresh).await.expect("answers");
        found[0].as_ref().expect("the conversation exists").version
    }

    /// A text with the current version of the members; `client` is its client's id, the text, and (as seconds) its time.
    pub(super) async fn text(
        &self,
        conversation: ConversationId,
        sender: UserId,
        seq: u64,
        client: u64,
    ) -> NewMessage {
        let members_version = self.version(conversation).await;
        let message = Message {
            id: MessageId::new(self.id()).expect("in range"),
            conversation,
            seq: Seq::new(seq),
            sender,
            client_msg_id: ClientMsgId::new(&format!("c{client}")).expect("a good id"),
            body: MessageBody::text(&format!("text {client}")),
            sent_at: at(client),
            edited_at: None,
            recalled: None,
        };
        NewMessage { message: Arc::new(message), members_version }
    }

    pub(super) async fn append(&self, batch: &[NewMessage]) -> Vec<Appended> {
        self.stores.messages.append(batch).await.expect("the append is answered")
    }

    /// Stores one more text; `client` as in [`text`](Self::text).
    pub(super) async fn send(&self, conversation: ConversationId, sender: UserId, client: u64) -> Message {
        let head = self.head(conversation).await;
        let new = self.text(conversation, sender, head.next().get(), client).await;
        assert_eq!(self.append(std::slice::from_ref(&new)).await, [Appended::Stored]);
        Message::clone(&new.message)
    }

    pub(super) async fn head(&self, conversation: ConversationId) -> Seq {
        let heads = self.stores.messages.heads(&[conversation]).await.expect("answers");
        heads[0].expect("the conversation exists")
    }

    pub(super) async fn conversation(&self, id: ConversationId) -> Option<Conversation> {
        self.stores.conversations.by_ids(&[id]).await.expect("answers").remove(0)
    }

    pub(super) async fn entry(&self, user: UserId, id: ConversationId) -> Option<ConversationEntry> {
        self.stores.conversations.entries(user, &[id]).await.expect("answers").remove(0)
    }

    pub(super) async fn member(&self, conversation: ConversationId, user: UserId) -> Option<Member> {
        self.stores.directory.members(conversation, &[user]).await.expect("answers").remove(0)
    }

    /// Ids of the conversations in a user's list, in its order.
    pub(super) async fn listed(&self, user: UserId) -> Vec<ConversationId> {
        let list = self.stores.conversations.list(user, limit(1_000)).await.expect("answers");
        list.iter().map(|entry| entry.conversation.id).collect()
    }

    /// Texts of a whole conversation, in order.
    pub(super) async fn texts(&self, conversation: ConversationId) -> Vec<String> {
        let from = crate::ports::PageFrom::After(Seq::ZERO);
        let page = self.stores.messages.page(conversation, from, limit(10_000)).await.expect("answers");
        page.iter().map(|m| m.body.content.to_string()).collect()
    }
}

/// So many seconds after the tests' beginning.
pub(super) fn at(seconds: u64) -> Timestamp {
    ManualClock::START.after(Duration::from_secs(seconds))
}

pub(super) fn limit(n: u32) -> PageLimit {
    PageLimit::new(n, u32::MAX).expect("at least 1")
}

/// A user that no store knows.
pub(super) fn nobody() -> UserId {
    UserId::new(77).expect("in range")
}

/// A conversation that no store knows.
pub(super) fn nowhere() -> ConversationId {
    ConversationId::new(78).expect("in range")
}

/// That a call failed with this kind.
#[track_caller]
pub(super) fn assert_kind<T: std::fmt::Debug>(result: Result<T>, kind: ErrorKind) {
    match result {
        Ok(value) => panic!("expected {kind:?}, got {value:?}"),
        Err(error) => assert_eq!(error.kind(), kind, "{error}"),
    }
}

/// Runs calls at once, as far as the adapter lets them.
pub(super) async fn all_at_once<T>(calls: impl IntoIterator<Item: Future<Output = T>>) -> Vec<T> {
    let mut running: Vec<_> = calls.into_iter().map(Box::pin).collect();
    let mut done: Vec<Option<T>> = running.iter().map(|_| None).collect();
    poll_fn(|cx| {
        for (call, done) in running.iter_mut().zip(&mut done) {
            if done.is_none()
                && let Poll::Ready(value) = call.as_mut().poll(cx)
            {
                *done = Some(value);
            }
        }
        if done.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    done.into_iter().map(|value| value.expect("all are done")).collect()
}

/// Texts that stores have been known to change or refuse.
pub(super) fn strange_texts() -> Vec<String> {
    vec![
        "👩‍👩‍👧‍👦 🇺🇳 e\u{301}".into(),
        "שלום \u{202e}reversed\u{202c} مرحبا".into(),
        "a\0b".into(),
        "\u{ffff}\u{10ffff}\u{feff}".into(),
        "界".repeat(5_000),
        "\u{1f600}".repeat(5_000),
        "'; DROP TABLE messages; -- \"\\ % _ ?1 :a $1".into(),
        " leading and trailing \r\n\t ".into(),
        "<script>alert(1)</script> &amp; {\"a\":1}".into(),
        String::new(),
    ]
}
