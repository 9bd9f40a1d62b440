//! Webhooks against a receiver of our own, over real sockets: what is sent, signed, sent again and given up.

#[path = "../hooks_kit/mod.rs"]
mod hooks_kit;

use std::sync::Arc;
use std::time::{Duration, Instant};

use gochat_core::model::*;
use gochat_core::ports::{ErrorKind, Judgement, Moderator as _, Notification, PushSender as _, Retry};
use gochat_core::testing::conformance::{ModeratorFixture, PushFixture};
use gochat_infra::hooks::{HttpModerator, Webhook, WebhookConfig, WebhookPush};
use gochat_infra::runtime::SystemClock;
use gochat_infra::runtime::metrics::Metrics;
use hooks_kit::{Answer, Outside, config};

gochat_core::conformance_tests!(push, async {
    let outside = Outside::start().await;
    let sender = Arc::new(push(config(&outside.url("/push"))));
    PushFixture { sender, receiver: Arc::new(outside) }
});

gochat_core::conformance_tests!(moderator, async {
    let outside = Outside::start().await;
    let moderator = Arc::new(moderator(config(&outside.url("/moderate"))));
    ModeratorFixture { moderator, rulings: Arc::new(outside) }
});

fn push(config: WebhookConfig) -> WebhookPush {
    WebhookPush::new(Webhook::new(config, Arc::new(SystemClock)).expect("an address"))
}

fn moderator(config: WebhookConfig) -> HttpModerator {
    HttpModerator::new(Webhook::new(config, Arc::new(SystemClock)).expect("an address"))
}

fn notification(n: u64) -> Notification {
    Notification {
        user: UserId::new(3).expect("in range"),
        conversation: ConversationId::new(7).expect("in range"),
        message: MessageId::new(n).expect("in range"),
        seq: Seq::new(n),
        sender: UserId::new(2).expect("in range"),
        sender_name: "alice".into(),
        kind: MessageKind::Text,
        mentioned: false,
        unread: 1,
        at: Timestamp::from_millis(1_700_000_000_123),
        content: None,
    }
}

