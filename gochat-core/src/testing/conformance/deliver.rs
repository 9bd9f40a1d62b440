//! Cases of [`Deliver`]. The adapter's test gives sessions to deliver to, as a [`Wire`].

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use super::fixture::{all_at_once, at};
use crate::error::Code;
use crate::model::{
    Audience, ClientMsgId, ConversationId, Delivery, EndReason, Event, GatewayId, LoginId, Message,
    MessageBody, MessageId, MessageView, Origin, ReplyTo, Seq, SessionId, StoredReceipt, User, UserId,
    Username,
};
use crate::ports::{Deliver, GroupStore, NewGroup, SessionRecord};
use crate::testing::Memory;

cases! { ($) __conformance_deliver, DeliverFixture:
    a_message_reaches_all_sessions_of_its_users_and_nobody_else,
    the_excepted_session_gets_nothing,
    everyone_is_every_session,
    members_of_a_large_conversation_are_found,
    one_login_and_one_session_can_be_meant,
    a_receipt_reaches_who_waits_for_it_and_nobody_else,
    who_is_not_there_is_no_error,
    one_conversation_keeps_its_order,
    receipts_and_messages_of_one_conversation_keep_their_order,
    a_batch_can_be_given_again,
    a_session_that_does_not_read_holds_up_nobody,
    ended_sessions_end_and_the_others_stay,
}

/// Delivery under test, and sessions to deliver to.
#[derive(Debug)]
pub struct DeliverFixture {
    /// Under test.
    pub deliver: Arc<dyn Deliver>,
    /// Sessions that it delivers to.
    pub wire: Box<dyn Wire>,
    /// Where it finds the members of large conversations.
    pub memory: Arc<Memory>,
}

/// Opens sessions.
#[async_trait]
pub trait Wire: Debug + Send + Sync + 'static {
    /// The gateway that they are at.
    fn gateway(&self) -> GatewayId;

    /// Opens a session that gets everything delivered after this returns.
    async fn connect(&self, session: SessionRecord) -> Box<dyn Inbox>;
}

/// What a client sees of its session.
#[async_trait]
pub trait Inbox: Send {
    /// The next thing that arrived; waits for it. [`Got::Ended`] for good once the session has ended.
    async fn next(&mut self) -> Got;
}

/// Something that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Got {
    /// A new message.
    Message(ConversationId, Seq),
    /// The receipt of a stored send.
    Receipt(ClientMsgId),
    /// A send was refused.
    Refused(ClientMsgId),
    /// The session has ended.
    Ended,
    /// Anything else.
    Other,
}

/// Beyond all sequences that the cases use: an inbox is read up to it.
const LAST: u64 = 1_000_000;

fn user(n: u64) -> UserId {
    UserId::new(n).expect("in range")
}

fn room(n: u64) -> ConversationId {
    ConversationId::new(n).expect("in range")
}

fn record(of: u64, n: u64) -> SessionRecord {
    let (session, login) = (SessionId::new(n), LoginId::new(n / 10));
    SessionRecord {
        user: user(of),
        session: session.expect("in range"),
        gateway: GatewayId::new("local").expect("a name"),
        login: login.expect("in range"),
        guest: false,
        at: at(n),
    }
}

fn view(conversation: u64, seq: u64) -> MessageView {
    let message = Message {
        id: MessageId::new(conversation * 10_000_000 + seq).expect("in range"),
        conversation: room(conversation),
        seq: Seq::new(seq),
        sender: user(99),
        client_msg_id: ClientMsgId::new(&format!("c{seq}")).expect("a good id"),
        body: MessageBody::text("hello"),
        sent_at: at(seq),
        edited_at: None,
        recalled: None,
    };
    let sender = User {
        id: user(99),
        name: Username::from_stored("sender"),
        nickname: None,
        avatar: "".into(),
        guest: false,
        created_at: at(0),
    };
    MessageView { message: Arc::new(message), sender: Some(Arc::new(sender)) }
}

fn message(conversation: u64, seq: u64, audience: Audience) -> Delivery {
    Delivery { event: Event::NewMessage(view(conversation, seq)), audience, except: None }
}

fn users(of: &[u64]) -> Audience {
    Audience::Users(of.iter().map(|n| user(*n)).collect())
}

