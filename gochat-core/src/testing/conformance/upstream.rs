//! Cases of [`Upstream`]. The adapter's test gives the other end, as a [`Downstream`].

use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;

use super::fixture::all_at_once;
use crate::model::{
    ClientMsgId, ConversationId, GatewayId, MessageBody, MessageId, MessageKey, Origin, ReplyTo, SendCommand,
    UserId,
};
use crate::ports::Upstream;

cases! { ($) __conformance_upstream, UpstreamFixture:
    sends_come_out_in_order,
    more_than_fits_waits,
    of_many_at_once_each_keeps_its_order,
    nothing_is_no_error,
}

/// The way in under test, and where it comes out.
#[derive(Debug)]
pub struct UpstreamFixture {
    /// Under test.
    pub upstream: Arc<dyn Upstream>,
    /// Where sends come out.
    pub downstream: Box<dyn Downstream>,
}

/// The other end.
#[async_trait]
pub trait Downstream: Debug + Send {
    /// The next send that came out for the first time; waits for it.
    async fn next(&mut self) -> MessageKey;
}

/// A send of this suite, which nobody waits for: a message with an id of its own, called `client` by its client.
#[must_use]
pub fn send(conversation: u64, sender: u64, client: u64) -> SendCommand {
    static SENT: AtomicU64 = AtomicU64::new(1 << 40);
    SendCommand {
        id: MessageId::new(SENT.fetch_add(1, Ordering::Relaxed)).expect("in range"),
        conversation: ConversationId::new(conversation).expect("in range"),
        sender: UserId::new(sender).expect("in range"),
        guest: false,
        client_msg_id: ClientMsgId::new(&client.to_string()).expect("a good id"),
        body: MessageBody::text("hello"),
        origin: Origin {
            gateway: GatewayId::new("test").expect("a good name"),
            session: None,
            reply: ReplyTo::Nobody,
            tag: None,
        },
    }
}

async fn submit(fx: &UpstreamFixture, sends: Vec<SendCommand>) {
    fx.upstream.submit(sends).await.expect("taken");
}

/// Takes `n` sends out while `work` is done, and checks that those of one conversation and sender are numbered upwards.
async fn take(fx: &mut UpstreamFixture, n: usize, work: impl AsyncFn(Arc<dyn Upstream>)) -> Vec<MessageKey> {
    let upstream = fx.upstream.clone();
    let mut out: Vec<MessageKey> = Vec::new();
    let downstream = &mut fx.downstream;
    let taking = async {
        while out.len() < n {
            out.push(downstream.next().await);
        }
    };
    let both: [Pin<Box<dyn Future<Output = ()> + '_>>; 2] = [Box::pin(work(upstream)), Box::pin(taking)];
    all_at_once(both).await;
    for key in &out {
        let number = |key: &MessageKey| key.client_msg_id.as_str().parse::<u64>().expect("a number");
        let of = |other: &&MessageKey| (other.conversation, other.sender) == (key.conversation, key.sender);
        let numbers: Vec<_> = out.iter().filter(of).map(number).collect();
        assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    }
    out
}

async fn sends_come_out_in_order(mut fx: UpstreamFixture) {
    let work = async |upstream: Arc<dyn Upstream>| {
        for n in 0..20 {
            let sends = (0..5).map(|i| send(7 + i % 2, 2 + i % 3, n * 5 + i)).collect();
            upstream.submit(sends).await.expect("taken");
        }
    };
    assert_eq!(take(&mut fx, 100, work).await.len(), 100);
}

async fn more_than_fits_waits(mut fx: UpstreamFixture) {
    let work = async |upstream: Arc<dyn Upstream>| {
        let sends = (0..1_000).map(|i| send(7, 2, i)).collect();
        upstream.submit(sends).await.expect("taken");
        let sends = (1_000..2_000).map(|i| send(7, 2, i)).collect();
        upstream.submit(sends).await.expect("taken");
    };
    assert_eq!(take(&mut fx, 2_000, work).await.len(), 2_000);
}

async fn of_many_at_once_each_keeps_its_order(mut fx: UpstreamFixture) {
    let work = async |upstream: Arc<dyn Upstream>| {
        let one = async |sender: u64| {
            for n in 0..20 {
                upstream.submit(vec![send(7, sender, n)]).await.expect("taken");
            }
        };
        all_at_once((2..12).map(one)).await;
    };
    assert_eq!(take(&mut fx, 200, work).await.len(), 200);
}

async fn nothing_is_no_error(mut fx: UpstreamFixture) {
    submit(&fx, vec![]).await;
    let work = async |upstream: Arc<dyn Upstream>| {
        upstream.submit(vec![send(7, 2, 1)]).await.expect("taken");
    };
    take(&mut fx, 1, work).await;
}
