//! Cases of [`Moderator`]. The adapter's test gives a moderator that objects to
//! [`MemoryModerator::WORD`](crate::testing::MemoryModerator::WORD), and says so as its reason.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use crate::model::{
    ClientMsgId, ConversationId, Message, MessageBody, MessageId, MessageView, Seq, Timestamp, UserId,
};
use crate::ports::{Judgement, Moderator, Retry};
use crate::testing::MemoryModerator;

cases! { ($) __conformance_moderator, ModeratorFixture:
    it_says_what_shall_go_and_why,
    the_same_is_judged_the_same_again,
    a_refusal_is_for_good,
    one_that_is_away_is_not_for_good,
}

/// A moderator under test, and what turns it.
#[derive(Debug)]
pub struct ModeratorFixture {
    /// Under test; it gives up within seconds.
    pub moderator: Arc<dyn Moderator>,
    /// The other side.
    pub rulings: Arc<dyn Rulings>,
}

/// The other side.
#[async_trait]
pub trait Rulings: Debug + Send + Sync {
    /// Refuses every question from now on.
    async fn refuse(&self);
    /// Can't be reached, or answers that it can't, from now on.
    async fn go_away(&self);
}

fn message(content: &str) -> MessageView {
    let message = Message {
        id: MessageId::new(11).expect("in range"),
        conversation: ConversationId::WORLD,
        seq: Seq::new(4),
        sender: UserId::new(2).expect("in range"),
        client_msg_id: ClientMsgId::new("c-1").expect("an id"),
        body: MessageBody::text(content),
        sent_at: Timestamp::from_millis(1_700_000_000_123),
        edited_at: None,
        recalled: None,
    };
    MessageView { message: Arc::new(message), sender: None }
}

fn objection() -> Judgement {
    Judgement::Recall { reason: Some(MemoryModerator::WORD.into()) }
}

async fn it_says_what_shall_go_and_why(fx: ModeratorFixture) {
    let bad = message(&format!("\"{}\" \u{1F600}\n", MemoryModerator::WORD));
    assert_eq!(fx.moderator.judge(&bad).await.expect("an answer"), objection());
    assert_eq!(fx.moderator.judge(&message("hello")).await.expect("an answer"), Judgement::Allow);
}

async fn the_same_is_judged_the_same_again(fx: ModeratorFixture) {
    for _ in 0..2 {
        let bad = message(MemoryModerator::WORD);
        assert_eq!(fx.moderator.judge(&bad).await.expect("an answer"), objection());
    }
}

async fn a_refusal_is_for_good(fx: ModeratorFixture) {
    fx.rulings.refuse().await;
    let e = fx.moderator.judge(&message("hello")).await.expect_err("refused");
    assert_eq!(e.retry(), Retry::Never, "{e:?}");
}

async fn one_that_is_away_is_not_for_good(fx: ModeratorFixture) {
    fx.rulings.go_away().await;
    let e = fx.moderator.judge(&message("hello")).await.expect_err("away");
    assert_ne!(e.retry(), Retry::Never, "{e:?}");
}