fn got(conversation: u64, seq: u64) -> Got {
    Got::Message(room(conversation), Seq::new(seq))
}

impl DeliverFixture {
    async fn deliver(&self, batch: Vec<Delivery>) {
        self.deliver.deliver(batch).await.expect("handed on");
    }

    async fn connect(&self, of: u64, n: u64) -> Box<dyn Inbox> {
        self.wire.connect(record(of, n)).await
    }

    /// Ends the conversation for everyone, so that an inbox can be read to its end.
    async fn mark(&self, conversation: u64) {
        self.deliver(vec![message(conversation, LAST, Audience::Everyone)]).await;
    }

    fn origin(&self, reply: ReplyTo) -> Audience {
        Audience::Origin(Origin { gateway: self.wire.gateway(), session: None, reply, tag: None })
    }

    fn receipt(&self, conversation: u64, seq: u64, reply: ReplyTo) -> Delivery {
        let event = Event::Stored(StoredReceipt { view: view(conversation, seq), repeated: false });
        Delivery { event, audience: self.origin(reply), except: None }
    }
}

/// All that arrived before the mark of this conversation, without what has to do with none.
async fn read(inbox: &mut Box<dyn Inbox>, conversation: u64) -> Vec<Got> {
    let mut all = Vec::new();
    loop {
        match inbox.next().await {
            last if last == got(conversation, LAST) => return all,
            Got::Other => {}
            Got::Ended => panic!("the session ended after {all:?}"),
            other => all.push(other),
        }
    }
}

async fn a_message_reaches_all_sessions_of_its_users_and_nobody_else(fx: DeliverFixture) {
    let (mut a1, mut a2) = (fx.connect(2, 10).await, fx.connect(2, 20).await);
    let (mut b, mut c) = (fx.connect(3, 30).await, fx.connect(4, 40).await);
    fx.deliver(vec![message(7, 1, users(&[2, 3]))]).await;
    fx.deliver(vec![message(7, 2, users(&[3, 4])), message(7, 3, users(&[]))]).await;
    fx.mark(7).await;
    assert_eq!(read(&mut a1, 7).await, [got(7, 1)]);
    assert_eq!(read(&mut a2, 7).await, [got(7, 1)]);
    assert_eq!(read(&mut b, 7).await, [got(7, 1), got(7, 2)]);
    assert_eq!(read(&mut c, 7).await, [got(7, 2)]);
}

async fn the_excepted_session_gets_nothing(fx: DeliverFixture) {
    let (mut a1, mut a2, mut b) = (fx.connect(2, 10).await, fx.connect(2, 20).await, fx.connect(3, 30).await);
    let except = Some((user(2), record(2, 10).session));
    let batch = [users(&[2, 3]), Audience::Everyone].into_iter().zip(1..);
    fx.deliver(batch.map(|(to, seq)| Delivery { except, ..message(7, seq, to) }).collect()).await;
    fx.mark(7).await;
    assert!(read(&mut a1, 7).await.is_empty());
    for inbox in [&mut a2, &mut b] {
        assert_eq!(read(inbox, 7).await, [got(7, 1), got(7, 2)]);
    }
}

async fn everyone_is_every_session(fx: DeliverFixture) {
    let mut inboxes = Vec::new();
    for n in 1..=40 {
        inboxes.push(fx.connect(2 + n % 7, n * 10).await);
    }
    fx.deliver(vec![message(1, 1, Audience::Everyone), message(1, 2, Audience::Everyone)]).await;
    fx.mark(1).await;
    for inbox in &mut inboxes {
        assert_eq!(read(inbox, 1).await, [got(1, 1), got(1, 2)]);
    }
}