fn message(content: &str) -> MessageView {
    let message = Message {
        id: MessageId::new(11).expect("in range"),
        conversation: ConversationId::new(7).expect("in range"),
        seq: Seq::new(4),
        sender: UserId::new(2).expect("in range"),
        client_msg_id: ClientMsgId::new("c-1").expect("an id"),
        body: MessageBody {
            attachment: Some(r#"{"name":"a.png"}"#.into()),
            mentions: vec![UserId::new(9).expect("in range")],
            ..MessageBody::text(content)
        },
        sent_at: Timestamp::from_millis(1_700_000_000_123),
        edited_at: None,
        recalled: None,
    };
    MessageView { message: Arc::new(message), sender: None }
}

#[tokio::test]
async fn what_receivers_get() {
    let outside = Outside::start().await;
    push(config(&outside.url("/push"))).send(&[notification(5)]).await.expect("taken");
    moderator(config(&outside.url("/moderate"))).judge(&message("hi")).await.expect("judged");
    let requests = outside.requests();
    let [push, question] = &requests[..] else { panic!("{requests:?}") };
    assert_eq!(push.headers["content-type"], "application/json");
    assert_eq!(
        push.body,
        concat!(
            r#"{"type":"message.notifications","timestamp":"2023-11-14T22:13:20.123Z","data":{"notifications":["#,
            r#"{"id":"5-3","userId":"3","conversationId":"7","messageId":"5","seq":5,"senderId":"2","#,
            r#""senderName":"alice","type":"text","mentioned":false,"unreadCount":1,"#,
            r#""sendTime":"2023-11-14T22:13:20.123Z"}]}}"#
        )
    );
    assert_eq!(question.headers["webhook-id"], "message_11");
    assert_eq!(
        question.body,
        concat!(
            r#"{"type":"message.stored","timestamp":"2023-11-14T22:13:20.123Z","data":{"message":"#,
            r#"{"messageId":"11","conversationId":"7","seq":4,"senderId":"2","senderName":"","type":"text","#,
            r#""content":"hi","sendTime":"2023-11-14T22:13:20.123Z","mentions":["9"],"#,
            r#""attachment":{"name":"a.png"}}}}"#
        )
    );
}

#[tokio::test]
async fn tries_are_repeated_with_the_same_id_and_body() {
    let outside = Outside::start().await;
    outside.next([Answer::Status(500), Answer::Status(503), Answer::Cut]);
    push(config(&outside.url("/push"))).send(&[notification(5)]).await.expect("taken by the fourth");
    let requests = outside.requests();
    assert_eq!(requests.len(), 4);
    for request in &requests {
        assert_eq!(request.headers["webhook-id"], requests[0].headers["webhook-id"]);
        assert_eq!(request.body, requests[0].body);
    }
    let again = push(config(&outside.url("/push")));
    again.send(&[notification(6)]).await.expect("taken");
    again.send(&[notification(5)]).await.expect("taken");
    let ids: Vec<_> = outside.requests().iter().map(|r| r.headers["webhook-id"].clone()).collect();
    assert_ne!(ids[4], ids[0]);
    assert_eq!(ids[5], ids[0]);
}

#[tokio::test]
async fn tries_are_bounded() {
    let outside = Outside::start().await;
    outside.next([500; 10].map(Answer::Status));
    let e = push(config(&outside.url("/push"))).send(&[notification(5)]).await.expect_err("tried in vain");
    assert_eq!((e.kind(), e.retry()), (ErrorKind::Unavailable, Retry::Ambiguous));
    assert_eq!(outside.requests().len(), 4);
}

#[tokio::test]
async fn refusals_and_redirects_are_final() {
    for status in [301, 302, 307, 308, 400, 401, 403, 404, 410, 413] {
        let outside = Outside::start().await;
        outside.next([Answer::Status(status)]);
        let e = push(config(&outside.url("/push"))).send(&[notification(5)]).await.expect_err("refused");
        assert_eq!(e.retry(), Retry::Never, "{status}");
        assert_eq!(outside.requests().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn retry_after_is_honoured() {
    let outside = Outside::start().await;
    outside.next([Answer::Later(1)]);
    let begun = Instant::now();
    push(config(&outside.url("/push"))).send(&[notification(5)]).await.expect("taken by the second");
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(outside.requests().len(), 2);
}

#[tokio::test]
async fn one_that_never_answers_is_given_up() {
    let outside = Outside::start().await;
    outside.next([Answer::Never, Answer::Never]);
    let mut short = config(&outside.url("/push"));
    (short.timeout, short.tries) = (Duration::from_millis(100), 2);
    let e = push(short).send(&[notification(5)]).await.expect_err("no answer");
    assert_eq!((e.kind(), e.retry()), (ErrorKind::Timeout, Retry::Ambiguous));
    assert_eq!(outside.requests().len(), 2);
}

#[tokio::test]
async fn nobody_there_is_unavailable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let e = push(config(&format!("http://{address}/"))).send(&[notification(5)]).await.expect_err("nobody");
    assert_eq!(e.kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_huge_answer_is_not_read() {
    let outside = Outside::start().await;
    outside.next([Answer::Endless]);
    let e = moderator(config(&outside.url("/moderate"))).judge(&message("hi")).await.expect_err("too large");
    assert_eq!((e.kind(), e.retry()), (ErrorKind::TooLarge, Retry::Never));
    // To notifications the status is the answer.
    outside.next([Answer::Endless]);
    push(config(&outside.url("/push"))).send(&[notification(5)]).await.expect("taken");
    assert_eq!(outside.requests().len(), 2);
}

#[tokio::test]
async fn what_is_no_verdict_is_none() {
    let outside = Outside::start().await;
    let moderator = moderator(config(&outside.url("/moderate")));
    for garbage in
        ["", "<html>", "{}", "[]", r#"{"verdict":"Recall"}"#, r#"{"verdict":1}"#, r#"{"verdict":"ban"}"#]
    {
        outside.next([Answer::Text(garbage)]);
        let e = moderator.judge(&message("hi")).await.expect_err(garbage);
        assert_eq!((e.kind(), e.retry()), (ErrorKind::Corrupt, Retry::Never), "{garbage}");
    }
    outside.next([Answer::Text(r#"{"verdict":"recall","more":[1]}"#)]);
    let verdict = moderator.judge(&message("hi")).await.expect("a verdict");
    assert_eq!(verdict, Judgement::Recall { reason: None });
}

#[tokio::test]
async fn tries_are_counted() {
    let (outside, metrics) = (Outside::start().await, Metrics::new());
    let counted = Webhook::new(config(&outside.url("/push")), Arc::new(SystemClock)).expect("an address");
    let push = WebhookPush::new(counted.counted("push", &metrics));
    outside.next([Answer::Status(500), Answer::Cut]);
    push.send(&[notification(5)]).await.expect("taken by the third");
    outside.next([Answer::Status(404)]);
    push.send(&[notification(6)]).await.expect_err("refused");
    let text = metrics.render();
    for (result, count) in [("ok", 1), ("again", 2), ("failed", 1)] {
        let line = format!("gochat_hook_tries_total{{hook=\"push\",result=\"{result}\"}} {count}");
        assert!(text.lines().any(|l| l == line), "no line {line} in\n{text}");
    }
}
