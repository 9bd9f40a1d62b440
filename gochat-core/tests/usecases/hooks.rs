//! Who is notified of what, and what becomes of what a moderator objects to.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use gochat_core::model::*;
use gochat_core::ports::*;
use gochat_core::testing::conformance::{Receiver as _, Rulings as _};
use gochat_core::testing::{MemoryModerator, MemoryPush};
use gochat_core::usecase::moderation::{Moderated, Moderation, ModerationFailed, ModerationPorts};
use gochat_core::usecase::push::{Push, PushFailed, PushPorts, PushRules};

use crate::house::{House, gateway, quiet};

fn rules() -> PushRules {
    let collapse = Duration::from_secs(10);
    PushRules { members_max: 3, collapse, content: false, batch: 100, remembered: 1_000 }
}

fn push(house: &House, rules: PushRules) -> (Push, Arc<MemoryPush>) {
    push_over(house, rules, house.kit.ports.conversations.clone())
}

fn push_over(
    house: &House,
    rules: PushRules,
    conversations: Arc<dyn ConversationStore>,
) -> (Push, Arc<MemoryPush>) {
    let sender = Arc::new(MemoryPush::new());
    let ports = &house.kit.ports;
    let ports = PushPorts {
        sender: sender.clone(),
        users: ports.users.clone(),
        conversations,
        directory: ports.directory.clone(),
        messages: ports.messages.clone(),
        sessions: ports.sessions.clone(),
    };
    (Push::new(ports, rules), sender)
}

async fn view(house: &House, message: Message) -> MessageView {
    let sender = house.kit.ports.users.by_ids(&[message.sender]).await.expect("users").remove(0);
    MessageView { message: Arc::new(message), sender }
}

async fn say(house: &House, who: &Caller, conversation: ConversationId, text: &str) -> MessageView {
    view(house, house.say(who, conversation, text).await).await
}

async fn connect(house: &House, who: &Caller) {
    let record = SessionRecord {
        user: who.user,
        session: SessionId::new(who.user.get() + 1_000_000).expect("in range"),
        gateway: gateway(),
        login: who.login,
        guest: who.guest,
        at: house.kit.ports.clock.now(),
    };
    house.kit.sessions.register(&record, 10).await.expect("registered");
}

/// Who was told, of which position, with how many unread.
fn told(house: &House, push: &MemoryPush) -> Vec<(String, u64, u64)> {
    let mut all: Vec<_> = push.take().iter().map(|n| (house.name(n.user), n.seq.get(), n.unread)).collect();
    all.sort();
    all
}

fn who(names: &[(&str, u64, u64)]) -> Vec<(String, u64, u64)> {
    names.iter().map(|(name, seq, unread)| ((*name).to_owned(), *seq, *unread)).collect()
}

#[tokio::test]
async fn those_who_are_away_are_told_and_nobody_else() {
    let house = House::new();
    let (alice, bob, carol) = (house.user("alice").await, house.user("bob").await, house.user("carol").await);
    let group = house.group(&alice, &[&bob, &carol]).await;
    connect(&house, &bob).await;
    let (push, sent) = push(&house, rules());
    let first = say(&house, &alice, group, "hello").await;
    push.notify(std::slice::from_ref(&first)).await.expect("told");
    let all = sent.take();
    let [one] = &all[..] else { panic!("{all:?}") };
    assert_eq!((one.user, one.conversation, one.message), (carol.user, group, first.message.id));
    assert_eq!((&*one.sender_name, one.unread, one.mentioned, &one.content), ("alice", 1, false, &None));
    let world = say(&house, &alice, ConversationId::WORLD, "hello world").await;
    push.notify(&[world]).await.expect("nobody to tell");
    assert_eq!(sent.take(), []);
}

#[tokio::test]
async fn content_leaves_only_where_it_may() {
    let house = House::new();
    let (alice, bob) = (house.user("alice").await, house.user("bob").await);
    let group = house.group(&alice, &[&bob]).await;
    let (push, sent) = push(&house, PushRules { content: true, ..rules() });
    push.notify(&[say(&house, &alice, group, "hello").await]).await.expect("told");
    assert_eq!(sent.take()[0].content.as_deref(), Some("hello"));
}

#[tokio::test]
async fn guests_are_not_told() {
    let house = House::new();
    let (alice, guest) = (house.user("alice").await, house.guest("gast").await);
    let ports = &house.kit.ports;
    let open = OpenSingle {
        users: [alice.user, guest.user],
        by: alice.user,
        id: ConversationId::new(77).expect("in range"),
        at: ports.clock.now(),
    };
    let conversation = ports.conversations.open_single(&open).await.expect("open").id;
    let (push, sent) = push(&house, rules());
    push.notify(&[say(&house, &alice, conversation, "hello").await]).await.expect("nobody to tell");
    assert_eq!(sent.take(), []);
    push.notify(&[say(&house, &guest, conversation, "hello").await]).await.expect("told");
    assert_eq!(told(&house, &sent), who(&[("alice", 2, 1)]));
}