async fn members_of_a_large_conversation_are_found(fx: DeliverFixture) {
    let new = NewGroup {
        id: room(7),
        name: "large".into(),
        avatar: "".into(),
        description: "".into(),
        owner: user(2),
        // More than any adapter would look up at a time.
        members: (1_000..6_000).map(user).collect(),
        at: at(0),
    };
    GroupStore::create(&*fx.memory, &new).await.expect("stored");
    let mut inside = Vec::new();
    for (n, of) in [2, 1_000, 1_999, 2_000, 4_321, 5_999].into_iter().enumerate() {
        inside.push(fx.connect(of, 10 * (n as u64 + 1)).await);
    }
    let mut outside = fx.connect(6_000, 500).await;
    let mut excepted = fx.connect(2, 510).await;
    let to = || Audience::Members(room(7));
    let first = Delivery { except: Some((user(2), record(2, 510).session)), ..message(7, 1, to()) };
    fx.deliver(vec![first, message(7, 2, to())]).await;
    fx.deliver(vec![message(7, 3, to())]).await;
    fx.mark(7).await;
    for inbox in &mut inside {
        assert_eq!(read(inbox, 7).await, [got(7, 1), got(7, 2), got(7, 3)]);
    }
    assert!(read(&mut outside, 7).await.is_empty());
    assert_eq!(read(&mut excepted, 7).await, [got(7, 2), got(7, 3)]);
}

async fn one_login_and_one_session_can_be_meant(fx: DeliverFixture) {
    // Sessions 10 and 11 are of one login, 20 of another; 12 claims that login for another user.
    let (mut a, mut b) = (fx.connect(2, 10).await, fx.connect(2, 11).await);
    let (mut c, mut d) = (fx.connect(2, 20).await, fx.connect(3, 12).await);
    let (login, session) = (record(2, 10).login, record(2, 11).session);
    fx.deliver(vec![
        message(7, 1, Audience::Login(user(2), login)),
        message(7, 2, Audience::Session(user(2), session)),
        message(7, 3, Audience::Session(user(3), session)),
    ])
    .await;
    fx.mark(7).await;
    assert_eq!(read(&mut a, 7).await, [got(7, 1)]);
    assert_eq!(read(&mut b, 7).await, [got(7, 1), got(7, 2)]);
    assert!(read(&mut c, 7).await.is_empty());
    assert!(read(&mut d, 7).await.is_empty());
}

async fn a_receipt_reaches_who_waits_for_it_and_nobody_else(fx: DeliverFixture) {
    let (mut a1, mut a2) = (fx.connect(2, 10).await, fx.connect(2, 20).await);
    let waits = ReplyTo::Session(record(2, 10).session);
    let refused = Event::Refused {
        conversation: room(7),
        client_msg_id: ClientMsgId::new("no").expect("a good id"),
        code: Code::Muted,
    };
    let refused = Delivery { event: refused, audience: fx.origin(waits), except: None };
    fx.deliver(vec![fx.receipt(7, 1, waits), refused, fx.receipt(7, 2, ReplyTo::Nobody)]).await;
    fx.mark(7).await;
    let client = |id| ClientMsgId::new(id).expect("a good id");
    assert_eq!(read(&mut a1, 7).await, [Got::Receipt(client("c1")), Got::Refused(client("no"))]);
    assert!(read(&mut a2, 7).await.is_empty());
}

async fn who_is_not_there_is_no_error(fx: DeliverFixture) {
    let everyone = message(1, 1, Audience::Everyone);
    let gone = SessionId::new(77).expect("in range");
    fx.deliver(vec![]).await;
    fx.deliver(vec![
        everyone,
        message(7, 1, users(&[2, 3])),
        message(7, 2, Audience::Members(room(7))),
        message(7, 3, Audience::Session(user(2), gone)),
        fx.receipt(7, 4, ReplyTo::Session(gone)),
    ])
    .await;
    let mut a = fx.connect(2, 10).await;
    fx.mark(7).await;
    assert!(read(&mut a, 7).await.is_empty(), "what went before is not kept for those who come");
}

async fn one_conversation_keeps_its_order(fx: DeliverFixture) {
    let mut inboxes = Vec::new();
    for n in 1..=10 {
        inboxes.push(fx.connect(1 + n, n * 10).await);
    }
    let all: Vec<u64> = (2..=11).collect();
    let mut seq = 0;
    for batch in 0..20 {
        let mut deliveries = Vec::new();
        for _ in 0..=batch {
            seq += 1;
            // Three conversations, in different ways to the same users.
            deliveries.push(message(7, seq, users(&all)));
            deliveries.push(message(1, seq, Audience::Everyone));
            deliveries.push(message(8, seq, users(&all)));
        }
        fx.deliver(deliveries).await;
    }
    fx.mark(9).await;
    for inbox in &mut inboxes {
        let arrived = read(inbox, 9).await;
        for conversation in [7, 1, 8] {
            let of = |got: &&Got| matches!(got, Got::Message(id, _) if *id == room(conversation));
            let want: Vec<_> = (1..=seq).map(|n| got(conversation, n)).collect();
            assert_eq!(arrived.iter().filter(of).cloned().collect::<Vec<_>>(), want);
        }
    }
}

