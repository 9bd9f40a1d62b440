//! From an HTTP request to a session.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use gochat_core::error::{Error, Fault};
use gochat_core::model::Caller;
use gochat_core::ports::{ErrorKind, Retry, StoreError};
use gochat_proto::ws::{Connected, Frame, Limits};
use gochat_proto::{Id, WireTime};
use http::header::{
    ACCEPT_LANGUAGE, AUTHORIZATION, CONNECTION, HeaderMap, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderName, Method, StatusCode};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use slog::{debug, warn};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::codec::text_frame;
use super::gateway::Gateway;
use super::socket;
use super::wire::{Plain, Wrapped};
use crate::hub::{Link, SessionInfo};
use crate::runtime::trace::{Span, TraceContext, headers};
use crate::web::error::Problem;
use crate::web::lang::Lang;

/// The subprotocol of the contract; a token may stand beside it.
const PROTOCOL: &str = "gochat.v1";

/// Handler of `GET /ws`.
pub async fn upgrade(State(gateway): State<Gateway>, mut request: Request) -> Response {
    let asked = headers::read(request.headers());
    let span = gateway.span(asked.as_ref(), "GET /ws");
    let lang = Lang::of(request.headers().get(ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()));
    let Some(key) = websocket_key(&request) else {
        return refuse(&gateway, &Error::field("upgrade", Fault::Missing), lang, &span);
    };
    let accept = derive_accept_key(key.as_bytes());
    let caller = match span.run(authenticate(&gateway, token_of(&request))).await {
        Ok(caller) => caller,
        Err(error) => return refuse(&gateway, &error, lang, &span),
    };
    let Some(on_upgrade) = request.extensions_mut().remove::<OnUpgrade>() else {
        return refuse(&gateway, &Error::field("upgrade", Fault::Malformed), lang, &span);
    };
    let offered = offers(request.headers()).any(|p| p == PROTOCOL);
    let english = lang == Lang::En;
    // Boxed: few name a trace, and every connection would be larger for it.
    let asked = asked.map(Box::new);
    let tasks = gateway.tasks().clone();
    tasks.spawn(async move {
        match on_upgrade.await {
            Ok(upgraded) => open(gateway, caller, english, asked, upgraded).await,
            Err(e) => debug!(gateway.log, "upgrade failed"; "error" => %e),
        }
    });
    let mut response = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_ACCEPT, accept);
    if offered {
        response = response.header(SEC_WEBSOCKET_PROTOCOL, PROTOCOL);
    }
    response.body(Body::empty()).expect("constant headers and a base64 key are valid")
}

/// Answers in HTTP, before there is a socket.
fn refuse(gateway: &Gateway, error: &Error, lang: Lang, span: &Span) -> Response {
    let problem = Problem::of(error);
    let trace_id = span.context().trace_id().to_string();
    if problem.is_ours() {
        warn!(gateway.log, "connection refused"; "trace_id" => &trace_id, "error" => %error);
    }
    problem.response(lang, &trace_id)
}

/// Attaches a connection to the hub, with the greeting first in its queue, and serves it. A plain socket is taken out of
/// hyper's hands, so that whoever delivers can write to it.
async fn open(
    gateway: Gateway,
    caller: Caller,
    english: bool,
    asked: Option<Box<TraceContext>>,
    upgraded: Upgraded,
) {
    let info = SessionInfo {
        user: caller.user,
        session: gateway.new_session_id(),
        login: caller.login,
        guest: caller.guest,
        expires_at: caller.expires_at,
        english,
    };
    let greeting = greeting(&gateway, &info);
    // The two arms differ in their type only; boxing keeps the larger one from being paid for by the smaller.
    match upgraded.downcast::<TokioIo<TcpStream>>() {
        Ok(parts) => {
            let stream = parts.io.into_inner();
            let _small_frames_may_wait = stream.set_nodelay(true);
            let (read, write) = stream.into_split();
            let session = gateway.hub.attach(info, Link::Tcp(write), greeting.into());
            gateway.touch(&session);
            let early = parts.read_buf.to_vec();
            // It holds hyper's whole read buffer, 8 KiB, for as long as it lives.
            drop(parts.read_buf);
            socket::run(gateway, session, Plain(read), early, asked).await;
        }
        Err(upgraded) => {
            let session = gateway.hub.attach(info, Link::Task, greeting.into());
            gateway.touch(&session);
            Box::pin(socket::run(gateway, session, Wrapped::new(upgraded), Vec::new(), asked)).await;
        }
    }
}

fn greeting(gateway: &Gateway, info: &SessionInfo) -> Vec<u8> {
    let connected = Connected {
        user_id: Id(info.user.get()),
        session_id: Id(info.session.get()),
        server_time: WireTime(gateway.clock.now().as_millis()),
        heartbeat_ms: u64::try_from(gateway.config.ping_after.as_millis()).unwrap_or(u64::MAX),
        limits: Limits {
            content_max: gateway.settings.content_max as u64,
            frame_max_bytes: gateway.config.message_max as u64,
            page_max: u64::from(gateway.settings.page_max),
        },
    };
    let mut out = Vec::with_capacity(256);
    text_frame(&mut out, |out| Frame::new(connected).write(out));
    out
}

/// The handshake's key, if the request is one (RFC 6455, 4.2.1).
fn websocket_key(request: &Request) -> Option<String> {
    let headers = request.headers();
    let has = |name: HeaderName, word: &str| {
        headers
            .get_all(name)
            .iter()
            .filter_map(|v| v.to_str().ok())
            .flat_map(|v| v.split(','))
            .any(|v| v.trim().eq_ignore_ascii_case(word))
    };
    let fits = request.method() == Method::GET
        && has(CONNECTION, "upgrade")
        && has(UPGRADE, "websocket")
        && has(SEC_WEBSOCKET_VERSION, "13");
    fits.then(|| headers.get(SEC_WEBSOCKET_KEY)?.to_str().ok().map(str::to_owned)).flatten()
}

fn offers(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|v| v.to_str().ok());
    values.flat_map(|v| v.split(',')).map(str::trim)
}

/// A token by the query's `token`, by `Authorization`, or by the subprotocol `bearer.<token>`.
fn token_of(request: &Request) -> Option<String> {
    let query = request.uri().query().unwrap_or_default();
    let in_query = query.split('&').find_map(|pair| pair.strip_prefix("token="));
    let header = request.headers().get(AUTHORIZATION).and_then(|v| v.to_str().ok());
    let in_header = header.and_then(|v| v.split_once(' ')).filter(|(s, _)| s.eq_ignore_ascii_case("bearer"));
    let in_protocol = offers(request.headers()).find_map(|p| p.strip_prefix("bearer."));
    let token = in_query.filter(|t| !t.is_empty()).or(in_header.map(|(_, t)| t.trim())).or(in_protocol);
    token.map(str::to_owned)
}

async fn authenticate(gateway: &Gateway, token: Option<String>) -> Result<Caller, Error> {
    let token = token.ok_or(Error::Unauthenticated)?;
    if gateway.is_stopping() {
        return Err(StoreError::new(ErrorKind::Closed, Retry::Safe, "gateway.connect").into());
    }
    gateway.services.accounts.authenticate(&token).await
}