#[tokio::test]
async fn notifications_collapse() {
    let house = House::new();
    let (alice, bob) = (house.user("alice").await, house.user("bob").await);
    let group = house.group(&alice, &[&bob]).await;
    let (push, sent) = push(&house, rules());
    // Together: the newest stands for all.
    let all = [say(&house, &alice, group, "1").await, say(&house, &alice, group, "2").await];
    push.notify(&all).await.expect("told");
    assert_eq!(told(&house, &sent), who(&[("bob", 2, 2)]));
    // In the time of the last.
    house.kit.clock.advance(Duration::from_millis(9_999));
    push.notify(&[say(&house, &alice, group, "3").await]).await.expect("told");
    assert_eq!(told(&house, &sent), who(&[]));
    house.kit.clock.advance(Duration::from_millis(1));
    let fourth = say(&house, &alice, group, "4").await;
    push.notify(std::slice::from_ref(&fourth)).await.expect("told");
    assert_eq!(told(&house, &sent), who(&[("bob", 4, 4)]));
    // Again, and an older one after it.
    push.notify(&[all[0].clone(), fourth]).await.expect("told");
    assert_eq!(told(&house, &sent), who(&[]));
    // Another conversation has a time of its own.
    let other = house.group(&alice, &[&bob]).await;
    push.notify(&[say(&house, &alice, other, "1").await]).await.expect("told");
    assert_eq!(told(&house, &sent), who(&[("bob", 1, 1)]));
}

#[tokio::test]
async fn who_wrote_or_read_meanwhile_is_not_told() {
    let house = House::new();
    let (alice, bob, carol) = (house.user("alice").await, house.user("bob").await, house.user("carol").await);
    let group = house.group(&alice, &[&bob, &carol]).await;
    let (push, sent) = push(&house, rules());
    let from_alice = say(&house, &alice, group, "1").await;
    house.services.messages.mark_read(&carol, from_alice.message.id).await.expect("hers");
    push.notify(std::slice::from_ref(&from_alice)).await.expect("told");
    assert_eq!(told(&house, &sent), who(&[("bob", 1, 1)]));
    house.kit.clock.advance(Duration::from_secs(60));
    let from_bob = say(&house, &bob, group, "2").await;
    push.notify(&[from_bob]).await.expect("told");
    assert_eq!(told(&house, &sent), who(&[("alice", 2, 1), ("carol", 2, 1)]));
}

#[tokio::test]
async fn nothing_is_told_of_what_was_recalled() {
    let house = House::new();
    let (alice, bob) = (house.user("alice").await, house.user("bob").await);
    let group = house.group(&alice, &[&bob]).await;
    let (push, sent) = push(&house, rules());
    let message = say(&house, &alice, group, "oops").await;
    house.services.messages.recall(&alice, message.message.id).await.expect("her own");
    push.notify(&[message]).await.expect("nobody to tell");
    assert_eq!(sent.take(), []);
}

#[tokio::test]
async fn in_large_groups_those_mentioned_are_told() {
    let house = House::new();
    let (alice, bob, carol) = (house.user("alice").await, house.user("bob").await, house.user("carol").await);
    let (dave, eve) = (house.user("dave").await, house.user("eve").await);
    let group = house.group(&alice, &[&bob, &carol, &dave]).await;
    let (push, sent) = push(&house, rules());
    let mut message = house.say(&alice, group, "hello @bob and @eve").await;
    message.body.mentions = vec![bob.user, eve.user, bob.user, alice.user];
    push.notify(&[view(&house, message).await]).await.expect("told");
    let all = sent.take();
    assert!(all.iter().map(|n| (n.user, n.mentioned)).eq([(bob.user, true)]), "{all:?}");
}

/// Says of one user that they have muted everything.
#[derive(Debug)]
struct Muted(Arc<dyn ConversationStore>, UserId);

#[async_trait]
impl ConversationStore for Muted {
    async fn open_single(&self, open: &OpenSingle) -> Result<Opened> {
        self.0.open_single(open).await
    }
    async fn by_ids(&self, ids: &[ConversationId]) -> Result<Vec<Option<Conversation>>> {
        self.0.by_ids(ids).await
    }
    async fn list(&self, user: UserId, limit: PageLimit) -> Result<Vec<ConversationEntry>> {
        self.0.list(user, limit).await
    }
    async fn entries(&self, user: UserId, ids: &[ConversationId]) -> Result<Vec<Option<ConversationEntry>>> {
        let mut entries = self.0.entries(user, ids).await?;
        entries.iter_mut().flatten().for_each(|entry| entry.muted = user == self.1);
        Ok(entries)
    }
    async fn mark_read(&self, user: UserId, id: ConversationId, seq: Option<Seq>) -> Result<ReadState> {
        self.0.mark_read(user, id, seq).await
    }
    async fn hide(&self, user: UserId, conversation: ConversationId) -> Result<()> {
        self.0.hide(user, conversation).await
    }
    async fn changes(&self, user: UserId, cursor: SyncCursor, limit: PageLimit) -> Result<Changes> {
        self.0.changes(user, cursor, limit).await
    }
}

