//! Every port call of every change fails in turn, before and after taking effect. The caller gets an error, or the change is
//! made; asking again, as clients do, comes to the same end as if nothing had failed.

use gochat_core::Error;
use gochat_core::model::*;
use gochat_core::service::{GroupChange, GroupCreation, MemberChange, ProfileChange, Registration, Secret};
use gochat_core::testing::faults::When;

use crate::house::{House, PASSWORD, gateway};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Register,
    Befriend,
    Open,
    Read,
    Hide,
    Recall,
    Logout,
    Refresh,
    Password,
    Create,
    Rename,
    Add,
    Remove,
    Leave,
    Promote,
    HandOver,
    Dissolve,
    Up,
    Down,
}

const ACTS: [Act; 19] = [
    Act::Register,
    Act::Befriend,
    Act::Open,
    Act::Read,
    Act::Hide,
    Act::Recall,
    Act::Logout,
    Act::Refresh,
    Act::Password,
    Act::Create,
    Act::Rename,
    Act::Add,
    Act::Remove,
    Act::Leave,
    Act::Promote,
    Act::HandOver,
    Act::Dissolve,
    Act::Up,
    Act::Down,
];

struct Scene {
    house: House,
    alice: Caller,
    bob: Caller,
    carl: Caller,
    dora: Caller,
    group: ConversationId,
    message: MessageId,
    login: LoginGrant,
}

/// alice owns a group with bob and carl in it, in which bob wrote something that alice has not read.
async fn scene() -> (Scene, std::sync::Arc<gochat_core::testing::faults::Faults>) {
    let (house, faults) = House::faulty();
    let (alice, bob) = (house.user("alice").await, house.user("bob").await);
    let (carl, dora) = (house.user("carl").await, house.user("dora").await);
    let group = house.group(&alice, &[&bob, &carl]).await;
    let message = house.say(&bob, group, "hello").await.id;
    house.services.presences.opened(&bob, SessionId::new(60).expect("an id"), &gateway()).await.expect("up");
    let login = house.services.accounts.login("alice", PASSWORD).await.expect("login");
    faults.reset();
    (Scene { house, alice, bob, carl, dora, group, message, login }, faults)
}

impl Scene {
    async fn act(&self, act: Act) -> Result<(), Error> {
        let Self { alice, bob, carl, dora, group, .. } = self;
        let services = &self.house.services;
        let (group, session) = (*group, SessionId::new(50).expect("an id"));
        match act {
            Act::Register => services.accounts.register(Registration::new("eve", PASSWORD)).await.map(drop),
            Act::Befriend => services.friends.befriend(alice, bob.user).await.map(drop),
            Act::Open => services.conversations.open_single(alice, bob.user).await.map(drop),
            Act::Read => services.conversations.mark_read(alice, group, None).await.map(drop),
            Act::Hide => services.conversations.hide(alice, group).await,
            Act::Recall => services.messages.recall(bob, self.message).await.map(drop),
            Act::Logout => services.accounts.logout(&self.login.access_token).await,
            Act::Refresh => services.accounts.refresh(&self.login.refresh_token).await.map(drop),
            Act::Password => {
                let secrets = (Secret(PASSWORD.to_owned()), Secret("battery staple".to_owned()));
                let change = ProfileChange { password: Some(secrets), ..ProfileChange::default() };
                services.profiles.update(alice, change).await.map(drop)
            }
            Act::Create => {
                let new = GroupCreation { name: "Two".to_owned(), ..GroupCreation::default() };
                services.groups.create(alice, new).await.map(drop)
            }
            Act::Rename => {
                let change = GroupChange { name: Some("New".to_owned()), ..GroupChange::default() };
                services.groups.update(alice, group, change).await.map(drop)
            }
            Act::Add => services.groups.add(alice, group, &[dora.user]).await.map(drop),
            Act::Remove => services.groups.remove(alice, group, carl.user).await,
            Act::Leave => services.groups.remove(carl, group, carl.user).await,
            Act::Promote => {
                let change = MemberChange::Rights { role: Some(Role::Admin), muted_until: None };
                services.groups.change_member(alice, group, carl.user, change).await.map(drop)
            }
            Act::HandOver => {
                services.groups.change_member(alice, group, carl.user, MemberChange::Owner).await.map(drop)
            }
            Act::Dissolve => services.groups.dissolve(alice, group).await,
            Act::Up => services.presences.opened(alice, session, &gateway()).await,
            Act::Down => services.presences.closed(bob, SessionId::new(60).expect("an id")).await,
        }
    }

