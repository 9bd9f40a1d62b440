//! A house full of people for the tests: services over in-memory ports, and what was heard in plain words.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use gochat_core::error::{Error, Fault};
use gochat_core::model::*;
use gochat_core::ports::Ports;
use gochat_core::send::Pipeline;
use gochat_core::service::{GroupCreation, MemberChange, Registration, Services};
use gochat_core::testing::TestKit;
use gochat_core::testing::faults::Faults;
use gochat_core::{Settings, usecase};

pub(crate) const PASSWORD: &str = "correct horse";

pub(crate) struct House {
    pub(crate) kit: TestKit,
    pub(crate) ports: Ports,
    pub(crate) services: Services,
    pipeline: Pipeline,
    names: Mutex<HashMap<UserId, String>>,
    sent: AtomicU64,
    /// Keeps the way to the services open.
    _line: crate::Line,
}

/// Where all sessions are.
pub(crate) fn gateway() -> GatewayId {
    GatewayId::new("local").expect("a name")
}

pub(crate) fn quiet() -> slog::Logger {
    slog::Logger::root(slog::Discard, slog::o!())
}

impl House {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::over(change, |_| {})
    }

    /// With ports that the test replaces.
    pub(crate) fn over(change: impl FnOnce(&mut Settings), replace: impl FnOnce(&mut Ports)) -> Self {
        let kit = TestKit::new();
        let mut settings = Settings::default();
        change(&mut settings);
        let settings = Arc::new(settings);
        let mut ports = kit.ports.clone();
        replace(&mut ports);
        let services = usecase::services(&ports, Arc::clone(&settings), &quiet());
        let (services, line) = crate::connect(services);
        let pipeline = Pipeline::new(kit.ports.clone(), settings, quiet());
        let (names, sent) = (Mutex::default(), AtomicU64::new(0));
        Self { kit, ports, services, pipeline, names, sent, _line: line }
    }

    /// With ports that are counted and fail when told to.
    pub(crate) fn faulty() -> (Self, Arc<Faults>) {
        let faults = Faults::new();
        let house = Self::over(|_| {}, |ports| *ports = faults.wrap(ports));
        (house, faults)
    }

    /// Registers somebody and logs them in.
    pub(crate) async fn user(&self, name: &str) -> Caller {
        let accounts = &self.services.accounts;
        accounts.register(Registration::new(name, PASSWORD)).await.expect("a free name");
        self.login(name).await
    }

    pub(crate) async fn login(&self, name: &str) -> Caller {
        let grant = self.services.accounts.login(name, PASSWORD).await.expect("the right password");
        self.caller(&grant).await
    }

    pub(crate) async fn guest(&self, name: &str) -> Caller {
        let grant = self.services.accounts.guest(name).await.expect("a guest");
        self.caller(&grant).await
    }

    async fn caller(&self, grant: &LoginGrant) -> Caller {
        self.names.lock().expect("no panic").insert(grant.user.id, grant.user.name.as_str().to_owned());
        self.services.accounts.authenticate(&grant.access_token).await.expect("a fresh token")
    }

    /// A group with these members.
    pub(crate) async fn group(&self, owner: &Caller, others: &[&Caller]) -> ConversationId {
        let members = others.iter().map(|c| c.user).collect();
        let new = GroupCreation { name: "Team".to_owned(), members, ..GroupCreation::default() };
        let detail = self.services.groups.create(owner, new).await.expect("a group");
        self.forget();
        detail.conversation.entry.conversation.id
    }

    /// Sends a text and answers it as stored.
    pub(crate) async fn say(&self, who: &Caller, conversation: ConversationId, text: &str) -> Message {
        let n = self.sent.fetch_add(1, Ordering::Relaxed);
        let command = SendCommand {
            id: MessageId::new(self.kit.ports.ids.next_id()).expect("in range"),
            conversation,
            sender: who.user,
            guest: who.guest,
            client_msg_id: ClientMsgId::new(&format!("c{n}")).expect("short"),
            body: MessageBody::text(text),
            origin: Origin {
                gateway: GatewayId::new("test").expect("plain"),
                session: None,
                reply: ReplyTo::Nobody,
                tag: None,
            },
        };
        let report = self.pipeline.process(&[command]).await.expect("ports that work");
        assert_eq!(report.stored, 1, "refused");
        let seen = self.kit.deliver.take();
        let stored = seen.into_iter().find_map(|d| match d.event {
            Event::Stored(receipt) => Some(receipt.view.message),
            _ => None,
        });
        (*stored.expect("a receipt")).clone()
    }

    pub(crate) fn name(&self, user: UserId) -> String {
        self.names.lock().expect("no panic").get(&user).cloned().unwrap_or_else(|| user.to_string())
    }

    pub(crate) fn forget(&self) {
        let _told = self.kit.deliver.take();
    }

    /// What was told since the last time, as `receivers: event`.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.kit.deliver.take().iter().map(|d| self.in_words(d)).collect()
    }

    fn in_words(&self, d: &Delivery) -> String {
        let to = match &d.audience {
            Audience::Users(users) => {
                let mut names: Vec<_> = users.iter().map(|u| self.name(*u)).collect();
                names.sort();
                names.join(" ")
            }
            Audience::Everyone => "everyone".to_owned(),
            Audience::Members(_) => "members".to_owned(),
            Audience::Login(user, login) => format!("login {login} of {}", self.name(*user)),
            Audience::Session(user, session) => format!("session {session} of {}", self.name(*user)),
            other => format!("{other:?}"),
        };
        let what = match &d.event {
            Event::ConversationChanged(view) => {
                let new = if view.new { "new" } else { "changed" };
                let me = self.name(view.entry.me.user);
                format!("{new} conversation of {me}, {} unread", view.entry.unread())
            }
            Event::FriendOnline { user, online } => format!("friend {} {}", self.name(*user), up(*online)),
            Event::MemberOnline { user, online, .. } => {
                format!("member {} {}", self.name(*user), up(*online))
            }
            Event::Read { seq, unread, .. } => format!("read {seq}, {unread} unread"),
            Event::Typing { user, typing, .. } => format!("{} typing {typing}", user.name.as_str()),
            Event::Recalled { seq, by, .. } => format!("recalled {seq} by {}", self.name(*by)),
            Event::Membership { user, role, action, by, .. } => {
                let rank = role.map_or("out".to_owned(), |r| format!("{r:?}").to_lowercase());
                format!("{} {action:?} as {rank} by {}", self.name(*user), self.name(*by))
            }
            Event::EndSession(reason) => format!("end: {reason:?}"),
            other => format!("{other:?}"),
        };
        format!("{to}: {what}")
    }
}

fn up(online: bool) -> &'static str {
    if online { "here" } else { "gone" }
}

/// The faulty fields of a validation error.
pub(crate) fn faults<T: std::fmt::Debug>(result: Result<T, Error>) -> Vec<(&'static str, Fault)> {
    match result {
        Err(Error::Validation(fields)) => fields.into_iter().map(|f| (f.field, f.fault)).collect(),
        other => panic!("no validation error: {other:?}"),
    }
}

/// The name of the code of an error.
pub(crate) fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> &'static str {
    result.expect_err("refused").code().as_str()
}

/// alice, bob, carl and dora.
pub(crate) async fn four(house: &House) -> [Caller; 4] {
    [house.user("alice").await, house.user("bob").await, house.user("carl").await, house.user("dora").await]
}

/// Another rank.
pub(crate) fn role(role: Role) -> MemberChange {
    MemberChange::Rights { role: Some(role), muted_until: None }
}
