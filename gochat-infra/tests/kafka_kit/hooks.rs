//! Facts on their way to systems outside, over real brokers and sockets.

use std::sync::Arc;
use std::time::Duration;

use gochat_core::Settings;
use gochat_core::model::{
    ConversationId, Event, LoginId, MessageBody, SendCommand, SessionId, Timestamp, User, UserId, Username,
};
use gochat_core::ports::{NewGroup, NewUser, Ports, SessionRecord};
use gochat_core::send::Pipeline;
use gochat_core::testing::conformance::Receiver;
use gochat_core::testing::{MemoryModerator, TestKit};
use gochat_core::usecase::moderation::{Moderation, ModerationPorts};
use gochat_core::usecase::push::{Push, PushPorts, PushRules};
use gochat_infra::hooks::{HttpModerator, Webhook, WebhookPush};
use gochat_infra::kafka::{
    GroupConsumer, Handler, KafkaConfig, MessageStored, ModerationHandler, PushHandler, Topics, replay,
};
use gochat_infra::runtime::metrics::Metrics;
use gochat_infra::runtime::{Supervisor, SystemClock};
use rdkafka::message::Message as _;

use super::gateways::{deliver, table};
use super::letters::read;
use super::{Bench, Servers, gateway, room, send, user};
use crate::hooks_kit::{Outside, config};

/// im-task, over stores in memory.
struct Task {
    kit: TestKit,
    supervisor: Supervisor,
    metrics: Metrics,
}

impl Task {
    async fn start(bench: &Bench, push: &Outside, moderator: &Outside) -> Self {
        let kit = TestKit::new();
        let task = Self { kit, supervisor: Supervisor::new(&bench.log), metrics: Metrics::new() };
        let ports = &task.kit.ports;
        let webhook = |url: &str| Webhook::new(config(url), Arc::new(SystemClock)).expect("an address");
        let push = PushPorts {
            sender: Arc::new(WebhookPush::new(webhook(&push.url("/push")))),
            users: ports.users.clone(),
            conversations: ports.conversations.clone(),
            directory: ports.directory.clone(),
            messages: ports.messages.clone(),
            sessions: ports.sessions.clone(),
        };
        let collapse = Duration::ZERO;
        let rules = PushRules { members_max: 500, collapse, content: true, batch: 100, remembered: 1_000 };
        task.consume(bench, "push", Arc::new(PushHandler::new(Push::new(push, rules))));
        let moderation = ModerationPorts {
            moderator: Arc::new(HttpModerator::new(webhook(&moderator.url("/moderate")))),
            messages: ports.messages.clone(),
            directory: ports.directory.clone(),
            deliver: ports.deliver.clone(),
            clock: ports.clock.clone(),
        };
        let moderation = Moderation::new(moderation, 500, &bench.log);
        task.consume(bench, "moderation", Arc::new(ModerationHandler::new(moderation, 8)));
        task
    }

    fn consume(&self, bench: &Bench, group: &'static str, handler: Arc<dyn Handler<MessageStored>>) {
        let config = KafkaConfig { poison_attempts: 1, ..bench.config.clone() };
        let (topic, producer) = (bench.topics.events(), bench.producer());
        let Self { supervisor, metrics, .. } = self;
        GroupConsumer::start(&config, &topic, group, handler, producer, supervisor, metrics, &bench.log)
            .expect("a consumer");
    }

    async fn stop(self) {
        assert!(self.supervisor.shutdown(Duration::from_secs(20)).await.is_clean());
    }
}

