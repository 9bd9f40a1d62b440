//! Messages: sending, reading, recalling.

use std::sync::Arc;

use axum::extract::State;
use gochat_core::error::{Code, Fault};
use gochat_core::model::{ClientMsgId, MessageId, Origin, ReplyTo, RequestId, SendCommand, Seq, SessionId};
use gochat_core::send::validate;
use gochat_core::service::HistoryQuery;
use gochat_proto::Loose;
use gochat_proto::http::{Accepted, Cursor, Pages, Pagination};
use gochat_proto::ws::SendMessage;
use http::{HeaderMap, StatusCode};
use tokio::time::{Instant, timeout_at};

use super::super::Api;
use super::super::body::Text;
use super::super::context::{Auth, Context, PathArgs};
use super::super::query::Query;
use super::super::reply::Answer;
use crate::web::convert;
use crate::web::convert::incoming::{SendForm, client_id_of, send_form};
use crate::web::error::Problem;
use crate::web::lang::Done;

pub(super) async fn history(
    State(api): State<Arc<Api>>,
    Auth(caller): Auth,
    cx: Context,
    path: PathArgs,
    query: Query,
) -> Answer {
    let id = path.conversation()?;
    let asked = history_query(&query)?;
    let found = api.services.messages.history(&caller, id, asked).await?;
    let pagination = match asked {
        HistoryQuery::Page { page, .. } => Pagination::Pages(Pages {
            page: page.into(),
            size: found.size.into(),
            total: found.total,
            has_more: found.has_more,
        }),
        _ => Pagination::Cursor(Cursor { has_more: found.has_more, next_seq: found.next_seq.get() }),
    };
    cx.page(convert::messages(&found.messages), pagination)
}

/// One cursor, or a page number; by default the newest page.
fn history_query(query: &Query) -> Result<HistoryQuery, Problem> {
    let (after, before) = (query.number("afterSeq")?, query.number("beforeSeq")?);
    let (page, size, limit) = (query.count("page")?, query.count("size")?, query.count("limit")?);
    match (after, before) {
        (Some(_), Some(_)) => Err(Problem::field("beforeSeq", Fault::Contradictory)),
        (Some(_), None) | (None, Some(_)) if page.is_some() => {
            Err(Problem::field("page", Fault::Contradictory))
        }
        (Some(seq), None) => Ok(HistoryQuery::After { seq: Seq::new(seq), limit: limit.or(size) }),
        (None, Some(seq)) => Ok(HistoryQuery::Before { seq: Seq::new(seq), limit: limit.or(size) }),
        (None, None) => Ok(HistoryQuery::Page { page: page.unwrap_or(1), size: size.or(limit) }),
    }
}

/// Sends, and waits until the message is stored; not for ever: after a while the answer is that it is accepted.
pub(super) async fn send(
    State(api): State<Arc<Api>>,
    Auth(caller): Auth,
    cx: Context,
    headers: HeaderMap,
    body: Text,
) -> Answer {
    let mut form: SendMessage<'_> = body.form()?;
    take_idempotency_key(&mut form, &headers)?;
    let SendForm { conversation, client_msg_id, body } = send_form(&form, "clientMsgId")?;
    validate(&body, &api.settings)?;
    api.send_rate.check(caller.user).map_err(Problem::limited)?;

    let deadline = Instant::now() + api.config.receipt_wait;
    let request = RequestId::new(api.ids.next_id()).ok_or(Code::Internal)?;
    let id = MessageId::new(api.ids.next_id()).ok_or(Code::Internal)?;
    let client_msg_id = match client_msg_id {
        Some(id) => id,
        None => ClientMsgId::new(&format!("http-{}", request.get())).ok_or(Code::Internal)?,
    };
    // Before the send is on its way, or the receipt may come first.
    let receipt = api.local.receipt(request);
    let command = SendCommand {
        id,
        conversation,
        sender: caller.user,
        guest: caller.guest,
        client_msg_id: client_msg_id.clone(),
        body,
        origin: Origin {
            gateway: api.gateway.clone(),
            session: sending_session(&headers),
            reply: ReplyTo::Request(request),
            tag: None,
        },
    };
    match timeout_at(deadline, api.upstream.submit(vec![command])).await {
        Ok(submitted) => submitted.map_err(gochat_core::Error::from)?,
        // Still before the door: it is not accepted, and may be sent again with the same id.
        Err(_) => return Err(Code::Unavailable.into()),
    };
    match timeout_at(deadline, receipt).await {
        Ok(Ok(stored)) => cx.made(!stored.repeated, Done::Sent, convert::message(&stored.view)),
        Ok(Err(code)) => Err(code.into()),
        Err(_) => {
            let data = Accepted {
                status: "accepted",
                conversation_id: convert::conv_id(conversation),
                client_msg_id: client_msg_id.as_str(),
            };
            cx.reply(StatusCode::ACCEPTED, Done::Accepted, data)
        }
    }
}

/// `Idempotency-Key` is another name for the client's id; both may stand there if they agree.
fn take_idempotency_key(form: &mut SendMessage<'_>, headers: &HeaderMap) -> Result<(), Problem> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(()) };
    let refuse = |fault| Problem::field("clientMsgId", fault);
    let key = std::str::from_utf8(key.as_bytes()).map_err(|_| refuse(Fault::Malformed))?;
    let key = client_id_of(&Loose::Text(key.into())).map_err(refuse)?;
    let own = form.client_id().map_err(|()| refuse(Fault::Contradictory))?;
    match (client_id_of(own).map_err(refuse)?, key) {
        (Some(own), Some(key)) if own != key => Err(refuse(Fault::Contradictory)),
        (None, Some(key)) => {
            form.client_msg_id = Loose::Text(key.as_str().to_owned().into());
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The session that shows the message already, if the caller names one. Naming somebody else's changes nothing for them.
fn sending_session(headers: &HeaderMap) -> Option<SessionId> {
    headers.get("x-session-id")?.to_str().ok()?.trim().parse().ok()
}

pub(super) async fn one(
    State(api): State<Arc<Api>>,
    Auth(caller): Auth,
    cx: Context,
    path: PathArgs,
) -> Answer {
    let view = api.services.messages.get(&caller, path.message()?).await?;
    cx.ok(convert::message(&view))
}

pub(super) async fn recall(
    State(api): State<Arc<Api>>,
    Auth(caller): Auth,
    cx: Context,
    path: PathArgs,
) -> Answer {
    let view = api.services.messages.recall(&caller, path.message()?).await?;
    cx.reply(StatusCode::OK, Done::Recalled, convert::message(&view))
}

pub(super) async fn mark_read(
    State(api): State<Arc<Api>>,
    Auth(caller): Auth,
    cx: Context,
    path: PathArgs,
) -> Answer {
    api.services.messages.mark_read(&caller, path.message()?).await?;
    cx.done(Done::Ok)
}
