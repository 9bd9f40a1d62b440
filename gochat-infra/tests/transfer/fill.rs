//! A folder with something of everything in it, made through the use cases.

use std::path::Path;

use gochat_core::model::{
    ClientMsgId, ConversationId, LoginId, MessageBody, MessageId, MessageKey, MessageKind, Role, Seq,
    Timestamp, UserId,
};
use gochat_core::ports::SyncCursor;
use gochat_core::service::{GroupCreation, MemberChange, ProfileChange};
use gochat_infra::embedded::{Client, GoChat};

/// What to ask for.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) users: Vec<UserId>,
    pub(crate) names: Vec<String>,
    pub(crate) external: Vec<String>,
    pub(crate) logins: Vec<LoginId>,
    pub(crate) conversations: Vec<ConversationId>,
    pub(crate) messages: Vec<(MessageId, MessageKey)>,
    /// Where clients were at some time.
    pub(crate) cursors: Vec<(UserId, SyncCursor)>,
}

const TEXTS: [&str; 12] = [
    "hello",
    "你好，世界",
    "こんにちは",
    "안녕하세요",
    "مرحبا بالعالم",
    "שלום עולם",
    "Привет, мир",
    "नमस्ते दुनिया",
    "👩‍👩‍👧‍👦🏳️‍🌈🇨🇳 👍🏽",
    "e\u{301} \u{202e}right to left\u{202c} \u{0}nul\u{1f}",
    "  blanks at both ends  ",
    "'; DROP TABLE messages; -- \\ \" % _",
];

/// Ids as different clients make them.
fn client_id(n: usize) -> ClientMsgId {
    let id = match n % 5 {
        0 => format!("018f0000-0000-7001-8002-{n:012x}"),
        1 => format!("018f0000-0000-4001-8002-{n:012x}"),
        2 => (1_000 + n).to_string(),
        3 => format!("temp_1700000000{:03}_张", n % 1_000),
        _ => format!("Client {n}  "),
    };
    ClientMsgId::new(&id).or_else(|| ClientMsgId::new(&format!("c-{n}"))).expect("a good id")
}

pub(crate) async fn open(folder: &Path) -> GoChat {
    GoChat::builder(folder).bcrypt_cost(4).build().await.expect("it starts")
}

pub(crate) async fn fill(folder: &Path) -> Facts {
    let chat = open(folder).await;
    let mut facts = Facts::default();
    let mut people = Vec::new();
    for name in ["alice", "bob", "carol", "dave", "erin"] {
        people.push(chat.register(name, "a good password").await.expect("registered"));
        facts.names.push(name.to_owned());
    }
    people.push(chat.user("their id: 7 ✓", "nina").await.expect("adopted"));
    facts.external.push("their id: 7 ✓".to_owned());
    let [alice, bob, carol, dave, erin, nina] = &people[..] else { panic!("six") };
    let services = chat.services();
    facts.logins.push(services.accounts.guest("passer-by").await.expect("a guest").login);
    let nickname =
        ProfileChange { nickname: Some("张伟 Ünïcödé".to_owned()), ..ProfileChange::default() };
    services.profiles.update(bob.caller(), nickname).await.expect("named");

    for friend in [bob, carol, dave] {
        services.friends.befriend(alice.caller(), friend.id()).await.expect("friends");
    }
    services.friends.unfriend(alice.caller(), dave.id()).await.expect("no friends");
    note(&chat, &people, &mut facts).await;

    let single = alice.open_chat(bob.id()).await.expect("opened");
    let hidden = carol.open_chat(dave.id()).await.expect("opened");
    let group = GroupCreation {
        name: "工作组 🚀".to_owned(),
        members: vec![bob.id(), carol.id(), dave.id()],
        avatar: "https://example.org/a.png".to_owned(),
        description: "what it is about".to_owned(),
    };
    let group =
        services.groups.create(alice.caller(), group).await.expect("made").conversation.entry.conversation.id;
    let gone = alice.create_group("gone", &[bob.id(), erin.id()]).await.expect("made");
    facts.conversations.extend([ConversationId::WORLD, single, hidden, group, gone]);

    let mut n = 0;
    for round in 0..6 {
        for text in TEXTS {
            n += 1;
            let (sender, to) = match n % 4 {
                0 => (alice, single),
                1 => (bob, group),
                2 => (nina, ConversationId::WORLD),
                _ => (carol, group),
            };
            send(&mut facts, sender, to, n, MessageBody::text(text)).await;
        }
        if round == 2 {
            note(&chat, &people, &mut facts).await;
        }
    }
    send(&mut facts, erin, gone, 900, MessageBody::text("nobody will read this")).await;
    send(&mut facts, carol, hidden, 901, MessageBody::text("hidden later")).await;
    let rich = MessageBody {
        kind: MessageKind::Image,
        content: "图片".into(),
        reply_to: Some(facts.messages[0].0),
        mentions: vec![alice.id(), dave.id()],
        attachment: Some(r#"{"url":"https://example.org/x.png"}"#.into()),
    };
    send(&mut facts, bob, group, 902, rich.clone()).await;
    send(&mut facts, bob, group, 903, rich).await;
    let last = facts.messages.last().expect("one").0;
    services.messages.recall(bob.caller(), last).await.expect("recalled");

    alice.mark_read(single, None).await.expect("read");
    dave.mark_read(group, Some(Seq::new(3))).await.expect("read");
    services.conversations.hide(dave.caller(), hidden).await.expect("hidden");
    let until = Timestamp::from_millis(4_000_000_000_000);
    let mute = MemberChange::Rights { role: None, muted_until: Some(Some(until)) };
    services.groups.change_member(alice.caller(), group, dave.id(), mute).await.expect("muted");
    let admin = MemberChange::Rights { role: Some(Role::Admin), muted_until: None };
    services.groups.change_member(alice.caller(), group, bob.id(), admin).await.expect("an admin");
    services.groups.add(alice.caller(), group, &[erin.id()]).await.expect("added");
    services.groups.remove(alice.caller(), group, carol.id()).await.expect("removed");
    services.groups.dissolve(alice.caller(), gone).await.expect("dissolved");

    let old = chat.login("bob", "a good password").await.expect("again");
    facts.logins.extend(people.iter().chain([&old]).map(|client| client.caller().login));
    services.accounts.refresh(&alice.grant().refresh_token).await.expect("refreshed");
    services.accounts.logout(&old.grant().access_token).await.expect("ended");
    note(&chat, &people, &mut facts).await;
    facts.users.extend(people.iter().map(Client::id));
    chat.shutdown().await;
    facts
}

/// Where each client is now.
async fn note(chat: &GoChat, people: &[Client], facts: &mut Facts) {
    for client in people {
        let mut cursor = SyncCursor::START;
        loop {
            let sync = chat.services().conversations.sync(client.caller(), cursor, Some(3));
            let page = sync.await.expect("synced");
            cursor = page.cursor;
            facts.cursors.push((client.id(), cursor));
            if !page.has_more {
                break;
            }
        }
    }
}

async fn send(facts: &mut Facts, sender: &Client, to: ConversationId, n: usize, body: MessageBody) {
    let client_msg_id = client_id(n);
    let key = MessageKey { conversation: to, sender: sender.id(), client_msg_id: client_msg_id.clone() };
    let sent = sender.send_as(to, client_msg_id, body).await.expect("stored");
    facts.messages.push((sent.message.id, key));
}