async fn receipts_and_messages_of_one_conversation_keep_their_order(fx: DeliverFixture) {
    let (mut a, mut b) = (fx.connect(2, 10).await, fx.connect(3, 20).await);
    let sends = ReplyTo::Session(record(2, 10).session);
    let mut batch = Vec::new();
    for seq in 1..=20 {
        // Odd ones are the first user's own, who gets receipts for them.
        let own = seq % 2 == 1;
        let except = own.then(|| (user(2), record(2, 10).session));
        batch.push(Delivery { except, ..message(7, seq, users(&[2, 3])) });
        if own {
            batch.push(fx.receipt(7, seq, sends));
        }
    }
    fx.deliver(batch).await;
    fx.mark(7).await;
    let receipt = |seq| Got::Receipt(ClientMsgId::new(&format!("c{seq}")).expect("a good id"));
    let want: Vec<_> = (1..=20).map(|seq| if seq % 2 == 1 { receipt(seq) } else { got(7, seq) }).collect();
    assert_eq!(read(&mut a, 7).await, want);
    assert_eq!(read(&mut b, 7).await, (1..=20).map(|seq| got(7, seq)).collect::<Vec<_>>());
}

async fn a_batch_can_be_given_again(fx: DeliverFixture) {
    let mut a = fx.connect(2, 10).await;
    let batch = || (1..=5).map(|seq| message(7, seq, users(&[2]))).collect::<Vec<_>>();
    for _ in 0..3 {
        fx.deliver(batch()).await;
    }
    fx.mark(7).await;
    // Once or three times; for the first time in order.
    let mut first = Vec::new();
    for got in read(&mut a, 7).await {
        if !first.contains(&got) {
            first.push(got);
        }
    }
    assert_eq!(first, (1..=5).map(|seq| got(7, seq)).collect::<Vec<_>>());
}

async fn a_session_that_does_not_read_holds_up_nobody(fx: DeliverFixture) {
    let _slow = fx.connect(2, 10).await;
    let mut quick = fx.connect(3, 20).await;
    for batch in 0..200 {
        let seqs = batch * 50 + 1..=batch * 50 + 50;
        let deliver = fx.deliver(seqs.clone().map(|seq| message(7, seq, users(&[2, 3]))).collect());
        deliver.await;
        for seq in seqs {
            let arrived = loop {
                match quick.next().await {
                    Got::Other => {}
                    arrived => break arrived,
                }
            };
            assert_eq!(arrived, got(7, seq));
        }
    }
}

async fn ended_sessions_end_and_the_others_stay(fx: DeliverFixture) {
    let (mut a, mut b) = (fx.connect(2, 10).await, fx.connect(2, 11).await);
    let (mut c, mut d) = (fx.connect(2, 20).await, fx.connect(3, 30).await);
    let end = |audience, reason| Delivery { event: Event::EndSession(reason), audience, except: None };
    fx.deliver(vec![
        message(7, 1, users(&[2, 3])),
        end(Audience::Login(user(2), record(2, 10).login), EndReason::LoginEnded),
        end(Audience::Session(user(3), record(3, 30).session), EndReason::Replaced),
    ])
    .await;
    fx.mark(7).await;
    let ended = async |inbox: &mut Box<dyn Inbox>| loop {
        match inbox.next().await {
            Got::Ended => {
                assert_eq!(inbox.next().await, Got::Ended, "it got what came after its end");
                return;
            }
            Got::Message(_, seq) => assert!(seq < Seq::new(LAST), "it got what came after its end"),
            _ => {}
        }
    };
    all_at_once([&mut a, &mut b, &mut d].map(ended)).await;
    assert_eq!(read(&mut c, 7).await, [got(7, 1)]);
}