/// im-logic's pipeline over the same stores, with people in a group: 2 owns it, 3 is here, 4 is away.
async fn people(bench: &Bench, task: &Task) -> Pipeline {
    let ports = &task.kit.ports;
    for n in 2..=4 {
        let user = User {
            id: user(n),
            name: Username::from_stored(&format!("user{n}")),
            nickname: None,
            avatar: "".into(),
            guest: false,
            created_at: Timestamp::from_millis(0),
        };
        ports.users.create(&NewUser { user, password: None, external: None }).await.expect("stored");
    }
    let group = NewGroup {
        id: room(7),
        name: "three".into(),
        avatar: "".into(),
        description: "".into(),
        owner: user(2),
        members: vec![user(3), user(4)],
        at: Timestamp::from_millis(0),
    };
    ports.groups.create(&group).await.expect("stored");
    let session = SessionRecord {
        user: user(3),
        session: SessionId::new(33).expect("in range"),
        gateway: gateway("gw"),
        login: LoginId::new(33).expect("in range"),
        guest: false,
        at: Timestamp::from_millis(0),
    };
    ports.sessions.register(&session, 5).await.expect("registered");
    let deliver = Arc::new(deliver(bench, &table(&[], &[])).with_facts());
    Pipeline::new(Ports { deliver, ..ports.clone() }, Arc::new(Settings::default()), bench.log.clone())
}

async fn say(pipeline: &Pipeline, conversation: ConversationId, n: u64, text: &str) {
    let command = SendCommand { body: MessageBody::text(text), ..send(conversation.get(), n) };
    assert_eq!(pipeline.process(&[command]).await.expect("stored").stored, 1);
}

pub(crate) async fn those_away_are_notified_and_what_is_objected_to_goes(servers: &'static Servers) {
    let (bench, push, moderator) = (servers.bench().await, Outside::start().await, Outside::start().await);
    let task = Task::start(&bench, &push, &moderator).await;
    let pipeline = people(&bench, &task).await;
    say(&pipeline, room(7), 1, "hello").await;
    let told = push.notifications(1).await;
    let told: Vec<_> = told.iter().map(|n| (n.user, n.seq.get(), n.content.as_deref())).collect();
    assert_eq!(told, [(user(4), 1, Some("hello"))]);

    say(&pipeline, room(7), 2, &format!("a {} thing", MemoryModerator::WORD)).await;
    let heard = task.kit.deliver.nth(0).await;
    let Event::Recalled { id, by, seq, .. } = heard.event else { panic!("{heard:?}") };
    assert_eq!((by, seq.get()), (UserId::SYSTEM, 2));
    let stored =
        task.kit.ports.messages.by_ids(&[id]).await.expect("messages").remove(0).expect("a tombstone");
    assert_eq!((&*stored.body.content, stored.recalled.map(|r| r.by)), ("", Some(UserId::SYSTEM)));
    task.stop().await;
}

pub(crate) async fn what_is_refused_holds_up_nobody_and_comes_back(servers: &'static Servers) {
    let (bench, push, moderator) = (servers.bench().await, Outside::start().await, Outside::start().await);
    let task = Task::start(&bench, &push, &moderator).await;
    let pipeline = people(&bench, &task).await;
    Receiver::refuse(&push).await;
    say(&pipeline, room(7), 1, "refused").await;
    let topic = bench.topics.events();
    let letters = read(&bench, &Topics::dead_letters(&topic), 0, 1).await;
    assert_eq!(letters[0].key(), Some(&b"7"[..]));
    assert_eq!(push.received().await, []);
    // Where nobody is notified, so that nothing newer is told of than what comes back.
    say(&pipeline, ConversationId::WORLD, 2, &format!("a {} thing", MemoryModerator::WORD)).await;
    let heard = task.kit.deliver.nth(0).await;
    assert!(matches!(heard.event, Event::Recalled { .. }), "moderation goes on: {heard:?}");

    push.accept().await;
    let replayed = replay(&bench.config, &topic, 1, &bench.producer(), &bench.log).await.expect("replayed");
    assert_eq!(replayed.records, 1);
    let told = push.notifications(1).await;
    assert_eq!((told[0].user, told[0].seq.get()), (user(4), 1));
    task.stop().await;
}
