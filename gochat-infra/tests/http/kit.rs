//! A router to call, and what it stands on.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use async_trait::async_trait;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request};
use gochat_core::Settings;
use gochat_core::model::{GatewayId, SendCommand};
use gochat_core::ports::{ErrorKind, Result, Retry, StoreError, Submitted, Upstream};
use gochat_core::send::Pipeline;
use gochat_core::testing::TestKit;
use gochat_core::usecase;
use gochat_infra::hub::{Hub, Limits};
use gochat_infra::runtime::metrics::Metrics;
use gochat_infra::web::http::{AlwaysReady, HttpConfig, HttpState, router};
use gochat_infra::web::rate::SendRate;
use gochat_infra::web::ws::JsonEncoder;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use slog::{Discard, Logger, o};
use tower::ServiceExt;

use crate::schema::{OPENAPI, check, resolve};

/// A server in memory.
pub(crate) struct Server {
    router: axum::Router,
    pub(crate) kit: TestKit,
    pub(crate) upstream: Arc<Direct>,
    pub(crate) hub: Hub,
    /// Keeps the way to the services open.
    _line: crate::Line,
}

/// What a call was answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) json: Value,
}

/// Somebody who is logged in.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) token: String,
    pub(crate) refresh: String,
}

impl Server {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut HttpState)) -> Self {
        let mut kit = TestKit::new();
        let settings = Arc::new(Settings::default());
        let log = Logger::root(Discard, o!());
        let gateway = GatewayId::new("test").expect("a name");
        let hub = Hub::new(gateway.clone(), Arc::new(JsonEncoder), Limits::default(), Metrics::new());
        hub.set_directory(kit.ports.directory.clone());
        kit.ports.deliver = Arc::new(hub.clone());
        let (services, line) = crate::connect(usecase::services(&kit.ports, settings.clone(), &log));
        let pipeline = Pipeline::new(kit.ports.clone(), settings.clone(), log.clone());
        let upstream = Arc::new(Direct { pipeline, mood: AtomicU8::new(Direct::WELL) });
        let mut state = HttpState {
            services,
            upstream: upstream.clone(),
            local: Arc::new(hub.clone()),
            gateway,
            ids: kit.ports.ids.clone(),
            clock: kit.ports.clock.clone(),
            settings,
            send_rate: SendRate::new(0, 0),
            health: Arc::new(AlwaysReady),
            config: HttpConfig::default(),
            log,
        };
        change(&mut state);
        Self { router: router(state), kit, upstream, hub, _line: line }
    }

    /// A call in English from this machine, with a JSON body unless it is `null`.
    pub(crate) async fn call(&self, method: &str, path: &str, token: &str, body: Value) -> Reply {
        let mut request = Request::builder()
            .method(Method::from_bytes(method.as_bytes()).expect("a method"))
            .uri(format!("/api{path}"))
            .header("accept-language", "en");
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = if body.is_null() {
            Body::empty()
        } else {
            request = request.header("content-type", "application/json");
            Body::from(body.to_string())
        };
        self.raw(request.body(body).expect("a request")).await
    }

    /// Any request; from this machine unless it says where from.
    pub(crate) async fn raw(&self, mut request: Request<Body>) -> Reply {
        if request.extensions().get::<ConnectInfo<SocketAddr>>().is_none() {
            request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 9))));
        }
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let response = self.router.clone().oneshot(request).await.expect("a router always answers");
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        let status = head.status.as_u16();
        if status != 204 {
            described(method.as_str(), &path, status, &json);
        }
        Reply { status, headers: head.headers, json }
    }

    pub(crate) async fn get(&self, path: &str, who: &Person) -> Reply {
        self.call("GET", path, &who.token, Value::Null).await
    }

    pub(crate) async fn post(&self, path: &str, who: &Person, body: Value) -> Reply {
        self.call("POST", path, &who.token, body).await
    }

    pub(crate) async fn put(&self, path: &str, who: &Person, body: Value) -> Reply {
        self.call("PUT", path, &who.token, body).await
    }

    pub(crate) async fn delete(&self, path: &str, who: &Person) -> Reply {
        self.call("DELETE", path, &who.token, Value::Null).await
    }

    /// Registers and logs in.
    pub(crate) async fn person(&self, name: &str) -> Person {
        let form = json!({"username": name, "password": "secret1"});
        self.call("POST", "/auth/register", "", form.clone()).await.ok(201);
        Person::of(self.call("POST", "/auth/login", "", form).await.ok(200))
    }

    pub(crate) async fn guest(&self) -> Person {
        Person::of(self.call("POST", "/auth/guest", "", json!({"guestName": ""})).await.ok(200))
    }

    /// A single chat of two; its id.
    pub(crate) async fn chat(&self, a: &Person, b: &Person) -> String {
        let made = self.post("/conversations", a, json!({"targetUserId": b.id})).await;
        assert!(made.status < 300, "{made:?}");
        made.json["data"]["conversationId"].as_str().expect("an id").to_owned()
    }

    /// A group; its id.
    pub(crate) async fn group(&self, owner: &Person, members: &[&Person]) -> String {
        let members: Vec<_> = members.iter().map(|p| &p.id).collect();
        let made = self.post("/groups", owner, json!({"groupName": "g", "members": members})).await.ok(201);
        made["group"]["groupId"].as_str().expect("an id").to_owned()
    }

    /// Sends a text; the message as stored.
    pub(crate) async fn send(&self, who: &Person, conversation: &str, text: &str) -> Value {
        let body = json!({"conversationId": conversation, "content": text, "messageType": "text"});
        self.post("/messages", who, body).await.ok(201)
    }
}

