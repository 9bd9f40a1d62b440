//! A system outside: takes notifications, judges messages, checks every signature, and misbehaves when told to.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Response, Uri};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gochat_core::model::*;
use gochat_core::ports::Notification;
use gochat_core::testing::MemoryModerator;
use gochat_core::testing::conformance::{Receiver, Rulings};
use gochat_infra::hooks::{SigningSecrets, WebhookConfig};
use gochat_infra::runtime::Backoff;
use gochat_proto::WireTime;
use hmac::{Hmac, Mac as _};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::Notify;

const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// Short tries, so that giving up is soon.
pub(crate) fn config(url: &str) -> WebhookConfig {
    // The receiver knows the second only, as in the middle of a change.
    let both = format!("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw whsec_{SECRET}");
    let mut config = WebhookConfig::new(url, SigningSecrets::parse(&both).expect("secrets"));
    config.backoff = Backoff { first: Duration::from_millis(1), max: Duration::from_millis(2) };
    config
}

/// How one request is answered.
#[derive(Debug, Clone, Copy)]
#[allow(dead_code, reason = "shared by test programs, each of which uses some")]
pub(crate) enum Answer {
    Status(u16),
    /// 429, with so many seconds in `Retry-After`.
    Later(u64),
    Text(&'static str),
    /// The connection ends in the middle of the head's body.
    Cut,
    /// Status 200 and a body without end.
    Endless,
    Never,
}

#[derive(Debug, Clone)]
pub(crate) struct Got {
    #[allow(dead_code, reason = "shared by test programs, each of which uses some")]
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    taken: bool,
}

#[derive(Debug, Default)]
struct Inner {
    got: Mutex<Vec<Got>>,
    next: Mutex<VecDeque<Answer>>,
    always: Mutex<Option<Answer>>,
    news: Notify,
}

/// The system. Ends with the runtime of its test.
#[derive(Debug, Clone)]
pub(crate) struct Outside {
    address: SocketAddr,
    inner: Arc<Inner>,
}

#[allow(dead_code, reason = "shared by test programs, each of which uses some")]
impl Outside {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let inner = Arc::new(Inner::default());
        let router = Router::new().fallback(answer).with_state(inner.clone());
        #[expect(clippy::disallowed_methods, reason = "ends with the runtime of its test")]
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, inner }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// How the next requests are answered, before all goes well again.
    pub(crate) fn next(&self, answers: impl IntoIterator<Item = Answer>) {
        self.inner.next.lock().extend(answers);
    }

    /// Every request so far.
    pub(crate) fn requests(&self) -> Vec<Got> {
        self.inner.got.lock().clone()
    }

    /// Waits for `n` notifications.
    pub(crate) async fn notifications(&self, n: usize) -> Vec<Notification> {
        loop {
            let news = self.inner.news.notified();
            let all = self.received().await;
            if all.len() >= n {
                return all;
            }
            news.await;
        }
    }
}

/// As the specification says, and independently of the code under test.
fn verify(headers: &HeaderMap, body: &[u8]) {
    let header = |name: &str| headers[name].to_str().expect("text");
    let sent: u64 = header("webhook-timestamp").parse().expect("seconds");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    assert!(now.abs_diff(sent) < 60, "{sent}");
    let mut mac =
        Hmac::<sha2::Sha256>::new_from_slice(&STANDARD.decode(SECRET).expect("base64")).expect("a key");
    mac.update(&[header("webhook-id").as_bytes(), b".", sent.to_string().as_bytes(), b".", body].concat());
    let wanted = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    let signature = header("webhook-signature");
    assert!(signature.split(' ').any(|one| one == wanted), "{signature}");
}

async fn answer(
    State(inner): State<Arc<Inner>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    verify(&headers, &body);
    let body = String::from_utf8(body.to_vec()).expect("text");
    let answer = inner.next.lock().pop_front().or(*inner.always.lock());
    let taken = answer.is_none();
    inner.got.lock().push(Got { headers, body: body.clone(), taken });
    inner.news.notify_waiters();
    let status = |status: u16| Response::builder().status(status).header("location", "/push");
    let response = match answer {
        Some(Answer::Status(n)) => status(n).body(Body::from("no")),
        Some(Answer::Later(seconds)) => status(429).header("retry-after", seconds).body(Body::empty()),
        Some(Answer::Text(text)) => status(200).body(Body::from(text)),
        Some(Answer::Cut) => {
            let cut = futures_util::stream::once(async { Err::<Bytes, _>(std::io::Error::other("cut")) });
            status(500).body(Body::from_stream(cut))
        }
        Some(Answer::Endless) => {
            let endless = futures_util::stream::repeat_with(|| {
                Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 4_096]))
            });
            status(200).body(Body::from_stream(endless))
        }
        Some(Answer::Never) => std::future::pending().await,
        None if uri.path() == "/moderate" => status(200).body(Body::from(judge(&body))),
        None => status(204).body(Body::empty()),
    };
    response.expect("a response")
}

fn judge(body: &str) -> String {
    let question: Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(question["type"], "message.stored");
    let content = question["data"]["message"]["content"].as_str().expect("a text");
    if content.contains(MemoryModerator::WORD) {
        serde_json::json!({ "verdict": "recall", "reason": MemoryModerator::WORD }).to_string()
    } else {
        r#"{"verdict":"allow"}"#.to_owned()
    }
}

fn notification(n: &Value) -> Notification {
    let text = |key: &str| n[key].as_str().unwrap_or_else(|| panic!("{key} of {n}"));
    let notification = Notification {
        user: text("userId").parse().expect("an id"),
        conversation: text("conversationId").parse().expect("an id"),
        message: text("messageId").parse().expect("an id"),
        seq: Seq::new(n["seq"].as_u64().expect("a number")),
        sender: text("senderId").parse().expect("an id"),
        sender_name: text("senderName").into(),
        kind: MessageKind::from_name(text("type")).expect("a kind"),
        mentioned: n["mentioned"].as_bool().expect("a flag"),
        unread: n["unreadCount"].as_u64().expect("a number"),
        at: Timestamp::from_millis(WireTime::parse(text("sendTime")).expect("a time").0),
        content: n.get("content").map(|c| c.as_str().expect("a text").into()),
    };
    assert_eq!(text("id"), notification.id());
    notification
}

#[async_trait]
impl Receiver for Outside {
    async fn received(&self) -> Vec<Notification> {
        let got = self.inner.got.lock();
        let bodies = got.iter().filter(|one| one.taken).map(|one| &one.body);
        let events = bodies.map(|body| serde_json::from_str::<Value>(body).expect("JSON"));
        let pushes = events.filter(|event| event["type"] == "message.notifications");
        let lists = pushes.map(|event| event["data"]["notifications"].as_array().expect("a list").clone());
        lists.flatten().map(|n| notification(&n)).collect()
    }

    async fn accept(&self) {
        *self.inner.always.lock() = None;
    }

    async fn refuse(&self) {
        *self.inner.always.lock() = Some(Answer::Status(400));
    }

    async fn go_away(&self) {
        *self.inner.always.lock() = Some(Answer::Status(503));
    }
}

#[async_trait]
impl Rulings for Outside {
    async fn refuse(&self) {
        Receiver::refuse(self).await;
    }

    async fn go_away(&self) {
        Receiver::go_away(self).await;
    }
}
