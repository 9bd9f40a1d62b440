//! Cases of [`PushSender`]. The adapter's test gives the other side, as a [`Receiver`].

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use crate::model::{ConversationId, MessageId, MessageKind, Seq, Timestamp, UserId};
use crate::ports::{Notification, PushSender, Retry};

cases! { ($) __conformance_push, PushFixture:
    all_arrive_in_order_as_they_are,
    content_goes_along_where_there_is_some,
    what_is_sent_again_is_known_again,
    nothing_is_no_error,
    a_refusal_is_for_good,
    one_that_is_away_is_not_for_good,
}

/// The way out under test, and where it ends.
#[derive(Debug)]
pub struct PushFixture {
    /// Under test; it gives up within seconds.
    pub sender: Arc<dyn PushSender>,
    /// Where notifications end.
    pub receiver: Arc<dyn Receiver>,
}

/// The other side. Takes everything, until told otherwise.
#[async_trait]
pub trait Receiver: Debug + Send + Sync {
    /// All that it took so far, in order.
    async fn received(&self) -> Vec<Notification>;
    /// Takes everything again.
    async fn accept(&self);
    /// Refuses everything from now on.
    async fn refuse(&self);
    /// Can't be reached, or answers that it can't, from now on.
    async fn go_away(&self);
}

/// A notification of message `n`.
fn notification(n: u64, user: u64) -> Notification {
    Notification {
        user: UserId::new(user).expect("in range"),
        conversation: ConversationId::new(7).expect("in range"),
        message: MessageId::new(1_000 + n).expect("in range"),
        seq: Seq::new(n),
        sender: UserId::new(2).expect("in range"),
        sender_name: "Zoë \"quoted\"".into(),
        kind: MessageKind::Text,
        mentioned: n.is_multiple_of(2),
        unread: n,
        at: Timestamp::from_millis(1_700_000_000_123),
        content: None,
    }
}

async fn all_arrive_in_order_as_they_are(fx: PushFixture) {
    let all: Vec<_> = (1..=5).map(|n| notification(n, 10 + n)).collect();
    fx.sender.send(&all[..3]).await.expect("taken");
    fx.sender.send(&all[3..]).await.expect("taken");
    assert_eq!(fx.receiver.received().await, all);
}

async fn content_goes_along_where_there_is_some(fx: PushFixture) {
    let content = Some("line\nline \u{1F600} </script>".into());
    let all = [Notification { content, ..notification(1, 3) }, notification(2, 3)];
    fx.sender.send(&all).await.expect("taken");
    assert_eq!(fx.receiver.received().await, all);
}

async fn what_is_sent_again_is_known_again(fx: PushFixture) {
    let one = [notification(1, 3)];
    for _ in 0..2 {
        fx.sender.send(&one).await.expect("taken");
    }
    let received = fx.receiver.received().await;
    assert!(!received.is_empty() && received.iter().all(|n| n.id() == "1001-3"), "{received:?}");
}

async fn nothing_is_no_error(fx: PushFixture) {
    fx.sender.send(&[]).await.expect("nothing to do");
    assert_eq!(fx.receiver.received().await, []);
}

async fn a_refusal_is_for_good(fx: PushFixture) {
    fx.receiver.refuse().await;
    let e = fx.sender.send(&[notification(1, 3)]).await.expect_err("refused");
    assert_eq!(e.retry(), Retry::Never, "{e:?}");
    fx.receiver.accept().await;
    fx.sender.send(&[notification(2, 3)]).await.expect("a refusal closes nothing");
    assert_eq!(fx.receiver.received().await, [notification(2, 3)]);
}

async fn one_that_is_away_is_not_for_good(fx: PushFixture) {
    fx.receiver.go_away().await;
    let e = fx.sender.send(&[notification(1, 3)]).await.expect_err("away");
    assert_ne!(e.retry(), Retry::Never, "{e:?}");
    fx.receiver.accept().await;
    fx.sender.send(&[notification(1, 3)]).await.expect("back");
    assert_eq!(fx.receiver.received().await, [notification(1, 3)]);
}