    /// The codes by which a repeated act may say that it was done before.
    fn done_before(act: Act) -> &'static [&'static str] {
        match act {
            Act::Register => &["USERNAME_TAKEN"],
            // The old password no longer fits.
            Act::Password => &["VALIDATION"],
            Act::Remove => &["NOT_A_MEMBER"],
            Act::Leave | Act::Dissolve => &["GROUP_NOT_FOUND"],
            Act::HandOver => &["FORBIDDEN"],
            _ => &[],
        }
    }

    /// What is so once the act is done, in words that can be compared.
    async fn outcome(&self, act: Act) -> Vec<String> {
        let services = &self.house.services;
        let mut out = Vec::new();
        for who in [&self.alice, &self.bob, &self.carl, &self.dora] {
            let list = services.conversations.list(who).await.expect("list");
            let mut kinds: Vec<_> = list
                .iter()
                .map(|v| {
                    let kind = match &v.entry.conversation.kind {
                        ConversationKind::Group(g) => {
                            format!(
                                "group {} of {} with {}",
                                g.name,
                                self.house.name(g.owner),
                                g.member_count
                            )
                        }
                        ConversationKind::Single(_) => "single".to_owned(),
                        _ => "world".to_owned(),
                    };
                    let last = v.entry.last_message.as_ref().map(|m| m.content.to_string());
                    format!("{kind} {:?} {:?} {}", v.entry.me.role, last, v.entry.unread())
                })
                .collect();
            // A group that is made twice because the first answer was lost is made twice: groups have no key.
            kinds.dedup();
            kinds.extend(services.friends.online(who).await.expect("list").iter().map(|f| format!("{f:?}")));
            out.push(kinds.join(", "));
        }
        let login = |password| services.accounts.login("alice", password);
        let logins = [login(PASSWORD).await.is_ok(), login("battery staple").await.is_ok()];
        out.push(format!("{logins:?}"));
        if act == Act::Register {
            services.accounts.login("eve", PASSWORD).await.expect("registered");
        }
        if act == Act::Logout {
            assert!(services.accounts.authenticate(&self.login.access_token).await.is_err());
        }
        out
    }
}

#[tokio::test]
async fn every_call_fails_in_turn() {
    let mut broken = 0;
    for act in ACTS {
        let (scene_, faults) = scene().await;
        scene_.act(act).await.expect("nothing fails");
        let calls = faults.calls().len();
        assert!(calls > 0, "{act:?}");
        let want = scene_.outcome(act).await;
        for nth in 0..calls {
            for when in [When::Before, When::After] {
                let (scene, faults) = scene().await;
                faults.fail(nth, when);
                let first = scene.act(act).await;
                let failed = faults.failed();
                assert_eq!(failed.len(), 1, "{act:?} {nth}");
                broken += 1;
                faults.reset();
                let what = format!("{act:?}, {} failed {when:?}: {first:?}", failed[0].0);
                if let Err(e) = first {
                    let code = e.code().as_str();
                    assert!(["UNAVAILABLE", "TIMEOUT"].contains(&code), "{what}");
                    if let Err(e) = scene.act(act).await {
                        let code = e.code().as_str();
                        assert!(Scene::done_before(act).contains(&code), "{what}, then {code}");
                    }
                }
                assert_eq!(scene.outcome(act).await, want, "{what}");
            }
        }
    }
    assert!(broken > 150, "{broken}");
}

#[tokio::test]
async fn a_failure_says_whether_it_may_have_happened() {
    let (scene, faults) = scene().await;
    faults.fail_all("friends.befriend");
    let error = scene.act(Act::Befriend).await.expect_err("fails");
    assert!(matches!(error, Error::Port(_)), "{error:?}");
    assert_eq!(error.code().as_str(), "UNAVAILABLE");
}
