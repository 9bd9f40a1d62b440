//! Every call answers to the letter what the service itself answers: one script, played on services here and behind a line.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use gochat_core::model::*;
use gochat_core::ports::SyncCursor;
use gochat_core::send::Pipeline;
use gochat_core::service::{
    GroupChange, GroupCreation, HistoryQuery, MemberChange, MemberQuery, ProfileChange, Registration, Secret,
    Services,
};
use gochat_core::testing::TestKit;
use gochat_core::{Settings, usecase};

use crate::house::{PASSWORD, gateway, quiet};
use crate::line::connect;

/// A play on a fresh house, and what was answered and told in it. Clock, ids and secrets are the same in each.
struct Play {
    kit: TestKit,
    on: Services,
    pipeline: Pipeline,
    heard: Vec<String>,
}

impl Play {
    fn new(through: impl FnOnce(Services) -> Services) -> Self {
        let kit = TestKit::new();
        let settings = Arc::new(Settings::default());
        let services = usecase::services(&kit.ports, settings.clone(), &quiet());
        let pipeline = Pipeline::new(kit.ports.clone(), settings, quiet());
        Self { kit, on: through(services), pipeline, heard: Vec::new() }
    }

    /// Notes an answer, and everything that was told meanwhile.
    fn note(&mut self, answer: impl Debug) {
        self.heard.push(format!("{answer:?} {:?}", self.kit.deliver.take()));
        self.kit.clock.advance(Duration::from_millis(7));
    }

    async fn caller(&self, token: &str) -> Caller {
        self.on.accounts.authenticate(token).await.expect("a good token")
    }