#[tokio::test]
async fn who_has_muted_it_is_not_told() {
    let house = House::new();
    let (alice, bob, carol) = (house.user("alice").await, house.user("bob").await, house.user("carol").await);
    let group = house.group(&alice, &[&bob, &carol]).await;
    let muted = Arc::new(Muted(house.kit.ports.conversations.clone(), bob.user));
    let (push, sent) = push_over(&house, rules(), muted);
    push.notify(&[say(&house, &alice, group, "hello").await]).await.expect("told");
    assert_eq!(told(&house, &sent), who(&[("carol", 1, 1)]));
}

#[tokio::test]
async fn a_failure_names_the_first_message_not_told_of_and_forgets_nobody() {
    let house = House::new();
    let (alice, bob) = (house.user("alice").await, house.user("bob").await);
    let (one, two) = (house.group(&alice, &[&bob]).await, house.group(&alice, &[&bob]).await);
    let (push, sent) = push(&house, PushRules { batch: 1, ..rules() });
    let batch = [say(&house, &alice, one, "1").await, say(&house, &alice, two, "1").await];
    push.notify(&batch[..1]).await.expect("told");
    assert_eq!(sent.take().len(), 1);
    sent.go_away().await;
    let failed = push.notify(&batch).await.expect_err("away");
    assert!(matches!(failed, PushFailed::Sender { index: 1, .. }), "{failed:?}");
    sent.accept().await;
    push.notify(&batch).await.expect("told");
    assert!(sent.take().iter().map(|n| n.conversation).eq([two]), "the first is not told again");
}

fn moderation(house: &House) -> (Moderation, Arc<MemoryModerator>) {
    let moderator = Arc::new(MemoryModerator::new());
    let ports = &house.kit.ports;
    let ports = ModerationPorts {
        moderator: moderator.clone(),
        messages: ports.messages.clone(),
        directory: ports.directory.clone(),
        deliver: ports.deliver.clone(),
        clock: ports.clock.clone(),
    };
    (Moderation::new(ports, 2, &quiet()), moderator)
}

#[tokio::test]
async fn what_a_moderator_objects_to_is_a_tombstone_and_readers_are_told() {
    let house = House::new();
    let (alice, bob, carol) = (house.user("alice").await, house.user("bob").await, house.user("carol").await);
    let small = house.group(&alice, &[&bob]).await;
    let large = house.group(&alice, &[&bob, &carol]).await;
    let (moderation, _) = moderation(&house);
    for (conversation, readers) in
        [(small, "alice bob"), (large, "members"), (ConversationId::WORLD, "everyone")]
    {
        let message = say(&house, &alice, conversation, "a forbidden thing").await;
        // As often as it is handed over.
        for _ in 0..2 {
            assert_eq!(moderation.moderate(&message).await.expect("judged"), Moderated::Recalled);
            let heard = house.kit.deliver.take();
            let [told] = &heard[..] else { panic!("{heard:?}") };
            let Event::Recalled { id, by, .. } = told.event else { panic!("{told:?}") };
            assert_eq!((id, by), (message.message.id, UserId::SYSTEM));
            let to = match &told.audience {
                Audience::Users(users) => users.iter().map(|u| house.name(*u)).collect::<Vec<_>>().join(" "),
                Audience::Members(_) => "members".to_owned(),
                Audience::Everyone => "everyone".to_owned(),
                other => format!("{other:?}"),
            };
            assert_eq!(to, readers);
        }
        let read = house.services.messages.get(&bob, message.message.id).await.expect("a tombstone");
        assert_eq!(&*read.message.body.content, "");
        assert_eq!(read.message.recalled.map(|r| r.by), Some(UserId::SYSTEM));
    }
    let message = say(&house, &alice, small, "a nice thing").await;
    assert_eq!(moderation.moderate(&message).await.expect("judged"), Moderated::Allowed);
    assert_eq!(house.heard(), [] as [String; 0]);
}

#[tokio::test]
async fn without_a_verdict_messages_stay() {
    let house = House::new();
    let (alice, bob) = (house.user("alice").await, house.user("bob").await);
    let group = house.group(&alice, &[&bob]).await;
    let (moderation, moderator) = moderation(&house);
    moderator.go_away().await;
    let message = say(&house, &alice, group, "a forbidden thing").await;
    let failed = moderation.moderate(&message).await.expect_err("away");
    assert!(matches!(failed, ModerationFailed::Moderator(_)), "{failed:?}");
    let read = house.services.messages.get(&bob, message.message.id).await.expect("still there");
    assert_eq!(&*read.message.body.content, "a forbidden thing");
}