/// Holds an answer against `docs/api/openapi.json`.
#[track_caller]
fn described(method: &str, path: &str, status: u16, json: &Value) {
    let fits = |template: &str| {
        let (a, b) = (template.split('/'), path.split('/'));
        a.clone().count() == b.clone().count() && a.zip(b).all(|(a, b)| a == b || a.starts_with('{'))
    };
    let paths = OPENAPI["paths"].as_object().expect("paths");
    // As in the router, a literal path goes before one with variables.
    let operation =
        paths.get(path).or_else(|| paths.iter().find(|(t, _)| fits(t)).map(|(_, methods)| methods));
    let operation = operation.and_then(|methods| methods.get(method.to_ascii_lowercase()));
    let schema = match operation {
        None => &OPENAPI["components"]["schemas"]["Failure"],
        Some(operation) => {
            let response = operation["responses"].get(status.to_string());
            let response = response.unwrap_or_else(|| panic!("{method} {path} does not describe {status}"));
            &resolve(&OPENAPI, response).1["content"]["application/json"]["schema"]
        }
    };
    check(&OPENAPI, schema, json, "answer").unwrap_or_else(|e| panic!("{method} {path} {status}: {e}"));
}

impl Person {
    fn of(login: Value) -> Self {
        let text = |v: &Value| v.as_str().expect("a text").to_owned();
        Self {
            id: text(&login["user"]["userId"]),
            token: text(&login["token"]),
            refresh: text(&login["refreshToken"]),
        }
    }
}

impl Reply {
    /// The data of a success with this status.
    #[track_caller]
    pub(crate) fn ok(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.json["success"], true, "{self:?}");
        assert!(self.json["message"].is_string(), "{self:?}");
        self.json["data"].clone()
    }

    /// A failure with this status and code; the whole envelope.
    #[track_caller]
    pub(crate) fn failed(self, status: u16, code: &str) -> Value {
        assert_eq!((self.status, self.json["code"].as_str()), (status, Some(code)), "{self:?}");
        assert_eq!(self.json["success"], false, "{self:?}");
        assert!(self.json["message"].as_str().is_some_and(|m| !m.is_empty()), "{self:?}");
        assert!(self.json["traceId"].as_str().is_some_and(|t| t.len() == 32), "{self:?}");
        self.json
    }

    /// A validation failure that names these fields, with what is wrong with each.
    #[track_caller]
    pub(crate) fn wrong(self, want: &[(&str, &str)]) {
        let json = self.failed(400, "VALIDATION");
        let fields = json["fields"].as_array().expect("fields");
        let named: Vec<_> = fields
            .iter()
            .map(|f| (f["field"].as_str().unwrap_or(""), f["fault"].as_str().unwrap_or("")))
            .collect();
        assert_eq!(named, want, "{json}");
        assert!(fields.iter().all(|f| f["message"].is_string()));
    }
}

/// The way into the pipeline, without a queue; it can have moods.
#[derive(Debug)]
pub(crate) struct Direct {
    pipeline: Pipeline,
    mood: AtomicU8,
}

impl Direct {
    pub(crate) const WELL: u8 = 0;
    /// Takes sends, and does nothing with them.
    pub(crate) const ASLEEP: u8 = 1;
    /// Has no room and will not get any.
    pub(crate) const STUCK: u8 = 2;
    /// Refuses.
    pub(crate) const FULL: u8 = 3;

    pub(crate) fn feel(&self, mood: u8) {
        self.mood.store(mood, Ordering::SeqCst);
    }
}

#[async_trait]
impl Upstream for Direct {
    async fn submit(&self, sends: Vec<SendCommand>) -> Result<Submitted> {
        match self.mood.load(Ordering::SeqCst) {
            Self::ASLEEP => {}
            Self::STUCK => std::future::pending().await,
            Self::FULL => return Err(StoreError::new(ErrorKind::Overloaded, Retry::Safe, "upstream.submit")),
            _ => drop(self.pipeline.process(&sends).await?),
        }
        Ok(Submitted::Queued)
    }
}