    async fn send(&self, who: &Caller, conversation: ConversationId, n: u32) {
        let mut body = MessageBody::text(&format!("{n} 你好\0\u{fffd}"));
        body.mentions = vec![who.user];
        body.attachment = Some(r#"{"url": "x"}"#.into());
        let origin =
            Origin { gateway: gateway(), session: None, reply: ReplyTo::Nobody, tag: Some("1".into()) };
        let client_msg_id = ClientMsgId::new(&format!("m{n}")).expect("an id");
        let (sender, guest) = (who.user, who.guest);
        let id = MessageId::new(self.kit.ports.ids.next_id()).expect("an id");
        let command = SendCommand { id, conversation, sender, guest, client_msg_id, body, origin };
        assert_eq!(self.pipeline.process(&[command]).await.expect("ports").stored, 1);
    }

    async fn accounts(&mut self) -> [Caller; 3] {
        let accounts = self.on.accounts.clone();
        let mut alice = Registration::new("Alice", PASSWORD);
        alice.avatar = "https://example.org/a.png".to_owned();
        self.note(accounts.register(alice).await);
        self.note(accounts.register(Registration::new("aLICE", PASSWORD)).await);
        self.note(accounts.register(Registration::new("a", "b")).await);
        self.note(accounts.login("alice", "wrong").await);
        let login = accounts.login("alice", PASSWORD).await.expect("the right one");
        self.note(&login);
        let next = accounts.refresh(&login.refresh_token).await.expect("a fresh one");
        self.note(&next);
        self.note(accounts.refresh("none of ours").await);
        let guest = accounts.guest("Looker").await.expect("a name");
        self.note(&guest);
        self.note(accounts.guest("!").await);
        let bob = accounts.adopt("ext:7", "bob").await.expect("a name");
        self.note(&bob);
        self.note(accounts.adopt("", "bob").await);
        self.note(accounts.authenticate("none of ours").await);
        let callers = [
            self.caller(&next.access_token).await,
            self.caller(&bob.access_token).await,
            self.caller(&guest.access_token).await,
        ];
        self.note(callers);
        let other = accounts.login("alice", PASSWORD).await.expect("the right one");
        self.note(accounts.logout(&other.access_token).await);
        self.note(accounts.authenticate(&other.access_token).await);
        self.note(accounts.logout("none of ours").await);
        callers
    }

    async fn people(&mut self, alice: &Caller, bob: &Caller, guest: &Caller) -> ConversationId {
        let (profiles, friends) = (self.on.profiles.clone(), self.on.friends.clone());
        let nobody = UserId::new(i64::MAX as u64).expect("the last");
        self.note(profiles.by_ids(&[alice.user, nobody, guest.user, alice.user]).await);
        self.note(profiles.by_ids(&[]).await);
        self.note(profiles.by_name("ALICE").await);
        self.note(profiles.by_name("nobody").await);
        self.note(profiles.search(bob, "al", Some(3)).await);
        self.note(profiles.search(bob, "", Some(0)).await);
        let named = ProfileChange { nickname: Some("Al 🦀".to_owned()), ..ProfileChange::default() };
        self.note(profiles.update(alice, named).await);
        let picture = ProfileChange { avatar: Some(String::new()), ..ProfileChange::default() };
        self.note(profiles.update(alice, picture).await);
        let secrets = |old: &str, new: &str| ProfileChange {
            password: Some((Secret(old.to_owned()), Secret(new.to_owned()))),
            ..ProfileChange::default()
        };
        self.note(profiles.update(alice, secrets("wrong", "another one")).await);
        self.note(profiles.update(alice, secrets(PASSWORD, "another one")).await);
        let made = friends.befriend(alice, bob.user).await;
        self.note(&made);
        self.note(friends.befriend(bob, alice.user).await);
        self.note(friends.befriend(alice, alice.user).await);
        self.note(friends.befriend(alice, nobody).await);
        self.note(friends.befriend(alice, guest.user).await);
        self.note(friends.list(bob).await);
        self.note(friends.online(bob).await);
        made.expect("friends").conversation
    }

    async fn chats(&mut self, alice: &Caller, bob: &Caller, guest: &Caller, single: ConversationId) {
        let (conversations, messages) = (self.on.conversations.clone(), self.on.messages.clone());
        for n in 0..5 {
            self.send(alice, single, n).await;
            self.send(bob, ConversationId::WORLD, 10 + n).await;
        }
        self.note(conversations.list(bob).await);
        self.note(conversations.open_single(bob, alice.user).await);
        self.note(conversations.open_single(bob, guest.user).await);
        self.note(conversations.open_single(bob, bob.user).await);
        self.note(conversations.get(alice, single).await);
        self.note(conversations.get(guest, single).await);
        self.note(conversations.mark_read(bob, single, Some(Seq::new(2))).await);
        self.note(conversations.mark_read(bob, single, None).await);
        self.note(conversations.hide(alice, single).await);
        self.note(conversations.sync(bob, SyncCursor::START, Some(1)).await);
        self.note(conversations.sync(bob, SyncCursor::START, Some(0)).await);
        self.note(conversations.sync(bob, SyncCursor(u64::MAX), None).await);
        let page = HistoryQuery::After { seq: Seq::ZERO, limit: None };
        let history = messages.history(bob, single, page).await.expect("a member");
        self.note(&history);
        for query in [
            HistoryQuery::Page { page: 2, size: Some(2) },
            HistoryQuery::Page { page: 0, size: None },
            HistoryQuery::After { seq: Seq::new(u64::MAX), limit: Some(u32::MAX) },
            HistoryQuery::Before { seq: Seq::new(3), limit: Some(1) },
            HistoryQuery::Before { seq: Seq::new(3), limit: Some(0) },
        ] {
            self.note(messages.history(alice, single, query).await);
        }
        let id = history.messages[1].message.id;
        self.note(messages.get(bob, id).await);
        self.note(messages.get(guest, id).await);
        self.note(messages.recall(bob, id).await);
        self.note(messages.recall(alice, id).await);
        self.note(messages.get(bob, id).await);
        self.note(messages.mark_read(alice, id).await);
        self.kit.clock.advance(Duration::from_secs(121));
        self.note(messages.recall(alice, history.messages[2].message.id).await);
    }

    async fn groups(&mut self, alice: &Caller, bob: &Caller, guest: &Caller) {
        let groups = self.on.groups.clone();
        let nobody = UserId::new(77_777).expect("above 0");
        let new = |members: &[UserId]| GroupCreation {
            name: "Team".to_owned(),
            members: members.to_vec(),
            avatar: "a".to_owned(),
            description: "b\nc".to_owned(),
        };
        self.note(groups.create(alice, new(&[nobody, bob.user])).await);
        self.note(groups.create(alice, new(&[guest.user])).await);
        self.note(groups.create(alice, GroupCreation::default()).await);
        let made = groups.create(alice, new(&[])).await.expect("a group");
        self.note(&made);
        let id = made.conversation.entry.conversation.id;
        self.note(groups.get(bob, id).await);
        self.note(groups.add(alice, id, &[bob.user, nobody]).await);
        self.note(groups.add(alice, id, &[bob.user, alice.user]).await);
        self.note(groups.get(bob, id).await);
        for query in [
            MemberQuery::After { user: None, limit: Some(1) },
            MemberQuery::After { user: Some(alice.user), limit: None },
            MemberQuery::Page { page: 2, size: Some(1) },
            MemberQuery::Page { page: 0, size: None },
        ] {
            self.note(groups.members(bob, id, query).await);
        }
        let named = GroupChange { name: Some("Crew".to_owned()), ..GroupChange::default() };
        self.note(groups.update(bob, id, named.clone()).await);
        self.note(groups.update(alice, id, named).await);
        let until = self.kit.ports.clock.now().after(Duration::from_secs(60));
        let rights = |role, muted_until| MemberChange::Rights { role, muted_until };
        for change in [
            rights(Some(Role::Admin), None),
            rights(None, Some(Some(until))),
            rights(Some(Role::Member), Some(None)),
            rights(Some(Role::Owner), None),
            rights(None, None),
        ] {
            self.note(groups.change_member(alice, id, bob.user, change).await);
        }
        self.note(groups.change_member(alice, id, nobody, MemberChange::Owner).await);
        self.note(groups.remove(alice, id, alice.user).await);
        self.note(groups.change_member(alice, id, bob.user, MemberChange::Owner).await);
        self.note(groups.dissolve(alice, id).await);
        self.note(groups.remove(alice, id, alice.user).await);
        self.note(groups.dissolve(bob, id).await);
    }

    async fn presences(&mut self, alice: &Caller, bob: &Caller, guest: &Caller, single: ConversationId) {
        let presences = self.on.presences.clone();
        let session = SessionId::new(i64::MAX as u64).expect("the last");
        let typist = Caller { session: Some(session), ..*alice };
        self.note(presences.opened(alice, session, &gateway()).await);
        self.note(self.on.friends.online(bob).await);
        self.note(presences.typing(&typist, single, true).await);
        self.note(presences.typing(guest, single, true).await);
        self.note(presences.closed(alice, session).await);
        self.kit.clock.advance(Duration::from_secs(5));
        presences.tell_departures().await;
        self.note(self.on.friends.unfriend(alice, bob.user).await);
    }

    async fn all(mut self) -> Vec<String> {
        let [alice, bob, guest] = self.accounts().await;
        let single = self.people(&alice, &bob, &guest).await;
        self.chats(&alice, &bob, &guest, single).await;
        self.groups(&alice, &bob, &guest).await;
        self.presences(&alice, &bob, &guest, single).await;
        self.heard
    }
}

#[tokio::test]
async fn every_answer_is_to_the_letter_that_of_the_service() {
    let here = Play::new(|services| services).all().await;
    let mut line = None;
    let there = Play::new(|services| {
        let (remote, it) = connect(services);
        line = Some(it);
        remote
    });
    let there = there.all().await;
    assert!(here.len() > 80);
    for (here, there) in here.iter().zip(&there) {
        assert_eq!(here, there);
    }
    assert_eq!(here.len(), there.len());
}
